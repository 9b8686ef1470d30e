"""Which images train, which validate, which test: decided by ``split_seed`` alone, and proved disjoint.

The rules:

- An official test part stays as it is. Training images that are exact copies of a test image are dropped.
- Without one, 15 % of the images are cut off as the test part: the same cut whatever ``validation`` is.
- Validation images are cut from what is left.
- Cuts are stratified: each class gives its share by largest remainder, at least one image where the size of the
  cut allows, and always keeps one.
- Exact copies of one image stay together, whatever their labels. A cut has exactly the size asked for, unless
  copies can only be taken as too large a group.

The draw is the raw PCG64 stream of ``SeedSequence((split_seed, purpose))``, one number for each image, so that
neither platform nor NumPy version changes it (NEP 19 keeps raw streams stable, but not shuffles).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray

from fittingroom.errors import InvalidData, InvalidInput

TEST_SHARE = 0.15
TEST_CUT, VALIDATION_CUT = 1, 2  # purposes: part of the seed, so never renumber

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Splits:
    """Sorted int64 indices of the images that train, validate and test."""

    train: Indices
    validation: Indices
    test: Indices
    dropped: int
    """Training images left out because an exact copy is in the test part."""

    def check(self, hashes: NDArray[np.uint64]) -> None:
        """Prove that no image is in two parts, by index and by content; AssertionError is our bug.

        ``hashes``: (N, 2), the content hashes of all N images.
        """
        parts = (self.train, self.validation, self.test)
        indices = np.concatenate(parts)
        assert len(np.unique(indices)) == len(indices), "an image is in two parts"
        assert len(indices) + self.dropped == len(hashes), "an image is in no part"
        train, validation, test = ({row.tobytes() for row in hashes[part]} for part in parts)
        assert train.isdisjoint(validation), "a validation image has a copy in training"
        assert train.isdisjoint(test), "a test image has a copy in training"
        assert validation.isdisjoint(test), "a test image has a copy in validation"


def split(
    labels: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    class_names: Sequence[str],
    test_start: int | None,
    validation: int | float,
    split_seed: int,
) -> Splits:
    """Divide N images by the rules above.

    ``labels``: (N,), ``hashes``: (N, 2); images from ``test_start`` on are the official test part, if it is given.
    ``validation`` is a number of images, or the share of the images left for training (0 < share < 1).
    Raises InvalidInput for an impossible request, InvalidData where the data cannot be divided.
    """
    if isinstance(split_seed, bool) or not isinstance(split_seed, Integral) or split_seed < 0:
        raise InvalidInput(f"split_seed = {split_seed!r} is not a seed; give a whole number from 0 on")
    groups = _groups(hashes)
    images = np.arange(len(labels))
    if test_start is None:
        pool, test = _cut(images, labels, groups, _test_size(labels, class_names), int(split_seed), TEST_CUT)
        dropped = 0
    else:
        official, test = images[:test_start], images[test_start:]
        copies = np.isin(groups[official], groups[test])
        pool, dropped = official[~copies], int(copies.sum())
    _check_classes(labels[pool], class_names, dropped)
    size = _validation_size(validation, labels[pool], class_names)
    train, held_out = _cut(pool, labels, groups, size, int(split_seed), VALIDATION_CUT)
    if not len(held_out):
        raise InvalidData(
            f"no validation images can be set apart: the {len(pool)} training images are exact copies of so few that "
            f"no group of copies fits into validation = {validation}; ask for more, or remove copies"
        )
    splits = Splits(train, held_out, test, dropped)
    splits.check(hashes)
    return splits


def _groups(hashes: NDArray[np.uint64]) -> Indices:
    """(N,): for each image, the index of the first image with the same content."""
    order = np.lexsort((hashes[:, 1], hashes[:, 0]))  # stable: copies stay in the order of their indices
    in_order = hashes[order]
    starts = np.flatnonzero(np.append(True, (in_order[1:] != in_order[:-1]).any(axis=1)))
    groups = np.empty(len(hashes), np.int64)
    groups[order] = np.repeat(order[starts], np.diff(np.append(starts, len(hashes))))
    return groups


def _cut(
    pool: Indices, labels: NDArray[np.int64], groups: Indices, size: int, split_seed: int, purpose: int
) -> tuple[Indices, Indices]:
    """Cut ``size`` images off the pool: (what stays, what is cut), both sorted."""
    draw = np.random.PCG64(np.random.SeedSequence((split_seed, purpose))).random_raw(len(labels)).tolist()
    label_of = labels.tolist()
    units: dict[int, list[int]] = {}
    for image, group in zip(pool.tolist(), groups[pool].tolist(), strict=True):
        units.setdefault(group, []).append(image)
    in_order = [units[group] for group in sorted(units, key=draw.__getitem__)]

    counts = np.bincount(labels[pool]).tolist()
    room = _quotas(counts, size)
    cut, rest = _fill(in_order, label_of, room, size)
    if len(cut) < size:  # groups of copies did not fit into the quotas: take what fits, and leave one of each class
        taken = Counter(label_of[image] for image in cut)
        room = [max(count - 1 - taken[label], 0) for label, count in enumerate(counts)]
        cut += _fill(rest, label_of, room, size - len(cut))[0]
    chosen = np.sort(np.array(cut, np.int64))
    return np.setdiff1d(pool, chosen, assume_unique=True), chosen


def _fill(units: list[list[int]], label_of: list[int], room: list[int], size: int) -> tuple[list[int], list[list[int]]]:
    """Take units in order while there is room for all their images: (images taken, units not taken)."""
    taken: list[int] = []
    for position, unit in enumerate(units):
        if len(taken) == size:
            return taken, units[position:]
        needs = Counter(label_of[image] for image in unit)
        if len(taken) + len(unit) <= size and all(room[label] >= need for label, need in needs.items()):
            taken += unit
            for label, need in needs.items():
                room[label] -= need
    chosen = set(taken)
    return taken, [unit for unit in units if unit[0] not in chosen]


def _quotas(counts: list[int], size: int) -> list[int]:
    """How many images each class gives to a cut of ``size``: largest remainder, in whole numbers."""
    images = sum(counts)
    most = [max(count - 1, 0) for count in counts]
    least = [min(limit, 1) for limit in most]
    if sum(least) > size:
        least = [0] * len(counts)
    quotas = [min(max(size * count // images, low), high) for count, low, high in zip(counts, least, most, strict=True)]

    def missing(label: int) -> int:
        """By how much the class is below its exact share, in units of 1 / images."""
        return size * counts[label] - quotas[label] * images

    while sum(quotas) < size:
        quotas[max((label for label, high in enumerate(most) if quotas[label] < high), key=missing)] += 1
    while sum(quotas) > size:
        quotas[min((label for label, low in enumerate(least) if quotas[label] > low), key=missing)] -= 1
    return quotas


def _available(labels: NDArray[np.int64]) -> int:
    """How many images can be cut off so that each class keeps one."""
    return len(labels) - len(np.unique(labels))


def _test_size(labels: NDArray[np.int64], class_names: Sequence[str]) -> int:
    available = _available(labels)
    if available < 2:
        raise InvalidData(
            f"{len(labels)} images in {len(class_names)} classes are too few to set apart test and validation images; "
            "add images until there are at least 3 in each class"
        )
    return min(max(_round(TEST_SHARE * len(labels)), 1), available - 1)


def images_of_share(share: float, images: int) -> int:
    """How many of so many images a share means; a cut has fewer where it would divide exact copies of one image."""
    return max(_round(share * images), 1)


def _validation_size(validation: int | float, labels: NDArray[np.int64], class_names: Sequence[str]) -> int:
    """The number of validation images asked for; ``labels`` are those of all images left for training."""
    available = _available(labels)
    if isinstance(validation, bool) or not isinstance(validation, Real):
        raise InvalidInput(f"validation = {validation!r} is not a number; give a number of images or a share below 1")
    if isinstance(validation, Integral):
        size = int(validation)
        if size < 1:
            raise InvalidInput(f"validation = {validation} leaves nothing to validate on; give at least 1 image")
    else:
        if not 0 < validation < 1:
            raise InvalidInput(
                f"validation = {validation} is no share between 0 and 1; give a share such as 0.1, "
                "or a whole number of images such as 5000"
            )
        size = images_of_share(float(validation), len(labels))
    if size > available:
        raise InvalidInput(
            f"validation = {validation} asks for {size:,} of {len(labels):,} training images, but each of the "
            f"{len(class_names)} classes must keep at least one; give at most {available:,}"
        )
    return size


def _check_classes(labels: NDArray[np.int64], class_names: Sequence[str], dropped: int) -> None:
    """Refuse data in which a class has no training image."""
    counts = np.bincount(labels, minlength=len(class_names))
    missing = [class_names[label] for label in np.flatnonzero(counts == 0).tolist()]
    if missing:
        because = f" ({dropped:,} were dropped as exact copies of test images)" if dropped else ""
        raise InvalidData(
            f"no training images for {len(missing)} of {len(class_names)} classes: {', '.join(missing[:10])}"
            f"{', …' if len(missing) > 10 else ''}{because}; add images of these classes, or remove the classes"
        )


def _round(value: float) -> int:
    """To the nearest whole number, halves up."""
    return int(value + 0.5)
