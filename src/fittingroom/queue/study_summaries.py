"""Studies as the lines of a list: how far each one is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fittingroom.errors import InvalidSpec
from fittingroom.queue.stored import open_store
from fittingroom.queue.study_results import (
    MISSING,
    Places,
    as_listed,
    epochs_of,
    seeds_in,
    spec_of_arm,
    spec_of_study,
    state_of,
)
from fittingroom.spec.arms import seeds_of
from fittingroom.store import Store, StudyRecord
from fittingroom.workspace import Workspace


@dataclass(frozen=True)
class StudySummary:
    """A study as one line of a list."""

    id: str
    name: str
    question: str
    created: datetime
    state: str
    """``running``, ``queued``, ``stopped`` (something is left that nobody takes up), or ``finished``."""
    arms: int
    seeds: int
    measure: str
    runs: int
    """That it has or should have."""
    states: Mapping[str, int]
    """How many runs are in each state."""
    epochs_done: int
    epochs: int | None
    """That all of its runs train; None where a time budget decides."""
    priority: int
    problem: str = ""
    """Why what is stored of it cannot be read, as where a newer Fitting Room stored it; empty where it can.

    Its runs are counted all the same; what only its spec tells is left empty.
    """

    @property
    def finished(self) -> int:
        return self.states.get("finished", 0)


def studies(workspace: Workspace) -> list[StudySummary]:
    """All studies, newest first."""
    with open_store(workspace) as store:
        return summaries_of(store)


def find_study(text: str, workspace: Workspace) -> StudySummary:
    """A study by its id or name; raises NotFound with what may be meant."""
    with open_store(workspace) as store:
        return summary_of(store, text)


def summaries_of(store: Store) -> list[StudySummary]:
    """All studies, newest first."""
    found = store.studies.studies()
    places = store.studies.all_places([record.id for record in found])
    return [_summary(store, record, places[record.id]) for record in found]


def summary_of(store: Store, study: str) -> StudySummary:
    """One of them."""
    record = store.studies.study(study)
    return _summary(store, record, store.studies.places(record.id))


def _summary(store: Store, record: StudyRecord, places: Places) -> StudySummary:
    """One that cannot be read is told as such: it hides none of the others, and can be stopped and deleted."""
    try:
        return _read(store, record, places)
    except InvalidSpec as error:
        return _unreadable(record, places, str(error))


def _unreadable(record: StudyRecord, places: Places, problem: str) -> StudySummary:
    states: Counter[str] = Counter(run.state for run in places.values())
    return StudySummary(
        id=record.id,
        name=record.name,
        question="",
        created=record.created,
        state=_state(states),
        arms=len(as_listed(record).arms),
        seeds=len({seed for _, seed in places}),
        measure="",
        runs=len(places),
        states=states,
        epochs_done=sum(run.epochs_done for run in places.values()),
        epochs=None,
        priority=record.priority,
        problem=problem,
    )


def _read(store: Store, record: StudyRecord, places: Places) -> StudySummary:
    spec, record = spec_of_study(record), as_listed(record)
    pruned = store.studies.pruned(record.id) if spec.search and spec.search.prune else {}
    wanted = {
        (arm.key, seed): epochs_of(spec_of_arm(arm))
        for arm in record.arms
        for seed in seeds_in(arm, seeds_of(spec), places)
    }
    states = Counter(state_of(places.get(place), pruned=place in pruned) for place in wanted)
    numbers = list(wanted.values())
    return StudySummary(
        id=record.id,
        name=record.name,
        question=spec.question,
        created=record.created,
        state=_state(states),
        arms=len(record.arms),
        seeds=spec.seeds,
        measure=spec.measure,
        runs=len(wanted),
        states=states,
        epochs_done=sum(run.epochs_done for run in places.values()),
        epochs=None if None in numbers else sum(number or 0 for number in numbers),
        priority=record.priority,
    )


def _state(states: Mapping[str, int]) -> str:
    if states.get("running"):
        return "running"
    if states.get("queued") or states.get("interrupted"):
        return "queued"
    if states.get("stopped") or states.get("paused") or states.get(MISSING):
        return "stopped"
    return "finished"
