"""How many seeds it takes to settle a difference, as a range: the spread of few runs is itself uncertain."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from fittingroom.measure.evaluate import Interval
from fittingroom.measure.stats import ALPHA, t_quantile

POWER = 0.8
MOST_SEEDS = 1000
"""Nobody trains more; above, only that it takes more is told."""

Z = np.linspace(-7, 7, 351)
DENSITY = np.exp(-(Z**2) / 2) / math.sqrt(2 * math.pi) * (Z[1] - Z[0])
"""Points for integrals over the normal distribution, and their weights; exact to 1e-5 in ``power``."""


class Seeds(NamedTuple):
    """How many seeds each arm needs; None for more than 1,000."""

    low: int | None
    high: int | None

    def __str__(self) -> str:
        if self.low is None:
            return f"more than {MOST_SEEDS:,}"
        if self.high is None:
            return f"between {self.low:,} and more than {MOST_SEEDS:,}"
        return f"{self.low:,}" if self.low == self.high else f"between {self.low:,} and {self.high:,}"


def power(n: int, effect: float, alpha: float = ALPHA) -> float:
    """How probably a two-sided paired t test with ``n`` seeds finds a difference of ``effect`` standard deviations.

    The standard deviation is that of the paired differences. From the noncentral t distribution with noncentrality
    effect x sqrt(n); J. Cohen, "Statistical Power Analysis for the Behavioral Sciences" (2nd edition 1988), chapter 2.
    SciPy's series for it give nan here and there, so it is integrated over the normal numerator z: t is beyond its
    limit where the chi-squared denominator stays below (n - 1) ((z + effect sqrt(n)) / limit)².
    """
    limit = t_quantile(n - 1, alpha)
    inside = special.chdtr(n - 1, (n - 1) * ((Z + effect * math.sqrt(n)) / limit) ** 2)
    return min(1.0, float((DENSITY * inside).sum()))


def seeds_for(effect: float, alpha: float = ALPHA) -> int | None:
    """The fewest seeds (from 2) with which ``effect`` standard deviations are found in 80 % of all studies.

    None for more than 1,000. Power grows with the seeds, so the number is found by halving.
    """
    if power(MOST_SEEDS, effect, alpha) < POWER:
        return None
    few, many = 1, MOST_SEEDS
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if power(middle, effect, alpha) >= POWER else (middle, many)
    return many


def spread_interval(sd: float, n: int) -> Interval:
    """The 95 % interval of the true standard deviation of normal values, ``sd`` being that of ``n`` of them.

    From the chi-squared distribution of (n - 1) sd² / sigma²; G. W. Snedecor and W. G. Cochran, "Statistical Methods"
    (8th edition 1989). At n = 3 it goes from 0.52 to 6.3 times ``sd``.
    """
    low, high = (sd * math.sqrt((n - 1) / float(special.chdtri(n - 1, tail))) for tail in (0.025, 0.975))
    return Interval(low, high)


def seeds_needed(sd: float, n: int, margin: float, alpha: float = ALPHA) -> Seeds:
    """How many seeds find a true difference of ``margin`` with 80 % power, at both ends of what the spread may be.

    ``sd`` > 0 is the standard deviation of ``n`` paired differences. The true number lies in the range in 95 % of all
    cases. ``alpha`` is that of the test, so alpha / M where it is one of M comparisons.
    """
    low, high = spread_interval(sd, n)
    return Seeds(seeds_for(margin / low, alpha), seeds_for(margin / high, alpha))
