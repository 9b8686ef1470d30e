"""Muon (Jordan 2024, https://kellerjordan.github.io/posts/muon): momentum made orthogonal before each step.

A matrix of gradients has few directions that are large and many that are small; the orthogonal matrix next to it
moves as far in all of them. Steps have the size that Adam's have (Liu et al. 2025, arXiv:2502.16982, section 2.2),
so one learning rate serves both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of Jordan's quintic: after five rounds all singular values but the smallest lie between about 0.7 and 1.2."""
ROUNDS = 5
ADAMS_SIZE = 0.2
"""Root mean square of Adam's usual step, in learning rates."""


class Muon(torch.optim.Optimizer):
    """Orthogonal steps for the matrices and filters inside a network, Adam for all other weights.

    ``weights``: in the network's order. Adam trains the first and the last that have at least two axes (as Jordan
    advises), biases, scales and depthwise filters; they do not decay.
    """

    def __init__(
        self,
        weights: Iterable[nn.Parameter],
        learning_rate: float,
        momentum: float,
        weight_decay: float,
        betas: tuple[float, float],
        epsilon: float,
    ) -> None:
        super().__init__(weights, {"lr": learning_rate})
        self.momentum, self.weight_decay = momentum, weight_decay
        own = self.param_groups[0]["params"]
        self.inner = inner_matrices(own)
        inner = {id(weight) for weight in self.inner}
        others = [weight for weight in own if id(weight) not in inner]
        self.adam = torch.optim.Adam(others, betas=betas, eps=epsilon, fused=True) if others else None

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        assert closure is None, "the loop computes the loss"
        rate = self.param_groups[0]["lr"]
        if self.adam:
            self.adam.state = self.state  # one memory for both, which checkpoints find here
            self.adam.param_groups[0]["lr"] = rate
            self.adam.step()
        for weight in self.inner:
            if weight.grad is None:
                continue
            state = self.state[weight]
            if not state:
                state["momentum_buffer"] = torch.zeros_like(weight)
            mean = state["momentum_buffer"].mul_(self.momentum).add_(weight.grad)
            ahead = weight.grad.add(mean, alpha=self.momentum)
            step = orthogonal(ahead.reshape(len(ahead), -1))
            size = ADAMS_SIZE * math.sqrt(max(step.shape))
            weight.mul_(1 - rate * self.weight_decay).add_(step.view(weight.shape), alpha=-rate * size)


def inner_matrices(weights: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    """Those whose rows see all that comes in, between the first and the last of the network."""
    deep = [weight for weight in weights if weight.dim() >= 2]
    return [weight for weight in deep[1:-1] if weight.dim() == 2 or weight.shape[1] > 1]


def orthogonal(matrix_MN: Tensor) -> Tensor:
    """About the nearest orthogonal matrix: UVᵀ of its singular value decomposition, by Newton-Schulz iterations.

    Written for the Gram matrix, which is the smaller one: X ← (aI + bA + cA²) X with A = XXᵀ needs A and the product
    of the brackets only, so the long side is multiplied twice instead of ten times.
    """
    a, b, c = COEFFICIENTS
    tall = matrix_MN.shape[0] > matrix_MN.shape[1]
    X: Tensor = matrix_MN.T if tall else matrix_MN
    X = X / (X.norm() + 1e-7)
    A, product = X @ X.T, torch.eye(len(X), dtype=X.dtype, device=X.device)
    for _ in range(ROUNDS):
        bracket = torch.addmm(A, A, A, beta=b, alpha=c)
        bracket.diagonal().add_(a)
        product, A = bracket @ product, bracket @ (bracket @ A)
    X = product @ X
    return X.T if tall else X
