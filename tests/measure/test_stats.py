"""Intervals and tests for few seeds against statsmodels, SciPy, worked examples of the papers, and simulation."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats as reference

from fittingroom.measure.stats import (
    Sample,
    beats_independent,
    beats_paired,
    equivalence,
    paired,
    sample,
    sign_flip,
    t_quantile,
    wilcoxon,
)

TABLE = json.loads((Path(__file__).parent.parent / "oracles" / "stats_table.json").read_text())
SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
"""Hours of sleep gained by drug 2 over drug 1; Student (1908), section 9."""
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
"""Darwin's crossed less self-fertilized plants, in eighths of an inch; Fisher (1935), chapter III."""
DEPRESSION_X = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
DEPRESSION_Y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
"""Hollander and Wolfe, "Nonparametric Statistical Methods" (1973), page 29."""


@pytest.mark.parametrize("row", TABLE["paired"], ids=lambda row: f"n={len(row['a'])}")
def test_paired_differences_equal_statsmodels(row):
    found = paired(row["a"], row["b"])
    assert found.mean == pytest.approx(row["mean"])
    assert found.interval == pytest.approx(row["interval"])
    assert found.p == pytest.approx(row["p"])
    equality = equivalence(found, row["margin"])
    assert equality.p == pytest.approx(row["tost"])


def test_students_sleep():
    found = sample(SLEEP)
    assert (found.n, round(found.mean, 2), round(found.sd, 2)) == (10, 1.58, 1.23)
    assert found.interval == pytest.approx((0.7001, 2.4599), abs=1e-4)
    assert found.p == pytest.approx(0.002833, abs=1e-6)


def test_one_value_has_no_spread():
    assert sample([91.2]) == Sample(1, 91.2, None, None, None)


def test_a_spread_that_was_not_seen_is_not_a_spread_of_zero():
    a = 100 * np.array([0.9, 0.91, 0.92], np.float32)
    apart = paired(a, a - 1)
    assert apart.mean == pytest.approx(1)
    assert (apart.sd, apart.interval, apart.p) == (0.0, None, None)
    assert equivalence(apart, 2.0) is None
    alike = paired(a, a + 1e-6)
    assert (alike.sd, alike.interval, alike.p) == (0.0, None, 1.0)


@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.005, 0.05 / 780])
@pytest.mark.parametrize("degrees", [1, 2, 4, 29])
def test_t_quantiles_equal_scipys(alpha, degrees):
    assert t_quantile(degrees, alpha) == pytest.approx(reference.t.isf(alpha / 2, degrees), rel=1e-6)


def test_fisher_counted_1726_of_32768_flips_of_darwins_maize():
    assert sign_flip(MAIZE) == 1726 / 32768


def test_exact_tests_begin_at_six_seeds():
    for n in range(1, 6):
        assert sign_flip(range(1, n + 1)) is None
        assert wilcoxon(range(1, n + 1)) is None
    assert sign_flip(range(1, 7)) == wilcoxon(range(1, 7)) == 2 / 2**6


