"""A prepared data set: a folder of arrays that is complete or absent, and opens in milliseconds.

    images.npy   uint8 (N, height, width, channels), training images before test images
    labels.npy   int64 (N,)
    hashes.npy   uint64 (N, 2), content of each image
    groups.npy, validation.npy    int64, only where the data has groups, or names validation images
    meta.json    format, name, class names, shape, start of the test part, fingerprint, origin, optional arrays' lengths

It is written under a temporary name beside its place and then renamed, so that a process that is killed, or a second
process that prepares the same data set, never leaves half of one. Images are written as they come (a mapped file would
end the process on a full disk, where writing raises an error).
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.dataset import Dataset
from fittingroom.data.incoming import Digest, Incoming
from fittingroom.errors import InvalidData, WorkspaceUnusable

FORMAT = 1
ABANDONED = 24 * 3600  # seconds after which a temporary folder has lost its process

FREE_THE_CACHE = "free some space or choose another cache folder with FITTINGROOM_CACHE"
FREE_THE_WORKSPACE = "free some space or choose another workspace with --workspace"


class Damaged(InvalidData):
    """A prepared folder is not what was once written there."""


def open_prepared(folder: Path, source: str) -> Dataset:
    """Map the arrays of a prepared data set; raises FileNotFoundError without the folder, and Damaged."""
    if not os.path.exists(folder):
        raise FileNotFoundError(folder)
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
        if meta["format"] != FORMAT:
            raise ValueError(f"it has format {meta['format']}, and this version reads {FORMAT}")
        number, height, width, channels = meta["shape"]
        named = meta.get("validation", 0)
        return Dataset(
            name=meta["name"],
            class_names=tuple(meta["class_names"]),
            images=_mapped(folder / "images.npy", np.uint8, (number, height, width, channels)),
            labels=_mapped(folder / "labels.npy", np.int64, (number,)),
            hashes=_mapped(folder / "hashes.npy", np.uint64, (number, 2)),
            test_start=meta["test_start"],
            fingerprint=meta["fingerprint"],
            origin=meta["origin"],
            source=source,
            groups=_mapped(folder / "groups.npy", np.int64, (number,)) if meta.get("groups") else None,
            own_validation=_mapped(folder / "validation.npy", np.int64, (named,)) if named else None,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:  # missing file, no JSON or array, missing key, odd type
        raise Damaged(f"the prepared data set in {folder} is damaged: {error}") from error


def _mapped(path: Path, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    """The array in a file, mapped copy-on-write; ValueError unless file, type and shape are what they should be."""
    array = np.lib.format.open_memmap(path, mode="c")
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{path.name} holds {array.dtype} {array.shape}, not {np.dtype(dtype)} {shape}")
    size, expected = path.stat().st_size, array.offset + array.nbytes
    if size != expected:
        raise ValueError(f"{path.name} has {size} bytes, not {expected}")
    return np.asarray(array)


def cached(folder: Path, name: str, source: str, read: Callable[[], Incoming]) -> Dataset:
    """Open the data set prepared in ``folder`` of the cache; prepare it first if it is absent or damaged."""
    if not is_sound(folder):
        with written(folder, name, read(), FREE_THE_CACHE) as temporary:
            while not publish(temporary, folder) and not is_sound(folder):
                with suppress(FileNotFoundError):  # another process was faster
                    discard(folder)
    return open_prepared(folder, source)


def is_sound(folder: Path) -> bool:
    """Whether a complete prepared data set is in the folder."""
    try:
        open_prepared(folder, source="")
    except (FileNotFoundError, Damaged):
        return False
    return True


@contextmanager
def written(folder: Path, name: str, incoming: Incoming, fix: str) -> Iterator[Path]:
    """A temporary folder beside ``folder`` with the prepared data set in it; gone afterwards unless published.

    Raises WorkspaceUnusable, ending in ``fix``, when the disk is full or the place cannot be written, and InvalidData
    when ``incoming`` turns out to be unreadable; nothing is left in either case.
    """
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
    try:
        temporary.mkdir(parents=True)
        _sweep(folder.parent)
        _check_room(temporary, name, incoming, fix)
        _write(temporary, name, incoming)
        yield temporary
    except OSError as error:
        raise WorkspaceUnusable(
            f"cannot prepare data set {name} in {folder}: {error.strerror or error}; {fix}"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def publish(temporary: Path, folder: Path) -> bool:
    """Give a written data set its name; False when something of that name is there already."""
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.exists():
            raise
        return False
    return True


def discard(folder: Path) -> None:
    """Delete a prepared data set: at once under its name, then in fact. OSError where that is not allowed."""
    grave = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
    folder.rename(grave)
    shutil.rmtree(grave, ignore_errors=True)


def _check_room(folder: Path, name: str, incoming: Incoming, fix: str) -> None:
    """Raises WorkspaceUnusable where a disk cannot hold the images, before the first of them is written."""
    needed, free = math.prod(incoming.shape), shutil.disk_usage(folder).free
    if needed > free:
        raise WorkspaceUnusable(
            f"data set {name} needs {needed:,} bytes in {folder.parent}, where {free:,} are free; {fix}"
        )


def _write(folder: Path, name: str, incoming: Incoming) -> None:
    digest = Digest(incoming)
    optional = {"groups": digest.groups, "validation": digest.validation}
    with (folder / "images.npy").open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": incoming.shape}
        np.lib.format.write_array_header_1_0(file, header)
        for block in incoming.blocks:
            digest.add(block)
            file.write(block.tobytes())
        _sync(file)
    arrays = {"labels": incoming.labels, "hashes": digest.hashes()}
    beside = {name: each for name, each in optional.items() if each is not None}
    for array, values in {**arrays, **beside}.items():
        with (folder / f"{array}.npy").open("wb") as file:
            np.save(file, values, allow_pickle=False)
            _sync(file)
    meta = {
        "format": FORMAT,
        "name": name,
        "class_names": incoming.class_names,
        "shape": incoming.shape,
        "test_start": incoming.test_start,
        "fingerprint": digest.fingerprint(),
        "origin": incoming.origin,
        **{name: len(each) for name, each in beside.items()},
    }
    with (folder / "meta.json").open("wb") as file:
        file.write(json.dumps(meta, indent=1).encode())
        _sync(file)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sweep(parent: Path) -> None:
    """Remove what processes that were killed left behind long ago."""
    for folder in parent.glob(".*.tmp"):
        with suppress(FileNotFoundError):  # another process was faster
            if time.time() - folder.stat().st_mtime > ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)
