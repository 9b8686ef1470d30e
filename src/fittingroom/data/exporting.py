"""Writes a data set for other programs: one npz file with Keras' names, or a folder of images for each class.

    NAME.npz      x_train, y_train, x_test, y_test (x_val, y_val), class_names
    NAME/         train/CLASS/000001.png, test/CLASS/…, validation/CLASS/…

Both are read again by the importers. They are written under a temporary name beside their place and then renamed, so
that what stands there is whole; nothing that exists is replaced. Images pass by block after block.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fittingroom.data.dataset import Dataset
from fittingroom.data.naming import shown
from fittingroom.data.splits import Indices
from fittingroom.errors import InvalidInput, WorkspaceUnusable

Kind = Literal["npz", "folder"]
KINDS: tuple[Kind, ...] = ("npz", "folder")
BLOCK = 1 << 24  # bytes of images handed on together
KERAS = {"train": "train", "validation": "val", "test": "test"}
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_NOT_ALONE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
"""Names that Windows keeps for devices."""

Told = Callable[[int, int], object]
"""Called with the number of images written, and of all."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some images on their way out."""

    name: Literal["train", "validation", "test"]
    labels: NDArray[np.int64]
    blocks: Callable[[], Iterable[NDArray[np.uint8]]]
    """(n, height, width, channels) each, in the order of ``labels``."""


def part_of(data: Dataset, name: Literal["train", "validation", "test"], indices: Indices) -> Part:
    """Images of a data set as they are."""
    return Part(name, data.labels[indices], lambda: blocks_of(data, indices))


def official_parts(data: Dataset) -> tuple[Part, ...]:
    """Training and, where the data came with one, test part; without what was taken out of the data."""
    end = len(data) if data.test_start is None else data.test_start
    kept = np.setdiff1d(np.arange(len(data)), data.excluded, assume_unique=True)
    training = part_of(data, "train", kept[kept < end])
    return (training,) if data.test_start is None else (training, part_of(data, "test", kept[kept >= end]))


def blocks_of(data: Dataset, indices: Indices) -> Iterator[NDArray[np.uint8]]:
    """These images, some megabytes at a time."""
    step = max(BLOCK // (data.height * data.width * data.channels), 1)
    for start in range(0, len(indices), step):
        yield data.images[indices[start : start + step]]


def export(data: Dataset, parts: Sequence[Part], kind: Kind, out: Path, told: Told) -> tuple[Path, tuple[str, ...]]:
    """Write parts of a data set to ``out``; what people should know of names, in sentences.

    What ``told`` raises ends the export, and nothing is left of it. Raises InvalidInput where something of that name
    exists, and WorkspaceUnusable where it cannot be written.
    """
    if os.path.lexists(out):
        raise InvalidInput(f"{shown(out)} exists, and nothing is replaced; give another place with --out, or remove it")
    folders, notes = class_folders(data.class_names) if kind == "folder" else ((), ())
    with _whole(out) as temporary:
        if kind == "npz":
            _write_npz(data, parts, temporary, told)
        else:
            _write_folder(folders, parts, temporary, told)
    return out, notes


def class_folders(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A folder's name for each class that every file system takes, and which are not the classes' own, in sentences."""
    folders: list[str] = []
    for name in names:
        safe = _NOT_IN_NAMES.sub("_", name).rstrip(" .") or "_"
        safe = f"_{safe}" if safe.startswith(".") or _NOT_ALONE.fullmatch(safe) else safe
        taken = {folder.casefold() for folder in folders}
        number = 2
        chosen = safe
        while chosen.casefold() in taken:
            chosen, number = f"{safe} ({number})", number + 1
        folders.append(chosen)
    changed = [f'"{name}" is in "{folder}"' for name, folder in zip(names, folders, strict=True) if name != folder]
    if not changed:
        return tuple(folders), ()
    return tuple(folders), (f"Names that not every file system takes were changed: {', '.join(changed)}.",)


def _write_npz(data: Dataset, parts: Sequence[Part], place: Path, told: Told) -> None:
    done, total = 0, sum(len(part.labels) for part in parts)
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for part in parts:
            name = KERAS[part.name]
            shape = (len(part.labels), data.height, data.width, *((data.channels,) if data.channels > 1 else ()))
            with archive.open(f"x_{name}.npy", "w", force_zip64=True) as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                for block in part.blocks():
                    file.write(block.tobytes())
                    done += len(block)
                    told(done, total)
            _write_array(archive, f"y_{name}", part.labels)
        _write_array(archive, "class_names", np.array(data.class_names))


def _write_array(archive: zipfile.ZipFile, name: str, values: NDArray[np.generic]) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array(file, values, allow_pickle=False)


def _write_folder(folders: Sequence[str], parts: Sequence[Part], place: Path, told: Told) -> None:
    done, total = 0, sum(len(part.labels) for part in parts)
    for part in parts:
        digits = len(str(len(part.labels)))
        for label in np.unique(part.labels).tolist():
            (place / part.name / folders[label]).mkdir(parents=True)
        number = 0
        for block in part.blocks():
            for image_HWC in block:
                label = int(part.labels[number])
                number += 1
                image = Image.fromarray(image_HWC[:, :, 0] if image_HWC.shape[2] == 1 else image_HWC)
                image.save(place / part.name / folders[label] / f"{number:0{digits}}.png")
                done += 1
                if done % 100 == 0 or done == total:
                    told(done, total)


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A place beside ``out`` that gets its name when all is written, and is removed when something fails."""
    temporary = out.with_name(f".{out.name}.{uuid.uuid4().hex}.tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if os.path.lexists(out):
            raise InvalidInput(f"{shown(out)} came into being meanwhile, and nothing is replaced; give another place")
        temporary.rename(out)
    except OSError as error:
        fix = "free some space" if error.errno in FULL else "check that you may write there"
        raise WorkspaceUnusable(
            f"cannot write {shown(out)}: {error.strerror or error}; {fix} or give another place with --out"
        ) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            with suppress(OSError):
                temporary.unlink()
