"""How long what is left of a study will take, from what its runs have taken so far, or from a timing beforehand.

What a run takes beside its epochs is reckoned too, and the start of a worker. What the first run of a long study may
spend on trials of how it is computed, and of how the runs share the cores, is not: some ten seconds once.
"""

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
USUAL = 0.3
"""Seconds that a run takes beside its epochs, where none has finished here: preparing it, its files, its last figures.

Measured: 0.09 to 0.64 s, median 0.31 s, of the 30 runs that were not the first of their worker in six studies of
``linear`` and ``mlp`` on 2 cores.
"""
WORKER = 3.5
"""Seconds that a worker takes to load torch, to read the data for its first run, and to end.

Measured: 3.1 to 4.6 s, median 3.6 s, in the same six studies.
"""


@dataclass(frozen=True)
class Beside:
    """What a study takes beside the epochs of its runs, in seconds."""

    run: float
    """Of each run."""
    measured: int
    """Finished runs of which that is the median; 0 where it is what is usual."""
    worker: float
    """Once: of a worker that has to be started."""

    def __str__(self) -> str:
        """``0.3 s for the rest of each run, as 12 finished runs took here, and 3.5 s for a worker``."""
        by = f"as {many(self.measured, 'finished run')} took here" if self.measured else "as is usual"
        worker = f", and {self.worker:.1f} s for a worker" if self.worker else ""
        return f"{self.run:.1f} s for the rest of each run, {by}{worker}"


def beside(store: Store, study: str = "") -> Beside:
    """As the study's finished runs tell it, else the newest of this host."""
    found = store.studies.beside_epochs(study)
    there = any(worker.owner.alive() is not False for worker in store.queue.workers())
    return Beside(median(found) if found else USUAL, len(found), 0.0 if there else WORKER)


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
    more = beside(store, record.id)
    each = [_seconds(specs[arm], run, known.get(arm) or (mean(known.values()) if known else 0.0))
            + (0.0 if run.state == "running" else more.run) for (arm, _), run in left.items()]  # fmt: skip
    width = _at_once(store, left.values())
    return TimeLeft(
        seconds=max(sum(each) / width, max(each)) + more.worker,
        at_most=any(stage.train.early_stop is not None for arm, _ in left for stage in specs[arm].stages),
        runs=len(left),
        at_once=width,
        rests_on=f"{_rests_on(record, measured, timed or {})}; and {more}",
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
