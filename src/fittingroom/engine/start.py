"""What ``[start]`` names, opened: weights for the first stage of a run, or the very point where another one ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fittingroom.engine.checkpoint import Checkpoint
from fittingroom.engine.transfer import Weights
from fittingroom.errors import Fault
from fittingroom.queue.beginning import known_of
from fittingroom.queue.origin import locate
from fittingroom.queue.stored import spec_of
from fittingroom.spec.run import RunSpec
from fittingroom.spec.start import Start
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace

_INSTEAD = "leave start.go_on out (fittingroom runs fork does), or keep it as it is there"


@dataclass(frozen=True, eq=False)
class Source:
    """What ``[start]`` names, opened."""

    start: Start
    weights: Weights
    lineage: Mapping[str, Any]
    run: RunDetails | None = None
    checkpoint: Checkpoint | None = None
    """Where the training goes on, with ``go_on``."""

    def go_on_faults(self, spec: RunSpec, fingerprint: str) -> Iterator[Fault]:
        """Why ``spec`` cannot go on as if the run had never ended."""
        assert self.run
        assert self.checkpoint
        theirs, source = spec_of(self.run), self.run.id
        if self.checkpoint.stage < len(theirs.phases):
            phase = theirs.phases[self.checkpoint.stage].name
            yield Fault("start", f'{source} was left in its phase "{phase}"', f"fittingroom runs resume {source} first")
            return
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


def open_source(start: Start, workspace: Workspace) -> Source:
    """Read the weights of a run or file; raises NotFound, InvalidInput or WorkspaceError."""
    origin = locate(start, workspace)
    described = known_of(origin)
    weights = replace(Weights.read(origin.path, described.outline.origin), trained_on=described.trained_on)
    checkpoint = Checkpoint.read(origin.path) if start.go_on else None
    return Source(origin.start, weights, origin.lineage, origin.run, checkpoint)
