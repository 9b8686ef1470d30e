"""Every layer record as a torch module. Inputs and outputs are ``images_NCHW`` or ``features_NF``."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fittingroom.engine.random import stream
from fittingroom.spec import layers as spec
from fittingroom.spec.layers import ActivationName, AnyLayer, Shape, same_padding

Function = Callable[[Tensor], Tensor]
FUNCTIONS: dict[ActivationName, Function] = {
    "relu": F.relu,
    "elu": F.elu,
    "selu": F.selu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": F.gelu,
    "leaky_relu": lambda values: F.leaky_relu(values, 0.2),
    "swish": F.silu,
}


def build_layer(layer: AnyLayer, shape: Shape) -> nn.Module:
    """The module for one layer whose input has ``shape`` (without the batch)."""
    match layer:
        case spec.Conv():
            return Convolution(
                shape, layer.filters, layer.kernel, layer.stride, layer.padding, layer.bias, activation=layer.activation
            )
        case spec.DepthwiseConv():
            return Convolution(
                shape,
                shape[0] * layer.depth_multiplier,
                layer.kernel,
                layer.stride,
                layer.padding,
                layer.bias,
                groups=shape[0],
                activation=layer.activation,
            )
        case spec.SeparableConv():
            return SeparableConvolution(shape, layer)
        case spec.BatchNorm():
            return batch_norm(shape, layer.momentum, layer.epsilon)
        case spec.Activate():
            return Activation(layer.function)
        case spec.MaxPool():
            return MaxPool(shape, layer)
        case spec.MeanPool():
            return MeanPool(shape, layer)
        case spec.GlobalPool():
            return GlobalPool(layer.mode)
        case spec.Dropout():
            return Dropout(layer.rate)
        case spec.Flatten():
            return Flatten()
        case spec.Dense():
            return Dense(shape[0], layer.units, layer.bias, layer.activation)
        case spec.Classify():
            return Dense(shape[0], layer.output_shape(shape)[0], True, None)
        case spec.Residual():
            return Residual(shape, layer)


def padding_around(shape: Shape, window: int, stride: int, padding: spec.Padding) -> tuple[int, int, int, int]:
    """Pixels to add (left, right, top, bottom): the order that ``F.pad`` takes."""
    if padding == "valid":
        return (0, 0, 0, 0)
    top, bottom = same_padding(shape[1], window, stride)
    left, right = same_padding(shape[2], window, stride)
    return (left, right, top, bottom)


class Convolution(nn.Conv2d):
    """Cross-correlation, bias, activation. Padding that is the same on both sides costs nothing extra."""

    def __init__(
        self,
        shape: Shape,
        filters: int,
        kernel: int,
        stride: int,
        padding: spec.Padding,
        bias: bool,
        *,
        groups: int = 1,
        activation: ActivationName | None = None,
    ) -> None:
        self.around = left, right, top, bottom = padding_around(shape, kernel, stride, padding)
        """Pixels of padding: left, right, top, bottom."""
        even = left == right and top == bottom
        # A strided 1×1 convolution looks at every stride-th pixel only, so these are taken first: the same numbers, and
        # torch's own backward pass of it destroys memory (2.13, channels last, stride 2, even sizes, two threads).
        self.every = stride if kernel == 1 else 1
        stride = 1 if kernel == 1 else stride
        super().__init__(
            shape[0], filters, kernel, stride, padding=(top, left) if even else 0, groups=groups, bias=bias
        )
        self.pad_first = None if even else (left, right, top, bottom)
        self.activation = FUNCTIONS[activation] if activation else None

    def forward(self, images_NCHW: Tensor) -> Tensor:
        outputs = self.convolve(images_NCHW)
        return self.activation(outputs) if self.activation else outputs

    def convolve(self, images_NCHW: Tensor) -> Tensor:
        """The convolution with its bias, without the activation."""
        if self.pad_first:
            images_NCHW = F.pad(images_NCHW, self.pad_first)
        if self.every > 1:
            images_NCHW = images_NCHW[:, :, :: self.every, :: self.every]
        return super().forward(images_NCHW)


class SeparableConvolution(nn.Module):
    """Depthwise without bias, then 1×1 with bias and activation."""

    def __init__(self, shape: Shape, layer: spec.SeparableConv) -> None:
        super().__init__()
        middle = shape[0] * layer.depth_multiplier
        self.depthwise = Convolution(shape, middle, layer.kernel, layer.stride, layer.padding, False, groups=shape[0])
        self.pointwise = Convolution(
            (middle, *layer.output_shape(shape)[1:]),
            layer.filters,
            1,
            1,
            "valid",
            layer.bias,
            activation=layer.activation,
        )

    def forward(self, images_NCHW: Tensor) -> Tensor:
        outputs: Tensor = self.pointwise(self.depthwise(images_NCHW))
        return outputs


def batch_norm(shape: Shape, momentum: float, epsilon: float) -> nn.Module:
    """Batch normalization of images or flat vectors; torch's momentum is the share of the new value."""
    kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
    norm = kind(shape[0], eps=epsilon, momentum=1 - momentum)
    norm.num_batches_tracked = None  # read only without a momentum; among the weights it would be one too many
    return norm


