"""The table of a study's arms."""

from __future__ import annotations

import pytest

from fittingroom.measure.study import ArmResults, Outcome, StudyResults
from fittingroom.measure.verdicts import judge
from fittingroom.web.study.rows import rows_of


@pytest.mark.parametrize(("seconds", "told"), [(0.21, "0.2 s"), (9.9, "9.9 s"), (17.0, "0:17"), (125.0, "2:05")])
def test_a_training_of_less_than_a_second_is_not_told_as_none(seconds: float, told: str) -> None:
    figures = {"validation_accuracy": 0.9, "train_seconds": seconds}
    arm = ArmResults("a", "a", {}, 10, (Outcome("a-1", 0, "finished", figures),))
    results = StudyResults("s", "s", "", "validation_accuracy", 0.2, None, 100, (arm,))
    (row,) = rows_of(results, judge(results))
    assert row.time == told
