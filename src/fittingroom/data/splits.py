"""Which images train, which validate, which test: decided by ``split_seed`` alone, and proved disjoint.

The rules:

- An official test part stays as it is. Training images that are exact copies of a test image are left out, and so are
  those whose group has images in the test part.
- Without one, 15 % of the images are cut off as the test part: the same cut whatever validates. Images that the data
  itself names for validation are spared, with all that belongs to them.
- Validation images are cut from what is left; or they are those that the data names, and then no training image is a
  copy of one or of its group; or they are one of several folds.
- Cuts are stratified: each class gives its share by largest remainder, at least one image where the size of the
  cut allows, and always keeps one.
- Exact copies of one image stay together, whatever their labels, and so do the images of a group. A cut has exactly
  the size asked for, unless copies can only be taken as too large a group; in data with groups it has the size that
  whole groups come nearest to, class by class.
- Excluded images are in no part, and move none of the others: the parts are what they were, without them.

``cuts`` tells how images are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.cuts import TEST_CUT, VALIDATION_CUT, Indices, cut, cut_whole, deal, kept_together
from fittingroom.data.parts import Splits
from fittingroom.errors import InvalidData, InvalidInput
from fittingroom.spec.division import GIVEN, Division, HeldOut

__all__ = ["Indices", "Splits", "images_of_share", "split"]
TEST_SHARE = 0.15
NONE = np.empty(0, np.int64)
NO_GROUP_TO_SPARE = (
    "every group of images holds all that there is of some class; add images of other groups, or import the data with "
    "other groups"
)


def split(
    labels: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    class_names: Sequence[str],
    test_start: int | None,
    validation: HeldOut,
    split_seed: int,
    *,
    groups: Indices | None = None,
    own_validation: Indices | None = None,
    excluded: Indices = NONE,
    folds: int | None = None,
    fold: int | None = None,
) -> Splits:
    """Divide N images by the rules above.

    ``labels``: (N,), ``hashes``: (N, 2); images from ``test_start`` on are the official test part, if it is given.
    ``validation`` is a number of images, the share of the images left for training (0 < share < 1), or "given": the
    images in ``own_validation``. With ``folds``, it says nothing: ``fold`` validates. ``groups``: (N,).
    Raises InvalidInput for an impossible request, InvalidData where the data cannot be divided.
    """
    _check_request(validation, split_seed, own_validation, folds, fold)
    division = Division(validation, int(split_seed), folds, fold)
    pieces = _Pieces(labels, hashes, class_names, groups, own_validation)
    parts = pieces.cut_test(division.split_seed) if test_start is None else pieces.official_test(test_start)
    parts = pieces.divided(parts, division)
    if len(excluded):
        parts = pieces.without(parts, excluded)
    parts.check(hashes, groups)
    return parts


class _Pieces:
    """A data set on its way to being divided; ``train`` holds the pool until validation images are taken from it."""

    def __init__(
        self, labels: NDArray[np.int64], hashes: NDArray[np.uint64], class_names: Sequence[str],
        groups: Indices | None, own_validation: Indices | None,
    ) -> None:  # fmt: skip
        self.labels, self.hashes, self.class_names = labels, hashes, class_names
        self.groups, self.own_validation = groups, own_validation
        self.together = kept_together(hashes, groups)
        self.cut = cut if groups is None else cut_whole

    def cut_test(self, split_seed: int) -> Splits:
        """Without an official test part: a share is cut off, of what does not belong to the data's own validation."""
        images = np.arange(len(self.labels))
        free = images
        if self.own_validation is not None:
            free = images[~np.isin(self.together, self.together[self.own_validation])]
        size = _test_size(self.labels[free], self.class_names)
        _, test = self.cut(free, self.labels, self.together, size, (split_seed, TEST_CUT))
        if self.groups is not None and not len(test):
            raise InvalidData(f"no test images can be set apart: {NO_GROUP_TO_SPARE}")
        return Splits(np.setdiff1d(images, test, assume_unique=True), NONE, test, 0)

    def official_test(self, test_start: int) -> Splits:
        """The data's own test part; what belongs to it is left out of the pool."""
        images = np.arange(len(self.labels))
        official, test = images[:test_start], images[test_start:]
        tied = np.isin(self.together[official], self.together[test])
        parts = Splits(official[~tied], NONE, test, int(tied.sum()))
        if self.groups is not None:
            left_out, copies = official[tied], kept_together(self.hashes)
            parts = replace(
                parts,
                dropped_for_group=int((~np.isin(copies[left_out], copies[test])).sum()),
                divided_groups=len(np.intersect1d(self.groups[left_out], self.groups[test])),
            )
        what = "exact copies of test images" + (" or images of their groups" if self.groups is not None else "")
        because = f"{parts.dropped:,} were dropped as {what}" if parts.dropped else ""
        self._check_classes(parts.train, because, "add images of these classes, or remove the classes")
        return parts

    def divided(self, parts: Splits, division: Division) -> Splits:
        """With validation images, taken from what has been the pool."""
        pool = parts.train
        if division.folds is not None:
            folds = self._folds(pool, division.folds, division.split_seed)
            held_out = folds[division.fold or 0]
            train = np.setdiff1d(pool, held_out, assume_unique=True)
            return replace(parts, train=train, validation=held_out, fold_sizes=tuple(map(len, folds)))
        if division.validation == GIVEN:
            return self._as_given(parts)
        size = _validation_size(division.validation, self.labels[pool], self.class_names)
        train, held_out = self.cut(pool, self.labels, self.together, size, (division.split_seed, VALIDATION_CUT))
        if not len(held_out):
            raise InvalidData(
                f"no validation images can be set apart: {NO_GROUP_TO_SPARE}"
                if self.groups is not None
                else f"no validation images can be set apart: the {len(pool)} training images are exact copies of so "
                f"few that no group of copies fits into validation = {division.validation}; ask for more, or remove "
                "copies"
            )
        return replace(parts, train=train, validation=held_out)

    def _as_given(self, parts: Splits) -> Splits:
        assert self.own_validation is not None
        pool, held_out = parts.train, np.intersect1d(parts.train, self.own_validation)
        if not len(held_out):
            raise InvalidData(
                'validation = "given", but all images that the data names for validation belong to its test part; '
                "give a number of images or a share instead"
            )
        train = pool[~np.isin(self.together[pool], self.together[held_out])]
        because = f"{len(pool) - len(train):,} are validation images, or belong to them"
        self._check_classes(train, because, "add training images of these classes, or give a share as validation")
        left_out = len(pool) - len(train) - len(held_out)
        return replace(parts, train=train, validation=held_out, dropped_for_validation=left_out)

    def _folds(self, pool: Indices, folds: int, split_seed: int) -> list[Indices]:
        """All folds; InvalidData where one would be empty, or leave a class without training images."""
        units = len(np.unique(self.together[pool]))
        if units < folds:
            raise InvalidData(
                f"folds = {folds}, but what trains and validates comes to {units:,} images or groups that stay "
                f"together; ask for at most {units:,} folds, or add images"
            )
        dealt = deal(pool, self.labels, self.together, folds, split_seed)
        held = np.array([np.bincount(self.labels[fold], minlength=len(self.class_names)) > 0 for fold in dealt])
        if alone := [self.class_names[label] for label in np.flatnonzero(held.sum(axis=0) < 2).tolist()]:
            raise InvalidData(
                f"all images of {_few(alone)} would be in one fold, and none would be left to train where that fold "
                "validates; add images of other groups to each of these classes, or leave folds out"
            )
        return dealt

    def without(self, parts: Splits, excluded: Indices) -> Splits:
        """Without excluded images; those that were left out anyway still count as left out."""
        before = parts.train, parts.validation, parts.test
        train, validation, test = kept = [part[~np.isin(part, excluded)] for part in before]
        self._check_classes(train, f"{len(excluded):,} images are excluded", "restore some of them")
        for part, name in ((validation, "validation"), (test, "test")):
            if not len(part):
                raise InvalidData(f"no {name} images are left, because all of them are excluded; restore some of them")
        gone = [len(part) - len(left) for part, left in zip(before, kept, strict=True)]
        return replace(
            parts, train=train, validation=validation, test=test, excluded=sum(gone),
            excluded_besides=len(excluded) - sum(gone), excluded_from_test=gone[2],
        )  # fmt: skip

    def _check_classes(self, train: Indices, because: str, fix: str) -> None:
        """Refuse data in which a class has no training image."""
        counts = np.bincount(self.labels[train], minlength=len(self.class_names))
        if missing := [self.class_names[label] for label in np.flatnonzero(counts == 0).tolist()]:
            raise InvalidData(
                f"no training images for {len(missing)} of {len(self.class_names)} classes: {_few(missing)}"
                f"{f' ({because})' if because else ''}; {fix}"
            )


