"""Which images train, validate and test, as a run with default settings would divide them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.dataset import Dataset
from fittingroom.data.splits import Indices, Splits

TRAINING, VALIDATION, TEST, DROPPED, UNUSED = range(5)


@dataclass(frozen=True, eq=False)
class Parts:
    """The part of every image, and which are exact copies of each other."""

    part: NDArray[np.int64]
    """(N,): one of the above. ``DROPPED`` are training images left out because a test image is their copy, ``UNUSED``
    those that are in no part for another reason, such as that they were excluded."""
    group: NDArray[np.int64]
    """(N,): the first image with the same content."""

    @classmethod
    def of(cls, data: Dataset, splits: Splits | None) -> Parts:
        """``splits``: None where the data cannot be divided; then all images train but those of an official test."""
        group = copy_groups(data.hashes)
        training = len(data) if data.test_start is None else data.test_start
        part = np.full(len(data), UNUSED, np.int64)
        if splits is not None:
            for number, images in ((TRAINING, splits.train), (VALIDATION, splits.validation), (TEST, splits.test)):
                part[images] = number
        else:
            part[:training], part[training:] = TRAINING, TEST
        copied = (part[:training] != TEST) & np.isin(group[:training], group[part == TEST])
        part[:training][copied] = DROPPED
        part[data.excluded] = UNUSED
        return cls(part, group)

    def images(self, *parts: int) -> Indices:
        """Those in any of these parts, in order."""
        return np.flatnonzero(np.isin(self.part, parts))

    @property
    def labelled(self) -> Indices:
        """Training and validation images: those whose labels may be looked at."""
        return self.images(TRAINING, VALIDATION)


def copy_groups(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """(N,): for each image, the first one with the same content; ``hashes``: (N, 2)."""
    rows = np.ascontiguousarray(hashes).view([("a", np.uint64), ("b", np.uint64)]).ravel()
    _, first, member = np.unique(rows, return_index=True, return_inverse=True)
    groups: NDArray[np.int64] = first[member].astype(np.int64, copy=False)
    return groups
