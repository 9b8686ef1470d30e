"""Reads IDX files whose content is known beforehand: those that are shipped, and those that are downloaded by checksum.

IDX (http://yann.lecun.com/exdb/mnist): two zero bytes, type (8: unsigned byte), number of dimensions, the dimensions
as big-endian 32-bit numbers, then the values.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from fittingroom.errors import InvalidData

FOLDER = Path(__file__).parent / "builtin"
BLOCK = 2_000  # images decoded together: 1.5 MB


def labels(path: Path, number: int) -> NDArray[np.int64]:
    """So many labels in a shipped file; InvalidData unless it holds exactly them."""
    return np.concatenate(list(_values(path, (number,), number))).astype(np.int64)


def images(path: Path, number: int) -> Iterator[NDArray[np.uint8]]:
    """So many images of 28×28 in a shipped file as blocks (n, 28, 28, 1); InvalidData unless it holds exactly them."""
    for values in _values(path, (number, 28, 28), BLOCK * 28 * 28):
        yield values.reshape(-1, 28, 28, 1)


def unpacked(file: IO[bytes], shape: tuple[int, ...], step: int) -> Iterator[NDArray[np.uint8]]:
    """The values in a gzipped IDX file, ``step`` at a time; ValueError and OSError unless it has exactly this shape."""
    with gzip.open(file) as stream:
        header = bytes((0, 0, 8, len(shape))) + np.array(shape, ">u4").tobytes()
        if stream.read(len(header)) != header:
            raise ValueError("it has another header")
        left = int(np.prod(shape))
        while left:
            values = stream.read(min(step, left))
            if not values:
                raise ValueError("it is too short")
            left -= len(values)
            yield np.frombuffer(values, np.uint8)


def _values(path: Path, shape: tuple[int, ...], step: int) -> Iterator[NDArray[np.uint8]]:
    try:
        with path.open("rb") as file:
            yield from unpacked(file, shape, step)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InvalidData(
            f"{path}, shipped with Fitting Room, cannot be read: {error}; install Fitting Room again"
        ) from error
