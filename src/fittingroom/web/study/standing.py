"""How far a study has come, and how long it still takes by what its runs have taken so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from fittingroom.measure.study import StudyResults
from fittingroom.queue.studies import Curve, StudySummary
from fittingroom.spec.mistakes import many
from fittingroom.spec.study import StudySpec
from fittingroom.web.figures import roughly

OPEN = frozenset({"running", "queued"})
ORDER = ("running", "queued", "interrupted", "paused", "stopped", "failed", "missing", "finished")
WORDS = {"queued": "wait", "running": "in training", "interrupted": "interrupted", "missing": "not begun, or deleted"}


@dataclass(frozen=True)
class Standing:
    """How it stands."""

    open: bool
    """Whether anything goes on or waits."""
    pill: str
    """``running · 7 of 15 runs``."""
    share: float
    """Of all epochs where they are known, else of all runs, from 0 to 1."""
    left: str
    """The time that is left, in a sentence; empty where nothing is left."""
    counts: Sequence[str]
    """How many runs are in which state."""
    can_go_on: bool
    """Whether runs are left that nobody takes up."""


def standing_of(
    summary: StudySummary, spec: StudySpec, results: StudyResults, curves: Sequence[Curve]
) -> Standing:
    states, ended = summary.states, summary.states.get("finished", 0) + summary.states.get("failed", 0)
    is_open = summary.state in OPEN
    left = _left(results, curves, spec) if is_open else ""
    counts = [f"{states[state]} {WORDS.get(state, state)}" for state in ORDER if states.get(state)]
    share = summary.epochs_done / summary.epochs if is_open and summary.epochs else ended / max(summary.runs, 1)
    abandoned = any(states.get(state) for state in ("stopped", "paused", "missing"))
    state = {"queued": "waits"}.get(summary.state, summary.state)
    pill = f"{state} · {ended} of {many(summary.runs, 'run')}" if ended < summary.runs else f"{many(summary.runs, 'run')}"
    if summary.state == "finished" and states.get("failed"):
        pill = f"{pill}, {states['failed']} failed"
    elif summary.state == "finished":
        pill = f"finished · {pill}"
    return Standing(is_open, pill, min(max(share, ended / max(summary.runs, 1)), 1.0), left, counts, abandoned)


def _left(results: StudyResults, curves: Sequence[Curve], spec: StudySpec) -> str:
    """By the mean time of each arm's runs, or of all of them; those in training have come some way."""
    took = {arm.key: fmean(values) for arm in results.arms if (values := arm.values("train_seconds").values())}
    spent = {curve.run: sum(epoch.seconds for epoch in curve.epochs) for curve in curves if curve.state == "running"}
    if not took:
        return "How long it takes is told when the first run has finished."
    usual, at_once = fmean(took.values()), max(1, len(spent))
    waiting = [
        max(0.0, took.get(arm.key, usual) - spent.get(outcome.run or "", 0.0))
        for arm in results.arms
        for outcome in arm.outcomes
        if outcome.state in ("queued", "running", "interrupted")
    ]
    seconds = max([sum(waiting) / at_once, *waiting[:1]]) if waiting else 0.0
    budget = f", within its budget of {spec.budget}" if spec.budget else ""
    return f"About {roughly(seconds)} left, by what its runs have taken so far{budget}."


__all__ = ["OPEN", "Standing", "standing_of"]
