"""Two stored runs on the same validation images: which of them is right more often, and on how many they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fittingroom.data.fingerprints import content_of
from fittingroom.errors import InvalidInput
from fittingroom.measure.evaluate import Interval
from fittingroom.measure.same_images import Counts, McNemar, count, difference_interval, mcnemar
from fittingroom.measure.study import MEASURES
from fittingroom.measure.told import amount, level, probability, span
from fittingroom.queue.stored import validation_of
from fittingroom.spec.mistakes import many
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace


@dataclass(frozen=True)
class Pair:
    """What two runs have answered to the images that both were judged on."""

    a: str
    b: str
    counts: Counts
    interval: Interval
    """Of the difference of their accuracies, A minus B, -1 to 1; see ``difference_interval``."""
    test: McNemar

    @property
    def sentences(self) -> tuple[str, ...]:
        """What that shows, and what it does not."""
        n, only_a, only_b = self.counts.n, self.counts.only_a, self.counts.only_b
        accuracy = MEASURES["validation_accuracy"]
        right_a, right_b = (level(100 * (self.counts.both + only) / n, accuracy, 2) for only in (only_a, only_b))
        points = Interval(100 * self.interval.low, 100 * self.interval.high)
        better = self.a if only_a > only_b else self.b
        verdict = (
            f"{better} is right more often"
            if points.low > 0 or points.high < 0
            else "Which of them is right more often cannot be told from these images"
        )
        return (
            f"Of the {many(n, 'validation image')} that both were judged on, {self.a} knows {right_a}, "
            f"{self.b} {right_b}.",
            f"They disagree on {many(only_a + only_b, 'image')}: {only_a:,} only {self.a} knows, {only_b:,} only "
            f"{self.b}.",
            f"{verdict}: difference {amount(100 * self.counts.difference, accuracy, 2)}, 95 % interval "
            f"{span(points, 2)} (Newcombe 1998); McNemar's test, exact: {probability(self.test.p)}, mid-p: "
            f"{probability(self.test.mid_p)}.",
            "That is about these two trainings on images like these; with other seeds both would come out otherwise. "
            "What a setting does is told by a study: fittingroom study run.",
        )

    def to_json(self) -> dict[str, Any]:
        """With accuracies as shares."""
        return {
            "a": self.a,
            "b": self.b,
            "images": self.counts.n,
            **self.counts._asdict(),
            "difference": self.counts.difference,
            "interval": list(self.interval),
            "p": self.test.p,
            "mid_p": self.test.mid_p,
            "sentences": list(self.sentences),
        }


def compare_runs(a: RunDetails, b: RunDetails, workspace: Workspace) -> Pair:
    """Compare two runs image by image; raises InvalidInput where they were not judged on the same images."""
    if a.id == b.id:
        raise InvalidInput(f'"{a.id}" is compared with itself; give two runs')
    if content_of(a.fingerprint) != content_of(b.fingerprint):
        raise InvalidInput(f"{a.id} and {b.id} were trained on different data; give two runs on the same")
    answers = []
    for run in (a, b):
        evaluation, indices_N = validation_of(run, workspace)
        answers.append(
            dict(zip(indices_N.tolist(), (evaluation.predictions == evaluation.labels).tolist(), strict=True))
        )
    common = sorted(answers[0].keys() & answers[1].keys())
    if not common:
        raise InvalidInput(f"{a.id} and {b.id} have no validation image in common; give both the same split_seed")
    counts = count(*(np.array([each[index] for index in common], bool) for each in answers))
    return Pair(a.id, b.id, counts, difference_interval(counts), mcnemar(counts))
