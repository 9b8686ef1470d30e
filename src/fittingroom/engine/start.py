"""What ``[start]`` names, opened: weights for the first stage of a run, or the very point where another one ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fittingroom.engine.checkpoint import Checkpoint
from fittingroom.engine.transfer import Weights
from fittingroom.queue.beginning import known_of
from fittingroom.queue.origin import locate
from fittingroom.queue.weights import Known
from fittingroom.spec.start import Start
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace


@dataclass(frozen=True, eq=False)
class Source:
    """What ``[start]`` names, opened."""

    start: Start
    weights: Weights
    known: Known
    """What of them the file tells by its head."""
    lineage: Mapping[str, Any]
    run: RunDetails | None = None
    checkpoint: Checkpoint | None = None
    """Where the training goes on, with ``go_on``."""


def open_source(start: Start, workspace: Workspace) -> Source:
    """Read the weights of a run or file; raises NotFound, InvalidInput or WorkspaceError."""
    origin = locate(start, workspace)
    described = known_of(origin)
    weights = replace(Weights.read(origin.path, described.outline.origin), trained_on=described.trained_on)
    checkpoint = Checkpoint.read(origin.path) if start.go_on else None
    return Source(origin.start, weights, described, origin.lineage, origin.run, checkpoint)
