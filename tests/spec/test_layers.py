"""The layer records: kinds, bounds, what they refuse, and shapes and counts worked out by hand."""

from __future__ import annotations

from typing import Any, get_args

import pytest

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
    Layer,
    MaxPool,
    MeanPool,
    Residual,
    SeparableConv,
    Shape,
    same_padding,
    show_shape,
    window_output,
)

IMAGE: Shape = (3, 28, 28)
FLAT: Shape = (128,)


def test_kinds_are_those_of_the_union_and_know_their_tag() -> None:
    assert set(get_args(get_args(AnyLayer)[0])) == set(LAYER_KINDS.values())
    for tag, kind in LAYER_KINDS.items():
        needed: dict[str, Any] = {
            "conv": {"filters": 1},
            "separable_conv": {"filters": 1},
            "residual": {"filters": 1},
            "dense": {"units": 1},
            "dropout": {"rate": 0.5},
            "activation": {"function": "relu"},
        }.get(tag, {})
        assert kind(**needed).layer == tag  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("layer", "shape", "output", "trainable", "statistics"),
    [
        # 3·3·3·32 weights and 32 biases; whole windows only: 28 − 3 + 1
        (Conv(32, 3), IMAGE, (32, 26, 26), 896, 0),
        (Conv(32, 3, padding="same", bias=False), IMAGE, (32, 28, 28), 864, 0),
        # (28 − 5) // 2 + 1 = 12; 25·3·8 + 8
        (Conv(8, 5, 2), IMAGE, (8, 12, 12), 608, 0),
        # same with stride 3: ceil(28 / 3) = 10
        (Conv(8, 2, 3, padding="same"), IMAGE, (8, 10, 10), 104, 0),
        # source B's first layer: 16 filters of 2×2 on a grey image, 2·2·1·16 + 16
        (Conv(16, 2, padding="same", activation="relu"), (1, 28, 28), (16, 28, 28), 80, 0),
        # two patterns for each of 3 channels: 9·6 + 6
        (DepthwiseConv(3, depth_multiplier=2), IMAGE, (6, 26, 26), 60, 0),
        # 9·3 depthwise without bias, then 3·10 + 10
        (SeparableConv(10), IMAGE, (10, 26, 26), 67, 0),
        (BatchNorm(), IMAGE, IMAGE, 6, 6),
        (BatchNorm(), FLAT, FLAT, 256, 256),
        (Activate("elu"), IMAGE, IMAGE, 0, 0),
        (MaxPool(), IMAGE, (3, 14, 14), 0, 0),
        (MaxPool(3), IMAGE, (3, 9, 9), 0, 0),
        (MaxPool(3, padding="same"), IMAGE, (3, 10, 10), 0, 0),
        (MeanPool(3, stride=1), IMAGE, (3, 26, 26), 0, 0),
        (GlobalPool(), IMAGE, (3,), 0, 0),
        (Dropout(0.5), FLAT, FLAT, 0, 0),
        (Flatten(), IMAGE, (2352,), 0, 0),
        (Flatten(), FLAT, FLAT, 0, 0),
        (Dense(30), FLAT, (30,), 3870, 0),
        (Dense(30, bias=False), FLAT, (30,), 3840, 0),
        (Classify(classes=10), FLAT, (10,), 1290, 0),
        # 9·3·3 twice, two batch norms of 3 channels (scale and shift; mean and variance)
        (Residual(3), IMAGE, IMAGE, 174, 12),
        # 9·3·8 + 9·8·8 = 792, two batch norms of 8; the skip: 3·8 and one more batch norm of 8
        (Residual(8), IMAGE, (8, 28, 28), 792 + 32 + 24 + 16, 48),
        (Residual(3, stride=2), IMAGE, (3, 14, 14), 162 + 9 + 18, 18),
    ],
    ids=repr,
)
def test_shapes_and_counts_by_hand(layer: Layer, shape: Shape, output: Shape, trainable: int, statistics: int) -> None:
    assert layer.output_shape(shape) == output
    assert layer.trainable_count(shape) == trainable
    assert layer.statistics_count(shape) == statistics
    assert layer.parameter_count(shape) == trainable + statistics


def test_same_padding_puts_the_odd_pixel_after() -> None:
    assert same_padding(28, 2, 1) == (0, 1)
    assert same_padding(28, 3, 1) == (1, 1)
    assert same_padding(28, 3, 2) == (0, 1), "with a stride the windows end one pixel past the image"
    assert same_padding(5, 5, 5) == (0, 0)
    assert same_padding(28, 2, 5) == (0, 0), "windows that jump over pixels need none"


def test_windows_are_counted_along_one_axis() -> None:
    assert window_output(7, 3, 2, "valid") == 3
    assert window_output(8, 3, 2, "valid") == 3
    assert window_output(8, 3, 2, "same") == 4


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Dense(10), (32, 7, 7), "needs a flat input but gets 32×7×7; insert flatten before it"),
        (Classify(), (32, 7, 7), "needs a flat input but gets 32×7×7; insert flatten before it"),
        (Classify(), FLAT, "does not know the number of classes; choose data, or set classes"),
        (
            Conv(8),
            FLAT,
            "needs an image (channels×height×width) but gets a flat vector of 128; "
            "move it before the flatten or global_pool layer, or remove it",
        ),
        (
            GlobalPool(),
            FLAT,
            "needs an image (channels×height×width) but gets a flat vector of 128; "
            "move it before the flatten or global_pool layer, or remove it",
        ),
        (
            Conv(8, 5, stride=2),
            (3, 4, 9),
            "slides a window of 5×5 (kernel 5, stride 2, padding valid) over an image of only 4×9 (3×4×9); "
            'set padding = "same", or kernel to at most 4',
        ),
        (
            MaxPool(2),
            (3, 1, 1),
            "slides a window of 2×2 (size 2, stride 2, padding valid) over an image of only 1×1 (3×1×1); "
            'set padding = "same", or size to at most 1',
        ),
    ],
    ids=repr,
)
def test_impossible_layers_say_why_and_what_to_do(layer: Layer, shape: Shape, message: str) -> None:
    with pytest.raises(ImpossibleLayer) as caught:
        layer.output_shape(shape)
    assert str(caught.value) == message
    assert f"{caught.value.message}; {caught.value.fix}" == message


