"""Runs for the workers: checked as far as data and spec tell, then stored as queued."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fittingroom.data.stages import Stage, open_stages
from fittingroom.errors import InvalidInput, NotFound
from fittingroom.queue.derive import continued, forked, spec_of
from fittingroom.spec.network import summarize
from fittingroom.spec.run import RunSpec
from fittingroom.spec.start import Start, Which
from fittingroom.spec.train import Schedule
from fittingroom.store import DataRecord, Store
from fittingroom.workspace import Workspace


def submit(spec: RunSpec, workspace: Workspace) -> str:
    """Put a new run into the queue; returns its id.

    Raises InvalidSpec with every fault, InvalidData or NotFound, and nothing is stored then. Whether weights that it
    starts from fit, and whether a worker's machine has its device, is seen when a worker takes it up.
    """
    start, lineage = _opened(spec.start, workspace) if spec.start else (None, {"kind": "new"})
    return _submit(replace(spec, start=start), workspace, lineage)


def submit_again(run: str, workspace: Workspace, *, replay: bool = False) -> str:
    """Put a stored run's spec into the queue as a new run that remembers where it comes from; returns its id.

    ``replay``: exactly as it went, for a run with a time budget. Raises InvalidInput when the data set has changed.
    """
    with _store(workspace) as store:
        old = store.run(run)
    lineage = {"kind": "replay" if replay else "restart", "from": old.id}
    return _submit(spec_of(old), workspace, lineage, fingerprint=old.fingerprint)


def submit_continued(
    run: str, workspace: Workspace, *, epochs: int, schedule: Schedule | None = None, overrides: Sequence[str] = ()
) -> str:
    """Put more epochs of a stored run into the queue, as a new run; returns its id."""
    with _store(workspace) as store:
        old = store.run(run)
    return submit(continued(old, epochs=epochs, schedule=schedule, overrides=overrides), workspace)


def submit_forked(run: str, workspace: Workspace, *, overrides: Sequence[str] = (), weights: Which = "best") -> str:
    """Put a new run with a stored one's weights and other settings into the queue; returns its id."""
    with _store(workspace) as store:
        old = store.run(run)
    spec = forked(old, overrides=overrides, weights=weights)
    assert spec.start is not None
    start, lineage = _opened(spec.start, workspace)
    if lineage["kind"] == "transfer":
        lineage |= {"kind": "fork", "set": list(overrides)}
    return _submit(replace(spec, start=start), workspace, lineage)


def data_record(stage: Stage) -> DataRecord:
    """What is remembered of the data of a training."""
    splits, data = stage.splits, stage.data
    counts = {"train": len(splits.train), "validation": len(splits.validation), "test": len(splits.test)}
    return DataRecord(data.fingerprint, data.name, data.source, data.class_names, counts, stage.facts.shape)


def _submit(
    spec: RunSpec, workspace: Workspace, lineage: Mapping[str, object], *, fingerprint: str | None = None
) -> str:
    spec, stages = open_stages(spec, workspace)
    last = stages[-1]
    if fingerprint not in {None, last.data.fingerprint}:
        raise InvalidInput(
            f'the data set "{last.data.source}" has changed since {lineage["from"]} was trained on it (fingerprint '
            f"{last.data.fingerprint[:12]}, was {str(fingerprint)[:12]}); restore it, or train again on the new one"
        )
    with _store(workspace) as store:
        for stage in stages:
            store.remember_data(data_record(stage))
        return store.create_run(
            name=spec.name,
            spec=json.dumps(spec.to_json()),
            spec_id=spec.content_id,
            fingerprint=last.data.fingerprint,
            parameters=summarize(spec.network, last.facts.shape, last.facts.classes).parameters,
            lineage=lineage,
            reserved=[folder.name for folder in workspace.runs.glob("*")],  # also those of a database that was lost
            queued=True,
        )


def _opened(start: Start, workspace: Workspace) -> tuple[Start, dict[str, object]]:
    """What a run starts from, as it is found again later and from anywhere; and the lineage that follows from it."""
    path = Path(os.path.expanduser(start.source))
    if path.suffix == ".safetensors" or path.is_file():
        if not path.is_file():
            raise NotFound(f'there is no file "{start.source}" to start from; give a run, or a .safetensors file')
        path = path.absolute()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return replace(start, source=str(path)), {"kind": "transfer", "from": str(path), "sha256": digest}
    with _store(workspace) as store:
        run = store.run(start.source)
    kind = start.weights if isinstance(start.weights, str) else f"checkpoint-{start.weights}"
    if run.state == "running":
        raise InvalidInput(f'run "{run.id}" is still being trained, so its weights change; pause or stop it first')
    if kind not in run.artifacts:
        have = ", ".join(sorted(run.artifacts)) or "no weights at all"
        raise InvalidInput(f'run "{run.id}" has no {kind} weights to start from: it has {have}')
    lineage: dict[str, object] = {
        "kind": "continue" if start.go_on else "transfer",
        "from": run.id,
        "weights": start.weights,
        "epoch": run.artifacts[kind].epoch,
    }
    return replace(start, source=run.id), lineage


def _store(workspace: Workspace) -> Store:
    return Store.open(workspace.create().database)
