"""What each layer does, in a line of settings and in a sentence."""

from __future__ import annotations

from fittingroom.spec import layers as spec
from fittingroom.spec.layers import AnyLayer

WINDOW = {"valid": "whole windows only", "same": "zeros around the image"}


def settings(layer: AnyLayer) -> str:
    """The settings that decide what a layer computes, in a line."""
    match layer:
        case spec.Conv():
            return _window(f"{layer.filters:,} filters", layer.kernel, layer.stride, layer.padding) + _then(layer)
        case spec.DepthwiseConv():
            each = (
                f"{layer.depth_multiplier} for each channel" if layer.depth_multiplier > 1 else "one for each channel"
            )
            return _window(f"filters, {each},", layer.kernel, layer.stride, layer.padding) + _then(layer)
        case spec.SeparableConv():
            window = _window("one filter for each channel,", layer.kernel, layer.stride, layer.padding)
            return f"{window}, then {layer.filters:,} mixtures" + _then(layer)
        case spec.MaxPool() | spec.MeanPool():
            return f"window {layer.size}×{layer.size}, step {layer.step}"
        case spec.Residual():
            return _window(f"{layer.filters:,} filters", layer.kernel, layer.stride, "same") + f", {layer.activation}"
        case spec.Dense():
            return f"{layer.units:,} units" + _then(layer)
        case spec.Activate():
            return layer.function
        case spec.Dropout():
            return f"rate {layer.rate:g}"
        case spec.GlobalPool():
            return layer.mode
        case _:
            return ""


def _window(what: str, kernel: int, stride: int, padding: str) -> str:
    step = "" if stride == 1 else f", step {stride}"
    return f"{what} of {kernel}×{kernel}{step}, {WINDOW[padding]}"


def _then(layer: spec.Conv | spec.DepthwiseConv | spec.SeparableConv | spec.Dense) -> str:
    return f", then {layer.activation}" if layer.activation else ""


def sentence(layer: AnyLayer) -> str:
    """What the layer does with the values that reach it, for whoever sees it for the first time."""
    match layer:
        case spec.Conv():
            return "Each filter slides over all channels before it and makes one: bright where its pattern is found."
        case spec.DepthwiseConv():
            return "Each filter slides over one channel alone, so channels do not mix here."
        case spec.SeparableConv():
            return "A filter slides over each channel alone; then each channel is a mixture of them, pixel by pixel."
        case spec.BatchNorm():
            return (
                "Each channel is shifted and scaled by numbers fixed in training: the pattern stays, the range changes."
            )
        case spec.Activate():
            return f"The function {layer.function} is applied to every value by itself."
        case spec.MaxPool():
            return "Of each window only the largest value stays: the map gets smaller, and where exactly matters less."
        case spec.MeanPool():
            return "Each window becomes its mean: the map gets smaller and smoother."
        case spec.GlobalPool():
            value = "mean" if layer.mode == "mean" else "largest value"
            return f"Of each channel only the {value} over the whole image stays: one number."
        case spec.Dropout():
            return "Dropout acts in training only. It does nothing here: these are the values of the layer before."
        case spec.Flatten():
            return "The same values in one long row, position by position, so that a dense layer can take them."
        case spec.Dense():
            return "Each unit weighs all values before it and adds them up to one number."
        case spec.Classify():
            return "Each class weighs all values before it; softmax turns the sums into probabilities."
        case spec.Residual():
            return "Two convolutions change what comes in, and it is added to their result; this is the block's output."


def shown_as(layer: AnyLayer) -> str:
    """At which point the values of the layer are taken."""
    match layer:
        case spec.Residual():
            return f"Values after the last {layer.activation}."
        case spec.Conv() | spec.DepthwiseConv() | spec.SeparableConv() | spec.Dense() if layer.activation:
            return f"Values after {layer.activation}."
        case spec.Classify():
            return "Values before softmax."
        case _:
            return ""
