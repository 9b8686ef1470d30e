"""Batch normalization in training, with the relu that may follow, by compiled kernels. Needs Numba.

As torch's: biased variance for normalizing, unbiased variance into the running statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from fittingroom.engine import kernels, norms

LONGEST_ROW = 1024
"""Values that kernels handle in one go, at most."""


@dataclass(frozen=True, eq=False)
class FusedNorm:
    """Batch normalization of images, and relu where it follows."""

    norm: nn.BatchNorm2d
    relu: bool

    def __call__(self, values_NCHW: Tensor) -> Tensor:
        kinds = (torch.float32, torch.bfloat16)
        if not self.norm.training or values_NCHW.device.type != "cpu" or values_NCHW.dtype not in kinds:
            outputs: Tensor = self.norm(values_NCHW)
            return F.relu(outputs) if self.relu else outputs
        values_NCHW = values_NCHW.contiguous(memory_format=torch.channels_last)
        of = norms.Normalizing(values_NCHW.dtype == torch.bfloat16, self.relu)
        weight, bias = self.norm.weight, self.norm.bias
        normalized: Tensor = _Norm.apply(values_NCHW, weight, bias, self.norm, of)  # type: ignore[no-untyped-call]
        return normalized


@dataclass(frozen=True)
class Rows:
    """How kernels go through images."""

    images: int
    channels: int
    pixels: int
    """Of an image."""
    together: int
    """Pixels in a row."""
    block: int
    """Images in a block."""

    @classmethod
    def of(cls, values_NCHW: Tensor) -> Rows:
        images, channels, height, width = values_NCHW.shape
        pixels = height * width
        together = max(
            each
            for each in range(1, pixels + 1)
            if pixels % each == 0 and (each == 1 or each * channels <= LONGEST_ROW)
        )
        block = kernels.block_images(channels * pixels * values_NCHW.element_size())
        return cls(images, channels, pixels, together, block)

    @property
    def length(self) -> int:
        return self.together * self.channels

    @property
    def by_channel(self) -> tuple[int, ...]:
        """What kernels are told that need to know of channels, after a count that begins with 0."""
        return (0, self.pixels // self.together, self.together, self.channels)

    @property
    def by_row(self) -> tuple[int, ...]:
        """What kernels are told that need not."""
        return (self.pixels // self.together, self.length)

    def sums(self) -> Tensor:
        """Zeros for two rows of sums of each block."""
        return torch.zeros(-(-self.images // self.block), 2, self.length)

    def run(self, kernel: Any, *arguments: Tensor | int) -> None:
        kernels.run(kernel, self.images, self.block, *arguments)


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, values_NCHW: Tensor, weight_C: Tensor, bias_C: Tensor, norm: nn.BatchNorm2d, of: norms.Normalizing
    ) -> Tensor:
        rows = Rows.of(values_NCHW)
        assert norm.running_mean is not None and norm.running_var is not None and norm.momentum is not None
        numbers = torch.tensor([norm.eps, norm.momentum, rows.images * rows.pixels], dtype=torch.float64)
        scaling = torch.empty(2, rows.length)
        moments_2C = torch.empty(2, rows.channels, dtype=torch.float64)
        rows.run(
            norms.statistics(of.half), *rows.by_channel, values_NCHW, rows.sums(), weight_C, bias_C,
            norm.running_mean, norm.running_var, numbers, scaling[0], scaling[1], moments_2C,
        )  # fmt: skip
        output_NCHW = torch.empty_like(values_NCHW)
        rows.run(norms.normalize(of), *rows.by_row, values_NCHW, scaling[0], scaling[1], output_NCHW)
        ctx.save_for_backward(values_NCHW, scaling, moments_2C)
        ctx.of, ctx.count = of, numbers[2:]
        return output_NCHW

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_NCHW: Tensor) -> tuple[Tensor | None, ...]:
        values_NCHW, (factor, offset), moments_2C = ctx.saved_tensors
        rows = Rows.of(values_NCHW)
        gradient_NCHW = gradient_NCHW.to(values_NCHW.dtype).contiguous(memory_format=torch.channels_last)
        slope, rest = torch.empty(2, rows.length)
        weight_C, bias_C = torch.empty(2, rows.channels)
        rows.run(
            norms.gradient_sums(ctx.of), *rows.by_channel, values_NCHW, gradient_NCHW, factor, offset, moments_2C,
            ctx.count, rows.sums(), slope, rest, weight_C, bias_C,
        )  # fmt: skip
        output_NCHW = torch.empty_like(values_NCHW)
        scaling = (factor, offset, slope, rest)
        rows.run(norms.gradient(ctx.of), *rows.by_row, values_NCHW, gradient_NCHW, *scaling, output_NCHW)
        _, needs_weight, needs_bias, _, _ = ctx.needs_input_grad
        return output_NCHW, weight_C if needs_weight else None, bias_C if needs_bias else None, None, None
