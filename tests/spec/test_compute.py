"""Multiply-adds: against counts by hand, a count by brute force, and torch's own counter over the built network."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fittingroom.engine.layers import build_layer
from fittingroom.spec.compute import OPERATIONS, multiply_adds
from fittingroom.spec.layers import (
    LAYER_KINDS,
    Activate,
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
)

CASES: list[tuple[Layer, Shape, int]] = [
    # 9 weights × 3 input channels for each of 8 × 26 × 26 output values
    (Conv(8, 3), (3, 28, 28), 27 * 8 * 26 * 26),
    # stride 2 with same padding: 7×7 becomes 4×4
    (Conv(5, 2, 2, padding="same"), (4, 7, 7), 16 * 5 * 4 * 4),
    (Conv(8, 3, bias=False, activation="relu"), (3, 9, 5), 27 * 8 * 7 * 3),
    # each output value sees one input channel only
    (DepthwiseConv(3), (6, 10, 10), 9 * 6 * 8 * 8),
    (DepthwiseConv(3, depth_multiplier=2, padding="same"), (6, 10, 10), 9 * 12 * 10 * 10),
    # depthwise, then 1×1 over its 6 (or 12) channels
    (SeparableConv(16, 3), (6, 10, 10), (9 * 6 + 6 * 16) * 8 * 8),
    (SeparableConv(16, 3, 2, depth_multiplier=2), (6, 10, 10), (9 * 12 + 12 * 16) * 4 * 4),
    # the skip costs something only where the shape changes
    (Residual(8), (8, 12, 12), 2 * 9 * 8 * 8 * 144),
    (Residual(16, stride=2), (8, 12, 12), (9 * 8 * 16 + 9 * 16 * 16 + 8 * 16) * 36),
    (Dense(30), (72,), 72 * 30),
    (Classify(classes=10), (30,), 300),
    (BatchNorm(), (8, 4, 4), 0),
    (Activate("gelu"), (8, 4, 4), 0),
    (MaxPool(), (8, 4, 4), 0),
    (MeanPool(), (8, 4, 4), 0),
    (GlobalPool(), (8, 4, 4), 0),
    (Dropout(0.5), (8, 4, 4), 0),
    (Flatten(), (8, 4, 4), 0),
]


@pytest.mark.parametrize(("layer", "shape", "expected"), CASES, ids=repr)
def test_multiply_adds_by_hand(layer: Layer, shape: Shape, expected: int) -> None:
    assert multiply_adds(layer, shape) == expected


def test_every_kind_of_layer_is_counted_by_hand() -> None:
    assert {type(layer) for layer, _, _ in CASES} == set(LAYER_KINDS.values())


@pytest.mark.parametrize(("layer", "shape"), [case[:2] for case in CASES], ids=repr)
def test_multiply_adds_agree_with_torch(layer: Layer, shape: Shape) -> None:
    """torch counts what it really executes, two operations for each multiply-add."""
    module = build_layer(layer, shape).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.zeros(1, *shape))
    assert OPERATIONS * multiply_adds(layer, shape) == counter.get_total_flops()


def test_multiply_adds_of_a_convolution_by_counting_each() -> None:
    layer, (channels, height, width) = Conv(2, 3, 2), (3, 8, 7)
    count = 0
    for top in range(0, height - 2, 2):
        for left in range(0, width - 2, 2):
            for _filter in range(2):
                for _channel in range(channels):
                    count += sum(1 for _ in range(top, top + 3) for _ in range(left, left + 3))
    assert multiply_adds(layer, (channels, height, width)) == count


def test_what_cannot_be_has_no_count() -> None:
    with pytest.raises(ImpossibleLayer, match="needs a flat input but gets 8×4×4"):
        multiply_adds(Dense(3), (8, 4, 4))
