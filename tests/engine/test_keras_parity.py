"""Every layer kind and setting against a table computed with Keras 3 (``tests/oracles/make_keras_table.py``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fittingroom.engine.layers import Dropout, build_layer
from fittingroom.engine.network import StackedNetwork
from fittingroom.spec.layers import LAYER_KINDS, AnyLayer, Shape
from fittingroom.spec.network import summarize

Record = dict[str, Any]

ORACLES = Path(__file__).parents[1] / "oracles"
TABLE = json.loads((ORACLES / "keras_table.json").read_text())
VALUES = np.load(ORACLES / "keras_table.npz")["values"]

OURS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""Keras' names of variables, and torch's of parameters and buffers."""
SEPARABLE = {
    "depthwise_kernel": "depthwise.weight",
    "pointwise_kernel": "pointwise.weight",
    "bias": "pointwise.bias",
}

every_layout = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)


def rows(kind: str, *, training: bool = False) -> list[Record]:
    found = [row for row in TABLE["layers"] if row["kind"] == kind and row.get("training", False) == training]
    assert found
    return found


def array(place: Record) -> NDArray[np.float32]:
    size = int(np.prod(place["shape"]))
    return VALUES[place["at"] : place["at"] + size].reshape(place["shape"])


def channels_first(place: Record) -> Tensor:
    values = torch.from_numpy(array(place))
    return values.permute(0, 3, 1, 2).contiguous() if values.dim() == 4 else values


def in_torch_layout(kernel: NDArray[np.float32], kind: str, variable: str) -> Tensor:
    """HWIO to OIHW; depthwise (height, width, in, multiplier) to (in × multiplier, 1, height, width); dense turned."""
    if kernel.ndim == 4 and (kind == "depthwise_conv" or variable == "depthwise_kernel"):
        height, width, inputs, multiplier = kernel.shape
        return torch.from_numpy(kernel.transpose(2, 3, 0, 1).reshape(inputs * multiplier, 1, height, width))
    return torch.from_numpy(kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T)


def modules(row: Record) -> Iterator[tuple[AnyLayer, Shape, nn.Module]]:
    """Each layer of a row, the shape that reaches it, and its module with Keras' weights in place of its own."""
    shape = tuple(row["input_shape"])
    for index, record in enumerate(row["layers"]):
        layer = LAYER_KINDS[record["layer"]](**record)
        module = build_layer(layer, shape)
        weights = {}
        for name, place in row["weights"].items():
            stage, *part, variable = name.split(".")
            if int(stage) == index:
                names = SEPARABLE if record["layer"] == "separable_conv" else OURS
                weights[".".join([*part, names[variable]])] = in_torch_layout(array(place), record["layer"], variable)
        own_weights = module.state_dict()
        assert own_weights.keys() == weights.keys()
        for name, values in weights.items():
            own_weights[name].copy_(values)
        yield layer, shape, module
        shape = layer.output_shape(shape)


def run(row: Record, layout: torch.memory_format = torch.contiguous_format) -> tuple[Tensor, nn.Sequential]:
    """Outputs of the row's layers for the row's images, and the layers."""
    stack = nn.Sequential(*(module for _, _, module in modules(row))).train(row.get("training", False))
    images = channels_first(row["images"])
    with torch.no_grad():
        return stack(images.to(memory_format=layout) if images.dim() == 4 else images), stack


def assert_close(row: Record, what: str, ours: Tensor, keras: Tensor, tolerance: float = 1e-5) -> None:
    assert ours.shape == keras.shape, f"{what} of {row['layers']} for {row['input_shape']}"
    furthest = float((ours - keras).abs().max())
    assert furthest <= tolerance * max(1.0, float(keras.abs().max())), (
        f"{what} of {row['layers']} for {row['input_shape']} is off by {furthest}"
    )


def test_the_table_has_rows_for_every_kind() -> None:
    assert {row["kind"] for row in TABLE["layers"]} == LAYER_KINDS.keys()


