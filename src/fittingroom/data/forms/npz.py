"""Importer of NumPy's npz files: arrays of images and labels, under names that people use.

    x_train y_train x_test y_test      train_images train_labels …      images labels      data labels      X y

Words for training, validation and test parts, for images and for labels are found in the names, in any order and case;
``class_names`` may name the classes. Arrays are read block after block, never unpacked as a whole and never unpickled.
"""

from __future__ import annotations

import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.forms import stack
from fittingroom.data.forms.stack import BLOCK, Part, Stack
from fittingroom.data.forms.unzipped import entries_of
from fittingroom.data.incoming import Incoming, Preview, Progress
from fittingroom.data.naming import first, printable, shown
from fittingroom.data.wanted import AS_IT_IS, Wanted
from fittingroom.errors import InvalidData

PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
IMAGES = {"x", "images", "image", "imgs", "data", "pixels", "inputs", "features"}
LABELS = {"y", "labels", "label", "targets", "target", "classes", "answers"}
NAMES = {"class_names", "classnames", "label_names", "names", "categories"}
MOST_LABELS = 1 << 30  # bytes of labels, and of arrays that have to be turned around in memory
EXPECTED = "expected are x_train and y_train with x_test and y_test, or images and labels"


class _Array(NamedTuple):
    """One member of the file, by its header."""

    key: str
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read(path: Path, wanted: Wanted = AS_IT_IS) -> Incoming:
    """The images in a file, all brought to what is wanted; raises InvalidData, also while the blocks are taken."""
    return stack.read(_stack(path), wanted)


def preview(path: Path, wanted: Wanted, progress: Progress) -> Preview:
    """What ``read`` would make of it; raises InvalidData for all that ``read`` refuses."""
    return stack.preview(_stack(path), wanted, progress)


def _stack(path: Path) -> Stack:
    arrays = _arrays(path)
    found: dict[str, dict[str, _Array]] = {}
    names, other = None, []
    for array in arrays:
        part, kind = _meaning(array.key)
        if kind == "names":
            names = array
        elif kind and kind not in found.setdefault(part, {}):
            found[part][kind] = array
        else:
            other.append(printable(array.key))
    whole = {part: of for part, of in found.items() if len(of) == 2}
    if ("" in whole and "train" in whole) or not whole.keys() & {"", "train"} or len(whole) < len(found):
        held = first([f"{printable(array.key)} {array.shape}" for array in arrays]) or "no arrays"
        raise InvalidData(f"{shown(path)} holds {held}; {EXPECTED}: images and labels for each part, under such names")
    training = [whole[part] for part in ("", "train", "val") if part in whole]
    validation = (len(training) - 1,) if "val" in whole else ()
    remarks = [f'"{printable(whole["val"]["images"].key)}" joined the training images'] if "val" in whole else []
    remarks += [f"other arrays left out: {first(other)}"] if other else []
    return Stack(
        path=path,
        kind="npz file",
        training=tuple(_part(path, of) for of in training),
        test=(_part(path, whole["test"]),) if "test" in whole else (),
        validation=validation,
        class_names=None if names is None else [str(name) for name in _whole(path, names).ravel()],
        remarks=tuple(remarks),
    )


def _meaning(key: str) -> tuple[str, str]:
    """Part and kind that an array's name stands for; "" for the whole, and "" for what is neither."""
    words = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", key).lower())
    if "_".join(words) in NAMES:
        return "", "names"
    parts = [PARTS[word] for word in words if word in PARTS]
    kinds = ["images" for word in words if word in IMAGES] + ["labels" for word in words if word in LABELS]
    kind = "labels" if "labels" in kinds else kinds[0] if kinds else ""
    return (parts[0] if parts else "", kind) if len(words) <= 3 else ("", "")


