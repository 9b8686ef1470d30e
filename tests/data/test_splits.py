"""Splits: against a second implementation of the rules, and by properties on data full of copies."""

from __future__ import annotations

import hashlib
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from fittingroom.data.dataset import Dataset
from fittingroom.data.splits import Splits, split
from fittingroom.errors import InvalidData, InvalidInput

NAMES = tuple("abcdefghij")


def contents(ids: list[int] | range) -> NDArray[np.uint64]:
    """Content hashes of images of which those with the same id are exact copies."""
    return np.array([[7, content] for content in ids], np.uint64)


def largest_remainder(counts: dict[int, int], size: int) -> dict[int, int]:
    """Hamilton's method, in fractions."""
    exact = {label: Fraction(size * count, sum(counts.values())) for label, count in counts.items()}
    quotas = {label: int(share) for label, share in exact.items()}
    by_remainder = sorted(counts, key=lambda label: (quotas[label] - exact[label], label))
    for label in by_remainder[: size - sum(quotas.values())]:
        quotas[label] += 1
    return quotas


def by_the_rules(pool: list[int], labels: list[int], size: int, seed: int, purpose: int) -> list[int]:
    """The cut for data without copies: class by class, in the order of the raw draws."""
    draws = np.random.PCG64(np.random.SeedSequence([seed, purpose])).random_raw(len(labels))
    quotas = largest_remainder(Counter(labels[image] for image in pool), size)
    cut: list[int] = []
    for label, quota in quotas.items():
        of_class = [(int(draws[image]), image) for image in pool if labels[image] == label]
        cut += [image for _, image in sorted(of_class)[:quota]]
    return sorted(cut)


def test_the_raw_draws_are_those_that_splits_were_first_made_with() -> None:
    # Published splits depend on this stream: NumPy promises it (NEP 19), and this would notice.
    draws = np.random.PCG64(np.random.SeedSequence((0, 2))).random_raw(3).tolist()
    assert draws == [1490940365631266091, 7423666954494463881, 11091828101752031060]


def test_fashion_mnist_is_cut_by_the_rules_and_stays_as_it_was(fashion: Dataset) -> None:
    splits = fashion.split(5000, split_seed=0)
    expected = by_the_rules(list(range(60_000)), fashion.labels.tolist(), 5000, 0, 2)
    assert splits.validation.tolist() == expected
    assert splits.train.tolist() == sorted(set(range(60_000)) - set(expected))
    assert splits.test.tolist() == list(range(60_000, 70_000))
    assert splits.dropped == 0  # none of the 60,000 is an exact copy of a test image
    assert fashion.counts(splits.validation).tolist() == [500] * 10
    assert splits.validation[:5].tolist() == [14, 23, 24, 27, 35]
    digest = hashlib.sha256(splits.validation.astype("<i8").tobytes()).hexdigest()
    assert digest == "91eb07555ef831cb8ee96617d2986e4041cf98ae093631782056c893279b89df"


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(0, 3), min_size=40, max_size=120),
    size=st.integers(8, 20),
    seed=st.integers(0, 1000),
)
def test_without_copies_the_cut_is_exact_and_by_the_rules(labels: list[int], size: int, seed: int) -> None:
    labels = [*labels, *([0, 1, 2, 3] * 10)]  # shares so large that no class needs its minimum of one
    start = len(labels) - 10
    splits = split(np.array(labels), contents(range(len(labels))), NAMES[:4], start, size, seed)
    assert splits.validation.tolist() == by_the_rules(list(range(start)), labels, size, seed, 2)
    exact = Counter(labels[:start])
    for label, got in Counter(labels[image] for image in splits.validation).items():
        assert abs(got - Fraction(size * exact[label], start)) < 1


@settings(max_examples=150, deadline=None)
@given(
    images=st.lists(st.tuples(st.integers(0, 25), st.integers(0, 2)), min_size=20, max_size=70),
    official=st.booleans(),
    validation=st.one_of(st.integers(1, 8), st.floats(0.05, 0.4)),
    seed=st.integers(0, 2**40),
)
def test_copies_never_cross(images: list[tuple[int, int]], official: bool, validation: int | float, seed: int) -> None:
    images = [*images, *((100 + label * 10 + i, label) for label in range(3) for i in range(8))]
    images = images[::2] + images[1::2]
    ids, labels = [content for content, _ in images], [label for _, label in images]
    start = len(images) - len(images) // 5 if official else None
    if official and len({labels[i] for i in range(start or 0) if ids[i] not in ids[start:]}) < 3:
        return
    splits = split(np.array(labels), contents(ids), NAMES[:3], start, validation, seed)
    parts = [part.tolist() for part in (splits.train, splits.validation, splits.test)]
    seen = [{ids[image] for image in part} for part in parts]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]
    assert all(part == sorted(set(part)) and part for part in parts)
    assert {labels[image] for image in parts[0]} == {0, 1, 2}  # each class can be trained
    if start is None:
        assert splits.dropped == 0
        assert sorted(parts[0] + parts[1] + parts[2]) == list(range(len(images)))
        other = split(np.array(labels), contents(ids), NAMES[:3], None, 5, seed)
        assert other.test.tolist() == parts[2]  # one cut, whatever validation is
    else:
        assert parts[2] == list(range(start, len(images)))
        copies = {image for image in range(start) if ids[image] in seen[2]}
        assert splits.dropped == len(copies)
        assert sorted(parts[0] + parts[1]) == sorted(set(range(start)) - copies)
    again = split(np.array(labels), contents(ids), NAMES[:3], start, validation, seed)
    assert again.validation.tolist() == parts[1]


