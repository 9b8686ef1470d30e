"""How many seeds: power and numbers against statsmodels and simulation."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats as reference

from fittingroom.measure.planning import Seeds, power, seeds_for, seeds_needed, spread_interval

TABLE = json.loads((Path(__file__).parent.parent / "oracles" / "stats_table.json").read_text())


def test_power_equals_statsmodels():
    for row in TABLE["power"]:
        assert power(row["n"], row["effect"], row["alpha"]) == pytest.approx(row["power"], abs=2e-6), row


def test_power_where_scipys_series_fails():
    """statsmodels answers nan here; simulated."""
    rng = np.random.default_rng(1)
    samples = rng.normal(5, 1, (200_000, 3))
    found = (reference.ttest_1samp(samples, 0, axis=1).pvalue <= 0.005).mean()
    assert power(3, 5.0, 0.005) == pytest.approx(found, abs=0.004)


def test_numbers_of_seeds_equal_statsmodels():
    for row in TABLE["seeds"]:
        expected = row["seeds"] if row["seeds"] <= 1000 else None
        assert seeds_for(row["effect"], row["alpha"]) == expected, row


def test_extremes():
    assert seeds_for(1e9) == 2
    assert seeds_for(1e-9) is None
    assert power(2, 0.0) == pytest.approx(0.05, abs=1e-5)


def test_the_spread_of_three_seeds_is_hardly_known():
    assert spread_interval(1.0, 3) == pytest.approx((0.5207, 6.2848), abs=1e-4)


@pytest.mark.parametrize(
    ("seeds", "text"),
    [
        (Seeds(5, 12), "between 5 and 12"),
        (Seeds(7, 7), "7"),
        (Seeds(40, None), "between 40 and more than 1,000"),
        (Seeds(None, None), "more than 1,000"),
    ],
)
def test_words(seeds, text):
    assert str(seeds) == text


@pytest.mark.parametrize(("effect", "alpha"), [(0.5, 0.05), (1.0, 0.05), (1.5, 0.005), (2.5, 0.05)])
def test_so_many_seeds_find_the_margin_in_80_percent_of_studies(effect, alpha):
    n = seeds_for(effect, alpha)
    rng = np.random.default_rng(n)

    def found(seeds: int) -> float:
        differences = rng.normal(effect, 1, (20_000, seeds))
        return float((reference.ttest_1samp(differences, 0, axis=1).pvalue <= alpha).mean())

    assert found(n) >= 0.8 - 0.01
    assert found(n - 1) < 0.8 + 0.01


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_true_number_lies_in_the_range_in_95_percent_of_studies(n):
    rng = np.random.default_rng(n)
    true = seeds_for(0.2 / 0.5)
    contained = 0
    for sd in rng.normal(0.1, 0.5, (800, n)).std(axis=1, ddof=1):
        low, high = seeds_needed(sd, n, 0.2)
        contained += (low or math.inf) <= true <= (high or math.inf)
    assert contained / 800 == pytest.approx(0.955, abs=0.02)
