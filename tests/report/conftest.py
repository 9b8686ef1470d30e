"""Studies as records, made for figures and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fittingroom.measure.study import ArmResults, Outcome, StudyResults

AXIS = "network.*.activation"


def outcome(seed: int, accuracy: float | None, *, state: str = "finished", **figures: float | None) -> Outcome:
    """A run with that validation accuracy, as a share."""
    found = {"validation_accuracy": accuracy, **figures} if accuracy is not None else {}
    return Outcome(f"run-{seed}", seed, state, found)


def arm(
    name: str,
    accuracies: Sequence[float | None],
    *,
    settings: Mapping[str, str] | None = None,
    parameters: int = 1000,
    seconds: float = 10.0,
    **figures: float | None,
) -> ArmResults:
    """One arm, with a run for each accuracy; None is one that failed."""
    outcomes = tuple(
        outcome(seed, value, state="failed" if value is None else "finished", train_seconds=seconds, **figures)
        for seed, value in enumerate(accuracies)
    )
    return ArmResults(f"key-{name}", name, settings or {AXIS: name}, parameters, outcomes)


def study(*arms: ArmResults, measure: str = "validation_accuracy", margin: float = 0.2) -> StudyResults:
    return StudyResults(
        study="study-1",
        name="Activations",
        question="Which activation is best?",
        measure=measure,
        margin=margin,
        target=0.9,
        images=5000,
        arms=arms,
        axes=(AXIS,),
    )
