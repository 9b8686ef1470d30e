"""The tree of errors: what each is, its exit status, its message, and its way across processes."""

from __future__ import annotations

import pickle

import pytest

from fittingroom.errors import (
    Fault,
    FittingRoomError,
    InvalidData,
    InvalidInput,
    InvalidSpec,
    NotFound,
    TrainingDiverged,
    WorkspaceError,
    did_you_mean,
)
from fittingroom.spec.layers import ImpossibleLayer

FAULTS = (Fault("train.epochs", "is 0", "use 1 or more"), Fault("", "the spec is empty", "write one"))


@pytest.mark.parametrize("kind", [InvalidInput, InvalidData, NotFound])
def test_wrong_input_exits_with_2_and_is_a_value_error(kind: type[FittingRoomError]) -> None:
    assert kind("no").exit_status == 2
    assert issubclass(kind, ValueError)


@pytest.mark.parametrize("kind", [TrainingDiverged, WorkspaceError])
def test_failures_exit_with_1_and_are_no_value_errors(kind: type[FittingRoomError]) -> None:
    assert kind("no").exit_status == 1
    assert not issubclass(kind, ValueError)


def test_an_invalid_spec_tells_every_fault_on_a_line_of_its_own() -> None:
    error = InvalidSpec(FAULTS, title="shoes.toml has faults")
    assert str(error) == ("shoes.toml has faults:\n  train.epochs: is 0; use 1 or more\n  the spec is empty; write one")
    assert error.faults == FAULTS
    assert error.exit_status == 2


def test_faults_may_come_from_a_generator() -> None:
    assert InvalidSpec(fault for fault in FAULTS).faults == FAULTS


@pytest.mark.parametrize(
    "error",
    [InvalidSpec(FAULTS, title="shoes.toml has faults"), ImpossibleLayer("needs an image", "move it"), NotFound("no")],
    ids=lambda error: type(error).__name__,
)
def test_errors_come_back_from_other_processes_as_they_were(error: FittingRoomError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("kernle", ["filters", "kernel"], 'did you mean "kernel"?'),
        ("ReLU", ["relu", "elu"], 'did you mean "relu"?'),
        ("boots", ["Boots", "Bags"], 'did you mean "Boots"?'),
        ("xyz", ["b", "a"], "known are: a, b"),
        ("", ["b", "a"], "known are: a, b"),
        ("c", ["A", "a"], "known are: A, a"),
    ],
)
def test_spelling_suggestions(word: str, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known) == hint
