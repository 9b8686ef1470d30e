"""Streams of random numbers: pinned, so that no change of them goes unnoticed, and independent."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fittingroom.engine.random import stream


@pytest.mark.parametrize(
    ("key", "first"),
    [
        ((0, "order"), [773406672, 490384850, 1756683857]),
        ((0, "augment/rotation/0", 0, 0), [879236009, 2136252592, 4160037924]),
        ((7, "augment/rotation/0", 3, 11), [2081811889, 83900919, 2794688415]),
        ((9223372036854775807, "dropout/dropout_1", 100, 2000), [3147125957, 3077793160, 266710380]),
    ],
)
def test_streams_are_pinned(key: tuple[int, str], first: list[int]) -> None:
    """A change here changes every run that was ever recorded: resume and repeat would no longer be exact."""
    assert stream(*key).integers(0, 2**32, 3).tolist() == first


def test_a_stream_is_the_same_whenever_it_is_asked_for() -> None:
    before = stream(1, "order", 4).random(5)
    np.random.default_rng(0).random(3)
    stream(1, "order", 5).random(7)
    np.testing.assert_array_equal(stream(1, "order", 4).random(5), before)


def test_streams_that_differ_in_anything_differ() -> None:
    keys = [
        (seed, purpose, *counters)
        for seed in (0, 1, 2**32, 2**63 - 1)
        for purpose in ("", "order", "augment/rotation/0", "augment/rotation/1")
        for counters in ((), (0,), (1,), (0, 0), (0, 1), (1, 0), (1, 1))
    ]
    draws = [tuple(stream(*key).integers(0, 2**63, 2)) for key in keys]
    assert len(set(draws)) == len(keys)


def test_neighbouring_streams_are_not_correlated() -> None:
    rows = np.stack(
        [stream(0, "noise", epoch, step).random(500) for epoch, step in itertools.product(range(8), range(8))]
    )
    correlations = np.corrcoef(rows)[np.triu_indices(64, 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(500)
    assert abs(rows.mean() - 0.5) < 4 * np.sqrt(1 / 12 / rows.size)
