"""Whether a study was long enough to compare its arms: how fast curves still rise against what lies between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from fittingroom.measure.caution import Caution, Histories, keys_of, named, own_epochs, runs_of
from fittingroom.measure.curves import RUN_OUT
from fittingroom.measure.study import MEASURES, ArmResults, StudyResults
from fittingroom.spec.events import EpochMetrics

FEWEST = 4
"""Epochs below which a curve has no last quarter that could be judged; with fewer than 12 its last 3 epochs count."""
CLEAR = 2.0
"""Standard errors of a slope that make a rise clear."""
QUARTERS = 4
"""Quarters in which an arm that is behind has to catch up to be warned of: as long as it was trained."""


@dataclass(frozen=True)
class _Rise:
    """How one arm ends."""

    arm: ArmResults
    level: float
    """Where that line ends: validation accuracy at the last epoch without its scatter, in percent."""
    gain: float
    """What the last quarter brought: slope of a line through it times its length, in points; mean over seeds."""
    clear: bool
    """Whether the slope is more than its own scatter."""
    run_out: bool
    """Whether the learning rate has come down, so that the rise belongs to the schedule and ends with it."""


def still_rising(results: StudyResults, histories: Histories) -> Iterator[Caution]:
    """Arms whose place may come from the length of the training alone, by two rules.

    A rise counts where the last quarter of the epochs brought at least the margin (0.2 points where the study
    compares something else) and its slope is more than two standard errors.

    - *Catching up*: an arm behind the best rises so much faster that it would catch up within as many epochs again.
    - *All*: every arm still rises, and none because its learning rate has just run out.
    """
    rises = [rise for arm in results.arms if (rise := _rise(arm, histories)) is not None]
    if len(rises) < 2:
        return
    margin = results.margin if results.measure == "validation_accuracy" else MEASURES["validation_accuracy"].margin
    counted = [rise for rise in rises if rise.clear and rise.gain >= margin]
    best = max(rises, key=lambda rise: rise.level)
    behind = [
        rise.arm for rise in counted
        if rise is not best and (rise.gain - max(0.0, best.gain)) * QUARTERS >= best.level - rise.level
        and rise.gain > best.gain
    ]  # fmt: skip
    if behind:
        text = (
            f"Budget too short to compare: at the end {named(behind)} still {'rises' if len(behind) == 1 else 'rise'} "
            f"faster than {best.arm.name}, the highest there, and would catch up within as many epochs again if that "
            "went on. What is compared is how fast they learn, not where they end."
        )
        yield _caution(behind, text)
    elif len(counted) == len(rises) and not any(rise.run_out for rise in rises):
        least = min(rise.gain for rise in rises)
        text = (
            f"Budget too short to compare: all arms still rise, by {least:.1f} points or more in the last quarter of "
            "their epochs. Their order after longer training may be another one."
        )
        yield _caution([rise.arm for rise in rises], text)


def _caution(arms: Sequence[ArmResults], text: str) -> Caution:
    fix = "Train all arms for more epochs, until the curves are flat; early stopping finds that point for each."
    return Caution("still rising", keys_of(arms), runs_of(arms), text, fix)


def _rise(arm: ArmResults, histories: Histories) -> _Rise | None:
    ended = {outcome.seed for outcome in arm.outcomes if outcome.state == "finished"}
    runs = [own_epochs(epochs) for seed, epochs in histories.get(arm.key, {}).items() if seed in ended]
    tails = [run[-_quarter(run) :] for run in runs if len(run) >= FEWEST]
    tails = [tail for tail in tails if all(math.isfinite(epoch.validation_accuracy) for epoch in tail)]
    if not tails:
        return None
    lines = [_line([100 * epoch.validation_accuracy for epoch in tail]) for tail in tails]
    slope, error = fmean(slope for slope, _ in lines), math.sqrt(sum(error**2 for _, error in lines)) / len(lines)
    gain = fmean(slope * (len(tail) - 1) for (slope, _), tail in zip(lines, tails, strict=True))
    return _Rise(
        arm,
        fmean(fmean(100 * epoch.validation_accuracy for epoch in tail) for tail in tails) + gain / 2,
        gain,
        slope > CLEAR * error,
        any(run[-1].learning_rate < RUN_OUT * max(epoch.learning_rate for epoch in run) for run in runs if run),
    )


def _quarter(run: Sequence[EpochMetrics]) -> int:
    return max(3, len(run) // 4)


def _line(values: Sequence[float]) -> tuple[float, float]:
    """Slope by least squares for each step, and its standard error (W. G. Cochran and G. W. Snedecor, Statistical
    Methods, ch. 9): at least three values."""
    n = len(values)
    middle, mean = (n - 1) / 2, fmean(values)
    spread = n * (n * n - 1) / 12
    slope = sum((index - middle) * value for index, value in enumerate(values)) / spread
    left = sum((value - mean - slope * (index - middle)) ** 2 for index, value in enumerate(values))
    return slope, math.sqrt(left / (n - 2) / spread)