class Activation(nn.Module):
    def __init__(self, function: ActivationName) -> None:
        super().__init__()
        self.function = FUNCTIONS[function]

    def forward(self, values: Tensor) -> Tensor:
        return self.function(values)


class MaxPool(nn.Module):
    def __init__(self, shape: Shape, layer: spec.MaxPool) -> None:
        super().__init__()
        self.size, self.step = layer.size, layer.step
        padding = padding_around(shape, layer.size, layer.step, layer.padding)
        self.pad_first = padding if any(padding) else None

    def forward(self, images_NCHW: Tensor) -> Tensor:
        if self.pad_first:
            images_NCHW = F.pad(images_NCHW, self.pad_first, value=-math.inf)
        return F.max_pool2d(images_NCHW, self.size, self.step)


class MeanPool(nn.Module):
    """Mean of the pixels of each window that lie inside the image."""

    share_HW: Tensor

    def __init__(self, shape: Shape, layer: spec.MeanPool) -> None:
        super().__init__()
        self.size, self.step = layer.size, layer.step
        padding = padding_around(shape, layer.size, layer.step, layer.padding)
        self.pad_first = padding if any(padding) else None
        inside = F.pad(torch.ones(1, 1, *shape[1:]), padding)
        share_HW = F.avg_pool2d(inside, self.size, self.step)[0, 0]
        self.register_buffer("share_HW", share_HW, persistent=False)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        if self.pad_first is None:
            return F.avg_pool2d(images_NCHW, self.size, self.step)
        return F.avg_pool2d(F.pad(images_NCHW, self.pad_first), self.size, self.step) / self.share_HW


class GlobalPool(nn.Module):
    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode

    def forward(self, images_NCHW: Tensor) -> Tensor:
        return images_NCHW.mean((2, 3)) if self.mode == "mean" else images_NCHW.amax((2, 3))


class Flatten(nn.Module):
    """Height, width, channel: for channels-last memory this copies nothing."""

    def forward(self, values: Tensor) -> Tensor:
        return values.permute(0, 2, 3, 1).flatten(1) if values.dim() == 4 else values


class Dense(nn.Linear):
    def __init__(self, features: int, units: int, bias: bool, activation: ActivationName | None) -> None:
        super().__init__(features, units, bias=bias)
        self.activation = FUNCTIONS[activation] if activation else None

    def forward(self, features_NF: Tensor) -> Tensor:
        outputs = super().forward(features_NF)
        return self.activation(outputs) if self.activation else outputs


class Dropout(nn.Module):
    """Drops values by bits that depend on nothing but the seed, the layer, the epoch and the step.

    Rates are honoured to 1/65,536, and at most to one kept value in as many; the kept values are scaled by the exact
    share that is kept.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.dropped = min(round(rate * 65536), 65535)
        self.moment: tuple[int, str, int, int] | None = None

    def at(self, seed: int, name: str, epoch: int, step: int) -> None:
        """Say which moment of which run the next forward pass in training belongs to."""
        self.moment = (seed, name, epoch, step)

    def forward(self, values: Tensor) -> Tensor:
        if not self.drops:
            return values
        lots = self.lots(values.numel()).to(values.device)
        kept = (lots >= self.dropped - 32768).to(values.dtype).mul_(65536 / (65536 - self.dropped))
        return values * kept.as_strided(values.shape, values.stride())

    @property
    def drops(self) -> bool:
        """Whether the next forward pass drops anything."""
        return self.training and self.dropped > 0

    def lots(self, count: int) -> Tensor:
        """A whole number from -32,768 to 32,767 for each value, in the order of memory; the lowest are dropped."""
        assert self.moment is not None, "dropout trains without knowing the moment"
        seed, name, epoch, step = self.moment
        bits = stream(seed, f"dropout/{name}", epoch, step).bit_generator.random_raw(-(-count // 4))
        return torch.from_numpy(bits.view(np.int16)[:count])


class Residual(nn.Module):
    """Two convolutions with batch normalization around a skip; see ``spec.layers.Residual``."""

    def __init__(self, shape: Shape, layer: spec.Residual) -> None:
        super().__init__()
        middle = layer.output_shape(shape)
        self.conv_1 = Convolution(shape, layer.filters, layer.kernel, layer.stride, "same", False)
        self.norm_1 = batch_norm(middle, layer.momentum, layer.epsilon)
        self.conv_2 = Convolution(middle, layer.filters, layer.kernel, 1, "same", False)
        self.norm_2 = batch_norm(middle, layer.momentum, layer.epsilon)
        self.function = FUNCTIONS[layer.activation]
        self.skip: nn.Module = nn.Identity()
        if layer.projects(shape[0]):
            self.skip = nn.Sequential()
            self.skip.add_module("conv", Convolution(shape, layer.filters, 1, layer.stride, "same", False))
            self.skip.add_module("norm", batch_norm(middle, layer.momentum, layer.epsilon))

    def forward(self, images_NCHW: Tensor) -> Tensor:
        outputs = self.function(self.norm_1(self.conv_1(images_NCHW)))
        outputs = self.norm_2(self.conv_2(outputs))
        return self.function(outputs + self.skip(images_NCHW))