def test_same_padding_takes_windows_larger_than_the_image() -> None:
    assert Conv(8, 5, padding="same").output_shape((3, 2, 2)) == (8, 2, 2)
    assert Residual(8, 3).output_shape((3, 1, 1)) == (8, 1, 1)


def test_pools_step_by_their_size_unless_told() -> None:
    assert (MaxPool(3).step, MaxPool(3, stride=1).step) == (3, 1)


def test_shapes_are_shown_with_crosses() -> None:
    assert show_shape((32, 7, 7)) == "32×7×7"
    assert show_shape((128,)) == "128"


RULE = "use letters (a to z), digits and underscores, with a letter first"


@pytest.mark.parametrize(
    ("kind", "settings", "fault"),
    [
        (Conv, {"filters": 0}, "filters: should be greater than or equal to 1, not 0; use 1 or more"),
        (Conv, {"filters": -1}, "filters: should be greater than or equal to 1, not -1; use 1 or more"),
        (Conv, {"filters": 4097}, "filters: should be less than or equal to 4096, not 4097; use 4096 or less"),
        (Conv, {"filters": 2.5}, "filters: should be a whole number, not 2.5; give a whole number"),
        (Conv, {"filters": 8, "kernel": (3, 3)}, "kernel: should be a whole number, not (3, 3); give a whole number"),
        (Conv, {"filters": 8, "kernel": 65}, "kernel: should be less than or equal to 64, not 65; use 64 or less"),
        (Conv, {"filters": 8, "stride": 0}, "stride: should be greater than or equal to 1, not 0; use 1 or more"),
        (Conv, {"filters": 8, "padding": "SAME"}, "padding: 'SAME' is not one of its values; did you mean \"same\"?"),
        (Conv, {"filters": 8, "bias": 1}, "bias: should be true or false, not 1; give true or false"),
        (
            Conv,
            {"filters": 8, "activation": "softmax"},
            "activation: 'softmax' is not one of its values; "
            "known are: elu, gelu, leaky_relu, relu, selu, sigmoid, swish, tanh",
        ),
        (
            Dense,
            {"units": 8, "initializer": "zeros"},
            "initializer: 'zeros' is not one of its values; known are: dirac, glorot_normal, glorot_uniform, "
            "he_normal, he_uniform, lecun_normal, lecun_uniform, orthogonal",
        ),
        (
            DepthwiseConv,
            {"depth_multiplier": 65},
            "depth_multiplier: should be less than or equal to 64, not 65; use 64 or less",
        ),
        (BatchNorm, {"momentum": 1}, "momentum: should be less than 1, not 1; use a number below 1"),
        (BatchNorm, {"epsilon": 0}, "epsilon: should be greater than 0, not 0; use a number above 0"),
        (MaxPool, {"stride": 0}, "stride: should be greater than or equal to 1, not 0; use 1 or more"),
        (
            GlobalPool,
            {"mode": "average"},
            "mode: 'average' is not one of its values; known are: max, mean",
        ),
        (Dropout, {"rate": 1}, "rate: should be less than 1, not 1; use a number below 1"),
        (Dense, {"units": 65537}, "units: should be less than or equal to 65536, not 65537; use 65536 or less"),
        (Classify, {"classes": 1}, "classes: should be greater than or equal to 2, not 1; use 2 or more"),
        (Flatten, {"name": ""}, "name: should not be empty; write at least 1 character"),
        (Flatten, {"name": "x" * 61}, "name: has 61 characters; shorten it to at most 60"),
        (Flatten, {"name": "1st"}, f"name: '1st' has characters that cannot be used here; {RULE}"),
        (Flatten, {"name": "to vector"}, f"name: 'to vector' has characters that cannot be used here; {RULE}"),
        (Flatten, {"name": "größe"}, f"name: 'größe' has characters that cannot be used here; {RULE}"),
        (Flatten, {"name": "x\n"}, f"name: 'x\\n' has characters that cannot be used here; {RULE}"),
        (Flatten, {"name": "a.b"}, f"name: 'a.b' has characters that cannot be used here; {RULE}"),
    ],
)
def test_settings_out_of_bounds_are_refused(kind: type[Layer], settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        kind(**settings)
    assert str(caught.value) == f"{kind.__name__} cannot be made:\n  {fault}"


@pytest.mark.parametrize("kind", [Layer, Conv, BatchNorm, MaxPool, Residual])
def test_the_largest_and_smallest_allowed_values_are_allowed(kind: type[Layer]) -> None:
    edges: dict[type[Layer], list[dict[str, Any]]] = {
        Layer: [{"name": "x" * 60}, {"name": "X_9"}],
        Conv: [{"filters": 1, "kernel": 1, "stride": 1}, {"filters": 4096, "kernel": 64, "stride": 64}],
        BatchNorm: [{"momentum": 0, "epsilon": 1}, {"momentum": 0.9999}],
        MaxPool: [{"size": 1, "stride": 64}, {"size": 64, "stride": None}],
        Residual: [{"filters": 4096, "kernel": 64}],
    }
    for settings in edges[kind]:
        made = kind(**settings)
        assert {name: getattr(made, name) for name in settings} == settings
