"""How long what is left of a study will take, from what its runs have taken so far, or from a timing beforehand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import mean, median

from fittingroom.queue.study_results import epochs_of
from fittingroom.queue.together import Comparison, at_once
from fittingroom.spec.mistakes import many
from fittingroom.spec.run import RunSpec, from_plain
from fittingroom.store import RunSummary, Store, StudyRecord

ENDED = {"finished", "failed"}


@dataclass(frozen=True)
class TimeLeft:
    """Seconds until every run of a study has ended, if this machine goes on as it did, and nothing else is trained."""

    seconds: float
    at_most: bool
    """Whether runs may end before all of their epochs."""
    runs: int
    """That have not ended."""
    at_once: int
    """How many of them are trained at the same time; 1 until that is chosen."""
    rests_on: str
    """What was measured, in words."""


def time_left(store: Store, study: str, timed: Mapping[str, float] | None = None) -> TimeLeft | None:
    """None where nothing is left, or nothing is known. ``timed``: seconds of an epoch by an arm's key, for those of
    which no epoch was trained yet.
    """
    record = store.studies.study(study)
    places, epochs = store.studies.places(record.id), store.studies.epochs(record.id)
    specs = {arm.key: from_plain(json.loads(arm.spec)) for arm in record.arms}
    taken: dict[str, list[float]] = {}
    for (arm, _), run in places.items():
        taken.setdefault(arm, []).extend(epoch.seconds for epoch in epochs.get(run.id, ()))
    measured = {arm: median(seconds) for arm, seconds in taken.items() if seconds}
    known = {**(timed or {}), **measured}
    left = {place: run for place, run in places.items() if run.state not in ENDED}
    budgets = all(_budget(specs[arm]) is not None for arm, _ in left)
    if not left or not (known or budgets):
        return None
    each = [_seconds(specs[arm], run, known.get(arm) or (mean(known.values()) if known else 0.0))
            for (arm, _), run in left.items()]  # fmt: skip
    width = _at_once(store, left.values())
    return TimeLeft(
        seconds=max(sum(each) / width, max(each)),
        at_most=any(stage.train.early_stop is not None for arm, _ in left for stage in specs[arm].stages),
        runs=len(left),
        at_once=width,
        rests_on=_rests_on(record, measured, timed or {}),
    )


def _seconds(spec: RunSpec, run: RunSummary, of_an_epoch: float) -> float:
    """That a run still takes."""
    budget, epochs = _budget(spec), epochs_of(spec)
    if budget is not None:
        return max(0.0, budget - run.train_seconds)
    return max(0, (epochs or 0) - run.epochs_done) * of_an_epoch


def _budget(spec: RunSpec) -> float | None:
    """Seconds of a run whose trainings all have a time budget; None for others."""
    budgets = [stage.train.budget_seconds for stage in spec.stages]
    return None if None in budgets else sum(budget or 0.0 for budget in budgets)


def _at_once(store: Store, runs: Iterable[RunSummary]) -> int:
    """As chosen for its runs; 1 before."""
    runs = list(runs)
    comparison = Comparison.of(store.run(runs[0].id).lineage)
    if comparison is None or comparison.threads is None or comparison.cores is None:
        return 1
    return at_once(len(runs), comparison.cores, comparison.threads)


def _rests_on(record: StudyRecord, measured: Mapping[str, float], timed: Mapping[str, float]) -> str:
    """``the epochs trained so far of 2 arms, a timing of 1 arm; the other 2 arms are taken to cost their mean``."""
    own = [arm.key for arm in record.arms]
    before = [key for key in own if key in timed and key not in measured]
    words = [f"the epochs trained so far of {many(len(measured), 'arm')}"] if measured else []
    words += [f"a short timing of {many(len(before), 'arm')}"] if before else []
    rest = len(own) - len(measured) - len(before)
    others = f"; of {many(rest, 'arm')} nothing is known yet, and the mean of the others is taken" if rest else ""
    return (" and ".join(words) or "time budgets") + others
