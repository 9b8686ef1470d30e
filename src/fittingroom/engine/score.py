"""What a stored run is worth: its validation predictions, and its score on the sealed test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fittingroom.engine.classifier import Classifier
from fittingroom.measure.evaluate import Evaluation, evaluate
from fittingroom.queue.stored import artifact_path, data_of, spec_of
from fittingroom.store import RunDetails, Score, Store
from fittingroom.workspace import Workspace


@dataclass(frozen=True, eq=False, repr=False)
class TestScore:
    """The score of one run on its sealed test set."""

    run: str
    evaluation: Evaluation
    openings: int
    """How often the test set of this data has been opened in this workspace, this time included."""

    def __repr__(self) -> str:
        return f"<TestScore {self.run}: {self.evaluation.headline}, opening {self.openings} of this test set>"


def classifier_of(run: RunDetails, workspace: Workspace) -> Classifier:
    """The best weights of a stored run, ready to predict."""
    return Classifier.load(artifact_path(run, "best", workspace))


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
