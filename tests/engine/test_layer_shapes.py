"""Shapes and counts that the spec computes are those that torch finds, on thousands of random stacks."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
from torch import nn

from fittingroom.engine.layers import build_layer
from fittingroom.engine.network import StackedNetwork
from fittingroom.errors import InvalidSpec
from fittingroom.spec.layers import (
    LAYER_KINDS,
    Activate,
    AnyLayer,
    BatchNorm,
    Classify,
    Conv,
    Dense,
    DepthwiseConv,
    Dropout,
    Flatten,
    GlobalPool,
    ImpossibleLayer,
    MaxPool,
    MeanPool,
    Padding,
    Residual,
    SeparableConv,
    Shape,
)
from fittingroom.spec.network import summarize
from fittingroom.spec.transfer import outline_of

IMAGES = 2
ACTIVATIONS = ["relu", "elu", "selu", "tanh", "sigmoid", "gelu", "leaky_relu", "swish"]

activations = st.none() | st.sampled_from(ACTIVATIONS)
filters = st.integers(1, 5)
multipliers = st.integers(1, 3)
strides = st.integers(1, 3)
image_shapes = st.tuples(st.integers(1, 4), st.integers(1, 17), st.integers(1, 17))
class_counts = st.integers(2, 12)


def many(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow],
    )


def positions(size: int, window: int, stride: int, padding: Padding) -> int:
    """Positions of a window along one axis, counted one by one."""
    return len(range(0, size if padding == "same" else size - window + 1, stride))


@st.composite
def windows(draw: st.DrawFn, height: int, width: int, tight: bool) -> tuple[int, int, Padding]:
    """Kernel, stride and padding that fit into the image; anything at all where ``tight`` is false."""
    kernel, stride = draw(st.integers(1, 5)), draw(strides)
    padding: Padding = draw(st.sampled_from(["valid", "same"]))
    return kernel, stride, "same" if tight and kernel > min(height, width) else padding


@st.composite
def image_layers(draw: st.DrawFn, height: int, width: int, tight: bool = True) -> AnyLayer:
    """One layer that takes and gives images."""
    kernel, stride, padding = draw(windows(height, width, tight))
    kind = draw(
        st.sampled_from([Conv, DepthwiseConv, SeparableConv, Residual, MaxPool, MeanPool, BatchNorm, Activate, Dropout])
    )
    if kind is Conv:
        return Conv(draw(filters), kernel, stride, padding, draw(activations), draw(st.booleans()))
    if kind is DepthwiseConv:
        return DepthwiseConv(kernel, stride, padding, draw(multipliers), draw(activations), draw(st.booleans()))
    if kind is SeparableConv:
        return SeparableConv(
            draw(filters), kernel, stride, padding, draw(multipliers), draw(activations), draw(st.booleans())
        )
    if kind is Residual:
        return Residual(draw(filters), kernel, stride, draw(st.sampled_from(ACTIVATIONS)))
    if kind in {MaxPool, MeanPool}:
        return kind(kernel, draw(st.sampled_from([None, stride])), padding)
    return draw(plain_layers)


plain_layers = st.sampled_from([BatchNorm(), Activate("relu"), Activate("swish"), Dropout(0.5)])
"""Layers that take images and flat vectors alike."""
flat_layers = plain_layers | st.just(Flatten()) | st.builds(Dense, st.integers(1, 9), activations, st.booleans())


@st.composite
def stacks(draw: st.DrawFn, shape: Shape) -> list[AnyLayer]:
    """A possible stack of any of the 13 kinds for images of ``shape``."""
    _, height, width = shape
    layers: list[AnyLayer] = []
    for _ in range(draw(st.integers(0, 5))):
        layer = draw(image_layers(height, width))
        layers.append(layer)
        if isinstance(layer, Conv | DepthwiseConv | SeparableConv | Residual):
            padding = "same" if isinstance(layer, Residual) else layer.padding
            height = positions(height, layer.kernel, layer.stride, padding)
            width = positions(width, layer.kernel, layer.stride, padding)
        elif isinstance(layer, MaxPool | MeanPool):
            step = layer.size if layer.stride is None else layer.stride
            height = positions(height, layer.size, step, layer.padding)
            width = positions(width, layer.size, step, layer.padding)
    layers.append(draw(st.sampled_from([Flatten(), GlobalPool("mean"), GlobalPool("max")])))
    layers += draw(st.lists(flat_layers, max_size=3))
    return [*layers, Classify()]


def shapes_in_torch(network: StackedNetwork) -> list[Shape]:
    """Shape of each layer's output, as the modules give it at rest for a batch of zeros."""
    seen: list[Shape] = []
    for module in network.layers:
        module.register_forward_hook(lambda _module, _inputs, output: seen.append(tuple(output.shape)))
    with torch.inference_mode():
        network.eval()(torch.zeros(IMAGES, *network.shape))
    assert all(shape[0] == IMAGES for shape in seen)
    return [shape[1:] for shape in seen]


