"""Studies in a terminal: what the printed lines say of times and of runs that were stopped."""

from __future__ import annotations

import pytest

from fittingroom.cli.show_studies import figure, go_on, seconds
from fittingroom.measure.study import MEASURES, ArmResults, Outcome, StudyResults


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
