"""Steps of a network that compiled kernels compute: [convolution →] relu → max pool → dropout. Needs Numba.

The same draws decide about dropout, and the same first largest value about a window, as layer by layer. Where a
convolution is part of the kernel its sums are rounded in another order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from fittingroom.engine import blocks, kernels
from fittingroom.engine.layers import Convolution, Dropout, MaxPool
from fittingroom.spec.layers import Shape

LARGEST_WINDOW = 4
"""Pixels along a side: a kernel's code grows with the window."""
MOST_TAPS = 32
"""Weights of one output of a convolution that a kernel takes in: kernel² × inputs. More are faster as a product."""
NO_LOTS = torch.empty(0, dtype=torch.int16)


@dataclass(frozen=True, eq=False)
class FusedPool:
    """Relu, max pool without overlap, and the dropout that may follow; with the convolution before, if it is small."""

    convolution: Convolution | None
    """What gives the values; None where a layer before does, and ``pool`` follows an activation."""
    pool: MaxPool
    dropout: Dropout | None
    pooled_shape: Shape
    """Before pooling."""

    def __call__(self, values_NCHW: Tensor) -> Tensor:
        if values_NCHW.device.type != "cpu" or values_NCHW.dtype not in (torch.float32, torch.bfloat16):
            return self._as_written(values_NCHW)
        if self.convolution is None:
            return self._pool(values_NCHW)
        if self._takes_in(self.convolution) and not values_NCHW.requires_grad and values_NCHW.dtype == torch.float32:
            return self._convolve_and_pool(self.convolution, values_NCHW)
        return self._pool(self.convolution.convolve(values_NCHW))

    def _as_written(self, values_NCHW: Tensor) -> Tensor:
        values_NCHW = self.convolution(values_NCHW) if self.convolution else F.relu(values_NCHW)
        pooled: Tensor = self.pool(values_NCHW)
        return self.dropout(pooled) if self.dropout else pooled

    @staticmethod
    def _takes_in(convolution: Convolution) -> bool:
        """Whether the convolution can be part of the kernel."""
        taps = convolution.kernel_size[0] * convolution.kernel_size[1] * convolution.in_channels
        simple = convolution.stride == (1, 1) and convolution.every == 1 and convolution.groups == 1
        return simple and taps <= MOST_TAPS

    def _pool(self, values_NCHW: Tensor) -> Tensor:
        of = blocks.Pooling(self.pool.size, values_NCHW.dtype == torch.bfloat16)
        values_NCHW = values_NCHW.contiguous(memory_format=torch.channels_last)
        lots = self._lots(len(values_NCHW))
        pooled: Tensor = _Pool.apply(values_NCHW, lots, self._dropped, of)  # type: ignore[no-untyped-call]
        return pooled

    def _convolve_and_pool(self, convolution: Convolution, images_NCHW: Tensor) -> Tensor:
        pooling = blocks.Pooling(self.pool.size, torch.is_autocast_enabled("cpu"))
        kernel, inputs, channels = convolution.kernel_size[0], convolution.in_channels, convolution.out_channels
        of = blocks.Convolving(kernel, inputs, channels, pooling)
        images_NCHW = images_NCHW.contiguous(memory_format=torch.channels_last)
        given = (convolution.weight, convolution.bias, convolution.around, self._lots(len(images_NCHW)), self._dropped)
        pooled: Tensor = _ConvolveAndPool.apply(images_NCHW, *given, of)  # type: ignore[no-untyped-call]
        return pooled

    @property
    def _dropped(self) -> int:
        return self.dropout.dropped if self.dropout and self.dropout.drops else 0

    def _lots(self, images: int) -> Tensor:
        if not self._dropped or self.dropout is None:
            return NO_LOTS
        channels, height, width = self.pooled_shape
        return self.dropout.lots(images * channels * (height // self.pool.size) * (width // self.pool.size))


def _outputs(images: int, channels: int, height: int, width: int, of: blocks.Pooling) -> tuple[Tensor, Tensor]:
    """Room for the output of a pool over images of this size, and for its codes, channels last."""
    shape = (images, channels, height // of.size, width // of.size)
    dtype = torch.bfloat16 if of.half else torch.float32
    output_NChw, code_NChw = (
        torch.empty(shape, dtype=kind, memory_format=torch.channels_last) for kind in (dtype, torch.uint8)
    )
    return output_NChw, code_NChw


def _as_stored(gradient_NChw: Tensor, of: blocks.Pooling) -> Tensor:
    """A gradient in the order and the precision that kernels read."""
    dtype = torch.bfloat16 if of.half else torch.float32
    return gradient_NChw.to(dtype).contiguous(memory_format=torch.channels_last)


class _Pool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values_NCHW: Tensor, lots: Tensor, dropped: int, of: blocks.Pooling) -> Tensor:
        images, channels, height, width = values_NCHW.shape
        output_NChw, code_NChw = _outputs(images, channels, height, width, of)
        block = kernels.block_images(values_NCHW[0].numel() * values_NCHW.element_size())
        sizes = (height, width, channels, dropped)
        kernels.run(blocks.pool_forward(of), images, block, *sizes, values_NCHW, lots, output_NChw, code_NChw)
        ctx.save_for_backward(code_NChw)
        ctx.of, ctx.shape, ctx.sizes, ctx.block = of, values_NCHW.shape, sizes, block
        return output_NChw

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_NChw: Tensor) -> tuple[Tensor | None, ...]:
        (code_NChw,) = ctx.saved_tensors
        gradient_NChw = _as_stored(gradient_NChw, ctx.of)
        output_NCHW = torch.empty(ctx.shape, dtype=gradient_NChw.dtype, memory_format=torch.channels_last)
        kernel = blocks.pool_backward(ctx.of)
        kernels.run(kernel, len(gradient_NChw), ctx.block, *ctx.sizes, gradient_NChw, code_NChw, output_NCHW)
        return output_NCHW, None, None, None


class _ConvolveAndPool(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        images_NIHW: Tensor,
        weight_CIKK: Tensor,
        bias_C: Tensor | None,
        around: tuple[int, int, int, int],
        lots: Tensor,
        dropped: int,
        of: blocks.Convolving,
    ) -> Tensor:
        images, _, height, width = images_NIHW.shape
        left, right, top, bottom = around
        high, wide = height + top + bottom - of.kernel + 1, width + left + right - of.kernel + 1
        output_NChw, code_NChw = _outputs(images, of.channels, high, wide, of.pooling)
        weight_KKIC = weight_CIKK.permute(2, 3, 1, 0).contiguous()
        bias_C = weight_CIKK.new_zeros(of.channels) if bias_C is None else bias_C
        block, sizes = kernels.block_images(output_NChw[0].numel() * 4), (height, width, *around, dropped)
        kernels.run(
            blocks.convolved_forward(of), images, block, *sizes,
            images_NIHW, weight_KKIC, bias_C, lots, output_NChw, code_NChw,
        )  # fmt: skip
        ctx.save_for_backward(images_NIHW, code_NChw)
        ctx.of, ctx.sizes, ctx.block, ctx.shape = of, sizes, block, weight_KKIC.shape
        return output_NChw

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_NChw: Tensor) -> tuple[Tensor | None, ...]:
        images_NIHW, code_NChw = ctx.saved_tensors
        images, blocks_of_images = len(images_NIHW), -(-len(images_NIHW) // ctx.block)
        gradient_NChw = _as_stored(gradient_NChw, ctx.of.pooling)
        of_weight = torch.zeros(blocks_of_images, *ctx.shape)
        of_bias = torch.zeros(blocks_of_images, ctx.of.channels)
        kernels.run(
            blocks.convolved_backward(ctx.of), images, ctx.block, *ctx.sizes,
            images_NIHW, gradient_NChw, code_NChw, of_weight, of_bias,
        )  # fmt: skip
        needs_weight, needs_bias = ctx.needs_input_grad[1:3]
        weight_CIKK = of_weight.sum(0).permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
        nothing = (None,) * 4
        return None, weight_CIKK if needs_weight else None, of_bias.sum(0) if needs_bias else None, *nothing
