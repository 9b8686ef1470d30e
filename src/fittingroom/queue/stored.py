"""What a stored run was made from and has left, without torch: its spec, its data, its files, each checked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.dataset import Dataset
from fittingroom.data.fingerprints import content_of
from fittingroom.data.sources import load_as
from fittingroom.errors import InvalidInput, WorkspaceError
from fittingroom.measure.curves import reading
from fittingroom.measure.evaluate import Evaluation, evaluate
from fittingroom.spec.layers import Dropout
from fittingroom.spec.run import RunSpec, from_plain
from fittingroom.store import RunDetails, Store
from fittingroom.workspace import Workspace


def open_store(workspace: Workspace) -> Store:
    """The database of a workspace, made if there is none yet."""
    return Store.open(workspace.create().database)


def reading_of(run: RunDetails) -> list[str]:
    """What the curves of the run proper say, in sentences; none before its first epoch was validated.

    Phases before it were validated on other images, or with another goal.
    """
    own = [epoch for epoch in run.epochs if epoch.phase is None]
    if not own:
        return []
    spec = spec_of(run)
    regularized = ["dropout"] if any(isinstance(layer, Dropout) for layer in spec.network) else []
    regularized += ["augmentation"] if spec.augment else []
    return reading(own, regularized=regularized)


def spec_of(run: RunDetails) -> RunSpec:
    """The spec that a stored run was made from."""
    return from_plain(json.loads(run.spec), origin=f"the stored spec of {run.id}")


def artifact_path(run: RunDetails, kind: str, workspace: Workspace) -> Path:
    """Where the run's file of this kind is, checked to be whole; raises InvalidInput or WorkspaceError."""
    artifact = run.artifacts.get(kind)
    if (
        artifact is None
        and kind in {"best", "predictions"}
        and any(each.startswith("phase-") for each in run.artifacts)
    ):
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
    data = load_as(spec_of(run).data.source, run.fingerprint, workspace)
    check_unchanged(run, data)
    return data


def check_unchanged(run: RunDetails, data: Dataset) -> None:
    """Raise InvalidInput where the content of a run's data set is no longer what it was trained on."""
    if data.fingerprint != run.fingerprint:
        if data.content == content_of(run.fingerprint):
            raise InvalidInput(
                f'{run.id} was trained on "{spec_of(run).data.source}" without images that nothing here tells of (its '
                "journal of what is excluded is another one); restore the workspace that it was trained in, or train "
                "again"
            )
        raise InvalidInput(
            f'the data set "{spec_of(run).data.source}" has changed since {run.id} was trained on it (fingerprint '
            f"{data.fingerprint[:12]}, was {run.fingerprint[:12]}); restore it, or train again on the new one"
        )


def validation_of(run: RunDetails, workspace: Workspace) -> tuple[Evaluation, NDArray[np.int64]]:
    """The evaluation of the best epoch, from the validation predictions that were stored with it.

    Beside it, for each evaluated image, its position in the data set.
    """
    with np.load(artifact_path(run, "predictions", workspace), allow_pickle=False) as stored:
        class_names = stored["class_names"].tolist()
        return evaluate(stored["labels"], stored["probabilities"], class_names, "validation"), stored["indices"]
