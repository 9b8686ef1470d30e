"""The arms of a study as a table shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from fittingroom.measure.judgement import ArmSummary, Judgement
from fittingroom.measure.study import MEASURES, ArmResults, Measure, Outcome, StudyResults
from fittingroom.measure.told import figure, level, span
from fittingroom.web.figures import MISSING, duration, roughly

PLACES: Mapping[str, int] = {"points": 2, "s": 1, "epochs": 1, "": 4}
"""Decimals of a figure in a table, by its unit."""


@dataclass(frozen=True)
class Cell:
    """One seed of one arm."""

    seed: int
    text: str
    """Its figure, or the state of its run."""
    run: str | None
    state: str
    title: str


@dataclass(frozen=True)
class Row:
    """One arm."""

    arm: ArmResults
    mean: str
    interval: str
    """In words; empty with fewer than two seeds."""
    half: str
    """What stands after ±."""
    cells: tuple[Cell, ...]
    time: str
    """Of a run, on average."""
    best_epoch: str
    to_target: str
    """Epochs to the target; empty where the study has none."""
    best: bool
    winner: bool


def rows_of(results: StudyResults, judged: Judgement) -> list[Row]:
    """Every arm, in the order of the study."""
    summaries = {summary.key: summary for summary in judged.arms}
    return [_row(arm, summaries[arm.key], results, judged) for arm in results.arms]


def _row(arm: ArmResults, summary: ArmSummary, results: StudyResults, judged: Judgement) -> Row:
    measure = judged.measure
    places, interval = PLACES.get(measure.unit, 2), summary.interval
    half = (
        None
        if interval is None or summary.mean is None
        else max(interval.high - summary.mean, summary.mean - interval.low)
    )
    return Row(
        arm,
        MISSING if summary.mean is None else level(summary.mean, measure, places),
        "" if interval is None else span(interval, places),
        "" if half is None else figure(half, places),
        tuple(_cell(outcome, measure) for outcome in arm.outcomes),
        _time(_mean(arm, "train_seconds")),
        _epoch(_mean(arm, "best_epoch")),
        _to_target(arm) if results.target is not None else "",
        best=summary.key == judged.best,
        winner=summary.key == judged.winner,
    )


def _cell(outcome: Outcome, measure: Measure) -> Cell:
    value = outcome.figures.get(measure.name)
    title = f"seed {outcome.seed}{f', {outcome.run}' if outcome.run else ''}"
    if value is not None:
        text = figure(value * measure.scale, PLACES.get(measure.unit, 2))
    elif outcome.state == "finished":
        text = "never" if measure.name in {"epochs_to_target", "seconds_to_target"} else MISSING
    else:
        text = {"queued": "waits", "pruned": "ended early"}.get(outcome.state, outcome.state)
    if outcome.message:
        title = f"{title}: {outcome.message}"
    return Cell(outcome.seed, text, outcome.run, outcome.state, title)


def _mean(arm: ArmResults, measure: str) -> float | None:
    values = arm.values(measure).values()
    return fmean(values) if values else None


def _time(seconds: float | None) -> str:
    """``2:05``; below ten seconds ``0.2 s``, where ``0:00`` would say that it took none."""
    return roughly(seconds) if seconds is not None and seconds < 9.95 else duration(seconds)


def _epoch(value: float | None) -> str:
    return MISSING if value is None else figure(value, 1).removesuffix(".0")


def _to_target(arm: ArmResults) -> str:
    """``12.3``, or ``2 of 3 never``."""
    finished = [outcome for outcome in arm.outcomes if outcome.state == "finished"]
    never = sum(outcome.figures.get("epochs_to_target") is None for outcome in finished)
    if not finished:
        return MISSING
    return f"{never} of {len(finished)} never" if never else _epoch(_mean(arm, "epochs_to_target"))


__all__ = ["MEASURES", "Cell", "Row", "rows_of"]
