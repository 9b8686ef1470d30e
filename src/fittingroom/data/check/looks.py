"""Brightness, contrast and background of every image: one pass, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.dataset import BLOCK, Dataset

Progress = Callable[[float], object]
"""Told how much of a check is done, from 0 to 1; what it raises ends the check."""
DIFFERENT = 16
"""Levels of 255 by which a pixel differs from the background, to be something."""

CONSTANT = 2
"""Levels of 255 within which all pixels of a constant image lie."""


@dataclass(frozen=True, eq=False)
class Looks:
    """Of every image, over all its pixels and channels, in levels 0 to 255."""

    brightness: NDArray[np.float64]
    """Mean."""
    contrast: NDArray[np.float64]
    """Standard deviation."""
    range: NDArray[np.int64]
    """Largest minus smallest value, in the channel where that is largest."""
    border: NDArray[np.float64]
    """Median of the outermost pixels."""
    filled: NDArray[np.float64]
    """Share of the pixels that differ from the border's median by more than ``DIFFERENT``, in any channel."""


def look(data: Dataset, progress: Progress = lambda done: None) -> Looks:
    """Look at every image once."""
    step = max(1, BLOCK // (8 * data.height * data.width * data.channels))
    parts = []
    for start in range(0, len(data), step):
        progress(start / len(data))
        parts.append(_of_block(np.asarray(data.images[start : start + step])))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Looks(columns[0], columns[1], columns[2].astype(np.int64), columns[3], columns[4])


def _of_block(images_NHWC: NDArray[np.uint8]) -> tuple[NDArray[np.float64], ...]:
    flat = images_NHWC.reshape(len(images_NHWC), -1)
    pixels_NPC = images_NHWC.reshape(len(images_NHWC), -1, images_NHWC.shape[3])
    edges = [images_NHWC[:, 0], images_NHWC[:, -1], images_NHWC[:, 1:-1, 0], images_NHWC[:, 1:-1, -1]]
    border_NEC = np.concatenate(edges, axis=1)
    background_NC = np.median(border_NEC, axis=1)
    different = (np.abs(pixels_NPC - background_NC[:, np.newaxis].astype(np.float32)) > DIFFERENT).any(axis=2)
    return (
        flat.mean(axis=1, dtype=np.float64),
        flat.std(axis=1, dtype=np.float32).astype(np.float64),
        np.ptp(pixels_NPC, axis=1).max(axis=1).astype(np.float64),
        np.median(border_NEC.reshape(len(images_NHWC), -1), axis=1),
        different.mean(axis=1),
    )
