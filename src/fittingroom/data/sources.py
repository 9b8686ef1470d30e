"""Data sets by name: the built-in ones, those imported into the workspace, folders of images, and arrays.

    built-in name       decoded once into the cache folder
    imported name       a prepared folder in the workspace: independent of the files it was made from
    path                images in whatever form, prepared in the cache and again whenever their files change
    cache:FINGERPRINT   arrays given in Python, prepared in the cache

``Dataset.source`` says which of these opens the same data set again, in any process.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fittingroom.data import arrays, fashion_mnist, formats, mnist_10k
from fittingroom.data.cleaning import as_of, cleaned
from fittingroom.data.dataset import Dataset, DataSetInfo
from fittingroom.data.forms.stamps import stamp
from fittingroom.data.incoming import Digest, Incoming, Preview, Progress
from fittingroom.data.naming import shown
from fittingroom.data.prepared import (
    FREE_THE_WORKSPACE,
    Damaged,
    cached,
    discard,
    open_prepared,
    publish,
    written,
)
from fittingroom.data.remote import REMOTE, Remote
from fittingroom.data.wanted import AS_IT_IS, Size, Wanted
from fittingroom.errors import InvalidData, InvalidInput, NotFound, WorkspaceError, did_you_mean
from fittingroom.workspace import Workspace, cache_folder

BUILT_IN: dict[str, tuple[DataSetInfo, Callable[[], Incoming]]] = {
    fashion_mnist.INFO.name: (fashion_mnist.INFO, fashion_mnist.read),
    mnist_10k.INFO.name: (mnist_10k.INFO, mnist_10k.read),
}
CACHED = "cache:"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def load(source: str | os.PathLike[str], workspace: Workspace | None = None) -> Dataset:
    """Open a data set: the name of a built-in or imported one, or the path of images in any form of ``formats``.

    The first opening of built-in data and of paths prepares them in the cache; later ones take milliseconds.
    A name wins over a folder of the same name (write ``./name`` for that). The workspace is looked up as
    everywhere when it is not given; what was excluded there is in no part. Raises NotFound, InvalidData and
    WorkspaceError.
    """
    workspace = workspace or Workspace.find()
    return cleaned(_opened(source, workspace), workspace)


def load_as(source: str | os.PathLike[str], fingerprint: str, workspace: Workspace) -> Dataset:
    """As ``load``, with the images excluded that were so when the data set had this fingerprint.

    Where it never had, as it is now: whoever needs it as it was compares its fingerprint.
    """
    return as_of(_opened(source, workspace), fingerprint, workspace)


def _opened(source: str | os.PathLike[str], workspace: Workspace) -> Dataset:
    """With nothing excluded."""
    text = os.fsdecode(source)
    if isinstance(source, str):
        if text in BUILT_IN:
            return cached(_cache() / text, text, text, BUILT_IN[text][1])
        if text.startswith(CACHED):
            return _open_arrays(text.removeprefix(CACHED))
        if NAME.fullmatch(text) and (workspace.data / text).exists():
            return _open_imported(text, workspace)
    path = _absolute(text)
    if not os.path.exists(path):  # False also for names that no file can have
        if text in REMOTE:
            raise NotFound(_not_here_yet(REMOTE[text]))
        known = [*(info.name for info in names(workspace)), *REMOTE]
        raise NotFound(
            f'there is no data set "{text}"; {did_you_mean(text, known)} '
            f"(a path must lead to labelled images, and {shown(path)} does not exist)"
        )
    return _open_path(path)


def _not_here_yet(remote: Remote) -> str:
    host = urlsplit(remote.addresses[0]).netloc
    return (
        f'the data set "{remote.name}" is not here yet: "fittingroom data download {remote.name}" gets it, in Python '
        f'fittingroom.download("{remote.name}"): {remote.bytes / 1e6:,.0f} MB from {host}'
    )


def names(workspace: Workspace) -> list[DataSetInfo]:
    """All data sets that have a name: built-in ones, then imported ones in alphabetical order."""
    imported = []
    for place in _imported(workspace):
        try:
            data = open_prepared(place, source=place.name)
        except Damaged:
            imported.append(DataSetInfo(place.name, "damaged", 0, 0, (), ""))
        else:
            classes = len(data.class_names)
            imported.append(DataSetInfo(place.name, "imported", len(data), classes, data.shape, data.fingerprint))
    return [info for info, _ in BUILT_IN.values()] + imported


def import_data(
    path: str | os.PathLike[str],
    workspace: Workspace,
    name: str | None = None,
    size: Size | None = None,
    progress: Callable[[int], object] | None = None,
    called: str | None = None,
    wanted: Wanted | None = None,
) -> Dataset:
    """Copy labelled images, in whatever form of ``fittingroom.data.formats``, into the workspace under a name.

    ``name``: that of the folder or file unless given, with what a name cannot have left out. ``wanted``: what the
    images are brought to; ``size`` is short for its (height, width), needed when images differ in size: each is
    then scaled to fit, keeping its proportions, and centred on white, unless ``wanted.fit`` says otherwise.
    ``progress`` is called with the number of images read so far; what it raises ends the import, and nothing is
    left of it. ``called``: how the data set's origin names what was read; its path unless given. Importing the same
    content under the same name again returns what is there. Raises InvalidInput for a name that cannot be had,
    InvalidData and WorkspaceError.
    """
    root, name, form, wanted = _asked_for(path, name, size, wanted)
    incoming = form.read(root, wanted)
    if called is not None:
        incoming = replace(incoming, origin=incoming.origin.replace(shown(root), called))
    return take_in(incoming, workspace, name, progress)


def take_in(
    incoming: Incoming,
    workspace: Workspace,
    name: str,
    progress: Callable[[int], object] | None = None,
    beside: Mapping[str, bytes] = MappingProxyType({}),
) -> Dataset:
    """Keep a data set, wherever it comes from, in the workspace under a name.

    ``progress`` is called with the number of images so far; what it raises ends the work, and nothing is left of it.
    ``beside``: files by name that are kept in the data set's folder. The same content under the same name again
    returns what is there. Raises InvalidInput for a name that cannot be had, InvalidData and WorkspaceError.
    """
    place = workspace.create().data / new_name(name)
    if progress is not None:
        incoming = replace(incoming, blocks=_told(incoming.blocks, progress))
    with written(place, name, incoming, FREE_THE_WORKSPACE) as temporary:
        for file, content in beside.items():
            (temporary / file).write_bytes(content)
        fingerprint = open_prepared(temporary, source=name).fingerprint
        if not publish(temporary, place) and _open_imported(name, workspace).fingerprint != fingerprint:
            raise InvalidInput(
                f'the workspace already has a data set "{name}" with other content; '
                "choose another name, or remove that one first"
            )
    return cleaned(_open_imported(name, workspace), workspace)


def preview_data(
    path: str | os.PathLike[str],
    name: str | None = None,
    size: Size | None = None,
    progress: Progress = lambda done, files: None,
    wanted: Wanted | None = None,
) -> tuple[str, Preview]:
    """The name that ``import_data`` would give, and what it would make of the files; nothing is written.

    ``progress`` is told how many files have been looked at, and of how many; what it raises ends the looking.
    Raises what ``import_data`` raises for the name, the size and the layout of a folder; files that cannot be read
    and different sizes are part of the answer.
    """
    root, name, form, wanted = _asked_for(path, name, size, wanted)
    return name, form.preview(root, wanted, progress)


def remove(name: str, workspace: Workspace) -> None:
    """Delete an imported data set; raises InvalidInput for built-in ones, NotFound and WorkspaceError."""
    if name in BUILT_IN:
        raise InvalidInput(f'"{name}" is built in and cannot be removed; only imported data sets can be')
    imported = [place.name for place in _imported(workspace)]
    if name not in imported:
        hint = did_you_mean(name, imported) if imported else "none has been imported"
        raise NotFound(f'there is no imported data set "{name}"; {hint}')
    try:
        discard(workspace.data / name)
    except OSError as error:
        raise WorkspaceError(
            f'cannot remove data set "{name}" from {workspace.data}: {error.strerror}; check who may write there'
        ) from error


def from_arrays(
    images: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str] | None = None,
    name: str = "arrays",
    test: tuple[ArrayLike, ArrayLike] | None = None,
) -> Dataset:
    """Make a data set of arrays; it is kept in the cache, so that other processes can open it.

    ``images``: N×height×width or N×height×width×channels with 1 or 3 channels, uint8 or floats 0 to 1 (rounded to 256
    levels). ``labels``: N whole numbers 0 to classes − 1, or N class names. ``class_names``: in the order of the
    labels; "0", "1", … or the sorted names found in ``labels`` unless given. ``test``: images and labels of an
    official test part. Raises InvalidData, and WorkspaceError when the cache cannot be written.
    """
    digest = Digest(incoming := arrays.read(images, labels, class_names, test))
    for block in incoming.blocks:
        digest.add(block)
    fingerprint = digest.fingerprint()
    source = CACHED + fingerprint
    data = cached(_arrays(fingerprint), name, source, lambda: arrays.read(images, labels, class_names, test))
    return replace(data, name=name)


def _asked_for(
    path: str | os.PathLike[str], name: str | None, size: Size | None, wanted: Wanted | None
) -> tuple[Path, str, formats.Format, Wanted]:
    """The files, the name, the format and the wishes of an import, checked without looking into the files."""
    root = _absolute(os.fsdecode(path))
    name = new_name(formats.proposed_name(root) if name is None else name)
    wanted = wanted or AS_IT_IS
    wanted = (wanted if size is None else replace(wanted, size=size)).checked()
    if not os.path.exists(root):
        kind = "file" if root.name.lower().endswith(formats.file_suffixes()) else "folder"
        raise NotFound(f"there is no {kind} {shown(root)}; give the path of labelled images")
    return root, name, formats.format_of(root), wanted


def _told(blocks: Iterable[NDArray[np.uint8]], progress: Callable[[int], object]) -> Iterator[NDArray[np.uint8]]:
    """The blocks, with the number of images so far told after each."""
    images = 0
    for block in blocks:
        images += len(block)
        progress(images)
        yield block


def _absolute(path: str) -> Path:
    return Path(os.path.expanduser(path)).absolute()


def _cache() -> Path:
    return cache_folder() / "data"


def _arrays(fingerprint: str) -> Path:
    return _cache() / f"arrays-{fingerprint}"


def _open_arrays(fingerprint: str) -> Dataset:
    if re.fullmatch(r"[0-9a-f]{64}", fingerprint):
        with contextlib.suppress(FileNotFoundError, Damaged):
            return open_prepared(_arrays(fingerprint), CACHED + fingerprint)
    raise NotFound(
        f'the arrays "{CACHED}{fingerprint}" are not in the cache {cache_folder()} (any more); '
        "give the arrays again, which restores the same data set"
    )


def _open_imported(name: str, workspace: Workspace) -> Dataset:
    try:
        return open_prepared(workspace.data / name, source=name)
    except Damaged as error:
        raise InvalidData(f'{error}; remove data set "{name}" and import it again') from error


def _imported(workspace: Workspace) -> list[Path]:
    """The folders of imported data sets, sound or not."""
    try:
        return sorted(place for place in workspace.data.iterdir() if NAME.fullmatch(place.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise WorkspaceError(
            f"cannot read {workspace.data}: {error.strerror}; choose another workspace with --workspace"
        ) from error


def _open_path(path: Path) -> Dataset:
    """Images by way of the cache; what was prepared from older states of them is removed."""
    form = formats.format_of(path)
    place = f"folder-{hashlib.blake2b(os.fsencode(path), digest_size=16).hexdigest()}-"
    prepared = _cache() / (place + stamp(form.files(path), path.parent))
    data = cached(prepared, shown(Path(formats.stem(path))), str(path), lambda: form.read(path, AS_IT_IS))
    for older in prepared.parent.glob(f"{place}*"):
        if older != prepared:
            with contextlib.suppress(OSError):
                discard(older)
    return data


def new_name(name: str) -> str:
    """The name, if a data set may be called so; raises InvalidInput."""
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f'"{name}" cannot be the name of a data set; give a name of at most 64 letters, digits, dashes, '
            "underscores and dots that begins with a letter or digit"
        )
    if name in BUILT_IN:
        raise InvalidInput(f'"{name}" is the name of a built-in data set; give another name')
    return name