def test_sign_flips_equal_scipys_permutations():
    differences = np.random.default_rng(3).normal(0.5, 1, 9)
    expected = reference.permutation_test(
        (differences, np.zeros(9)), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip(differences) == pytest.approx(expected.pvalue)


def test_many_seeds_are_flipped_at_random_and_come_to_the_same():
    differences = np.random.default_rng(4).normal(0.4, 1, 20)
    flips = np.array(list(itertools.product([-1, 1], repeat=10)))
    halves = np.add.outer(flips @ differences[:10], flips @ differences[10:])
    exact = (abs(halves) >= abs(differences.sum()) - 1e-9).mean()
    assert sign_flip(differences) == pytest.approx(exact, abs=4 * math.sqrt(exact / 9_999))
    assert sign_flip(differences) == sign_flip(differences)


def test_wilcoxons_test():
    differences = np.subtract(DEPRESSION_X, DEPRESSION_Y)
    assert wilcoxon(differences) == pytest.approx(0.0390625)
    assert wilcoxon(-differences) == pytest.approx(0.0390625)
    assert wilcoxon(SLEEP) == pytest.approx(2 / 2**9)  # the zero is left out, all others are gains
    assert wilcoxon([0.0] * 6) == 1.0


def test_wilcoxons_test_stays_exact_with_ties():
    differences = np.array([1.0, -1, 2, 2, 2, -3, 4])
    ranks = reference.rankdata(abs(differences))
    sums = [np.dot(flip, ranks) for flip in itertools.product([-1, 1], repeat=7)]
    observed = np.dot(np.sign(differences), ranks)
    assert wilcoxon(differences) == pytest.approx(np.mean(np.abs(sums) >= abs(observed)))


def test_equal_is_where_the_90_percent_interval_lies_within_the_margins():
    rng = np.random.default_rng(5)
    decided = []
    for _ in range(300):
        found = sample(rng.normal(0.05, 0.1, 5))
        equality = equivalence(found, 0.2)
        inside = equality.interval.low > -0.2 and equality.interval.high < 0.2
        assert (equality.p < 0.05) == inside
        decided.append(inside)
    assert 0 < sum(decided) < 300


def test_runs_are_counted_against_the_run_of_the_same_seed():
    beats = beats_paired([3.0, 2, 5, 1, math.inf], [1.0, 2, 4, 2, math.inf])
    assert (beats.wins, beats.ties, beats.n, beats.share) == (2, 2, 5, 0.6)
    wins, losses = reference.binomtest(2, 5).proportion_ci(), reference.binomtest(4, 5).proportion_ci()
    assert beats.interval == pytest.approx((wins.low, losses.high))


def test_three_wins_in_three_seeds_say_little():
    assert beats_paired([1.0, 2, 3], [0.0, 1, 2]).interval == pytest.approx((0.025 ** (1 / 3), 1))


def test_any_runs_are_compared_by_mann_and_whitneys_u():
    rng = np.random.default_rng(6)
    a, b = rng.integers(0, 6, 8).astype(float), rng.integers(0, 5, 7).astype(float)
    beats = beats_independent(a, b)
    assert beats.share == pytest.approx(reference.mannwhitneyu(a, b).statistic / 56)
    assert beats.ties == sum(x == y for x in a for y in b)
    assert beats_independent(a[:4], b).interval is None


def test_the_interval_of_superiority_has_ends_that_are_1_96_of_their_errors_away():
    beats = beats_independent(np.arange(6.0), np.arange(5.0) - 1.5)
    for true in beats.interval:
        inner = 4.5 * ((1 - true) / (2 - true) + true / (1 + true))
        assert abs(beats.share - true) / math.sqrt(true * (1 - true) * (1 + inner) / 30) == pytest.approx(
            1.96, abs=1e-3
        )


@pytest.mark.parametrize("n", [3, 5, 10])
def test_t_intervals_cover_95_percent(n):
    rng = np.random.default_rng(n)
    seeds = rng.normal(91, 0.5, (4000, n))
    a, b = seeds + rng.normal(0.1, 0.2, (4000, n)), seeds + rng.normal(0, 0.1, (4000, n))
    intervals = np.array([paired(*both).interval for both in zip(a, b, strict=True)])
    assert ((intervals[:, 0] <= 0.1) & (intervals[:, 1] >= 0.1)).mean() == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_superiority_of_independent_runs_is_covered(n, shift):
    rng = np.random.default_rng(n)
    true = reference.norm.cdf(shift / math.sqrt(2))
    a, b = rng.normal(shift, 1, (2000, n)), rng.normal(0, 1, (2000, n))
    intervals = [beats_independent(*both).interval for both in zip(a, b, strict=True)]
    assert np.mean([low <= true <= high for low, high in intervals]) == pytest.approx(0.955, abs=0.02)


@pytest.mark.parametrize("n", [3, 6, 10])
def test_superiority_of_paired_runs_is_covered_at_least(n):
    rng = np.random.default_rng(n)
    a, b = rng.integers(0, 4, (1500, n)), rng.integers(0, 3, (1500, n))
    true = np.mean([(x > y) + (x == y) / 2 for x in range(4) for y in range(3)])
    intervals = [beats_paired(*both).interval for both in zip(a, b, strict=True)]
    assert np.mean([low <= true <= high for low, high in intervals]) >= 0.95


def test_equality_is_wrongly_found_in_5_percent_at_the_margin():
    rng = np.random.default_rng(7)
    found = [equivalence(sample(differences), 0.2) for differences in rng.normal(0.2, 0.05, (3000, 5))]
    assert np.mean([equality.p <= 0.05 for equality in found]) == pytest.approx(0.05, abs=0.012)


def test_the_exact_test_keeps_its_level():
    rng = np.random.default_rng(8)
    p = np.array([sign_flip(differences) for differences in rng.standard_t(3, (6000, 8))])
    assert (p <= 0.05).mean() == pytest.approx(12 / 256, abs=0.008)
