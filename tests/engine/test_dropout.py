"""Dropout: how many values, how much the rest is scaled up, and what the choice depends on."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from fittingroom.engine.layers import Dropout

every_layout = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
every_rate = pytest.mark.parametrize("rate", [0.05, 0.1, 0.25, 0.5, 0.9])


def ones(layout: torch.memory_format = torch.contiguous_format) -> Tensor:
    return torch.ones(16, 20, 25, 25).to(memory_format=layout)


def dropped(
    values: Tensor, rate: float = 0.5, *, seed: int = 7, name: str = "dropout_1", epoch: int = 1, step: int = 1
) -> Tensor:
    layer = Dropout(rate).train()
    layer.at(seed, name, epoch, step)
    outputs: Tensor = layer(values)
    return outputs


def correlation(left: Tensor, right: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([left.flatten(), right.flatten()]))[0, 1])


@every_layout
@every_rate
def test_the_share_is_dropped_and_the_rest_scaled_up(rate: float, layout: torch.memory_format) -> None:
    values = ones(layout)
    outputs = dropped(values, rate)
    share = float((outputs == 0).double().mean())
    assert share == pytest.approx(rate, abs=4 * math.sqrt(rate * (1 - rate) / values.numel()))
    kept = outputs[outputs != 0].unique()
    assert kept.tolist() == pytest.approx([1 / (1 - rate)], rel=2e-4)  # rates are whole 65,536ths
    assert float(outputs.mean()) == pytest.approx(1, abs=4 * math.sqrt(rate / (1 - rate) / values.numel()) + 2e-4)


@every_layout
def test_kept_values_keep_their_place_and_sign(layout: torch.memory_format) -> None:
    values = torch.linspace(-3, 3, 2 * 3 * 5 * 7).reshape(2, 3, 5, 7).to(memory_format=layout)
    outputs = dropped(values, 0.25)
    assert outputs.stride() == values.stride()
    kept = outputs != 0
    torch.testing.assert_close(outputs[kept], values[kept] / 0.75)


@every_layout
def test_gradients_pass_where_values_do(layout: torch.memory_format) -> None:
    values = ones(layout).requires_grad_()
    outputs = dropped(values, 0.3)
    outputs.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad, outputs)


@every_layout
def test_the_same_moment_drops_the_same_values(layout: torch.memory_format) -> None:
    first = dropped(ones(layout))
    torch.manual_seed(99)
    dropped(ones(layout), step=2)
    assert torch.equal(first, dropped(ones(layout)))


@every_layout
@pytest.mark.parametrize("other", [{"seed": 8}, {"name": "dropout_2"}, {"epoch": 2}, {"step": 2}], ids=str)
def test_another_moment_drops_independently(other: dict[str, int], layout: torch.memory_format) -> None:
    values = ones(layout)
    assert abs(correlation(dropped(values), dropped(values, **other))) < 4 / math.sqrt(values.numel())


@every_layout
@pytest.mark.parametrize("axis", range(4), ids=["image", "channel", "row", "column"])
def test_neighbours_are_dropped_independently(axis: int, layout: torch.memory_format) -> None:
    outputs = dropped(ones(layout), 0.3)
    size = outputs.shape[axis]
    for distance in (1, 2, 4):
        left, right = outputs.narrow(axis, 0, size - distance), outputs.narrow(axis, distance, size - distance)
        assert abs(correlation(left, right)) < 4 / math.sqrt(left.numel())


def test_flat_vectors_of_any_length() -> None:
    for shape in [(1, 1), (1, 3), (3, 7), (5, 1001)]:
        outputs = dropped(torch.ones(shape), 0.5)
        assert outputs.shape == shape
        assert set(outputs.unique().tolist()) <= {0.0, 2.0}


def test_at_rest_and_with_rate_zero_nothing_changes() -> None:
    values = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Dropout(0.5).eval()(values), values)
    assert torch.equal(Dropout(0.0).train()(values), values)


def test_a_rate_just_below_one_drops_nearly_everything_and_divides_by_nothing() -> None:
    outputs = dropped(torch.ones(1_000_000), 0.9999999)
    assert set(outputs.unique().tolist()) == {0.0, 65536.0}
    assert 3 <= int((outputs != 0).sum()) <= 32  # 15.3 expected