@pytest.mark.parametrize("kind", sorted(LAYER_KINDS))
def test_shapes_and_counts_are_those_of_keras(kind: str) -> None:
    for row in rows(kind):
        count = 0
        for layer, shape, module in modules(row):
            count += layer.parameter_count(shape)
            assert layer.trainable_count(shape) == sum(weight.numel() for weight in module.parameters()), row["layers"]
            output_shape = layer.output_shape(shape)
        assert list(output_shape) == row["output_shape"], f"{row['layers']} for {row['input_shape']}"
        assert count == row["parameters"], f"{row['layers']} for {row['input_shape']}"


@every_layout
@pytest.mark.parametrize("kind", sorted(LAYER_KINDS.keys() - {"classify"}))
def test_outputs_are_those_of_keras(kind: str, layout: torch.memory_format) -> None:
    for row in rows(kind):
        outputs, _ = run(row, layout)
        assert_close(row, "output", outputs, channels_first(row["outputs"]))


def test_the_softmax_of_classify_gives_the_probabilities_of_keras() -> None:
    for row in rows("classify"):
        logits, _ = run(row)
        assert_close(row, "softmax", logits.softmax(1), channels_first(row["outputs"]))


@every_layout
@pytest.mark.parametrize("kind", ["batch_norm", "residual"])
def test_a_training_step_gives_the_outputs_and_running_means_of_keras(kind: str, layout: torch.memory_format) -> None:
    for row in rows(kind, training=True):
        outputs, stack = run(row, layout)
        assert_close(row, "output", outputs, channels_first(row["outputs"]))
        for name, place in row["statistics"].items():
            if name.endswith("moving_mean"):
                mean = stack.state_dict()[name.replace("moving_mean", "running_mean")]
                assert_close(row, name, mean, torch.from_numpy(array(place)))


@pytest.mark.parametrize("kind", ["batch_norm", "residual"])
def test_the_running_variance_moves_by_the_unbiased_variance_where_keras_takes_the_biased_one(kind: str) -> None:
    for row in rows(kind, training=True):
        _, stack = run(row)
        momentum = row["layers"][0].get("momentum", 0.9)
        seen = row["outputs"] if row["layers"][0]["layer"] == "residual" else row["images"]
        n = int(np.prod(seen["shape"][:-1]))
        for name, place in row["statistics"].items():
            if name.endswith("moving_variance"):
                kept = momentum * torch.from_numpy(array(row["weights"][name]))
                biased = (torch.from_numpy(array(place)) - kept) / (1 - momentum)
                running = stack.state_dict()[name.replace("moving_variance", "running_var")]
                assert_close(row, name, (running - kept) / (1 - momentum), biased * n / (n - 1), tolerance=5e-5)


def test_dropout_in_training_has_the_share_and_scale_of_keras() -> None:
    for row in TABLE["dropout"]:
        dropout = Dropout(row["rate"]).train()
        dropout.at(seed=0, name="dropout_1", epoch=1, step=1)
        outputs = dropout(torch.ones(1000, 1000))
        assert float((outputs == 0).double().mean()) == pytest.approx(row["share"], abs=0.002)
        assert float(outputs.max()) == pytest.approx(row["scale"], rel=2e-4)  # rates are whole 65,536ths


@pytest.mark.parametrize("row", TABLE["networks"], ids=lambda row: row["name"])
def test_whole_networks_have_as_many_parameters_as_in_keras(row: Record) -> None:
    layers = [LAYER_KINDS[record["layer"]](**record) for record in row["layers"]]
    summary = summarize(layers, tuple(row["input_shape"]), classes=10)
    assert summary.faults == ()
    assert summary.parameters == row["parameters"]
    network = StackedNetwork(layers, tuple(row["input_shape"]), classes=10)
    assert sum(weight.numel() for weight in network.weights().values()) == row["parameters"]


def test_the_small_networks_have_the_counts_that_source_b_printed() -> None:
    counts = {row["name"]: row["parameters"] for row in TABLE["networks"]}
    assert [counts[f"source B, {n} blocks"] for n in (1, 2, 3)] == [31450, 8970, 3610]
