"""Ten steps of every optimizer against Keras 3 (``tests/oracles/make_keras_table.py``), and against the formulas
that the records state where torch and Keras differ."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fittingroom.engine.optimizers import build_optimizer
from fittingroom.spec.train import Adadelta, Adam, AdamW, RmsProp, Sgd

Record = dict[str, Any]
Vector = NDArray[np.float64]
Update = Callable[[int, Vector, Vector], Vector]
"""Weights after a step, from the step's number (from 1), the weights before it and their gradient."""

ORACLES = Path(__file__).parents[1] / "oracles"
ROWS: list[Record] = json.loads((ORACLES / "keras_table.json").read_text())["optimizers"]
RECORDS = {"sgd": Sgd, "adam": Adam, "adamw": AdamW, "adadelta": Adadelta, "rmsprop": RmsProp}


def rows(gradients: str, *names: str) -> list[Any]:
    chosen = [row for row in ROWS if row["gradients"] == gradients and row["optimizer"]["name"] in (names or RECORDS)]
    return [pytest.param(row, id=" ".join(str(value) for value in row["optimizer"].values())) for row in chosen]


def spec_of(row: Record) -> Any:
    return RECORDS[row["optimizer"]["name"]](**row["optimizer"])


def joined(values: dict[str, Any]) -> Vector:
    """Kernel and bias as one vector."""
    return np.concatenate([np.ravel(values["kernel"]), np.ravel(values["bias"])])


def steps_in_torch(row: Record) -> Vector:
    """Weights after each of the steps, one row for each."""
    weights = {name: torch.nn.Parameter(torch.tensor(values)) for name, values in row["start"].items()}
    optimizer = build_optimizer(spec_of(row), weights.values())
    seen = []
    for step in row["steps"]:
        for name, weight in weights.items():
            weight.grad = torch.tensor(step["gradients"][name])
        optimizer.step()
        seen.append(joined({name: weight.detach().numpy().copy() for name, weight in weights.items()}))
    return np.array(seen)


def steps_in_keras(row: Record) -> Vector:
    return np.array([joined(step["weights"]) for step in row["steps"]])


def steps_by(row: Record, update: Update) -> Vector:
    weights, seen = joined(row["start"]), []
    for number, step in enumerate(row["steps"], start=1):
        weights = update(number, weights, joined(step["gradients"]))
        seen.append(weights)
    return np.array(seen)


def adam(spec: Adam | AdamW, *, epsilon_after_correction: bool) -> Update:
    """Kingma and Ba 2015, algorithm 1 or the form of section 2 that Keras uses; Loshchilov and Hutter 2019."""
    mean: Any = 0.0
    square: Any = 0.0
    decay = spec.weight_decay if isinstance(spec, AdamW) else 0.0

    def update(step: int, weights: Vector, gradient: Vector) -> Vector:
        nonlocal mean, square
        mean = spec.beta_1 * mean + (1 - spec.beta_1) * gradient
        square = spec.beta_2 * square + (1 - spec.beta_2) * gradient**2
        correction_1, correction_2 = 1 - spec.beta_1**step, np.sqrt(1 - spec.beta_2**step)
        if epsilon_after_correction:
            change = mean / correction_1 / (np.sqrt(square) / correction_2 + spec.epsilon)
        else:
            change = mean * correction_2 / correction_1 / (np.sqrt(square) + spec.epsilon)
        return weights * (1 - spec.learning_rate * decay) - spec.learning_rate * change

    return update


def rmsprop(spec: RmsProp, *, epsilon_outside: bool) -> Update:
    square: Any = 0.0
    kept: Any = 0.0

    def update(step: int, weights: Vector, gradient: Vector) -> Vector:
        nonlocal square, kept
        square = spec.rho * square + (1 - spec.rho) * gradient**2
        size = np.sqrt(square) + spec.epsilon if epsilon_outside else np.sqrt(square + spec.epsilon)
        kept = spec.momentum * kept + gradient / size
        return weights - spec.learning_rate * kept

    return update


def furthest(ours: Vector, theirs: Vector) -> float:
    return float(np.abs(ours - theirs).max())


def test_every_optimizer_is_in_the_table() -> None:
    assert {row["optimizer"]["name"] for row in ROWS} == RECORDS.keys()


@pytest.mark.parametrize("row", [*rows("ordinary"), *rows("vanishing", "sgd", "adadelta")])
def test_steps_are_those_of_keras(row: Record) -> None:
    if row["optimizer"]["name"] in {"adam", "rmsprop"} and "epsilon" in row["optimizer"]:
        assert furthest(steps_in_torch(row), steps_in_keras(row)) > 1e-3  # 1e-3 is large; the next tests say why
    else:
        assert furthest(steps_in_torch(row), steps_in_keras(row)) < 2e-6


@pytest.mark.parametrize("row", [*rows("ordinary", "adam", "adamw"), *rows("vanishing", "adam", "adamw")])
def test_adam_adds_epsilon_after_the_correction_and_keras_before(row: Record) -> None:
    ours = steps_by(row, adam(spec_of(row), epsilon_after_correction=True))
    keras = steps_by(row, adam(spec_of(row), epsilon_after_correction=False))
    assert furthest(steps_in_torch(row), ours) < 2e-6
    assert furthest(steps_in_keras(row), keras) < 2e-6


@pytest.mark.parametrize("row", [*rows("ordinary", "rmsprop"), *rows("vanishing", "rmsprop")])
def test_rmsprop_adds_epsilon_outside_the_root_and_keras_inside(row: Record) -> None:
    ours = steps_by(row, rmsprop(spec_of(row), epsilon_outside=True))
    keras = steps_by(row, rmsprop(spec_of(row), epsilon_outside=False))
    assert furthest(steps_in_torch(row), ours) < 2e-6
    assert furthest(steps_in_keras(row), keras) < 2e-6
    if row["gradients"] == "vanishing":
        assert furthest(ours, keras) > 1e-4, "gradients are too large to tell the two apart"


def test_adamw_decays_biases_as_keras_does() -> None:
    row = next(row for row in ROWS if row["optimizer"].get("weight_decay") == 0.2)
    bias = torch.nn.Parameter(torch.tensor([2.0, -4.0]))
    bias.grad = torch.zeros(2)
    build_optimizer(spec_of(row), [bias]).step()
    assert bias.tolist() == pytest.approx([2.0 * (1 - 0.1 * 0.2), -4.0 * (1 - 0.1 * 0.2)])


def test_the_momentum_of_earlier_steps_is_multiplied_by_the_current_rate() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    weight.grad = torch.ones(1)
    optimizer = build_optimizer(Sgd(learning_rate=1.0, momentum=0.5), [weight])
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.1
    optimizer.step()
    assert weight.item() == pytest.approx(-1.0 - 0.1 * (0.5 * 1.0 + 1.0))  # Keras: -1.0 - (0.5 * 1.0 * 1.0 + 0.1 * 1.0)


@pytest.mark.parametrize("kind", RECORDS.values(), ids=RECORDS.keys())
def test_optimizers_work_through_all_weights_at_once(kind: Any) -> None:
    optimizer = build_optimizer(kind(), [torch.nn.Parameter(torch.zeros(2))])
    settings = optimizer.param_groups[0]
    assert settings.get("fused") or settings["foreach"]
