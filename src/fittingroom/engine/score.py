"""What a stored run is worth: its validation predictions, and its score on the sealed test set."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.dataset import Dataset
from fittingroom.data.fingerprints import content_of
from fittingroom.engine.classifier import Classifier
from fittingroom.engine.steps import finish
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
    ready = [(run, classifier_of(run, workspace), data_of(run, workspace)) for run in runs]
    return finish(opening_test_set(ready, store))


def opening_test_set(
    runs: Sequence[tuple[RunDetails, Classifier, Dataset]], store: Store, at_once: int = 1000
) -> Generator[tuple[int, int], None, list[TestScore]]:
    """``open_test_set`` step by step; yields images done, and of how many. Left before its end, nothing was opened."""
    parts = [_test_images(run, data) for run, _, data in runs]
    total, done = sum(map(len, parts)), 0
    evaluations = []
    for (_, classifier, data), test in zip(runs, parts, strict=True):
        probabilities = []
        for start in range(0, len(test), at_once):
            chosen = test[start : start + at_once]
            probabilities.append(classifier.probabilities(data.images[chosen]))
            yield (done := done + len(chosen)), total
        evaluations.append(evaluate(data.labels[test], np.concatenate(probabilities), data.class_names, "test"))
    scores: dict[str, list[Score]] = {}
    for (run, _, _), evaluation in zip(runs, evaluations, strict=True):
        score = Score(run.id, evaluation.accuracy, evaluation.loss, evaluation.n)
        scores.setdefault(content_of(run.fingerprint), []).append(score)
    openings = {fingerprint: store.open_test(fingerprint, of_data) for fingerprint, of_data in scores.items()}
    return [
        TestScore(run.id, evaluation, openings[content_of(run.fingerprint)])
        for (run, _, _), evaluation in zip(runs, evaluations, strict=True)
    ]


def _test_images(run: RunDetails, data: Dataset) -> NDArray[np.int64]:
    return data.divide(spec_of(run).data.division).test
