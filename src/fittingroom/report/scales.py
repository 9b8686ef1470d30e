"""From figures to places: linear and logarithmic scales, round ticks, numbers as text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from fittingroom.measure.study import Measure
from fittingroom.measure.told import seconds_decimals

DIGITS = {"points": 2, "epochs": 1, "": 4}
"""Decimals of a figure as it is told, by its unit; those of times depend on the figure."""


@dataclass(frozen=True)
class Scale:
    """Where values from ``low`` to ``high`` lie between ``begin`` and ``end`` (which may be the smaller one)."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value; those outside the scale lie beyond its ends."""
        low, high, at = (math.log(each) if self.log else each for each in (self.low, self.high, value))
        return self.begin + (at - low) / (high - low) * (self.end - self.begin)

    def within(self, value: float) -> float:
        return min(max(value, self.low), self.high)

    def ticks(self, at_most: int) -> list[float]:
        return log_ticks(self.low, self.high, at_most) if self.log else round_ticks(self.low, self.high, at_most)


def scale_of(
    values: Iterable[float], begin: float, end: float, *, log: bool = False, least: float = 1e-9, pad: float = 0.06
) -> Scale:
    """A scale that holds all values with some room; ``least`` is the smallest span that it shows."""
    found = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    if not found:
        return Scale(1, 10, begin, end, log) if log else Scale(0, 1, begin, end)
    low, high = min(found), max(found)
    if log:
        room = max((high / low) ** pad, 1.1)
        return Scale(low / room, high * room, begin, end, log=True)
    span = max(high - low, least, abs(high) * 1e-6)
    middle, half = (low + high) / 2, span * (0.5 + pad)
    return Scale(middle - half, middle + half, begin, end)


def round_ticks(low: float, high: float, at_most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten between two values."""
    rough = (high - low) / max(1, at_most)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * 0.999999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def log_ticks(low: float, high: float, at_most: int) -> list[float]:
    """1, 2 and 5 times powers of ten; powers alone where those are too many, round numbers where they are too few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for sizes in ((1, 2, 5), (1, 3), (1,)):
        found = [size * 10.0**power for power in powers for size in sizes if low <= size * 10.0**power <= high]
        if len(found) <= at_most:
            break
    return found if len(found) >= 2 else [tick for tick in round_ticks(low, high, at_most) if tick > 0]


def tick_text(value: float) -> str:
    """``91.5``, ``10k``, ``1.2M``, ``−0.2``."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            scaled = value / (1e3 if letter == "k" else size)
            return f"{scaled:g}{letter}".replace("-", "−")
    return f"{value + 0.0:.6g}".replace("-", "−")


def told(value: float | None, measure: Measure, *, signed: bool = False) -> str:
    """A figure in its unit's decimals: ``91.62``, with ``signed`` ``+0.31`` or ``−0.08``; ``–`` where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    digits = seconds_decimals(value) if measure.unit == "s" else DIGITS.get(measure.unit, 2)
    rounded = round(value, digits) + 0.0
    return f"{rounded:{'+' if signed and rounded else ''},.{digits}f}".replace("-", "−")


def axis_words(measure: Measure) -> str:
    """What stands at a scale: ``validation accuracy (%)``."""
    unit = {"points": "%", "epochs": "" if "epoch" in measure.words else "epochs"}.get(measure.unit, measure.unit)
    return f"{measure.words} ({unit})" if unit else measure.words
