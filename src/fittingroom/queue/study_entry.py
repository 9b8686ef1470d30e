"""Studies for the workers: every arm is checked before any run is stored, then all that is missing is put in line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import load
from fittingroom.data.splits import Splits
from fittingroom.data.stages import Split
from fittingroom.errors import Fault, InvalidInput, InvalidSpec
from fittingroom.queue.stored import open_store
from fittingroom.queue.study_results import spec_of_study
from fittingroom.queue.study_search import searched_arms
from fittingroom.queue.submit import Checked, checked, data_record, reserved_ids
from fittingroom.queue.together import Comparison
from fittingroom.spec.arms import Arm, arms, seeds_of
from fittingroom.spec.division import Division
from fittingroom.spec.mistakes import many
from fittingroom.spec.run import RunSpec
from fittingroom.spec.study import MOST_SEEDS, StudySpec
from fittingroom.store import ArmRecord, NewStudy, Store, StudyRecord
from fittingroom.workspace import Workspace

OPEN = {"queued", "running", "interrupted"}
BEHIND = -1
"""The priority of a study's runs, unless it is given one: behind those that were asked for one by one, which have 0."""


@dataclass(frozen=True)
class Entered:
    """What has come of a study that was submitted."""

    study: str
    """Its id."""
    is_new: bool
    made: tuple[str, ...]
    """Runs that were made now."""
    taken_up: tuple[str, ...]
    """Runs that were stopped, and go on."""
    unlisted: tuple[str, ...]
    """Names of arms that the spec no longer has; what they have come to stays."""


def submit_study(
    spec: StudySpec, workspace: Workspace, threads: int | None = None, priority: int = BEHIND, study: str | None = None
) -> str:
    """Put all runs of a study into the queue that are not there yet; returns the study's id. See ``enter_study``."""
    return enter_study(spec, workspace, threads, priority, study).study


def enter_study(
    spec: StudySpec,
    workspace: Workspace,
    threads: int | None = None,
    priority: int = BEHIND,
    study: str | None = None,
    *,
    take_up: bool = True,
) -> Entered:
    """Put all runs of a study into the queue that are not there yet, and take up again those that were stopped.

    The same study, also with more seeds or more values, goes on; so does the one that ``study`` names, whatever was
    changed; without ``take_up`` what was stopped is left alone. ``threads`` to train each run with; a worker measures
    what is quickest unless given. Raises InvalidSpec with the faults of every arm, InvalidInput or NotFound, and
    nothing is stored then.
    """
    spec = _located(spec, workspace)
    with open_store(workspace) as store:
        new = _new(spec, Comparison.new(1).id, priority)
        known = store.studies.find(new) if study is None else store.studies.study(study)
        if known is not None:
            spec = replace(spec, seeds=max(spec.seeds, spec_of_study(known).seeds))
        searches = spec.chooses_by_results
        found = searched_arms(spec, known, store) if searches else arms(spec)
        ready = _checked_arms(spec, found, workspace)
        records = [_record(arm, each) for arm, each in zip(found, ready, strict=True)]
        if known is not None:
            _check_unchanged(known, records)
        count = spec.search.trials if spec.search and searches else len(found)
        shares = _shares(store, known, count * spec.seeds, threads)
        for stage in {id(stage): stage for each in ready for stage in each.stages}.values():
            store.remember_data(data_record(stage))
        runs = [
            ((arm.key, seed), each.as_new(seed, shares.in_lineage()))
            for seed in seeds_of(spec)  # one seed of every arm after the other: arms can be compared early
            for arm, each in zip(found, ready, strict=True)
        ]
        made = store.studies.submit(
            _new(spec, shares.id, priority), records, runs,
            study=None if study is None or known is None else known.id, reserved=reserved_ids(workspace),
            searches=searches,
        )  # fmt: skip
        return Entered(
            made.study, made.is_new, made.runs,
            _take_up(store, made.study, [arm.key for arm in found]) if take_up else (),
            tuple(arm.name for arm in store.studies.study(made.study).arms if not arm.listed),
        )  # fmt: skip


def go_on_searching(study: str, workspace: Workspace) -> tuple[str, ...]:
    """Put what a search by tpe tries next into the queue, once all that it has tried has ended; returns those runs.

    None of a study that does not search, or was stopped.
    """
    with open_store(workspace) as store:
        record = store.studies.study(study)
        spec, places = spec_of_study(record), store.studies.places(record.id)
    searches = spec.chooses_by_results
    if not searches or record.stopped is not None or any(run.state in OPEN for run in places.values()):
        return ()
    return enter_study(spec, workspace, priority=record.priority, study=record.id, take_up=False).made


def add_seeds(study: str, count: int, workspace: Workspace) -> Entered:
    """Train every arm of a study with so many seeds more; raises InvalidInput where there would be too many."""
    with open_store(workspace) as store:
        record = store.studies.study(study)
    spec = spec_of_study(record)
    if not 1 <= count <= MOST_SEEDS - spec.seeds:
        raise InvalidInput(f'"{count}" seeds cannot be added: a study has {MOST_SEEDS} at most, this one {spec.seeds}')
    return enter_study(replace(spec, seeds=spec.seeds + count), workspace, priority=record.priority, study=record.id)


