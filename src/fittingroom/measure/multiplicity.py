"""Many comparisons at once: Holm's step-down p values, intervals that belong to them, and what chance makes of a best.

The suffix ``M`` tells a dimension: the comparisons of one family.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from fittingroom.measure.evaluate import Interval
from fittingroom.measure.stats import ALPHA, SAME, Floats, Sample


class Adjusted(NamedTuple):
    """A comparison as one of several."""

    p: float | None
    """Holm's; None where the comparison has none."""
    interval: Interval | None
    """Adjusted; an end at exactly 0 is meant as "beyond 0"."""
    differs: bool
    """Whether Holm's procedure rejects that both are equal; exactly then the interval excludes zero."""


def holm(p_M: Sequence[float] | Floats) -> Floats:
    """Adjusted p values, in the order given: those of at most alpha are rejected.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979),
    65–70. Whichever of the hypotheses are true and however they hang together, the probability of rejecting any
    true one is at most alpha.
    """
    p = np.asarray(p_M, np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def adjust(differences_M: Sequence[Sample], alpha: float = ALPHA) -> list[Adjusted]:
    """Each difference with Holm's p and an interval that excludes zero exactly where Holm rejects.

    The interval is Bonferroni's (the t interval at alpha / M), which covers all M true differences at once with
    probability 1 - alpha or more. Holm rejects everything that Bonferroni does, and sometimes more; there, the end of
    the interval on zero's far side is moved to zero: that the difference has this sign is all that the step-down adds.
    So are the bounds for one-sided hypotheses that belong to Holm's procedure (K. Strassburger and F. Bretz,
    Statistics in Medicine 27, 2008, 4914–4927; O. Guilbaud, Biometrical Journal 50, 2008, 678–692). Two-sided there
    is none that is at once informative, step-down and exact, so two things hold, each with probability 1 - alpha: no
    true zero is excluded, and no interval misses on grounds other than such a cut. Both together hold with at least
    1 - 2 alpha: simulated with 5 arms, 95.4 % of 8,000 studies where all are equal, 91.5 % of 3,000 where one pair is
    and all others lie far apart (n = 3; hardly different at 5 and 10).

    A difference without p (see ``Sample``) counts as one of the M that shows nothing.
    """
    if not differences_M:
        return []
    level = alpha / len(differences_M)
    adjusted_M = holm([1.0 if sample.p is None else sample.p for sample in differences_M])
    return [_adjusted(sample, float(p), level, alpha) for sample, p in zip(differences_M, adjusted_M, strict=True)]


def _adjusted(difference: Sample, p: float, level: float, alpha: float) -> Adjusted:
    interval = difference.interval_at(level)
    differs = difference.p is not None and p <= alpha and interval is not None
    if interval is not None and differs:
        low, high = interval
        interval = Interval(max(low, 0.0), high) if difference.mean > 0 else Interval(low, min(high, 0.0))
    return Adjusted(None if difference.p is None else p, interval, differs)


def expected_best(k: int) -> float:
    """How many standard deviations the largest of ``k`` equal normal values lies above their mean, on average.

    0.564 for 2, 1.163 for 5 (H. L. Harter, "Expected values of normal order statistics", Biometrika 48, 1961,
    151–165); the integral of z over the density k φ(z) Φ(z)^(k-1), by the trapezoidal rule, which is exact to rounding
    for functions as smooth and short as this one.
    """
    z = np.linspace(-12, 12, 2401)
    density = k * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * special.ndtr(z) ** (k - 1)
    return float((z * density).sum() * (z[1] - z[0]))


def optimism(values_KS: npt.ArrayLike) -> float | None:
    """How much the best of K arms would look better than their average if all were equal, in the values' unit.

    ``expected_best(K)`` standard errors of an arm's mean over S seeds. The spread is what arms (rows) and seeds
    (columns) leave of the values, SS / ((K - 1)(S - 1)), as in the two-way layout without replication (H. Scheffé,
    "The Analysis of Variance", 1959, section 4.2), so that what a seed does to all arms alike is not counted. It takes
    all arms to be spread alike. None for fewer than 2 arms or seeds, or where nothing is left over.
    """
    values = np.asarray(values_KS, np.float64)
    arms, seeds = values.shape
    if arms < 2 or seeds < 2:
        return None
    rest = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0, keepdims=True) + values.mean()
    variance = float((rest**2).sum()) / ((arms - 1) * (seeds - 1))
    if variance**0.5 <= SAME * float(abs(values).max()):
        return None
    return expected_best(arms) * float(np.sqrt(variance / seeds))
