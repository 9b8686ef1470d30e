"""Cleaning: images that somebody took out of a data set, why and when; a journal in the workspace, never an array.

    WORKSPACE/cleaning/CONTENT.json    steps in their order: time, action (exclude, restore), images, reason, by

CONTENT is the fingerprint of what was imported, so built-in data and folders are cleaned like any other, in this
workspace, and a data set that is removed and imported again has its journal. Nothing is ever taken out of a journal:
each state that it has been through can be opened again, as the runs of that time need it.

With images excluded a data set has another fingerprint: a mark of which, a dash, and that of the content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout

from fittingroom.data.cuts import Indices
from fittingroom.data.dataset import Dataset
from fittingroom.data.fingerprints import without
from fittingroom.errors import InvalidData, InvalidInput, WorkspaceBusy, WorkspaceError, WorkspaceUnusable
from fittingroom.spec.division import USUAL
from fittingroom.workspace import Workspace, write_atomically

FORMAT = 1
PATIENCE = 60
"""Seconds to wait for another process that writes into the same journal."""
LONGEST = 500
"""Characters of a reason."""


@dataclass(frozen=True)
class Step:
    """One entry of a journal."""

    time: str
    """ISO 8601, UTC, to the second."""
    action: Literal["exclude", "restore"]
    images: tuple[int, ...]
    reason: str = ""
    by: str = ""
    """What found them: the kind of a finding; empty where a person named them."""


@dataclass(frozen=True)
class Exclusion:
    """Images that are excluded now, by one step."""

    step: Step
    images: tuple[int, ...]
    """Those of the step that have not been restored since."""


def cleaned(data: Dataset, workspace: Workspace) -> Dataset:
    """A data set as its journal leaves it; raises InvalidData where that cannot be read."""
    return _with(data, _excluded(journal(data.content, workspace)))


def as_of(data: Dataset, fingerprint: str, workspace: Workspace) -> Dataset:
    """A data set in the state that had this fingerprint; as it is, where it never was in such a state."""
    return next((state for state in states(data, workspace) if state.fingerprint == fingerprint), data)


def states(data: Dataset, workspace: Workspace) -> Iterator[Dataset]:
    """A data set in every state that its journal tells of, as it is now first, as it was imported last."""
    steps = journal(data.content, workspace)
    return (_with(data, _excluded(steps[:number])) for number in range(len(steps), -1, -1))


def without_images(data: Dataset, images: Iterable[int]) -> Dataset:
    """A data set as it would be with some more images excluded; nothing is written. Raises InvalidInput."""
    excluded = _checked(data, images) | set(data.excluded.tolist())
    return _with(data, np.array(sorted(excluded), np.int64))


def exclude(data: Dataset, images: Iterable[int], reason: str, workspace: Workspace, by: str = "") -> Dataset:
    """Take images out of a data set, for a reason that is kept; those that are out already stay as they are.

    Returns the data set as it is then. Raises InvalidInput for images that are not there, for no reason, and where
    what is left could not be divided; WorkspaceError where the journal cannot be written.
    """
    wanted, reason = _checked(data, images), " ".join(reason.split())
    if not reason or len(reason) > LONGEST:
        told = f"a reason of {len(reason):,} characters" if reason else "no reason"
        raise InvalidInput(f"{told} is given for taking images out; say why in 1 to {LONGEST} characters")
    with _writing(data.content, workspace):
        before = cleaned(data, workspace)
        new = wanted - set(before.excluded.tolist())
        if new:
            after = _with(data, np.array(sorted(new | set(before.excluded.tolist())), np.int64))
            check_divisible(before, after)
            _append(data, Step(_now(), "exclude", tuple(sorted(new)), reason, by), workspace)
        return cleaned(data, workspace)


def restore(data: Dataset, images: Iterable[int] | None, workspace: Workspace) -> Dataset:
    """Bring excluded images back, all of them unless some are named; the journal remembers that they were out.

    Returns the data set as it is then. Raises InvalidInput for images that are not excluded, and as ``exclude``.
    """
    with _writing(data.content, workspace):
        out = set(cleaned(data, workspace).excluded.tolist())
        wanted = out if images is None else _checked(data, images)
        if missing := sorted(wanted - out):
            raise InvalidInput(f"{_few(missing)} not excluded in {data.name}; name images that are, or none for all")
        if wanted:
            _append(data, Step(_now(), "restore", tuple(sorted(wanted))), workspace)
        return cleaned(data, workspace)


def exclusions(content: str, workspace: Workspace) -> list[Exclusion]:
    """What is excluded now, by the steps that did it, oldest first."""
    steps = journal(content, workspace)
    by = excluded_by(steps)
    return [
        Exclusion(step, images)
        for number, step in enumerate(steps)
        if (images := tuple(image for image in step.images if by.get(image) == number))
    ]


def excluded_by(steps: Sequence[Step]) -> dict[int, int]:
    """The images that are out after these steps, each with the number of the step that took it out."""
    by: dict[int, int] = {}
    for number, step in enumerate(steps):
        for image in step.images:
            if step.action == "exclude":
                by.setdefault(image, number)
            else:
                by.pop(image, None)
    return by


def journal(content: str, workspace: Workspace) -> list[Step]:
    """Everything that was done to a data set, oldest first; none where there is no journal. Raises InvalidData."""
    path = _journal(content, workspace)
    try:
        written = json.loads(path.read_bytes())
        if written["format"] != FORMAT:
            raise ValueError(f"it has format {written['format']}, and this version reads {FORMAT}")
        return [_step(entry) for entry in written["steps"]]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise WorkspaceError(f"cannot read {path}: {error.strerror}; check who may read there") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidData(
            f"{path}, which says what images are excluded from a data set, is damaged: {error}; restore it from a "
            "backup, or move it away, which brings all excluded images back"
        ) from error


def images_in(text: str) -> list[int]:
    """``3, 17, 200-210`` -> 3, 17, 200 … 210; also one number a line, or a list in JSON. Raises InvalidInput."""
    found: list[int] = []
    for word in re.split(r"[\s,]+", text.strip().strip("[]").strip()):
        match = re.fullmatch(r"([0-9]{1,12})(?:-([0-9]{1,12}))?", word)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first:
            raise InvalidInput(
                f'"{word[:60]}" is no image; give the numbers of images such as 3,17,200-210, or a file that lists them'
            )
        if last - first > 10**8:
            raise InvalidInput(f'"{word}" is more images than any data set has; give a smaller range')
        found += range(first, last + 1)
    return found


def _with(data: Dataset, excluded: Indices) -> Dataset:
    return replace(data, excluded=excluded, fingerprint=without(data.content, excluded.astype("<i8").tobytes()))


def _excluded(steps: Sequence[Step]) -> Indices:
    return np.array(sorted(excluded_by(steps)), np.int64)


def _checked(data: Dataset, images: Iterable[int]) -> set[int]:
    wanted = {int(image) for image in images}
    if not wanted:
        raise InvalidInput("no images are named; give at least one")
    if outside := sorted(image for image in wanted if not 0 <= image < len(data)):
        raise InvalidInput(f"{_few(outside)} not in {data.name}, whose images are 0 to {len(data) - 1:,}")
    return wanted


def check_divisible(before: Dataset, after: Dataset) -> None:
    """Refuse to take out so much that nothing could be trained any more; what could not be divided before, may be.

    Raises InvalidInput.
    """
    try:
        before.divide(USUAL)
    except InvalidInput:
        return
    try:
        after.divide(USUAL)
    except InvalidInput as error:
        raise InvalidInput(f"that would leave too little: {error}") from error


def _append(data: Dataset, step: Step, workspace: Workspace) -> None:
    path = _journal(data.content, workspace)
    steps = [asdict(each) for each in (*journal(data.content, workspace), step)]
    content = {"format": FORMAT, "content": data.content, "name": data.name, "steps": steps}
    write_atomically(path, lambda file: file.write(json.dumps(content, indent=1).encode()))


def _step(entry: Any) -> Step:
    step = Step(**{**entry, "images": tuple(entry["images"])})
    if step.action not in ("exclude", "restore") or not all(type(image) is int and image >= 0 for image in step.images):
        raise ValueError(f"it has a step {str(entry)[:80]}")
    return step


@contextmanager
def _writing(content: str, workspace: Workspace) -> Iterator[None]:
    """Keeps other processes from writing into the same journal meanwhile."""
    folder = workspace.create().cleaning
    lock = FileLock(folder / f".{content}.lock", timeout=PATIENCE, fallback_to_soft=False)
    try:
        folder.mkdir(exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise WorkspaceBusy(f"another process is writing into {folder}; try again") from error
    except OSError as error:
        raise WorkspaceUnusable(
            f"cannot write into {folder}: {error.strerror or error}; check who may write there"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _journal(content: str, workspace: Workspace) -> Path:
    return workspace.cleaning / f"{content}.json"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _few(images: Collection[int]) -> str:
    shown = ", ".join(f"{image:,}" for image in list(images)[:5])
    if len(images) == 1:
        return f"image {shown} is"
    return f"images {shown}" + (f" and {len(images) - 5:,} more" if len(images) > 5 else "") + " are"
