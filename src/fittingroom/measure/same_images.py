"""Two runs on the same images: whether one is right more often, and by how much. About these images, not about seeds.

Suffix ``N``: images. ``right_a_N`` and ``right_b_N`` say of the same images, in the same order, which were recognized.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from fittingroom.errors import InvalidInput
from fittingroom.measure.evaluate import Interval, wilson


class Counts(NamedTuple):
    """Images by who recognized them."""

    both: int
    only_a: int
    only_b: int
    neither: int

    @property
    def n(self) -> int:
        return sum(self)

    @property
    def difference(self) -> float:
        """Accuracy of A minus accuracy of B, -1 to 1."""
        return (self.only_a - self.only_b) / self.n


class McNemar(NamedTuple):
    """Both forms of the test that two runs are right equally often."""

    p: float
    """Exact: never too small, mostly too large."""
    mid_p: float
    """With half the probability of what was observed; nearer to its level, which it may pass a little."""


def count(right_a_N: npt.ArrayLike, right_b_N: npt.ArrayLike) -> Counts:
    """Raises InvalidInput unless both are about the same number of images, 1 or more."""
    a, b = np.asarray(right_a_N, bool), np.asarray(right_b_N, bool)
    if a.shape != b.shape or a.ndim != 1 or len(a) == 0:
        raise InvalidInput(
            f"answers for {a.size:,} images cannot be compared with answers for {b.size:,}; "
            "give both runs the same images"
        )
    return Counts(int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum()), int((~a & ~b).sum()))


def mcnemar(counts: Counts) -> McNemar:
    """Two-sided test of only those images on which the runs disagree: equally good runs share them like a fair coin.

    Q. McNemar, Psychometrika 12 (1947), 153–157, exact by the binomial distribution; its mid-p form after M. W.
    Fagerland, S. Lydersen and P. Laake, BMC Medical Research Methodology 13 (2013), 91.
    """
    few, n = min(counts.only_a, counts.only_b), counts.only_a + counts.only_b
    at_most = float(special.bdtr(few, n, 0.5))
    fewer = float(special.bdtr(few - 1, n, 0.5)) if few else 0.0
    return McNemar(min(1.0, 2 * at_most), min(1.0, at_most + fewer))


def difference_interval(counts: Counts) -> Interval:
    """The 95 % interval of the difference of two accuracies on the same images, in accuracy (-1 to 1).

    Method 10 of R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based
    on paired data", Statistics in Medicine 17 (1998), 2635–2650: Wilson's intervals of both accuracies, added as
    squares, less what the answers have in common.
    """
    both, only_a, only_b, neither = counts
    n = counts.n
    a, b = (both + only_a) / n, (both + only_b) / n
    low_a, high_a = wilson(a, n)
    low_b, high_b = wilson(b, n)
    together = both * neither - only_a * only_b
    margins = math.sqrt((both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither))
    together_corrected = together if together <= 0 else max(together - n / 2, 0)
    phi = together_corrected / margins if margins else 0.0
    return Interval(
        a - b - _apart(a - low_a, high_b - b, phi),
        a - b + _apart(high_a - a, b - low_b, phi),
    )


def _apart(x: float, y: float, phi: float) -> float:
    return math.sqrt(max(0.0, x * x - 2 * phi * x * y + y * y))
