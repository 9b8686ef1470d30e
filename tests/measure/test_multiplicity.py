"""Many comparisons at once: against statsmodels and tables of the papers; error rates by simulation."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from fittingroom.measure.multiplicity import adjust, expected_best, holm, optimism
from fittingroom.measure.stats import Sample, paired, sample

TABLE = json.loads((Path(__file__).parent.parent / "oracles" / "stats_table.json").read_text())
PAIRS = list(itertools.combinations(range(5), 2))


def pairs(values_KS: np.ndarray) -> list[Sample]:
    return [paired(values_KS[a], values_KS[b]) for a, b in PAIRS]


@pytest.mark.parametrize("row", TABLE["holm"], ids=lambda row: f"m={len(row['p'])}")
def test_holms_p_equals_statsmodels(row):
    np.testing.assert_allclose(holm(row["p"]), row["adjusted"])


def test_holms_p_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    assert holm([]).shape == (0,)


def test_the_interval_excludes_zero_exactly_where_holm_rejects():
    rng = np.random.default_rng(1)
    cut = 0
    for _ in range(200):
        differences = [sample(rng.normal(rng.choice([-1, 0, 0.6, 1]), 0.5, 5)) for _ in range(6)]
        rejected = holm([difference.p for difference in differences]) <= 0.05
        for difference, adjusted, reject in zip(differences, adjust(differences), rejected, strict=True):
            low, high = adjusted.interval
            assert adjusted.differs == reject == (low >= 0 or high <= 0)
            assert low <= difference.mean <= high
            cut += 0 in adjusted.interval
    assert cut > 10  # the step-down decided more than Bonferroni


def test_one_comparison_needs_no_adjustment():
    (adjusted,) = adjust([difference := sample([0.2, 0.3, 0.5])])
    assert adjusted.interval == pytest.approx(difference.interval)
    assert adjusted.p == difference.p


def test_a_difference_without_spread_counts_and_shows_nothing():
    clear = sample([1.0, 1.1, 1.05])
    with_it, without = adjust([clear, sample([0.3, 0.3, 0.3])])
    assert without == (None, None, False)
    assert with_it.p == 2 * clear.p
    assert adjust([]) == []


def test_expected_best_of_k_equals_harters_table():
    found = [expected_best(k) for k in (1, 2, 3, 4, 5, 10, 40)]
    np.testing.assert_allclose(found, [0, 0.56419, 0.84628, 1.02938, 1.16296, 1.53875, 2.16078], atol=6e-6)


def test_optimism_is_what_chance_makes_of_the_best():
    rng = np.random.default_rng(2)
    studies = rng.normal(91, 1, (4000, 1, 4)) + rng.normal(0, 0.2, (4000, 5, 4))  # seeds matter to all arms alike
    means = studies.mean(axis=2)
    ahead = (means.max(axis=1) - means.mean(axis=1)).mean()
    assert np.mean([optimism(study) for study in studies[:500]]) == pytest.approx(ahead, rel=0.05)
    assert optimism([[1.0, 2], [1.5, 2.5]]) is None  # nothing left over
    assert optimism([[1.0], [2.0]]) is None
    assert optimism([[1.0, 2.0]]) is None


@pytest.mark.parametrize("n", [3, 5, 10])
def test_five_equal_arms_are_told_apart_in_at_most_5_percent_of_studies(n):
    rng = np.random.default_rng(n)
    studies = rng.normal(91, 0.5, (4000, 1, n)) + rng.normal(0, 0.2, (4000, 5, n))
    false = np.mean([any(each.differs for each in adjust(pairs(study))) for study in studies])
    assert 0.03 <= false <= 0.05 + 2 * (0.05 * 0.95 / 4000) ** 0.5  # what simulating so often may add


@pytest.mark.parametrize("n", [3, 5, 10])
def test_five_equal_arms_are_all_covered_in_95_percent_of_studies(n):
    """An end at 0 is beyond it: a cut interval misses a true zero."""
    rng = np.random.default_rng(n + 1)
    studies = rng.normal(91, 0.5, (2000, 1, n)) + rng.normal(0, 0.2, (2000, 5, n))
    covered = [all(low < 0 < high for _, (low, high), _ in adjust(pairs(study))) for study in studies]
    assert np.mean(covered) == pytest.approx(0.955, abs=0.015)


def test_what_the_two_statements_are_worth_where_holm_is_sharpest():
    """One true zero among differences that are all found: each statement holds in 95 % of all cases, both in 90 %."""
    rng = np.random.default_rng(4)
    true = np.array([0.0, 5, 6, 7])
    excluded, missed = 0, 0
    for study in true[:, None] + rng.normal(0, 0.2, (2500, 4, 10)):
        adjusted = adjust([sample(differences) for differences in study])
        excluded += adjusted[0].differs
        missed += any(not low <= mean <= high for mean, (_, (low, high), _) in zip(true[1:], adjusted[1:], strict=True))
    assert excluded / 2500 == pytest.approx(0.05, abs=0.015)
    assert missed / 2500 == pytest.approx(3 / 4 * 0.05, abs=0.015)