def test_the_count_is_exact_although_a_class_consists_of_pairs() -> None:
    labels = [0] * 20 + [1] * 20
    ids = [image // 2 for image in range(20)] + list(range(20, 40))  # class a: ten pairs
    splits = split(np.array([*labels, 0, 1]), contents([*ids, 90, 91]), NAMES[:2], 40, 10, 3)
    assert len(splits.validation) == 10  # 5 of each would cut a pair: 4 of a, 6 of b
    assert sorted(Counter(labels[image] for image in splits.validation).values()) == [4, 6]


def test_small_classes_are_on_both_sides_where_the_size_allows() -> None:
    labels = np.array([0] * 200 + [1] * 2 + [2] * 1 + [0, 1, 2])
    splits = split(labels, contents(range(206)), NAMES[:3], 203, 10, 0)
    assert np.bincount(labels[splits.validation], minlength=3).tolist() == [9, 1, 0]  # the one image of c trains
    assert np.bincount(labels[splits.train], minlength=3).tolist() == [191, 1, 1]


def test_the_test_cut_is_15_percent_of_each_class() -> None:
    labels = np.repeat([0, 1, 2], [100, 200, 300])
    splits = split(labels, contents(range(600)), NAMES[:3], None, 60, 4)
    assert np.bincount(labels[splits.test]).tolist() == [15, 30, 45]
    assert len(splits.validation) == 60
    assert len(splits.train) == 450
    assert splits.test.tolist() == by_the_rules(list(range(600)), labels.tolist(), 90, 4, 1)


def test_a_share_is_of_the_training_images_and_seeds_differ() -> None:
    labels = np.tile([0, 1], 50)
    splits = split(labels, contents(range(100)), NAMES[:2], 80, 0.25, 0)
    assert len(splits.validation) == 20
    other = split(labels, contents(range(100)), NAMES[:2], 80, 0.25, 1)
    assert other.validation.tolist() != splits.validation.tolist()
    assert splits.train.dtype == splits.validation.dtype == splits.test.dtype == np.int64


@pytest.mark.parametrize(
    ("validation", "seed", "message"),
    [
        (0, 0, "validation = 0 leaves nothing to validate on; give at least 1 image"),
        (-3, 0, "validation = -3 leaves nothing to validate on"),
        (
            39,
            0,
            "validation = 39 asks for 39 of 40 training images, but each of the 2 classes must keep at least one; "
            "give at most 38",
        ),
        (0.99, 0, "validation = 0.99 asks for 40 of 40 training images"),
        (1.0, 0, "validation = 1.0 is no share between 0 and 1; give a share such as 0.1, or a whole number of images"),
        (5000.0, 0, "validation = 5000.0 is no share between 0 and 1"),
        (float("nan"), 0, "validation = nan is no share between 0 and 1"),
        (True, 0, "validation = True is not a number"),
        ("10", 0, "validation = '10' is not a number; give a number of images or a share below 1"),
        (5, -1, "split_seed = -1 is not a seed; give a whole number from 0 on"),
        (5, 1.5, "split_seed = 1.5 is not a seed"),
    ],
)
def test_impossible_requests_are_refused(validation: float, seed: int, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        split(np.tile([0, 1], 25), contents(range(50)), NAMES[:2], 40, validation, seed)
    assert message in str(refused.value)


def test_the_most_that_the_message_offers_is_possible() -> None:
    splits = split(np.tile([0, 1], 25), contents(range(50)), NAMES[:2], 40, 38, 0)
    assert len(splits.train) == 2


def test_a_class_that_is_dropped_completely_is_told() -> None:
    labels = np.array([0, 0, 1, 1, 0, 1, 1])
    with pytest.raises(InvalidData) as refused:
        split(labels, contents([0, 1, 2, 3, 4, 2, 3]), ("shoe", "bag"), 4, 1, 0)
    assert str(refused.value) == (
        "no training images for 1 of 2 classes: bag (2 were dropped as exact copies of test images); "
        "add images of these classes, or remove the classes"
    )


def test_too_few_images_are_told() -> None:
    with pytest.raises(InvalidData, match="3 images in 2 classes are too few to set apart test and validation images"):
        split(np.array([0, 0, 1]), contents(range(3)), NAMES[:2], None, 1, 0)


def test_copies_in_groups_too_large_are_told() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1, 0, 1])
    with pytest.raises(InvalidData, match="the 6 training images are exact copies of so few that no group of copies"):
        split(labels, contents([5, 5, 5, 6, 6, 6, 7, 8]), NAMES[:2], 6, 2, 0)


def test_the_proof_notices_each_kind_of_leak() -> None:
    def proof(train: list[int], validation: list[int], test: list[int], dropped: int, ids: list[int]) -> None:
        Splits(np.array(train), np.array(validation), np.array(test), dropped).check(contents(ids))

    proof([0, 1], [2], [3], 0, [0, 1, 2, 3])
    proof([0], [2], [3], 1, [0, 3, 2, 3])
    with pytest.raises(AssertionError, match="in two parts"):
        proof([0, 1], [1, 2], [3], 0, [0, 1, 2, 3])
    with pytest.raises(AssertionError, match="in no part"):
        proof([0], [2], [3], 0, [0, 1, 2, 3])
    with pytest.raises(AssertionError, match="a validation image has a copy in training"):
        proof([0, 1], [2], [3], 0, [0, 1, 1, 3])
    with pytest.raises(AssertionError, match="a test image has a copy in training"):
        proof([0, 1], [2], [3], 0, [0, 1, 2, 1])
    with pytest.raises(AssertionError, match="a test image has a copy in validation"):
        proof([0, 1], [2], [3], 0, [0, 1, 2, 2])
