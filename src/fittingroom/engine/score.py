"""What a stored run is worth: its validation predictions, and its score on the sealed test set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import load
from fittingroom.engine.classifier import Classifier
from fittingroom.errors import InvalidInput, WorkspaceError
from fittingroom.measure.evaluate import Evaluation, evaluate
from fittingroom.spec.run import RunSpec, from_plain
from fittingroom.store import RunDetails, Score, Store
from fittingroom.workspace import Workspace


@dataclass(frozen=True, eq=False)
class TestScore:
    """The score of one run on its sealed test set."""

    run: str
    evaluation: Evaluation
    openings: int
    """How often the test set of this data has been opened in this workspace, this time included."""


def spec_of(run: RunDetails) -> RunSpec:
    """The spec that a stored run was made from."""
    return from_plain(json.loads(run.spec), origin=f"the stored spec of {run.id}")


def artifact_path(run: RunDetails, kind: str, workspace: Workspace) -> Path:
    """Where the run's file of this kind is, checked to be whole; raises InvalidInput or WorkspaceError."""
    artifact = run.artifacts.get(kind)
    if artifact is None:
        raise InvalidInput(
            f'run "{run.id}" has no {kind} weights: it ended ({run.state}) before its first epoch was validated; '
            "train it again"
        )
    path = workspace.root / artifact.path
    if not path.is_file():
        raise WorkspaceError(f"{path} is missing, although {run.id} wrote it; restore it, or train the run again")
    if hashlib.sha256(path.read_bytes()).hexdigest() != artifact.sha256:
        raise WorkspaceError(f"{path} is not what {run.id} wrote (its SHA-256 differs); restore it, or train again")
    return path


def classifier_of(run: RunDetails, workspace: Workspace) -> Classifier:
    """The best weights of a stored run, ready to predict."""
    return Classifier.load(artifact_path(run, "best", workspace))


def validation_of(run: RunDetails, workspace: Workspace) -> tuple[Evaluation, NDArray[np.int64]]:
    """The evaluation of the best epoch, from the validation predictions that were stored with it.

    Beside it, for each evaluated image, its position in the data set.
    """
    class_names = classifier_of(run, workspace).preprocessing.class_names
    with np.load(artifact_path(run, "predictions", workspace), allow_pickle=False) as stored:
        return evaluate(stored["labels"], stored["probabilities"], class_names, "validation"), stored["indices"]


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


def open_test_set(runs: Sequence[RunDetails], workspace: Workspace, store: Store) -> list[TestScore]:
    """Score runs on their sealed test sets. Each data set's opening is counted once, before anyone sees a score."""
    evaluations = [_test_evaluation(run, workspace) for run in runs]
    scores: dict[str, list[Score]] = {}
    for run, evaluation in zip(runs, evaluations, strict=True):
        score = Score(run.id, evaluation.accuracy, evaluation.loss, evaluation.n)
        scores.setdefault(run.fingerprint, []).append(score)
    openings = {fingerprint: store.open_test(fingerprint, of_data) for fingerprint, of_data in scores.items()}
    return [
        TestScore(run.id, evaluation, openings[run.fingerprint])
        for run, evaluation in zip(runs, evaluations, strict=True)
    ]


def _test_evaluation(run: RunDetails, workspace: Workspace) -> Evaluation:
    spec, data, classifier = spec_of(run), data_of(run, workspace), classifier_of(run, workspace)
    test = data.split(spec.data.validation, spec.data.split_seed).test
    probabilities = np.concatenate(
        [classifier.probabilities(data.images[test[start : start + 1000]]) for start in range(0, len(test), 1000)]
    )
    return evaluate(data.labels[test], probabilities, data.class_names, "test")