def count_in_torch(module: nn.Module) -> int:
    statistics = [values for name, values in module.named_buffers() if name.endswith(("running_mean", "running_var"))]
    return sum(values.numel() for values in [*module.parameters(), *statistics])


@pytest.mark.parametrize("classes", [2, 3, 7, 12])
def test_shapes_and_counts_of_possible_stacks_are_those_of_torch(classes: int) -> None:
    kinds: set[str] = set()

    @seed(classes)
    @many(450)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        shape = data.draw(image_shapes)
        layers = data.draw(stacks(shape))
        summary = summarize(layers, shape, classes)
        assert summary.faults == ()
        network = StackedNetwork(layers, shape, classes)
        assert [row.output_shape for row in summary.layers] == shapes_in_torch(network)
        assert [row.parameters for row in summary.layers] == [count_in_torch(module) for module in network.layers]
        assert summary.parameters == sum(values.numel() for values in network.weights().values())
        assert summary.trainable_parameters == sum(values.numel() for values in network.parameters())
        of_weights = {name: tuple(values.shape) for name, values in network.weights().items()}
        assert outline_of(summary.layers, "", ()).shapes == of_weights
        for row, following in pairwise(summary.layers):
            assert following.input_shape == row.output_shape
        kinds.update(layer.layer for layer in layers)

    check()
    assert kinds == LAYER_KINDS.keys(), "some kind of layer was never drawn"


@many(500)
@given(st.data())
def test_a_window_is_refused_exactly_where_torch_cannot_place_it(data: st.DataObject) -> None:
    shape = data.draw(image_shapes)
    layer = data.draw(image_layers(*shape[1:], tight=False))
    window = layer.size if isinstance(layer, MaxPool | MeanPool) else getattr(layer, "kernel", 1)
    images = torch.zeros(IMAGES, *shape)
    if getattr(layer, "padding", "same") == "valid" and window > min(shape[1:]):
        with pytest.raises(RuntimeError, match="maximum size for tensor at dimension"):
            images.unfold(2, window, 1).unfold(3, window, 1)
        with pytest.raises(ImpossibleLayer) as refused:
            layer.output_shape(shape)
        assert f"slides a window of {window}×{window}" in refused.value.message
        assert f"over an image of only {shape[1]}×{shape[2]}" in refused.value.message
        assert refused.value.fix.startswith('set padding = "same"')
        layer = replace(layer, padding="same")  # the fix
    with torch.inference_mode():
        outputs = build_layer(layer, shape).eval()(images)
    assert tuple(outputs.shape[1:]) == layer.output_shape(shape)


@many(300)
@given(shape=image_shapes, classes=class_counts, data=st.data())
def test_impossible_stacks_are_refused_by_the_spec_and_never_by_torch(
    shape: Shape, classes: int, data: st.DataObject
) -> None:
    layers = data.draw(stacks(shape))
    flat_from = next(index for index, layer in enumerate(layers) if isinstance(layer, Flatten | GlobalPool))
    too_flat = st.sampled_from(
        [Conv(2), DepthwiseConv(), SeparableConv(2), MaxPool(), MeanPool(), GlobalPool(), Residual(2)]
    )
    if data.draw(st.booleans()):
        where = data.draw(st.integers(flat_from + 1, len(layers) - 1))
        layers.insert(where, data.draw(too_flat))
        message, fix = "needs an image (channels×height×width) but gets a flat vector of", "move it before the flatten"
    else:
        where = data.draw(st.integers(0, flat_from))
        layers.insert(where, Dense(3))
        message, fix = "needs a flat input but gets", "insert flatten before it"
    with pytest.raises(InvalidSpec, match=f"layer {where + 1}, {layers[where].layer}: ") as caught:
        StackedNetwork(layers, shape, classes)
    fault = caught.value.faults[0]
    assert fault.path == f"network[{where}]"
    assert message in fault.message
    assert fault.fix.startswith(fix)
    assert len(summarize(layers, shape, classes).layers) == where, "the layers before the fault have shapes"