def _arrays(path: Path) -> list[_Array]:
    """The headers of all arrays; raises InvalidData for a file that is no npz file."""
    arrays = []
    with _opened(path) as archive:
        for member in archive.infolist():
            if member.filename.endswith(".npy"):
                with archive.open(member) as stream:
                    arrays.append(_header(stream, path, member.filename.removesuffix(".npy")))
    return arrays


def _header(stream: IO[bytes], path: Path, key: str) -> _Array:
    try:
        version = np.lib.format.read_magic(stream)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = readers.get(version, readers[2, 0])(stream)
        if any(side < 0 for side in shape):
            raise ValueError(f"shape {shape}")
    except (zipfile.BadZipFile, zlib.error):
        raise
    except Exception as error:  # NumPy raises nearly anything on damaged headers
        reason = (str(error).splitlines() or ["?"])[0]
        raise InvalidData(
            f'the array "{printable(key)}" in {shown(path)} is damaged ({reason}); write the file again'
        ) from error
    if dtype.hasobject:
        raise InvalidData(
            f'the array "{printable(key)}" in {shown(path)} holds Python objects, which are not opened because they '
            "could run any program; save a plain array, such as array.astype(numpy.uint8), or of text .astype(str)"
        )
    return _Array(key, shape, fortran, dtype)


def _part(path: Path, of: dict[str, _Array]) -> Part:
    images, labels = of["images"], of["labels"]
    return Part(
        where=f'"{printable(images.key)}" of {shown(path)}',
        shape=images.shape,
        dtype=images.dtype,
        blocks=lambda: _blocks(path, images),
        labels=_whole(path, labels),
        labels_where=f'"{printable(labels.key)}" of {shown(path)}',
    )


def _whole(path: Path, array: _Array) -> NDArray[Any]:
    """All values of an array; raises InvalidData for what is too large to be taken at once."""
    if array.bytes > MOST_LABELS:
        raise InvalidData(
            f'the array "{printable(array.key)}" of {shown(path)} has the shape {array.shape} and {array.bytes:,} '
            f"bytes to be taken at once, more than {MOST_LABELS:,}; save labels as whole numbers, and images in C order"
        )
    rows = list(_rows(path, array, max(array.shape[0], 1) if array.shape else 1))
    values = np.concatenate(rows) if rows else np.zeros(array.shape, array.dtype)
    return values.ravel().reshape(array.shape, order="F" if array.fortran else "C")


def _blocks(path: Path, array: _Array) -> Iterator[NDArray[Any]]:
    """The images of an array in order, some at a time."""
    if array.fortran and len(array.shape) > 1:
        yield _whole(path, array)
        return
    yield from _rows(path, array, max(BLOCK // max(math.prod(array.shape[1:]), 1), 1))


def _rows(path: Path, array: _Array, step: int) -> Iterator[NDArray[Any]]:
    """The values as they are stored, ``step`` rows at a time."""
    shape = array.shape or (1,)

    def torn(whole: int) -> InvalidData:
        return InvalidData(
            f'the array "{printable(array.key)}" of {shown(path)} should have {shape[0]:,} rows and ends after '
            f"{whole:,}; it is not complete: write the file again"
        )

    with _opened(path) as archive, archive.open(f"{array.key}.npy") as stream:
        if _header(stream, path, array.key) != array:
            raise InvalidData(f"{shown(path)} has changed while it was read; begin again")
        yield from entries_of(stream, array.dtype, shape, step, torn)
        if stream.read(1):  # also makes zipfile compare the checksum
            raise InvalidData(f'the array "{printable(array.key)}" of {shown(path)} is damaged; write the file again')


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The file as a zip archive; whatever goes wrong is InvalidData."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except InvalidData:
        raise
    except (EOFError, LookupError, RuntimeError, ValueError, struct.error, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidData(
            f"{shown(path)} is no npz file, or a damaged one ({error}); write it again with numpy.savez"
        ) from error
    except OSError as error:
        raise InvalidData(f"{shown(path)} cannot be read: {error.strerror or error}; look who may read it") from error
