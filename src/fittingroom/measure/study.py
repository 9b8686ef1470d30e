"""What the runs of a study have found, as plain records: all that verdicts, tables and charts are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """One figure of a run, by which arms can be compared."""

    name: str
    words: str
    """What it is, as it stands in a sentence or above a column."""
    unit: str
    """Of the figure as it is told: ``points`` (percentage points), ``s``, ``epochs``, or nothing."""
    better: Literal["higher", "lower"]
    scale: float = 1.0
    """What a stored figure is multiplied with to be told: 100 for a share that is told in percent."""
    margin: float = 0.0
    """A difference of less than this does not matter in practice, in ``unit``; unless a study says otherwise."""
    on_images: bool = False
    """Whether it is a share of images, so that these images, too, make it uncertain."""


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("validation_accuracy", "validation accuracy", "points", "higher", 100, 0.2, on_images=True),
        Measure("validation_loss", "validation loss", "", "lower", margin=0.005),
        Measure("train_seconds", "training time", "s", "lower", margin=1.0),
        Measure("best_epoch", "best epoch", "epochs", "lower", margin=1.0),
        Measure("epochs_to_target", "epochs to the target", "epochs", "lower", margin=1.0),
        Measure("seconds_to_target", "training time to the target", "s", "lower", margin=1.0),
    )
}
"""By name. All are of the best epoch, on the validation images; times are of training, validation included.

To the target: until validation accuracy first reaches the study's target; a run that never does has none.
"""


TO_COME = frozenset({"queued", "running", "paused", "interrupted", "missing"})
"""States of runs that may still bring a result."""
PRUNED = "pruned"
"""State of a run that the search has ended early, on purpose."""


@dataclass(frozen=True)
class Outcome:
    """One run of a study: one seed of one arm."""

    run: str | None
    """Its id; None while it is not submitted, or after it was deleted."""
    seed: int
    state: str
    """Of the run; ``missing`` where there is none."""
    figures: Mapping[str, float | None]
    """By the names of ``MEASURES``, and ``train_accuracy`` of the best epoch; empty until the run has finished, None
    where it has not got that far."""
    message: str = ""
    """Why it has ended as it has."""


@dataclass(frozen=True)
class ArmResults:
    """One variation, and what each of its seeds has come to."""

    key: str
    name: str
    settings: Mapping[str, str]
    """The value on each axis, as text, by the axis's path."""
    parameters: int
    outcomes: tuple[Outcome, ...]

    def values(self, measure: str) -> dict[int, float]:
        """The figures of its finished runs that have one, by seed."""
        return {outcome.seed: value for outcome in self.outcomes if (value := outcome.figures.get(measure)) is not None}


@dataclass(frozen=True)
class StudyResults:
    """Everything that was found, arm by arm in the order of the study."""

    study: str
    """Its id."""
    name: str
    question: str
    measure: str
    margin: float
    """In the unit that the measure is told in: the smallest difference that would matter."""
    target: float | None
    """Validation accuracy, 0 to 1, for the measures that lead to it."""
    images: int
    """Validation images."""
    arms: tuple[ArmResults, ...]
    control: str | None = None
    """Key of the arm that each other one is compared with; None where every pair is."""
    searched: bool = False
    """Whether a search chose arms by what others had come to."""
    axes: tuple[str, ...] = ()
    """The paths that vary."""
    beyond: tuple[str, ...] = ()
    """In what else the arms differ, in words: a difference between arms may come from there."""
    divisions: int = 1
    """How many different sets of validation images its arms are judged on."""
