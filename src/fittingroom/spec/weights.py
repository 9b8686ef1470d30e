"""The weights of a layer by name, with their shapes, without torch: what files of trained weights are compared with.

Names and layouts are those of the engine's modules: convolutions are output channels × input channels × height ×
width, dense layers outputs × inputs.
"""

from __future__ import annotations

from fittingroom.spec import layers as spec
from fittingroom.spec.layers import AnyLayer, Shape

Shapes = dict[str, Shape]


def weight_shapes(layer: AnyLayer, shape: Shape) -> Shapes:
    """``{"weight": (6, 1, 3, 3), "bias": (6,)}`` of a layer for inputs of ``shape``; empty where it learns nothing.

    A classifier has to know its classes, as in a summary.
    """
    match layer:
        case spec.Conv():
            return _convolution(shape[0], layer.filters, layer.kernel, layer.bias)
        case spec.DepthwiseConv():
            return _convolution(1, shape[0] * layer.depth_multiplier, layer.kernel, layer.bias)
        case spec.SeparableConv():
            middle = shape[0] * layer.depth_multiplier
            return {
                **_in("depthwise", _convolution(1, middle, layer.kernel, False)),
                **_in("pointwise", _convolution(middle, layer.filters, 1, layer.bias)),
            }
        case spec.BatchNorm():
            return _norm(shape[0])
        case spec.Dense():
            return _with_bias((layer.units, shape[0]), layer.bias)
        case spec.Classify():
            return _with_bias((*layer.output_shape(shape), shape[0]), True)
        case spec.Residual():
            return _residual(layer, shape[0])
        case _:
            return {}


def _residual(layer: spec.Residual, channels: int) -> Shapes:
    filters, norm = layer.filters, _norm(layer.filters)
    own = {
        **_in("conv_1", _convolution(channels, filters, layer.kernel, False)),
        **_in("norm_1", norm),
        **_in("conv_2", _convolution(filters, filters, layer.kernel, False)),
        **_in("norm_2", norm),
    }
    if layer.projects(channels):
        own |= {**_in("skip.conv", _convolution(channels, filters, 1, False)), **_in("skip.norm", norm)}
    return own


def _convolution(channels: int, filters: int, kernel: int, bias: bool) -> Shapes:
    return _with_bias((filters, channels, kernel, kernel), bias)


def _with_bias(weight: Shape, bias: bool) -> Shapes:
    return {"weight": weight, "bias": (weight[0],)} if bias else {"weight": weight}


def _norm(channels: int) -> Shapes:
    return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (channels,))


def _in(part: str, shapes: Shapes) -> Shapes:
    return {f"{part}.{name}": shape for name, shape in shapes.items()}
