"""Where a run begins that does not begin from nothing: opens what ``[start]`` names."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fittingroom.engine.checkpoint import Checkpoint
from fittingroom.engine.lineage import TrainedOn
from fittingroom.engine.stored import artifact_path
from fittingroom.engine.transfer import Weights
from fittingroom.errors import Fault, InvalidInput, NotFound
from fittingroom.queue.derive import spec_of
from fittingroom.spec.run import RunSpec
from fittingroom.spec.start import Start
from fittingroom.store import RunDetails, Store
from fittingroom.workspace import Workspace


@dataclass(frozen=True, eq=False)
class Source:
    """What ``[start]`` names, opened."""

    start: Start
    """With the run's id in place of ``last``, and the file's path made absolute."""
    weights: Weights
    lineage: Mapping[str, object]
    run: RunDetails | None = None
    checkpoint: Checkpoint | None = None
    """Where the training goes on, with ``go_on``."""
    spec: RunSpec | None = field(default=None)
    """The run's."""

    def go_on_faults(self, spec: RunSpec, fingerprint: str) -> Iterator[Fault]:
        """Why ``spec`` cannot go on as if the run had never ended."""
        assert self.run
        assert self.spec
        assert self.checkpoint
        theirs, source = self.spec, self.run.id
        if fingerprint != self.run.fingerprint or theirs.data != spec.data:
            yield Fault("data", f"is not the data of {source} with its split", _INSTEAD)
        if theirs.network != spec.network:
            yield Fault("network", f"is not the network of {source}", _INSTEAD)
        if theirs.train.optimizer.name != spec.train.optimizer.name:
            own, other = spec.train.optimizer.name, theirs.train.optimizer.name
            yield Fault("train.optimizer", f"is {own}, but {source} has {other}", _INSTEAD)
        if theirs.train.freeze_up_to != spec.train.freeze_up_to:
            yield Fault("train.freeze_up_to", f"is not that of {source}", _INSTEAD)
        if self.checkpoint.position["step"] and theirs.train.batch_size != spec.train.batch_size:
            was = theirs.train.batch_size
            yield Fault("train.batch_size", f"cannot change within an epoch, and {source} ended in one", f"use {was}")


_INSTEAD = "leave start.go_on out (fittingroom runs fork does), or keep it as it is there"


def open_source(start: Start, workspace: Workspace) -> Source:
    """Read the weights of a run or file; raises NotFound, InvalidInput or WorkspaceError."""
    path = Path(os.path.expanduser(start.source))
    if path.suffix == ".safetensors" or path.is_file():
        return _open_file(start, path)
    if not workspace.database.exists():
        raise NotFound(f'there is no run "{start.source}" and no file of that name to start from; train one first')
    with Store.open(workspace.database) as store:
        run = store.run(start.source)
    if run.state == "running":
        raise InvalidInput(f'run "{run.id}" is still being trained, so its weights change; pause or stop it first')
    return _open_run(replace(start, source=run.id), run, workspace)


def _open_file(start: Start, path: Path) -> Source:
    if not path.is_file():
        raise NotFound(f'there is no file "{start.source}" to start from; give a run, or a .safetensors file')
    if start.go_on or start.weights != "best":
        setting = "go_on" if start.go_on else "weights"
        raise InvalidInput(f"start.{setting} needs a run, and {path} is a file, which holds weights only; leave it out")
    path = path.absolute()
    weights = Weights.read(path, path.name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    lineage = {"kind": "transfer", "from": str(path), "sha256": digest}
    return Source(replace(start, source=str(path)), weights, lineage)


def _open_run(start: Start, run: RunDetails, workspace: Workspace) -> Source:
    if start.go_on and start.weights != "last":
        raise InvalidInput(f'start.go_on needs start.weights = "last", not {start.weights!r}; add it')
    kind = start.weights if isinstance(start.weights, str) else f"checkpoint-{start.weights}"
    if isinstance(start.weights, int) and kind not in run.artifacts:
        kept = sorted(int(each.rpartition("-")[2]) for each in run.artifacts if each.startswith("checkpoint-"))
        have = f"it has those of epochs {', '.join(map(str, kept))}" if kept else "it was not told to keep any"
        raise InvalidInput(
            f'run "{run.id}" has no checkpoint of epoch {start.weights}: {have}; '
            'use "best" or "last", or set train.keep_checkpoints before training'
        )
    path, spec = artifact_path(run, kind, workspace), spec_of(run)
    weights = Weights.read(path, run.id)
    if weights.trained_on is None:  # written by an older version
        weights = replace(weights, trained_on=(TrainedOn.of(spec.data, run.fingerprint),))
    weights = replace(weights, origin=f"{run.id}, {_moment(start, weights)}")
    lineage = {
        "kind": "continue" if start.go_on else "transfer", "from": run.id, "weights": start.weights,
        "epoch": weights.epoch,
    }  # fmt: skip
    checkpoint = Checkpoint.read(path) if start.go_on else None
    return Source(start, weights, lineage, run, checkpoint, spec)


def _moment(start: Start, weights: Weights) -> str:
    return f"after epoch {weights.epoch}" if start.weights == "last" else f"epoch {weights.epoch}"
