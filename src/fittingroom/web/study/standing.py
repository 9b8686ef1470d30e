"""How far a study has come, and how long it still takes by what its runs have taken so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fittingroom.queue.studies import StudySummary
from fittingroom.queue.study_time import TimeLeft
from fittingroom.spec.mistakes import many
from fittingroom.web.figures import roughly

OPEN = frozenset({"running", "queued"})
LEFT = ("stopped", "paused", "missing")
"""States of runs that nobody takes up until somebody says so."""
ENDED = ("finished", "failed", "pruned")
ORDER = ("running", "queued", "interrupted", "paused", "stopped", "failed", "missing", "pruned", "finished")
WORDS = {"queued": "wait", "running": "in training", "missing": "not begun, or deleted", "pruned": "ended early"}


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


def standing_of(summary: StudySummary, left: TimeLeft | None) -> Standing:
    """``left``: what is known of the time that is left."""
    states, runs = summary.states, max(summary.runs, 1)
    ended = sum(states.get(state, 0) for state in ENDED)
    is_open = summary.state in OPEN
    share = summary.epochs_done / summary.epochs if is_open and summary.epochs else ended / runs
    return Standing(
        is_open,
        _pill(summary, ended),
        min(max(share, ended / runs), 1.0),
        _left(left) if is_open else "",
        [f"{states[state]} {WORDS.get(state, state)}" for state in ORDER if states.get(state)],
        any(states.get(state) for state in LEFT),
    )


def _pill(summary: StudySummary, ended: int) -> str:
    state = {"queued": "waits"}.get(summary.state, summary.state)
    if ended < summary.runs:
        return f"{state} · {ended} of {many(summary.runs, 'run')}"
    failed = summary.states.get("failed", 0)
    return f"{state} · {many(summary.runs, 'run')}{f', {failed} failed' if failed else ''}"


def _left(left: TimeLeft | None) -> str:
    if left is None:
        return "How long it takes is told when the first epochs are trained."
    at_once = f", {left.at_once} runs at once" if left.at_once > 1 else ""
    return f"{'At most a' if left.at_most else 'A'}bout {roughly(left.seconds)} left{at_once}, by {left.rests_on}."
