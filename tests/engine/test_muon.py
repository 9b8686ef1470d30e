"""Muon against its definition: singular values in double precision, and Adam for what is not inside."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fittingroom.engine.muon import Muon, inner_matrices, orthogonal
from fittingroom.engine.optimizers import build_optimizer, state_keys
from fittingroom.spec import train as spec


def drawn(*shape: int, seed: int = 0) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32)))


def jordans(matrix: Tensor) -> Tensor:
    """His function ``zeropower_via_newtonschulz5``, in double precision: through the singular values, one by one."""
    u, singular, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    singular = singular / singular.square().sum().sqrt()
    for _ in range(5):
        singular = 3.4445 * singular - 4.7750 * singular**3 + 2.0315 * singular**5
    return u @ torch.diag(singular) @ v


@pytest.mark.parametrize("shape", [(4, 4), (6, 40), (40, 6), (1, 5)])
def test_orthogonal_is_jordans_iteration(shape: tuple[int, int]) -> None:
    matrix = drawn(*shape).detach()
    torch.testing.assert_close(orthogonal(matrix).double(), jordans(matrix), atol=1e-5, rtol=0)


def test_every_direction_gets_about_the_same_size() -> None:
    stretched = drawn(8, 50).detach() * torch.logspace(0, -1.5, 8)[:, None]
    singular = torch.linalg.svdvals(orthogonal(stretched))
    assert singular.min() > 0.6
    assert singular.max() < 1.3


def test_a_gradient_of_zeros_moves_nothing() -> None:
    assert torch.equal(orthogonal(torch.zeros(3, 5)), torch.zeros(3, 5))


def test_directions_that_are_all_but_absent_do_no_harm() -> None:
    singular = torch.linalg.svdvals(orthogonal(drawn(8, 50).detach() * torch.logspace(0, -7, 8)[:, None]))
    assert singular.max() < 1.3


def test_what_lies_inside_is_neither_first_nor_last_nor_flat_nor_depthwise() -> None:
    stem, bias, filters, depthwise, dense, last = (
        drawn(4, 1, 3, 3), drawn(4), drawn(8, 4, 3, 3), drawn(8, 1, 3, 3), drawn(5, 8), drawn(3, 5),
    )  # fmt: skip
    inside = inner_matrices([stem, bias, filters, depthwise, dense, last])
    assert [id(weight) for weight in inside] == [id(filters), id(dense)]
    assert inner_matrices([stem, last]) == []
    assert inner_matrices([bias]) == []


def test_steps_are_those_of_the_definition_and_of_adam() -> None:
    rate, decay, momentum = 0.02, 0.1, 0.9
    stem, filters, bias, last = drawn(3, 1, 2, 2), drawn(6, 3, 3, 3, seed=1), drawn(6, seed=2), drawn(4, 6, seed=3)
    twins = [nn.Parameter(weight.detach().clone()) for weight in (stem, bias, last)]
    optimizer = build_optimizer(
        spec.Muon(rate, weight_decay=decay, momentum=momentum, beta_2=0.99), [stem, filters, bias, last]
    )
    adam = torch.optim.Adam(twins, lr=rate, betas=(0.9, 0.99), eps=1e-7)
    expected, mean = filters.detach().double(), torch.zeros(6, 3, 3, 3, dtype=torch.float64)
    for number in range(4):
        for index, weight in enumerate((stem, filters, bias, last)):
            weight.grad = drawn(*weight.shape, seed=10 * number + index + 20).detach()
        for twin, weight in zip(twins, (stem, bias, last), strict=True):
            assert weight.grad is not None
            twin.grad = weight.grad.clone()
        optimizer.step()
        adam.step()
        assert filters.grad is not None
        gradient = filters.grad.double()
        mean = momentum * mean + gradient
        step = jordans((gradient + momentum * mean).reshape(6, 27)).reshape(6, 3, 3, 3)
        expected = expected * (1 - rate * decay) - rate * 0.2 * math.sqrt(27) * step
    torch.testing.assert_close(filters.detach().double(), expected, atol=1e-5, rtol=0)
    for twin, weight in zip(twins, (stem, bias, last), strict=True):
        torch.testing.assert_close(weight, twin, atol=1e-6, rtol=0)


def test_it_remembers_the_momentum_inside_and_adams_means_outside() -> None:
    weights = [drawn(3, 1, 2, 2), drawn(6, 3, 3, 3), drawn(6), drawn(4, 6)]
    adams = {"exp_avg", "exp_avg_sq", "step"}
    assert state_keys(spec.Muon(), weights) == [adams, {"momentum_buffer"}, adams, adams]


def test_its_memory_goes_into_a_file_and_back() -> None:
    def take_steps(optimizer: Muon, weights: list[nn.Parameter], numbers: range) -> None:
        for number in numbers:
            for index, weight in enumerate(weights):
                weight.grad = drawn(*weight.shape, seed=100 * number + index).detach()
            optimizer.step()

    def made(weights: list[nn.Parameter]) -> Muon:
        optimizer = build_optimizer(spec.Muon(0.02), weights)
        assert isinstance(optimizer, Muon)
        return optimizer

    shapes = [(3, 1, 2, 2), (6, 3, 3, 3), (6,), (4, 6)]
    undisturbed = [drawn(*shape) for shape in shapes]
    take_steps(made(undisturbed), undisturbed, range(6))
    first = [drawn(*shape) for shape in shapes]
    left = made(first)
    take_steps(left, first, range(3))
    second = [nn.Parameter(weight.detach().clone()) for weight in first]
    resumed = made(second)
    resumed.load_state_dict(left.state_dict())
    take_steps(resumed, second, range(3, 6))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(second, undisturbed, strict=True))
