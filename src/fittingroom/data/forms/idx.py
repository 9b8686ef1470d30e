"""Importer of IDX files, the form of MNIST and its relatives, plain or gzipped.

    FOLDER/train-images-idx3-ubyte.gz  train-labels-idx1-ubyte.gz     and, as the test part,
    FOLDER/t10k-images-idx3-ubyte.gz   t10k-labels-idx1-ubyte.gz
    PATH/anything-images-idx3-ubyte                                    alone, its labels beside it

Format (http://yann.lecun.com/exdb/mnist): two zero bytes, type (8: unsigned byte), number of dimensions, the dimensions
as big-endian 32-bit numbers, then the values. Gzip is told by its content, not by the name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.forms import stack
from fittingroom.data.forms.classes import MOST
from fittingroom.data.forms.stack import BLOCK, MOST_IMAGES, Part, Stack
from fittingroom.data.forms.unzipped import entries_of, unzipped
from fittingroom.data.incoming import Incoming, Preview, Progress
from fittingroom.data.naming import natural, shown
from fittingroom.data.wanted import AS_IT_IS, Wanted
from fittingroom.errors import InvalidData

SUFFIXES = tuple(f"{stem}{gz}" for stem in ("idx3-ubyte", ".idx3", "idx4-ubyte", ".idx4") for gz in ("", ".gz"))
MEMBERS = frozenset({*SUFFIXES, "idx1-ubyte", "idx1-ubyte.gz", ".idx1", ".idx1.gz"})
_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_TEST = re.compile(r"(?i)t10k|test")


class Header(NamedTuple):
    """What a file says about itself."""

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]


def fits_folder(path: Path) -> bool:
    """Whether a folder holds such files of images."""
    try:
        return path.is_dir() and any(_is_images(file) for file in path.iterdir())
    except OSError:
        return False


def read(path: Path, wanted: Wanted = AS_IT_IS) -> Incoming:
    """The images in such a folder or file, all brought to what is wanted; raises InvalidData."""
    return stack.read(_stack(path), wanted)


def preview(path: Path, wanted: Wanted, progress: Progress) -> Preview:
    """What ``read`` would make of it; raises InvalidData for all that ``read`` refuses."""
    return stack.preview(_stack(path), wanted, progress)


def files(path: Path) -> list[Path]:
    """What is read of a folder or file; raises InvalidData where labels are missing."""
    images = [file for file in path.iterdir() if _is_images(file)] if path.is_dir() else [path]
    return sorted(file for one in images for file in (one, _labels_beside(one)))


def values(path: Path) -> tuple[Header, Iterator[NDArray[np.generic]]]:
    """The header of a file, and its values in blocks along the first dimension; raises InvalidData at once or later."""
    with unzipped(path) as stream:
        header = _header(stream, path)
    return header, _blocks(path, header)


def _stack(path: Path) -> Stack:
    if not path.is_dir():
        if not _is_images(path) and "labels" in path.name.lower():
            raise InvalidData(f"{shown(path)} is a file of labels; give the file of images, with this one beside it")
        return Stack(path, "IDX file", (_part(path),))
    files = sorted((file for file in path.iterdir() if _is_images(file)), key=lambda file: natural(file.name))
    test = [file for file in files if _TEST.search(file.name)]
    training = [file for file in files if file not in test]
    if len(training) != 1 or len(test) > 1:
        found = ", ".join(shown(Path(file.name)) for file in files)
        raise InvalidData(
            f"{shown(path)} should hold one IDX file of training images and at most one of test images (with t10k or "
            f"test in its name), and holds {found}; give the path of one of these files, or leave only one pair"
        )
    return Stack(path, "IDX folder", tuple(map(_part, training)), tuple(map(_part, test)))


def _is_images(file: Path) -> bool:
    """By its name; of the same file plain and gzipped, the plain one counts."""
    name = file.name.lower()
    has_plain_twin = name.endswith(".gz") and file.with_name(file.name[: -len(".gz")]).is_file()
    return name.endswith(SUFFIXES) and file.is_file() and not has_plain_twin


def _part(images: Path) -> Part:
    labels = _labels_beside(images)
    header, _ = values(images)
    answers, blocks = values(labels)
    if len(answers.shape) not in (1, 2) or answers.shape[0] > MOST_IMAGES or max(answers.shape[1:], default=0) > MOST:
        raise InvalidData(
            f"{shown(labels)} says that it has the shape {answers.shape}; labels are one number for each image: look "
            "whether images and labels have been exchanged"
        )
    return Part(
        where=shown(images),
        shape=header.shape,
        dtype=header.dtype,
        blocks=lambda: _blocks(images, header),
        labels=np.concatenate(list(blocks)) if answers.shape[0] else np.zeros(0, np.uint8),
        labels_where=shown(labels),
    )


def _labels_beside(images: Path) -> Path:
    """The file of labels of a file of images, plain or gzipped, with ``idx1`` or whatever was in the images' name."""
    name = re.sub(r"(?i)images", "labels", images.name)
    plain = re.sub(r"(?i)\.gz$", "", name)
    bare = re.sub(r"(?i)idx[34]", "idx1", plain)
    wanted = [images.with_name(one + gz) for one in (bare, plain) for gz in ("", ".gz")]
    found = next((file for file in wanted if file != images and file.is_file()), None)
    if found is None:
        raise InvalidData(
            f"there are no labels for {shown(images)}; put {shown(Path(wanted[0].name))}, plain or gzipped, beside it"
        )
    return found


def _header(stream: IO[bytes], path: Path) -> Header:
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES or not 1 <= start[3] <= 4:
        raise InvalidData(
            f"{shown(path)} is no IDX file: it begins with the bytes {start.hex(' ') or '(none)'}, and an IDX file of "
            "images with 00 00 08 03; give the file as it was published"
        )
    sides = stream.read(4 * start[3])
    if len(sides) < 4 * start[3]:
        raise InvalidData(f"{shown(path)} ends within its header; it is not complete: get it again")
    return Header(np.dtype(_TYPES[start[2]]), tuple(np.frombuffer(sides, ">u4").tolist()))


def _blocks(path: Path, header: Header) -> Iterator[NDArray[np.generic]]:
    number, *shape = header.shape
    size = math.prod(shape) * header.dtype.itemsize
    step = max(BLOCK // size, 1) if size else 1

    def torn(whole: int) -> InvalidData:
        return InvalidData(
            f"{shown(path)} should hold {number:,} entries of {size:,} bytes and ends after {whole:,}; it is not "
            "complete: get it again"
        )

    with unzipped(path) as stream:
        stream.read(4 + 4 * len(header.shape))
        yield from entries_of(stream, header.dtype, header.shape, step, torn)
        if stream.read(1):
            raise InvalidData(
                f"{shown(path)} holds more than the {number:,} entries of {size:,} bytes that it announces; "
                "it is damaged: get it again"
            )
