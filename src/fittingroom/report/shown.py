"""The arms of a study as figures show them: values in told units, mean and interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.special import stdtrit

from fittingroom.measure.study import MEASURES, ArmResults, Measure, StudyResults

TO_TARGET = {"epochs_to_target", "seconds_to_target"}
"""Measures that a finished run has none of where it never got that far: a mean of the others would flatter."""


@dataclass(frozen=True)
class ShownArm:
    """One arm: its figures in the unit in which they are told."""

    key: str
    name: str
    values: Mapping[int, float]
    """By seed; only those that are numbers."""
    mean: float | None
    """None also where some runs never reached the target."""
    low: float | None
    """Lower end of the 95 % t interval of the mean; None with fewer than two values, as is ``high``."""
    high: float | None
    missing: int
    """Seeds without a figure."""

    @property
    def half(self) -> float | None:
        """Half the interval's width."""
        return None if self.high is None or self.mean is None else self.high - self.mean

    @property
    def count(self) -> str:
        """``n = 3``, or ``2 of 3 seeds``."""
        n = len(self.values)
        return f"{n} of {n + self.missing} seeds" if self.missing else f"n = {n}"


def measure_of(results: StudyResults) -> Measure:
    return MEASURES[results.measure]


def shown(results: StudyResults, measure: Measure | None = None) -> list[ShownArm]:
    """Every arm, in the order of the study."""
    by = measure or measure_of(results)
    return [_shown(arm, by) for arm in results.arms]


def best_of(arms: Sequence[ShownArm], measure: Measure) -> ShownArm | None:
    """The arm with the best mean, the first on ties; None where no arm has one."""
    sign = -1 if measure.better == "higher" else 1
    return min((arm for arm in arms if arm.mean is not None), key=lambda arm: sign * (arm.mean or 0), default=None)


def t_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % t interval of the mean; None with fewer than two values."""
    n = len(values)
    if n < 2:
        return None
    half = float(stdtrit(n - 1, 0.975)) * stdev(values) / math.sqrt(n)
    return fmean(values) - half, fmean(values) + half


def _shown(arm: ArmResults, measure: Measure) -> ShownArm:
    values = {
        seed: measure.scale * value for seed, value in sorted(arm.values(measure.name).items()) if math.isfinite(value)
    }
    found = list(values.values())
    low, high = t_interval(found) or (None, None)
    missing = len({outcome.seed for outcome in arm.outcomes} - set(values))
    if measure.name in TO_TARGET and any(
        outcome.state == "finished" and outcome.seed not in values for outcome in arm.outcomes
    ):
        return ShownArm(arm.key, arm.name, values, None, None, None, missing)
    return ShownArm(arm.key, arm.name, values, fmean(found) if found else None, low, high, missing)
