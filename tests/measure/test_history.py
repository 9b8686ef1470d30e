"""Curves of several trainings, joined."""

from __future__ import annotations

import pytest

from fittingroom.measure.charts import plot_run
from fittingroom.measure.history import Boundary, History, joined, split_at
from fittingroom.measure.terminal import terminal_curves
from fittingroom.spec.events import EpochMetrics


def epochs(*losses: float, first: int = 1, phase: str | None = None) -> list[EpochMetrics]:
    return [
        EpochMetrics(number, loss, 0.5, loss, 1 - loss, 0.01, 1.0, phase)
        for number, loss in enumerate(losses, start=first)
    ]


def test_trainings_are_numbered_through_with_a_boundary_before_each_but_the_first() -> None:
    history = joined([
        ("a-1", [*epochs(0.9, 0.8, phase="pretrain"), *epochs(0.7, first=3)]),
        ("continue of a-1", epochs(0.6, 0.5, first=4)),
        ("fork of a-2", []),
        ("fork of a-3", epochs(0.65)),
    ])  # fmt: skip
    assert [epoch.epoch for epoch in history.epochs] == [1, 2, 3, 4, 5, 6]
    assert [epoch.validation_loss for epoch in history.epochs] == [0.9, 0.8, 0.7, 0.6, 0.5, 0.65]
    assert history.boundaries == (Boundary(2, "a-1"), Boundary(3, "continue of a-1"), Boundary(5, "fork of a-3"))
    assert [epoch.epoch for epoch in history.newest] == [6]
    assert str(history.boundaries[2]) == "from epoch 6: fork of a-3"


def test_a_phase_that_follows_another_is_named() -> None:
    history = joined([("a-1", [*epochs(0.9, phase="one"), *epochs(0.8, first=2, phase="two"), *epochs(0.7, first=3)])])
    assert [boundary.label for boundary in history.boundaries] == ['a-1, phase "two"', "a-1"]


def test_numbers_go_on_where_the_first_training_began() -> None:
    history = joined([("a-2", epochs(0.6, 0.5, first=4)), ("continue of a-2", epochs(0.4, first=6))])
    assert [epoch.epoch for epoch in history.epochs] == [4, 5, 6]
    assert history.boundaries == (Boundary(5, "continue of a-2"),)
    figure = plot_run(history.epochs, title="a", n_validation=100, boundaries=history.boundaries)
    validation = figure.axes[0].lines[0].get_ydata()
    assert list(validation[:2]) == [0.6, 0.5]  # type: ignore[index]
    assert validation[2] != validation[2]  # type: ignore[index]


def test_one_training_alone_has_no_boundary() -> None:
    own = epochs(0.9, 0.8)
    assert joined([("a-1", own)]) == History(tuple(own))
    assert History(tuple(own)).newest == tuple(own)


def test_curves_end_at_a_boundary_and_begin_anew() -> None:
    own = epochs(0.9, 0.2, 0.7, 0.6)
    assert [len(part) for part in split_at(own, [Boundary(2, "x")])] == [2, 2]
    text = terminal_curves(own, width=60, boundaries=[Boundary(2, "fork of [b]-1")])
    assert "loss: lowest 0.600 at epoch 4 ●" in text  # the best since the boundary
    assert text.endswith("┊ from epoch 3: fork of [b]-1")
    columns = {line.index("┊") for line in text.splitlines()[:-1] if "┊" in line}
    assert len(columns) == 1
    figure = plot_run(own, title="a", n_validation=100, boundaries=[Boundary(2, "fork of b-1")])
    loss = figure.axes[0]
    validation = loss.lines[0].get_ydata()
    assert list(validation[:2]) == [0.9, 0.2]  # type: ignore[index]
    assert validation[2] != validation[2]  # type: ignore[index]
    assert list(validation[3:]) == [0.7, 0.6]  # type: ignore[index]
    assert "fork of b-1" in [text.get_text() for text in loss.texts]
    assert any("0.6" in text.get_text() for text in figure.axes[0].texts + figure.texts)


@pytest.mark.parametrize("after", [1, 3])
def test_the_best_is_sought_after_the_last_boundary(after: int) -> None:
    own = epochs(0.1, 0.5, 0.4, 0.45)
    assert [epoch.epoch for epoch in History(tuple(own), (Boundary(after, "x"),)).newest] == [
        number for number in range(1, 5) if number > after
    ]
