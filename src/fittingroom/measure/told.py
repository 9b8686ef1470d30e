"""Figures in words: as many digits as their interval allows, units, a true minus sign."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fittingroom.measure.evaluate import Interval
from fittingroom.measure.study import Measure

MOST_DECIMALS = 4


def decimals(width: float, measure: Measure) -> int:
    """How many a figure of ``measure`` gets whose interval is ``width`` wide on each side: two digits of that width.

    At most 4; points have 1 at least, and more than 2 only where the width would read as zero.
    """
    if not math.isfinite(width) or width <= 0:
        return 2
    first = -math.floor(math.log10(width))
    wanted = max(1, min(first + 1, 2), first) if measure.unit == "points" else first + 1
    return min(MOST_DECIMALS, max(0, wanted))


def digits(measure: Measure, *intervals: Interval | None) -> int:
    """Decimals for figures with their intervals: those of the first one's width, more where an end would read as zero.

    So an interval that just excludes zero, or just does not, is seen to.
    """
    known = [interval for interval in intervals if interval is not None]
    places = decimals(span_of(known[0]), measure) if known else 2
    ends = [abs(end) for interval in known for end in interval if end]
    while places < MOST_DECIMALS and any(end < 0.5 / 10**places for end in ends):
        places += 1
    return places


def figure(value: float, places: int) -> str:
    """``−0.21``, ``1,234.5``; never ``−0.00``."""
    text = f"{value:,.{places}f}"
    if not text.strip("-0,."):
        text = text.lstrip("-")
    return text.replace("-", "−")


def seconds_decimals(value: float) -> int:
    """How many a time gets: 1, below one second as many as show two digits of it (4 at most)."""
    return min(MOST_DECIMALS, 1 - math.floor(math.log10(abs(value)))) if 0 < abs(value) < 1 else 1


def amount(value: float, measure: Measure, places: int) -> str:
    """A difference with its unit: ``0.08 points``, ``−3.2 s``, ``0.0031``."""
    return f"{figure(value, places)} {measure.unit}".strip()


def level(value: float, measure: Measure, places: int) -> str:
    """A value of the measure itself: ``91.62 %``, ``41 s``, ``0.2431``."""
    return f"{figure(value, places)} {'%' if measure.unit == 'points' else measure.unit}".strip()


def margin_words(margin: float, measure: Measure) -> str:
    """``0.2 points``, ``1 epoch``."""
    unit = measure.unit
    if margin == 1 and unit in ("points", "epochs"):
        unit = unit.removesuffix("s")
    return f"{margin:g} {unit}".strip()


def span(interval: Interval, places: int) -> str:
    """``−0.21 to 0.37``; an end at exactly 0 is meant as beyond it: ``above 0 to 0.37``."""
    low = "above 0" if interval.low == 0 else figure(interval.low, places)
    return f"{low} to {'below 0' if interval.high == 0 else figure(interval.high, places)}"


def span_of(interval: Interval) -> float:
    """Half its width."""
    return (interval.high - interval.low) / 2


def counted(n: int, what: str) -> str:
    """``1 seed``, ``3 seeds``"""
    return f"{n:,} {what}{'s' * (n != 1)}"


def listed(names: Sequence[str], most: int = 6) -> str:
    """``a``, ``a and b``, ``a, b and c``, ``a, b, c and 12 more``"""
    shown = list(names) if len(names) <= most else [*names[: most - 1], f"{len(names) - most + 1:,} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def probability(p: float) -> str:
    """``p = 0.031``, ``p < 0.001``"""
    return "p < 0.001" if p < 0.001 else f"p = {figure(p, 3)}"
