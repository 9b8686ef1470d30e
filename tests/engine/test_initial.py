"""Initial weights against Keras' fans and draws (``tests/oracles/make_keras_table.py``), and what they depend on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fittingroom.engine.initial import draw_initial_weights
from fittingroom.engine.layers import build_layer
from fittingroom.engine.network import StackedNetwork
from fittingroom.spec.layers import (
    LAYER_KINDS,
    AnyLayer,
    BatchNorm,
    Classify,
    Conv,
    Dense,
    DepthwiseConv,
    Flatten,
    Initializer,
    Residual,
    SeparableConv,
)

Record = dict[str, Any]

ORACLES = Path(__file__).parents[1] / "oracles"
ROWS: list[Record] = json.loads((ORACLES / "keras_table.json").read_text())["initial"]
INITIALIZERS = sorted({row["layer"]["initializer"] for row in ROWS})
GAINS = {"glorot": 1.0, "he": 2.0, "lecun": 1.0}
CUT_SPREAD = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))
"""Standard deviation of a standard normal distribution cut at 2 on both sides."""


def drawn(layer: AnyLayer, shape: tuple[int, ...], seed: int = 0) -> dict[str, NDArray[np.float32]]:
    module = build_layer(layer, shape)
    draw_initial_weights(layer, module, seed)
    return {name: weight.detach().numpy() for name, weight in module.named_parameters()}


def our_weight(row: Record) -> NDArray[np.float32]:
    """Our draw of the weight that the row is about."""
    layer = LAYER_KINDS[row["layer"]["layer"]](**row["layer"], name="some_layer")
    part = row["weight"].removeprefix("0.").removesuffix("kernel").replace("_", ".") + "weight"
    names = {"conv.1.weight": "conv_1.weight", "conv.2.weight": "conv_2.weight"}
    return drawn(layer, tuple(row["input_shape"]))[names.get(part, part)]


@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_spread_and_largest_value_are_those_of_keras(initializer: Initializer) -> None:
    rows = [row for row in ROWS if row["layer"]["initializer"] == initializer]
    assert len(rows) == 12
    family, distribution = initializer.split("_")
    for row in rows:
        weights, where = our_weight(row), f"{row['weight']} of {row['layer']}"
        fan_in, fan_out = row["fans"]
        spread = math.sqrt(GAINS[family] / ((fan_in + fan_out) / 2 if family == "glorot" else fan_in))
        limit = spread * math.sqrt(3) if distribution == "uniform" else spread / CUT_SPREAD * 2
        assert weights.size == math.prod(row["kernel_shape"]), where
        assert weights.std() == pytest.approx(spread, rel=0.04), where
        assert 0.99 * limit < np.abs(weights).max() <= limit * (1 + 1e-6), where
        assert abs(weights.mean()) < 5 * spread / math.sqrt(weights.size), where
        assert row["spread"] == pytest.approx(spread, rel=0.04), f"the formula is not Keras': {where}"
        assert 0.99 * limit < row["largest"] <= limit * (1 + 1e-6), f"the formula is not Keras': {where}"


@pytest.mark.parametrize("initializer", ["glorot_normal", "glorot_uniform"])
def test_values_have_the_named_distribution(initializer: Initializer) -> None:
    weights = drawn(Dense(400, initializer=initializer, name="dense_1"), (400,))["weight"]
    within_half_the_limit = float((np.abs(weights) < np.abs(weights).max() / 2).mean())
    normal = math.erf(math.sqrt(0.5)) / math.erf(math.sqrt(2))
    assert within_half_the_limit == pytest.approx(normal if initializer == "glorot_normal" else 0.5, abs=0.006)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Dense(7, initializer="orthogonal", name="a"), (12,)),
        (Dense(12, initializer="orthogonal", name="a"), (7,)),
        (Conv(5, 3, initializer="orthogonal", name="a"), (2, 8, 8)),
        (Conv(40, 3, initializer="orthogonal", name="a"), (2, 8, 8)),
        (DepthwiseConv(3, depth_multiplier=4, initializer="orthogonal", name="a"), (3, 8, 8)),
        (DepthwiseConv(2, initializer="orthogonal", name="a"), (9, 8, 8)),
        (DepthwiseConv(1, depth_multiplier=5, initializer="orthogonal", name="a"), (3, 8, 8)),
    ],
    ids=repr,
)
def test_orthogonal_weights_are_orthonormal_where_keras_makes_them_so(layer: AnyLayer, shape: tuple[int, ...]) -> None:
    weights = drawn(layer, shape)["weight"]
    if isinstance(layer, DepthwiseConv):  # (in × multiplier, 1, h, w) to Keras' (h, w, in, multiplier)
        weights = weights.reshape(shape[0], layer.depth_multiplier, *weights.shape[2:]).transpose(2, 3, 0, 1)
    else:
        weights = np.moveaxis(weights, 0, -1)
    matrix = weights.reshape(-1, weights.shape[-1])  # Keras: all axes but the last are rows
    small = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-6)


def test_orthogonal_weights_prefer_no_sign() -> None:
    diagonal = [
        np.diag(drawn(Dense(8, initializer="orthogonal", name="a"), (8,), seed)["weight"]) for seed in range(80)
    ]
    assert abs(np.mean(diagonal)) < 0.06  # without the correction of signs every first column would lean one way


def test_biases_start_at_zero_and_scales_at_one() -> None:
    for layer in [Conv(3), DepthwiseConv(), SeparableConv(3), Residual(4), BatchNorm()]:
        for name, values in drawn(layer, (2, 6, 6)).items():
            if name.endswith("bias"):
                assert (values == 0).all(), f"{name} of {layer}"
            elif values.ndim == 1:
                assert (values == 1).all(), f"{name} of {layer}"
            else:
                assert len(np.unique(values)) > values.size // 2, f"{name} of {layer}"


def weights_of(layers: list[AnyLayer], seed: int) -> dict[str, torch.Tensor]:
    network = StackedNetwork(layers, (1, 12, 12), classes=3)
    network.draw_initial_weights(seed)
    return {name: weight.clone() for name, weight in network.weights().items()}


def test_weights_depend_on_seed_and_names_and_on_nothing_else() -> None:
    conv, later = Conv(4, padding="same", name="first"), Conv(4, padding="same", name="second")
    head = [Flatten(), Classify(name="head")]
    plain = weights_of([conv, later, *head], seed=3)
    torch.manual_seed(99)
    inserted = weights_of([conv, Conv(4, padding="same", name="between"), BatchNorm(), later, *head], seed=3)
    for name, weight in plain.items():
        assert torch.equal(weight, inserted[name]), name
    swapped = weights_of([Conv(4, padding="same", name="other"), later, *head], seed=3)
    assert not torch.equal(plain["first.weight"], swapped["other.weight"])
    assert torch.equal(plain["second.weight"], swapped["second.weight"])
    assert not torch.equal(plain["first.weight"], weights_of([conv, later, *head], seed=4)["first.weight"])
    assert not torch.equal(inserted["second.weight"], inserted["between.weight"])


def test_parts_of_one_layer_are_drawn_apart() -> None:
    weights = drawn(Residual(4, 3, name="block"), (4, 6, 6))
    assert weights["conv_1.weight"].shape == weights["conv_2.weight"].shape
    assert not np.array_equal(weights["conv_1.weight"], weights["conv_2.weight"])


@pytest.mark.parametrize(
    ("layer", "shape", "copies"),
    [
        (Conv(5, 3, initializer="dirac", padding="same", name="a"), (3, 8, 8), [0, 1, 2]),
        (Conv(2, 3, initializer="dirac", padding="same", name="a"), (3, 8, 8), [0, 1]),
        (DepthwiseConv(3, depth_multiplier=2, initializer="dirac", padding="same", name="a"), (3, 8, 8), [0, 2, 4]),
        (Dense(7, initializer="dirac", name="a"), (4,), [0, 1, 2, 3]),
    ],
    ids=repr,
)
def test_dirac_passes_the_inputs_on(layer: AnyLayer, shape: tuple[int, ...], copies: list[int]) -> None:
    module = build_layer(layer, shape)
    draw_initial_weights(layer, module, 0)
    images = torch.from_numpy(np.random.default_rng(0).standard_normal((2, *shape)).astype(np.float32))
    with torch.no_grad():
        outputs = module(images)
    torch.testing.assert_close(outputs[:, copies], images[:, : len(copies)], atol=1e-6, rtol=0)


def test_dirac_draws_the_other_outputs_as_torch_does() -> None:
    others = drawn(Conv(200, 3, initializer="dirac", name="a"), (8, 9, 9))["weight"][8:]
    limit = 1 / math.sqrt(8 * 9)
    assert others.std() == pytest.approx(limit / math.sqrt(3), rel=0.03)
    assert 0.99 * limit < np.abs(others).max() <= limit


def test_dirac_agrees_with_torch_where_a_window_has_no_middle() -> None:
    expected = torch.nn.init.dirac_(torch.empty(3, 3, 4, 4))
    assert np.array_equal(drawn(Conv(3, 4, initializer="dirac", name="a"), (3, 8, 8))["weight"], expected.numpy())