def _new(spec: StudySpec, comparison: str, priority: int) -> NewStudy:
    return NewStudy(
        name=spec.name,
        spec=json.dumps(spec.to_json()),
        content=spec.content_id,
        family=_family(spec),
        comparison=comparison,
        budget=spec.budget_seconds,
        priority=priority,
    )


def _family(spec: StudySpec) -> str:
    """SHA-256 (hex) of what stays the same when values, arms by hand, trials or seeds are added."""
    plain = spec.to_json()
    content = {key: plain.get(key) for key in ("name", "set", "about")}
    content["base"] = {key: value for key, value in plain["base"].items() if key != "name"}
    content["axes"] = sorted(spec.vary)
    content["by hand"] = bool(spec.arms)
    content["search"] = spec.search and (spec.search.method, spec.search.seed)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _located(spec: StudySpec, workspace: Workspace) -> StudySpec:
    """With sources of data as they are found again from anywhere, so that the same study is known from anywhere."""

    def found(base: RunSpec) -> RunSpec:
        return replace(base, data=replace(base.data, source=load(base.data.source, workspace).source))

    own = tuple(replace(arm, base=found(arm.base)) if arm.base else arm for arm in spec.arms)
    return replace(spec, base=found(spec.base), arms=own)


def _checked_arms(spec: StudySpec, found: Sequence[Arm], workspace: Workspace) -> list[Checked]:
    """Each with its data; raises InvalidSpec with the faults of all of them, each with the arms that have it."""
    split, ready, faults = _remembered_split(), [], dict[Fault, list[str]]()
    for arm in found:
        try:
            ready.append(checked(arm.spec, workspace, split))
        except InvalidSpec as error:
            for fault in error.faults:
                faults.setdefault(fault, []).append(arm.name)
        except InvalidInput as error:  # its data cannot be read or divided
            faults.setdefault(Fault("", str(error), "mend it, or leave the arm out"), []).append(arm.name)
    if faults:
        told = [
            fault
            if len(names) == len(found)
            else fault._replace(path=": ".join(filter(None, (_few(names), fault.path))))
            for fault, names in faults.items()
        ]
        raise InvalidSpec(told, title=f'the study "{spec.name}" has faults')
    return ready


def _few(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _remembered_split() -> Split:
    """Splits the same data once."""
    known: dict[tuple[str, Division], Splits] = {}

    def split(data: Dataset, division: Division) -> Splits:
        key = data.fingerprint, division
        if key not in known:
            known[key] = data.divide(division)
        return known[key]

    return split


def _record(arm: Arm, ready: Checked) -> ArmRecord:
    new, facts = ready.as_new(ready.spec.seed, {}), ready.stages[-1].facts
    return ArmRecord(
        arm.key, arm.name, arm.settings, new.spec, new.fingerprint, new.parameters, facts.validation_images
    )


def _check_unchanged(known: StudyRecord, records: Sequence[ArmRecord]) -> None:
    """Refuse to mix runs on data that has changed meanwhile."""
    before = {arm.key: arm.fingerprint for arm in known.arms}
    if changed := [arm.name for arm in records if before.get(arm.key, arm.fingerprint) != arm.fingerprint]:
        raise InvalidInput(
            f"the data set has changed since {known.id} was begun, so new runs of {_few(changed)} could not be "
            "compared with those before; restore it, or begin anew with another name for the study"
        )


def _shares(store: Store, known: StudyRecord | None, count: int, threads: int | None) -> Comparison:
    """How its runs share the cores: as those before, if there are any."""
    if known is None:
        return Comparison.new(count, threads)
    belongs = replace(Comparison.new(count, threads), id=known.comparison)
    for run in store.comparisons.runs(known.comparison):
        before = Comparison.of(run.lineage)
        chosen: int | None = (before.threads if before else None) or (run.plan or {}).get("threads")
        if before is None or chosen is None:
            continue
        if threads not in (None, chosen):
            raise InvalidInput(
                f"the runs of {known.id} are trained with {many(chosen, 'thread')} each, so those to come are, too; "
                f"leave --threads {threads} out"
            )
        return replace(before, threads=chosen)
    return belongs


def _take_up(store: Store, study: str, listed: Sequence[str]) -> tuple[str, ...]:
    """Put those of its runs back into the queue that were stopped, or left: one seed of every arm after the other."""
    pruned = store.studies.pruned(study)
    left = {
        place: run
        for place, run in store.studies.places(study).items()
        if place[0] in listed
        and place not in pruned
        and (run.state in {"stopped", "paused"} or (run.state == "interrupted" and run.queued is None))
    }
    turn = {arm: number for number, arm in enumerate(listed)}
    in_turn = [left[place] for place in sorted(left, key=lambda place: (place[1], turn[place[0]]))]
    store.queue.put_left([run.id for run in in_turn])
    for run in in_turn:
        if run.state == "interrupted":
            with suppress(InvalidInput):  # another process was faster
                store.queue.put(run.id)
    return tuple(run.id for run in left.values())
