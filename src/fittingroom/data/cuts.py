"""How images are drawn for a part: by class, in a seeded order, and whatever belongs together as a whole.

``labels``: (N,), the class of each image. ``together``: (N,), for each image the first image of those that may not be
divided (exact copies, groups), itself where it is alone. ``pool``: sorted indices of the images that are divided.

The draw is the raw PCG64 stream of ``SeedSequence((split_seed, purpose))``, one number for each image, so that
neither platform nor NumPy version changes it (NEP 19 keeps raw streams stable, but not shuffles).
"""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
from numpy.typing import NDArray

TEST_CUT, VALIDATION_CUT, FOLDS = 1, 2, 3  # purposes: part of the seed, so never renumber
WEIGHT = 10**12
"""What all images of a class weigh together where folds are compared, in whole numbers so that every machine agrees."""

Indices = NDArray[np.int64]
Units = list[list[int]]
"""Images that stay together, as lists of their indices."""


def kept_together(hashes: NDArray[np.uint64], groups: Indices | None = None) -> Indices:
    """For each image the first of those it may not be parted from: exact copies, images of its group, and theirs.

    ``hashes``: (N, 2), the contents; ``groups``: (N,), equal numbers for images of one group.
    """
    copies = _copies(hashes)
    if groups is None:
        return copies
    _, numbers = np.unique(groups, return_inverse=True)
    parents = list(range(int(numbers.max(initial=-1)) + 1))

    def root(group: int) -> int:
        while parents[group] != group:
            parents[group] = group = parents[parents[group]]
        return group

    for copy in np.flatnonzero(copies != np.arange(len(copies))).tolist():  # a copy joins two groups into one
        parents[root(int(numbers[copy]))] = root(int(numbers[copies[copy]]))
    roots = np.array([root(group) for group in range(len(parents))], np.int64)
    _, first, which = np.unique(roots[numbers], return_index=True, return_inverse=True)
    return first[which].astype(np.int64, copy=False)


def _copies(hashes: NDArray[np.uint64]) -> Indices:
    """(N,): for each image, the index of the first image with the same content."""
    order = np.lexsort((hashes[:, 1], hashes[:, 0]))  # stable: copies stay in the order of their indices
    in_order = hashes[order]
    starts = np.flatnonzero(np.append(True, (in_order[1:] != in_order[:-1]).any(axis=1)))
    first = np.empty(len(hashes), np.int64)
    first[order] = np.repeat(order[starts], np.diff(np.append(starts, len(hashes))))
    return first


def cut(
    pool: Indices, labels: NDArray[np.int64], together: Indices, size: int, seed: tuple[int, int]
) -> tuple[Indices, Indices]:
    """Cut ``size`` images off the pool: (what stays, what is cut), both sorted; fewer where copies do not fit.

    ``seed``: the split's, and the purpose.
    """
    label_of, in_order = labels.tolist(), _units(pool, together, seed)
    counts = np.bincount(labels[pool]).tolist()
    room = quotas(counts, size)
    taken, rest = _fill(in_order, label_of, room, size)
    if len(taken) < size:  # groups of copies did not fit into the quotas: take what fits, and leave one of each class
        found = Counter(label_of[image] for image in taken)
        room = [max(count - 1 - found[label], 0) for label, count in enumerate(counts)]
        taken += _fill(rest, label_of, room, size - len(taken))[0]
    return _divided(pool, taken)


def cut_whole(
    pool: Indices, labels: NDArray[np.int64], together: Indices, size: int, seed: tuple[int, int]
) -> tuple[Indices, Indices]:
    """As ``cut``, where units may be large: the nearest that whole units come to each class's share, more or less.

    Units are taken in their order where they bring the classes nearer to their shares. A class that has a share and
    got nothing then gives its smallest unit. Each class keeps an image, always.
    """
    label_of, in_order = labels.tolist(), _units(pool, together, seed)
    left = np.bincount(labels[pool]).tolist()
    share, got = quotas(left, size), [0] * len(left)
    taken: list[int] = []

    def needs(unit: list[int]) -> Counter[int]:
        return Counter(label_of[image] for image in unit)

    def can_go(unit: list[int]) -> bool:
        return all(left[label] > need for label, need in needs(unit).items())

    def take(unit: list[int]) -> None:
        taken.extend(unit)
        for label, need in needs(unit).items():
            got[label] += need
            left[label] -= need

    rest: Units = []
    for unit in in_order:
        nearer = sum(
            abs(got[label] - share[label]) - abs(got[label] + need - share[label])
            for label, need in needs(unit).items()
        )
        if nearer > 0 and can_go(unit):
            take(unit)
        else:
            rest.append(unit)
    by_size = sorted(rest, key=len)  # stable: units of one size stay in their order
    for label, wanted in enumerate(share):
        if wanted and not got[label]:
            fitting = (unit for unit in by_size if label in needs(unit) and can_go(unit))
            for unit in itertools.islice(fitting, 1):
                take(unit)
    return _divided(pool, taken)


def deal(pool: Indices, labels: NDArray[np.int64], together: Indices, folds: int, split_seed: int) -> list[Indices]:
    """Divide the pool into so many folds, each sorted: every unit goes where its classes are rarest, large ones first.

    Without copies and groups the folds differ by at most one image, in each class and altogether.
    """
    label_of, sizes = labels.tolist(), [0] * folds
    totals = np.bincount(labels[pool]).tolist()
    dealt = [[0] * folds for _ in totals]  # images by class and fold
    members: Units = [[] for _ in range(folds)]

    def crowded(needs: Counter[int]) -> list[int]:
        """How much of these classes each fold has, as shares of all that there is."""
        return [
            sum(need * dealt[label][fold] * (WEIGHT // totals[label]) for label, need in needs.items())
            for fold in range(folds)
        ]

    units = _units(pool, together, (split_seed, FOLDS))
    for unit in sorted(units, key=lambda unit: (-len(unit), min(label_of[image] for image in unit))):
        needs = Counter(label_of[image] for image in unit) if len(unit) > 1 else {label_of[unit[0]]: 1}
        share = crowded(Counter(needs)) if len(needs) > 1 else dealt[next(iter(needs))]
        fold = min(zip(share, sizes, range(folds), strict=True))[2]
        members[fold] += unit
        sizes[fold] += len(unit)
        for label, need in needs.items():
            dealt[label][fold] += need
    return [np.sort(np.array(each, np.int64)) for each in members]


def _units(pool: Indices, together: Indices, seed: tuple[int, int]) -> Units:
    """What stays together, in the order of the draw."""
    draw = np.random.PCG64(np.random.SeedSequence(seed)).random_raw(len(together)).tolist()
    units: dict[int, list[int]] = {}
    for image, first in zip(pool.tolist(), together[pool].tolist(), strict=True):
        units.setdefault(first, []).append(image)
    return [units[first] for first in sorted(units, key=draw.__getitem__)]


def _divided(pool: Indices, taken: list[int]) -> tuple[Indices, Indices]:
    chosen = np.sort(np.array(taken, np.int64))
    return np.setdiff1d(pool, chosen, assume_unique=True), chosen


def _fill(units: Units, label_of: list[int], room: list[int], size: int) -> tuple[list[int], Units]:
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


def quotas(counts: list[int], size: int) -> list[int]:
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