def _check_request(
    validation: HeldOut, split_seed: int, own_validation: Indices | None, folds: int | None, fold: int | None
) -> None:
    """Refuse what no data could fulfil; amounts of validation images are checked where they are counted."""
    if isinstance(split_seed, bool) or not isinstance(split_seed, Integral) or split_seed < 0:
        raise InvalidInput(f"split_seed = {split_seed!r} is not a seed; give a whole number from 0 on")
    if folds is None:
        if fold is not None:
            raise InvalidInput(f"fold = {fold}, but there are no folds; give folds too, such as folds = 5")
        if isinstance(validation, str) and validation == GIVEN and own_validation is None:
            raise InvalidInput(
                'validation = "given", but the data names no images for validation; give a number of images or a '
                "share, or import the data anew with a folder named validation"
            )
        return
    if isinstance(folds, bool) or not isinstance(folds, Integral) or folds < 2:
        raise InvalidInput(f"folds = {folds!r} is no number of folds; give a whole number from 2 on")
    if fold is not None and (isinstance(fold, bool) or not isinstance(fold, Integral) or not 0 <= fold < folds):
        raise InvalidInput(f"fold = {fold!r} is none of {folds} folds, counted from 0; give 0 to {folds - 1}")


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


def _validation_size(validation: HeldOut, labels: NDArray[np.int64], class_names: Sequence[str]) -> int:
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


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")


def _round(value: float) -> int:
    """To the nearest whole number, halves up."""
    return int(value + 0.5)
