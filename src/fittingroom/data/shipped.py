"""Reads the IDX files that are shipped with the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.forms import idx
from fittingroom.errors import InvalidData

FOLDER = Path(__file__).parent / "builtin"


def labels(path: Path, number: int) -> NDArray[np.int64]:
    """So many labels in a shipped file; InvalidData unless it holds exactly them."""
    return np.concatenate(list(_values(path, (number,)))).astype(np.int64)


def images(path: Path, number: int) -> Iterator[NDArray[np.uint8]]:
    """So many images of 28×28 in a shipped file as blocks (n, 28, 28, 1); InvalidData unless it holds exactly them."""
    for values in _values(path, (number, 28, 28)):
        yield values[..., np.newaxis]


def _values(path: Path, shape: tuple[int, ...]) -> Iterator[NDArray[np.uint8]]:
    """The values in a shipped file, block after block; InvalidData unless it is whole and of this shape."""
    try:
        header, blocks = idx.values(path)
        if (header.dtype, header.shape) != (np.dtype(np.uint8), shape):
            raise InvalidData(f"it holds {header.dtype} {header.shape}, not uint8 {shape}")
        for block in blocks:
            yield block.astype(np.uint8, copy=False)
    except InvalidData as error:
        raise InvalidData(
            f"{path}, shipped with Fitting Room, cannot be read: {error}; install Fitting Room again"
        ) from error
