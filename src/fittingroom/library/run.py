"""A stored run, to look at and to use."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from fittingroom.data.fitting import Invert
from fittingroom.engine.classifier import Classifier
from fittingroom.engine.predict import Prediction, predict_files
from fittingroom.engine.robustness import measure
from fittingroom.engine.score import TestScore, classifier_of, open_test_set
from fittingroom.engine.steps import finish
from fittingroom.library.stored import find_origin, find_run
from fittingroom.measure.charts import plot_confusion, plot_run
from fittingroom.measure.curves import epochs_to, seconds_to
from fittingroom.measure.evaluate import Evaluation, Mistake
from fittingroom.measure.history import History
from fittingroom.measure.robustness import Robustness
from fittingroom.queue.history import history_of
from fittingroom.queue.stored import data_of, open_store, reading_of, spec_of, validation_of
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import RunSpec
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from fittingroom.queue.pairs import Pair


class Run:
    """One run of the workspace: its curves, its evaluation, its predictions. ``Run("last")`` is the newest.

    Results always use the weights of the best epoch, and name that epoch.
    """

    def __init__(self, run: str = "last", workspace: str | os.PathLike[str] | Workspace | None = None) -> None:
        self.workspace = workspace if isinstance(workspace, Workspace) else Workspace.find(workspace)
        self.details: RunDetails = find_run(self.workspace, run)

    @property
    def id(self) -> str:
        return self.details.id

    @property
    def state(self) -> str:
        """``running``, ``finished``, ``stopped``, ``failed`` or ``interrupted``."""
        return self.details.state

    @property
    def epochs(self) -> tuple[EpochMetrics, ...]:
        """What each epoch gave, those of phases before the run proper included."""
        return self.details.epochs

    def history(self, *, joined: bool = False) -> History:
        """The run's epochs after those of the runs that it continues, with the boundaries between them.

        ``joined`` also goes back over forks and transfers, whose own epochs began at 1 again: all are numbered
        through. Runs that were deleted are left out, and what came before them.
        """
        return history_of(self.details, lambda run: find_origin(self.workspace, run), joined=joined)

    @cached_property
    def spec(self) -> RunSpec:
        """Everything that decided the run; ``run.spec.to_toml()`` is the file that repeats it."""
        return spec_of(self.details)

    @cached_property
    def classifier(self) -> Classifier:
        """The network with the weights of the best epoch."""
        return classifier_of(self.details, self.workspace)

    def confusion(self) -> Evaluation:
        """Confusion matrix and scores on the validation images, from the predictions stored with the best epoch."""
        return self._validation[0]

    def worst_mistakes(self, k: int = 10) -> list[Mistake]:
        """Validation images that are taken for a wrong class with the highest confidence, the worst first.

        ``image`` is the position in the data set: ``fr.load(...).images[mistake.image]``.
        """
        evaluation, positions = self._validation
        return [mistake._replace(image=int(positions[mistake.image])) for mistake in evaluation.worst_mistakes(k)]

    def robustness(self, progress: Callable[[int, int], object] = lambda done, total: None) -> Robustness:
        """What is left of the accuracy when validation images are harmed: noise, blur, shift, rotation and others.

        On up to 2,000 validation images, the same for every run with this split. ``progress`` hears how many steps
        are done, and of how many. Raises InvalidInput where the data set is not there any more, or has changed.
        """
        steps = measure(self.classifier, data_of(self.details, self.workspace), self._validation[1])
        found, _ = finish(steps, progress)
        return found

    @cached_property
    def _validation(self) -> tuple[Evaluation, NDArray[np.int64]]:
        return validation_of(self.details, self.workspace)

    def reading(self) -> list[str]:
        """What the curves of the run proper say, in sentences; none before its first epoch was validated."""
        return reading_of(self.details)

    @property
    def _own_epochs(self) -> tuple[EpochMetrics, ...]:
        """Those of the run proper: phases before it were validated on other images, or with another goal."""
        return tuple(epoch for epoch in self.epochs if epoch.phase is None)

    def plot(self, path: str | os.PathLike[str] | None = None, *, joined: bool = False) -> Figure:
        """Curves of loss and accuracy; saved as PNG, SVG or PDF when ``path`` is given; ``joined``: see ``history``."""
        history, evaluation, best = self.history(joined=joined), self.confusion(), self.details.best_epoch
        if best is not None:
            best += history.epochs[-1].epoch - self.epochs[-1].epoch
        return plot_run(
            history.epochs,
            title=self.id,
            n_validation=evaluation.n,
            best_epoch=best,
            path=path,
            boundaries=history.boundaries,
        )

    def plot_confusion(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """The confusion matrix on the validation images; saved when ``path`` is given."""
        return plot_confusion(self.confusion(), path)

    def epochs_to(self, accuracy: float) -> int | None:
        """The first epoch that reached this validation accuracy (0 to 1), or None."""
        return epochs_to(accuracy, self._own_epochs)

    def seconds_to(self, accuracy: float) -> float | None:
        """Training time until this validation accuracy (0 to 1) was reached, or None."""
        return seconds_to(accuracy, self._own_epochs)

    def test(self) -> TestScore:
        """Open the sealed test set and score the best weights on it. Each call is counted, and says so."""
        with open_store(self.workspace) as store:
            return open_test_set([self.details], self.workspace, store)[0]

    def predict(self, *images: str | os.PathLike[str], invert: Invert = "auto") -> list[Prediction]:
        """The probability of every class for image files of any size, and how each was fitted to the network."""
        return predict_files(self.classifier, [Path(image) for image in images], invert)

    def __repr__(self) -> str:
        return f"<Run {self.id}: {self.headline}>"

    @property
    def headline(self) -> str:
        """State, and accuracy with what it was measured on, in one line."""
        if self.details.best_epoch is None:
            return f"{self.state}, no epoch validated"
        return (
            f"{self.state}, {self.confusion().headline}, epoch {self.details.best_epoch} of {self.details.epochs_done}"
        )

    def compare(self, other: Run) -> Pair:
        """This run and another one image by image: ``sentences``, counts, interval and McNemar's test."""
        from fittingroom.queue.pairs import compare_runs

        return compare_runs(self.details, other.details, self.workspace)

    def _repr_html_(self) -> str:
        sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in self.reading())
        return f"<p><b>{escape(self.id)}</b>: {escape(self.headline)}</p>{sentences}"


def open_tests(runs: Sequence[Run]) -> list[TestScore]:
    """Score several runs of one workspace in a single opening of each test set."""
    workspace = runs[0].workspace
    with open_store(workspace) as store:
        return open_test_set([run.details for run in runs], workspace, store)
