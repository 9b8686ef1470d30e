"""The parts of a data set: which images train, validate and test, the proof that they are apart, and their story."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.cuts import Indices


@dataclass(frozen=True, eq=False)
class Splits:
    """Sorted int64 indices of the images that train, validate and test."""

    train: Indices
    validation: Indices
    test: Indices
    dropped: int
    """Images left out because an exact copy of them, or an image of their group, is in the official test part."""
    dropped_for_group: int = 0
    """Of these, the ones that are no exact copies."""
    divided_groups: int = 0
    """Groups that have images in the official test part and outside it."""
    dropped_for_validation: int = 0
    """Images left out because of a copy, or an image of their group, among those that the data names for validation."""
    excluded: int = 0
    """Images that somebody took out of the data, and that would be in a part otherwise."""
    excluded_besides: int = 0
    """Those that somebody took out and that were left out anyway."""
    excluded_from_test: int = 0
    """Of these, the ones that would test."""
    fold_sizes: tuple[int, ...] = ()
    """Images of each fold; empty where there are none."""

    @property
    def told(self) -> list[str]:
        """What people should know of it, as sentences."""
        return list(_told(self))

    def check(self, hashes: NDArray[np.uint64], groups: Indices | None = None) -> None:
        """Prove that no image is in two parts, by index, by content and by group; AssertionError is our bug.

        ``hashes``: (N, 2), the content hashes of all N images; ``groups``: (N,).
        """
        parts = (self.train, self.validation, self.test)
        indices = np.concatenate(parts)
        assert len(np.unique(indices)) == len(indices), "an image is in two parts"
        left_out = self.dropped + self.dropped_for_validation + self.excluded
        assert len(indices) + left_out == len(hashes), "an image is in no part"
        train, validation, test = ({row.tobytes() for row in hashes[part]} for part in parts)
        assert train.isdisjoint(validation), "a validation image has a copy in training"
        assert train.isdisjoint(test), "a test image has a copy in training"
        assert validation.isdisjoint(test), "a test image has a copy in validation"
        if groups is not None:
            theirs = [set(groups[part].tolist()) for part in parts]
            assert theirs[0].isdisjoint(theirs[1]), "a group is in training and validation"
            assert theirs[0].isdisjoint(theirs[2]), "a group is in training and test"
            assert theirs[1].isdisjoint(theirs[2]), "a group is in validation and test"


def _told(parts: Splits) -> Iterator[str]:
    if copies := parts.dropped - parts.dropped_for_group:
        yield f"{copies:,} training images are left out, because the test set holds exact copies of them."
    if parts.dropped_for_group:
        both = "1 group is" if parts.divided_groups == 1 else f"{parts.divided_groups:,} groups are"
        yield (
            f"{parts.dropped_for_group:,} training images are left out, because the test set holds images of their "
            f"groups; {both} in both of the data's own parts."
        )
    if parts.dropped_for_validation:
        yield (
            f"{parts.dropped_for_validation:,} training images are left out, because copies of them or images of their "
            "groups are among those that the data names for validation."
        )
    if parts.fold_sizes:
        yield f"The {len(parts.fold_sizes)} folds have {_listed(parts.fold_sizes)} images."
    if parts.excluded or parts.excluded_besides:
        all_of_them = parts.excluded + parts.excluded_besides
        anyway = f"; {parts.excluded_besides:,} of them were left out anyway" if parts.excluded_besides else ""
        yield f"{all_of_them:,} images were taken out of this data and are in no part{anyway}."
    if parts.excluded_from_test:
        yield (
            f"{parts.excluded_from_test:,} of them were test images: scores are of the {len(parts.test):,} that are "
            "left, and not comparable with scores on all of them."
        )


def _listed(sizes: tuple[int, ...]) -> str:
    """``9,167 to 9,168``"""
    low, high = min(sizes), max(sizes)
    return f"{low:,} to {high:,}" if low < high else f"{low:,}"
