"""Ranges of an axis, between what people type and what a study file holds; and where to begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fittingroom.errors import InvalidSpec
from fittingroom.spec.record import validated
from fittingroom.spec.study import Range
from fittingroom.web.forms import Field
from fittingroom.web.study.values import number_of

TENFOLD = ("learning_rate",)
"""Settings that are searched from a tenth of the base's to ten times that, by their logarithms."""


@dataclass(frozen=True)
class RangeWish:
    """A range, as text."""

    low: str = ""
    high: str = ""
    log: bool = False
    whole: bool = False


def first_range(field: Field, base: float, tried: Sequence[float]) -> RangeWish:
    """Where to begin with a number: what people try of it, else half to double what the base has; within its bounds."""
    name = field.path.rpartition(".")[2]
    low, high = (base / 10, base * 10) if name in TENFOLD else (base / 2, base * 2)
    if tried:
        low, high = min(tried), max(tried)
    if low >= high:
        low, high = 0, 1
    low, high = max(low, field.least or 0), high if field.most is None else min(high, field.most)
    if field.whole:
        low, high = round(low), round(high)
    return RangeWish(f"{low:g}", f"{high:g}", log=name in TENFOLD, whole=field.whole)


def read_range(wish: RangeWish) -> tuple[Range | None, Mapping[str, str]]:
    """The range, or what is wrong with it: ``low`` and ``high`` -> the fault there."""
    ends = {"low": number_of(wish.low), "high": number_of(wish.high)}
    problems = {
        end: f"{value[:40]!r} is no number; give one such as 0.01" if value else "give a number"
        for end, value in ends.items()
        if not isinstance(value, int | float)
    }
    if problems:
        return None, problems
    try:
        return validated(Range, {**ends, "log": wish.log, "whole": wish.whole}, "this range cannot be used"), {}
    except InvalidSpec as error:
        return None, {fault.path: f"{fault.message}; {fault.fix}" for fault in error.faults}
