"""What a network costs to compute: multiply-adds for one image, layer by layer, without torch.

Counted is each weight once for every position where it is applied: convolutions (also in their parts: depthwise,
1×1, the skip of a residual block) and fully connected layers. Positions where ``same`` padding lets a window hang
over the edge count in full. Left out is what takes a few operations for each value and no sum over weights: biases,
batch normalization, activations, pooling, dropout. torch's ``FlopCounterMode`` draws the line at the same place.
"""

from __future__ import annotations

from math import prod

from fittingroom.spec.layers import Classify, Conv, Dense, DepthwiseConv, Layer, Residual, SeparableConv, Shape

OPERATIONS = 2
"""Floating-point operations of one multiply-add: a product and a sum."""


def multiply_adds(layer: Layer, shape: Shape) -> int:
    """Multiply-adds of one forward pass for one input of ``shape``; raises ImpossibleLayer."""
    output = layer.output_shape(shape)
    positions, channels = prod(output[1:]), shape[0]
    match layer:
        case Conv():
            return layer.kernel**2 * channels * layer.filters * positions
        case DepthwiseConv():
            return layer.kernel**2 * channels * layer.depth_multiplier * positions
        case SeparableConv():
            depthwise = channels * layer.depth_multiplier
            return (layer.kernel**2 * depthwise + depthwise * layer.filters) * positions
        case Residual():
            weights = layer.kernel**2 * (channels + layer.filters) + layer.projects(channels) * channels
            return weights * layer.filters * positions
        case Dense() | Classify():
            return channels * output[0]
        case _:
            return 0
