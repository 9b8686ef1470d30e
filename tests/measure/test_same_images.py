"""Two runs on the same images, against statsmodels, published figures and simulation."""

import json
from pathlib import Path

import numpy as np
import pytest

from fittingroom.errors import InvalidInput
from fittingroom.measure.same_images import Counts, count, difference_interval, mcnemar

TABLE = json.loads((Path(__file__).parent.parent / "oracles" / "stats_table.json").read_text())
AIRWAYS = Counts(1, 1, 7, 12)
"""Bentur et al. (2009), the example of Fagerland, Lydersen and Laake, Statistics in Medicine 33 (2014), 2850–2875."""


def test_images_are_counted_by_who_recognized_them():
    counts = count([1, 1, 0, 0, 1], [1, 0, 1, 0, 0])
    assert counts == Counts(1, 2, 1, 1)
    assert (counts.n, counts.difference) == (5, 0.2)


def test_answers_must_be_for_the_same_images():
    with pytest.raises(
        InvalidInput, match="answers for 3 images cannot be compared with answers for 2; give both runs"
    ):
        count([1, 1, 0], [1, 0])
    with pytest.raises(InvalidInput, match="answers for 0 images"):
        count([], [])


def test_exact_p_equals_statsmodels():
    for row in TABLE["mcnemar"]:
        assert mcnemar(Counts(*row["counts"])).p == pytest.approx(row["p"], rel=1e-9), row


def test_published_figures():
    found = mcnemar(AIRWAYS)
    assert (round(found.p, 4), round(found.mid_p, 4)) == (0.0703, 0.0391)
    assert difference_interval(AIRWAYS) == pytest.approx((-0.507, -0.026), abs=5e-4)


def test_equal_shares_show_nothing():
    assert mcnemar(Counts(5, 4, 4, 9)) == pytest.approx((1, 1))
    assert mcnemar(Counts(5, 0, 0, 9)) == (1.0, 1.0)
    low, high = difference_interval(Counts(50, 0, 0, 0))
    assert low == -high < 0


def test_the_other_way_round_is_the_other_sign():
    low, high = difference_interval(Counts(4500, 120, 96, 284))
    assert difference_interval(Counts(4500, 96, 120, 284)) == pytest.approx((-high, -low))


def test_the_difference_is_covered_and_equal_runs_are_told_apart_in_5_percent():
    rng = np.random.default_rng(1)
    tables = [Counts(*map(int, row)) for row in rng.multinomial(400, [0.85, 0.05, 0.05, 0.05], 3000)]
    covered = np.mean([low <= 0 <= high for low, high in map(difference_interval, tables)])
    assert covered == pytest.approx(0.955, abs=0.015)
    tests = [mcnemar(table) for table in tables]
    assert np.mean([test.p <= 0.05 for test in tests]) <= 0.05
    assert np.mean([test.mid_p <= 0.05 for test in tests]) == pytest.approx(0.045, abs=0.015)
