"""What a stored run was trained on and has left: its data and its files, each checked."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import load
from fittingroom.errors import InvalidInput, WorkspaceError
from fittingroom.queue.derive import spec_of
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace


def artifact_path(run: RunDetails, kind: str, workspace: Workspace) -> Path:
    """Where the run's file of this kind is, checked to be whole; raises InvalidInput or WorkspaceError."""
    artifact = run.artifacts.get(kind)
    if artifact is None and kind == "best" and any(each.startswith("phase-") for each in run.artifacts):
        raise InvalidInput(
            f'run "{run.id}" has no best weights yet: it ended ({run.state}) in a phase before the run proper; go on '
            f"with: fittingroom runs resume {run.id}"
        )
    if artifact is None:
        raise InvalidInput(
            f'run "{run.id}" has no {kind} weights: it ended ({run.state}) before its first epoch was validated; '
            f"go on with: fittingroom runs resume {run.id}"
        )
    path = workspace.root / artifact.path
    if run.state == "running" and not path.is_file():
        raise InvalidInput(f'run "{run.id}" is being trained and has just replaced its {kind} weights; try again')
    if not path.is_file():
        raise WorkspaceError(f"{path} is missing, although {run.id} wrote it; restore it, or train the run again")
    if hashlib.sha256(path.read_bytes()).hexdigest() != artifact.sha256:
        raise WorkspaceError(f"{path} is not what {run.id} wrote (its SHA-256 differs); restore it, or train again")
    return path


def data_of(run: RunDetails, workspace: Workspace) -> Dataset:
    """The data set of a stored run; raises InvalidInput when its content is no longer what the run was trained on."""
    source = spec_of(run).data.source
    data = load(source, workspace)
    if data.fingerprint != run.fingerprint:
        raise InvalidInput(
            f'the data set "{source}" has changed since {run.id} was trained on it (fingerprint '
            f"{data.fingerprint[:12]}, was {run.fingerprint[:12]}); restore it, or train again on the new one"
        )
    return data
