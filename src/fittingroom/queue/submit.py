"""Runs for the workers: checked as far as data and spec tell, then stored as queued."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fittingroom.data.dataset import Dataset
from fittingroom.data.stages import Split, Stage, open_stages
from fittingroom.errors import InvalidSpec
from fittingroom.queue.beginning import beginning_of
from fittingroom.queue.derive import continued, fork_lineage, forked, repeat_lineage
from fittingroom.queue.origin import Origin, check_origin, check_replay, locate
from fittingroom.queue.stored import check_unchanged, open_store, spec_of
from fittingroom.queue.together import Comparison
from fittingroom.spec.network import summarize
from fittingroom.spec.run import RunSpec
from fittingroom.spec.start import Which
from fittingroom.spec.train import Schedule
from fittingroom.store import DataRecord, NewRun, RunDetails, Store
from fittingroom.workspace import Workspace


def submit(
    spec: RunSpec, workspace: Workspace, split: Split = Dataset.divide, comparison: Comparison | None = None
) -> str:
    """Put a new run into the queue; returns its id. ``split``: of the data, for those who remember splits.

    ``comparison``: the one that it belongs to. Raises InvalidSpec with every fault, InvalidData or NotFound, and
    nothing is stored then. Whether a worker's machine has its device is seen when a worker takes it up.
    """
    belongs = comparison.in_lineage() if comparison else {}
    found = checked(spec, workspace, split)
    return _queue(found.spec, found.stages, workspace, {**found.lineage, **belongs})


def submit_seeds(
    spec: RunSpec, count: int, workspace: Workspace, split: Split = Dataset.divide, threads: int | None = None
) -> list[str]:
    """Put runs that differ in nothing but their seeds into the queue, as one comparison; returns their ids.

    The seeds count up from the spec's own. ``threads`` to train each with; a worker chooses unless given. Raises what
    ``submit`` raises, before anything is stored.
    """
    specs = [replace(spec, seed=spec.seed + number) for number in range(count)]
    comparison = Comparison.new(count, threads) if count > 1 else None
    return [submit(each, workspace, split, comparison) for each in specs]


def submit_again(run: str, workspace: Workspace, *, replay: bool = False) -> str:
    """Put a stored run's spec into the queue as a new run that remembers where it comes from; returns its id.

    ``replay``: exactly as it went, for a run with a time budget. Raises InvalidInput when the data set has changed.
    """
    with open_store(workspace) as store:
        old = store.run(run)
    check_origin(old, anew=True)
    if replay:
        check_replay(old)
    spec, stages = open_stages(spec_of(old), workspace, as_of=old.fingerprint)
    check_unchanged(old, stages[-1].data)
    return _queue(spec, stages, workspace, repeat_lineage(old, replay=replay) | _plan(old))


def submit_continued(
    run: str, workspace: Workspace, *, epochs: int, schedule: Schedule | None = None, overrides: Sequence[str] = ()
) -> str:
    """Put more epochs of a stored run into the queue, as a new run; returns its id."""
    with open_store(workspace) as store:
        old = store.run(run)
    spec = continued(old, epochs=epochs, schedule=schedule, overrides=overrides)
    assert spec.start is not None
    origin = locate(spec.start, workspace)
    return _submit(spec, origin, workspace, origin.lineage | _plan(old))


def submit_forked(run: str, workspace: Workspace, *, overrides: Sequence[str] = (), weights: Which = "best") -> str:
    """Put a new run with a stored one's weights and other settings into the queue; returns its id."""
    with open_store(workspace) as store:
        old = store.run(run)
    spec = forked(old, overrides=overrides, weights=weights)
    assert spec.start is not None
    origin = locate(spec.start, workspace)
    lineage = fork_lineage(origin.lineage, overrides) | _plan(old)
    return _submit(spec, origin, workspace, lineage)


def _plan(old: RunDetails) -> dict[str, Any]:
    """What a worker has to keep of the plan of an old run."""
    threads = (old.plan or {}).get("threads")
    return {} if threads is None else {"threads": threads}


@dataclass(frozen=True, eq=False)
class Checked:
    """A run that can be trained, as far as data and spec tell."""

    spec: RunSpec
    """With the sources of data as they are found again from anywhere."""
    stages: tuple[Stage, ...]
    lineage: Mapping[str, object]

    def as_new(self, seed: int, lineage: Mapping[str, object]) -> NewRun:
        """What is stored of it with a seed of its own, and more to remember of where it comes from."""
        return new_run(replace(self.spec, seed=seed), self.stages, {**self.lineage, **lineage})


def checked(spec: RunSpec, workspace: Workspace, split: Split = Dataset.divide) -> Checked:
    """A spec with its data; raises what ``submit`` raises."""
    origin = locate(spec.start, workspace) if spec.start else None
    return _checked(spec, origin, workspace, {"kind": "new"} if origin is None else origin.lineage, split)


def _checked(
    spec: RunSpec,
    origin: Origin | None,
    workspace: Workspace,
    lineage: Mapping[str, object],
    split: Split = Dataset.divide,
) -> Checked:
    """``origin``: what its start names, if it has one."""
    goes_on = origin.run if origin and origin.start.go_on else None
    as_of = goes_on.fingerprint if goes_on else ""
    spec, stages = open_stages(replace(spec, start=origin.start) if origin else spec, workspace, split, as_of)
    if faults := beginning_of(stages, origin, workspace).faults:
        raise InvalidSpec(faults, title=f'"{spec.name}" cannot start from these weights')
    return Checked(spec, stages, lineage)


def _submit(spec: RunSpec, origin: Origin, workspace: Workspace, lineage: Mapping[str, object]) -> str:
    found = _checked(spec, origin, workspace, lineage)
    return _queue(found.spec, found.stages, workspace, lineage)


def _queue(spec: RunSpec, stages: Sequence[Stage], workspace: Workspace, lineage: Mapping[str, object]) -> str:
    with open_store(workspace) as store:
        return create_run(store, spec, stages, workspace, lineage, queued=True)


def create_run(
    store: Store,
    spec: RunSpec,
    stages: Sequence[Stage],
    workspace: Workspace,
    lineage: Mapping[str, object],
    *,
    queued: bool = False,
) -> str:
    """Store a new run and the data of its trainings; returns its id, which no folder of the workspace has either."""
    for stage in stages:
        store.remember_data(data_record(stage))
    new = new_run(spec, stages, lineage)
    return store.create_run(**vars(new), reserved=reserved_ids(workspace), queued=queued)


def new_run(spec: RunSpec, stages: Sequence[Stage], lineage: Mapping[str, object]) -> NewRun:
    """What is stored of a run before anybody has begun it."""
    last = stages[-1]
    return NewRun(
        name=spec.name,
        spec=json.dumps(spec.to_json()),
        spec_id=spec.content_id,
        fingerprint=last.data.fingerprint,
        parameters=summarize(spec.network, last.facts.shape, last.facts.classes).parameters,
        lineage=lineage,
    )


def reserved_ids(workspace: Workspace) -> list[str]:
    """Ids whose folders are there, also those of a database that was lost."""
    return [folder.name for folder in workspace.runs.glob("*")]


def data_record(stage: Stage) -> DataRecord:
    """What is remembered of the data of a training."""
    splits, data = stage.splits, stage.data
    counts = {"train": len(splits.train), "validation": len(splits.validation), "test": len(splits.test)}
    return DataRecord(data.fingerprint, data.name, data.source, data.class_names, counts, stage.facts.shape)
