"""Splits that keep groups whole, validate on given images or on folds: by invariants told slowly, in plain Python."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from numpy.typing import NDArray

from fittingroom.data.dataset import Dataset
from fittingroom.data.splits import Splits, split
from fittingroom.errors import InvalidData, InvalidInput

NAMES = ("a", "b", "c")
IMAGES = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 9), st.integers(0, 2)), min_size=30, max_size=80)
"""Content, group and class of each image."""


def contents(ids: list[int] | range) -> NDArray[np.uint64]:
    return np.array([[7, content] for content in ids], np.uint64)


def apart(count: int) -> list[tuple[int, int, int]]:
    """Images of every class with contents and groups of their own, so that every class can be divided."""
    return [(100 + at, 100 + at, at % 3) for at in range(count)]


def divide(images: list[tuple[int, int, int]], start: int | None, validation: Any, seed: int, **more: Any) -> Splits:
    ids, groups, labels = ([image[part] for image in images] for part in range(3))
    return split(
        np.array(labels), contents(ids), NAMES, start, validation, seed, groups=np.array(groups, np.int64), **more
    )


def bound_to(images: list[tuple[int, int, int]]) -> list[set[int]]:
    """For each image all that may not be parted from it: a flood over equal contents and equal groups."""
    by: dict[tuple[str, int], set[int]] = defaultdict(set)
    for image, (content, group, _) in enumerate(images):
        by["content", content].add(image)
        by["group", group].add(image)
    found = []
    for image in range(len(images)):
        reached, edge = {image}, [image]
        while edge:
            content, group, _ = images[edge.pop()]
            new = (by["content", content] | by["group", group]) - reached
            reached |= new
            edge += new
        found.append(reached)
    return found


@settings(max_examples=80, deadline=None)
@given(images=IMAGES, official=st.booleans(), validation=st.floats(0.05, 0.4), seed=st.integers(0, 2**40))
def test_neither_copies_nor_groups_cross_in_any_cut(
    images: list[tuple[int, int, int]], official: bool, validation: float, seed: int
) -> None:
    images = images + apart(45)
    images = images[::2] + images[1::2]
    start = len(images) * 4 // 5 if official else None
    bound = bound_to(images)
    tied = [i for i in range(start or 0) if any(other >= len(images) * 4 // 5 for other in bound[i])]
    assume(len({images[i][2] for i in set(range(start or len(images))) - set(tied)}) == 3)
    splits = divide(images, start, validation, seed)
    parts = [set(part.tolist()) for part in (splits.train, splits.validation, splits.test)]
    for one, other in combinations(parts, 2):
        assert not any(bound[image] & other for image in one)
    assert all(parts)
    assert {images[image][2] for image in parts[0]} == {0, 1, 2}
    assert sorted(set.union(*parts) | set(tied)) == list(range(len(images)))
    if official:
        assert start is not None
        assert parts[2] == set(range(start, len(images)))
        assert splits.dropped == len(tied)
        contents_there = {images[i][0] for i in range(start, len(images))}
        assert splits.dropped_for_group == sum(images[i][0] not in contents_there for i in tied)
        both = {images[i][1] for i in range(start)} & {images[i][1] for i in range(start, len(images))}
        assert splits.divided_groups == len(both)
    else:
        assert divide(images, None, 7, seed).test.tolist() == splits.test.tolist()  # one cut, whatever validates
    assert divide(images, start, validation, seed).validation.tolist() == splits.validation.tolist()


def test_images_that_are_each_a_group_are_cut_as_if_there_were_no_groups() -> None:
    labels = np.arange(300) % 3
    alone = split(labels, contents(range(300)), NAMES, 250, 30, 5)
    grouped = split(labels, contents(range(300)), NAMES, 250, 30, 5, groups=np.arange(300)[::-1].copy())
    assert grouped.validation.tolist() == alone.validation.tolist()
    cut = split(labels, contents(range(300)), NAMES, None, 30, 5, groups=np.arange(300))
    assert cut.test.tolist() == split(labels, contents(range(300)), NAMES, None, 30, 5).test.tolist()


def test_every_class_validates_although_its_groups_are_larger_than_its_share() -> None:
    # Five films of 100 frames for each class; a tenth of a class would be half a film.
    images = [(at, at // 100, at // 500) for at in range(1500)]
    splits = divide([*images, *((2000 + at, 2000 + at, at) for at in range(3))], 1500, 0.1, 0)
    assert Counter(images[image][2] for image in splits.validation) == {0: 100, 1: 100, 2: 100}
    assert len({images[image][1] for image in splits.validation}) == 3


def test_small_groups_come_as_near_to_the_share_of_each_class_as_they_can() -> None:
    images = [(at, at // 4, at % 1200 // 400) for at in range(1200)]  # groups of 4, 400 images in each class
    splits = divide([*images, *((2000 + at, 2000 + at, at) for at in range(3))], 1200, 150, 0)
    assert all(abs(count - 50) <= 2 for count in Counter(images[image][2] for image in splits.validation).values())


def test_a_group_in_both_official_parts_leaves_training_and_is_told() -> None:
    images = [(at, at, at % 3) for at in range(30)]
    images[3], images[4] = (3, 77, 0), (4, 77, 1)  # a group of two, of which a third image tests
    images += [(50, 77, 0), (5, 51, 1), (52, 52, 2)]  # and an exact copy of image 5
    splits = divide(images, 30, 6, 0)
    assert sorted({*splits.train.tolist(), *splits.validation.tolist()}) == [*range(3), *range(6, 30)]
    assert (splits.dropped, splits.dropped_for_group, splits.divided_groups) == (3, 2, 1)
    assert splits.told == [
        "1 training images are left out, because the test set holds exact copies of them.",
        "2 training images are left out, because the test set holds images of their groups; 1 group is in both of "
        "the data's own parts.",
    ]


@settings(max_examples=60, deadline=None)
@given(images=IMAGES, given_=st.sets(st.integers(0, 29), min_size=1), seed=st.integers(0, 99), official=st.booleans())
def test_given_images_validate_and_nothing_that_belongs_to_them_trains(
    images: list[tuple[int, int, int]], given_: set[int], seed: int, official: bool
) -> None:
    images = images + apart(60)
    start = len(images) - 12 if official else None
    bound = bound_to(images)
    beyond = set(range(start, len(images))) if start else set()
    kept = {i for i in given_ if not bound[i] & beyond}
    assume(kept)
    splits = divide(images, start, "given", seed, own_validation=np.array(sorted(given_)))
    assert set(splits.validation.tolist()) == kept
    train, test = set(splits.train.tolist()), set(splits.test.tolist())
    assert not any(bound[image] & train for image in kept | test)
    assert not any(bound[image] & test for image in kept)
    everything = set(range(len(images)))
    assert splits.dropped_for_validation == len(everything - train - test - kept) - splits.dropped
    as_usual = divide(images, start, 0.1, seed, own_validation=np.array(sorted(given_)))
    assert as_usual.test.tolist() == splits.test.tolist()  # the sealed images are the same whatever validates


@settings(max_examples=60, deadline=None)
@given(images=IMAGES, folds=st.integers(2, 6), seed=st.integers(0, 2**40), official=st.booleans())
def test_folds_cover_the_pool_once_and_divide_nothing(
    images: list[tuple[int, int, int]], folds: int, seed: int, official: bool
) -> None:
    images = images + apart(60)
    start = len(images) - 12 if official else None
    each = [divide(images, start, 0.1, seed, folds=folds, fold=fold) for fold in range(folds)]
    pool = set(divide(images, start, 0.1, seed).train.tolist()) | set(
        divide(images, start, 0.1, seed).validation.tolist()
    )
    held = [set(splits.validation.tolist()) for splits in each]
    assert sum(map(len, held)) == len(pool)
    assert set.union(*held) == pool
    bound = bound_to(images)
    for fold, splits in enumerate(each):
        assert not any(bound[image] & set(splits.train.tolist()) for image in held[fold])
        assert set(splits.train.tolist()) == pool - held[fold]
        assert splits.fold_sizes == tuple(map(len, held))
        assert splits.test.tolist() == each[0].test.tolist()


@settings(max_examples=60, deadline=None)
@given(labels=st.lists(st.integers(0, 2), min_size=20, max_size=90), folds=st.integers(2, 6), seed=st.integers(0, 99))
def test_folds_without_groups_differ_by_one_image_at_most(labels: list[int], folds: int, seed: int) -> None:
    labels = [*labels, *([0, 1, 2] * 4)]
    start, kinds = len(labels) - 3, np.array(labels)
    each = [
        split(kinds, contents(range(len(labels))), NAMES, start, 0.1, seed, folds=folds, fold=fold).validation
        for fold in range(folds)
    ]
    for of_class in (kinds == 0, kinds == 1, kinds == 2, kinds >= 0):
        sizes = [int(of_class[fold].sum()) for fold in each]
        assert max(sizes) - min(sizes) <= 1


def test_folds_of_groups_are_as_even_as_a_known_implementation_makes_them() -> None:
    from sklearn.model_selection import StratifiedGroupKFold

    draws = np.random.default_rng(0)
    groups = np.sort(draws.integers(0, 60, 900))
    labels = draws.integers(0, 3, 60)[groups]
    ours = [
        split(labels, contents(range(900)), NAMES, None, 0.1, 0, groups=groups, folds=5, fold=fold) for fold in range(5)
    ]
    pool = np.union1d(ours[0].train, ours[0].validation)
    theirs = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(pool, labels[pool], groups[pool])

    def spread(folds: list[NDArray[np.int64]]) -> float:
        return float(np.std([np.bincount(labels[fold], minlength=3) for fold in folds], axis=0).mean())

    assert spread([splits.validation for splits in ours]) <= spread([pool[fold] for _, fold in theirs])


@settings(max_examples=60, deadline=None)
@given(images=IMAGES, gone=st.sets(st.integers(0, 29)), seed=st.integers(0, 99), official=st.booleans())
def test_what_is_excluded_is_in_no_part_and_moves_nothing(
    images: list[tuple[int, int, int]], gone: set[int], seed: int, official: bool
) -> None:
    images = images + apart(60)
    start = len(images) - 12 if official else None
    before = divide(images, start, 0.2, seed)
    excluded = np.array(sorted(gone), np.int64)
    after = divide(images, start, 0.2, seed, excluded=excluded)
    for name in ("train", "validation", "test"):
        assert set(getattr(after, name).tolist()) == set(getattr(before, name).tolist()) - gone
    assert after.excluded_from_test == len(gone & set(before.test.tolist()))
    kept = sum(len(part) for part in (before.train, before.validation, before.test))
    assert after.excluded == kept - sum(len(part) for part in (after.train, after.validation, after.test))


def test_exclusions_that_leave_nothing_are_refused() -> None:
    images = apart(60)
    splits = divide(images, 48, 6, 0)
    for part in ("validation", "test"):
        with pytest.raises(InvalidData, match=f"no {part} images are left, because all of them are excluded"):
            divide(images, 48, 6, 0, excluded=getattr(splits, part))
    of_class = np.array([image for image in splits.train if images[image][2] == 1])
    with pytest.raises(InvalidData) as refused:
        divide(images, 48, 6, 0, excluded=of_class)
    assert str(refused.value) == (
        f"no training images for 1 of 3 classes: b ({len(of_class)} images are excluded); restore some of them"
    )


@pytest.mark.parametrize(
    ("validation", "more", "message"),
    [
        ("given", {}, 'validation = "given", but the data names no images for validation; give a number of images'),
        (0.1, {"fold": 2}, "fold = 2, but there are no folds; give folds too, such as folds = 5"),
        (0.1, {"folds": 5, "fold": 5}, "fold = 5 is none of 5 folds, counted from 0; give 0 to 4"),
        (0.1, {"folds": 1, "fold": 0}, "folds = 1 is no number of folds; give a whole number from 2 on"),
        (0.1, {"folds": 5, "fold": -1}, "fold = -1 is none of 5 folds"),
    ],
)
def test_what_cannot_be_asked_for_is_told(validation: Any, more: dict[str, int], message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        divide(apart(60), 48, validation, 0, **more)
    assert message in str(refused.value)


def test_data_that_cannot_be_divided_so_is_told() -> None:
    one_film_each = [(at, at // 20, at // 20) for at in range(60)]
    with pytest.raises(InvalidData, match="every group of images holds all that there is of some class; add images of"):
        divide(one_film_each, None, 0.1, 0)
    tests = [(90 + at, 90 + at, at) for at in range(3)]
    with pytest.raises(InvalidData, match="no validation images can be set apart: every group"):
        divide([*one_film_each, *tests], 60, 0.1, 0)
    with pytest.raises(InvalidData, match="comes to 3 images or groups that stay together; ask for at most 3 folds"):
        divide([*one_film_each, *tests], 60, 0.1, 0, folds=4)
    with pytest.raises(InvalidData, match="all images of a, b, c would be in one fold, and none would be left to"):
        divide([*one_film_each, *tests], 60, 0.1, 0, folds=3)


def test_the_proof_notices_groups_that_are_divided() -> None:
    def proof(groups: list[int]) -> None:
        parts = Splits(np.array([0, 1]), np.array([2]), np.array([3]), 0)
        parts.check(contents(range(4)), np.array(groups))

    proof([0, 0, 1, 2])
    with pytest.raises(AssertionError, match="a group is in training and validation"):
        proof([0, 1, 1, 2])
    with pytest.raises(AssertionError, match="a group is in training and test"):
        proof([0, 1, 2, 0])
    with pytest.raises(AssertionError, match="a group is in validation and test"):
        proof([0, 1, 2, 2])


def test_the_folds_of_fashion_mnist_stay_as_they_are(fashion: Dataset) -> None:
    splits = fashion.split(0.1, 0, folds=5, fold=0)
    assert splits.fold_sizes == (12_000,) * 5
    assert fashion.counts(splits.validation).tolist() == [1_200] * 10
    digest = hashlib.sha256(splits.validation.astype("<i8").tobytes()).hexdigest()
    assert digest == "2b920764656fe02160cc825efb826644fc3ead4859eda15bdd27c2e22901750b"
