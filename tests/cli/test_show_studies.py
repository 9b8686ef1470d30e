"""Studies in a terminal: what the printed lines say of times and of runs that were stopped."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fittingroom.cli import show_studies
from fittingroom.cli.show_studies import figure, go_on, seconds
from fittingroom.measure.study import MEASURES, ArmResults, Outcome, StudyResults
from fittingroom.queue.studies import StudySummary


@pytest.mark.parametrize(("value", "text"), [(0.0023, "0.0023 s"), (0.456, "0.46 s"), (1.5, "1.5 s"), (62.0, "1:02")])
def test_times_below_a_second_are_not_all_zero(value: float, text: str) -> None:
    assert seconds(value) == text
    assert figure(value, MEASURES["train_seconds"]) == text


@pytest.mark.parametrize(
    ("message", "budget"), [("Not begun: the study's budget of 2 seconds is spent.", True), ("Stopped by hand.", False)]
)
def test_a_study_whose_time_is_spent_needs_more_of_it(message: str, budget: bool) -> None:
    arm = ArmResults("a", "a", {}, 1, (Outcome("a-1", 0, "stopped", {}, message),))
    results = StudyResults("s", "s", "", "validation_accuracy", 0.2, None, 100, (arm,))
    assert go_on(results).endswith("--budget TIME") is budget


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        ("validation_accuracy", "Validation accuracy of the best epoch, on 100 validation images; mean"),
        ("train_seconds", "Training time of each run; mean"),
    ],
)
def test_only_what_is_measured_on_images_is_told_so(measure: str, told: str) -> None:
    arm = ArmResults("a", "a", {}, 1, (Outcome("a-1", 0, "finished", {measure: 0.9}),))
    results = StudyResults("s", "s", "", measure, 0.2, None, 100, (arm,))
    summary = StudySummary(
        "s", "s", "", datetime.now(UTC), "finished", 1, 1, measure, 1, {"finished": 1},
        epochs_done=1, epochs=1, priority=0,
    )  # fmt: skip
    assert show_studies._told(results, summary, None)[0].startswith(told)
