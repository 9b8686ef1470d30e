"""What the page knows of each kind of layer: what it does in one line, and what everybody sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Family = Literal["convolution", "pooling", "values", "flatten", "dense", "classify"]
"""What a kind does to an image, and so how it is coloured; ``values``: something to each value, the shape stays."""


@dataclass(frozen=True)
class Kind:
    """One kind of layer."""

    family: Family
    says: str
    common: tuple[str, ...] = ()
    """Settings that stand in the row; the others are one click away."""
    begins: Mapping[str, object] = field(default_factory=dict)
    """Settings of a new one that are not the defaults."""

    @property
    def sheet(self) -> bool:
        """Whether it never changes the shape."""
        return self.family == "values"


KINDS: Mapping[str, Kind] = {
    "conv": Kind(
        "convolution",
        "Learned patterns slide over the image.",
        ("filters", "kernel", "padding", "activation"),
        {"filters": 32, "padding": "same", "activation": "relu"},
    ),
    "depthwise_conv": Kind(
        "convolution",
        "A pattern for each channel; mixes none.",
        ("kernel", "depth_multiplier", "padding", "activation"),
        {"padding": "same", "activation": "relu"},
    ),
    "separable_conv": Kind(
        "convolution",
        "Depthwise, then 1×1: far fewer weights.",
        ("filters", "kernel", "padding", "activation"),
        {"filters": 32, "padding": "same", "activation": "relu"},
    ),
    "residual": Kind(
        "convolution",
        "Two convolutions and a shortcut.",
        ("filters", "kernel", "stride", "activation"),
        {"filters": 32},
    ),
    "max_pool": Kind("pooling", "Keeps the largest value of each window.", ("size", "stride", "padding")),
    "mean_pool": Kind("pooling", "Keeps the mean of each window.", ("size", "stride", "padding")),
    "global_pool": Kind("pooling", "Each channel becomes one value.", ("mode",)),
    "batch_norm": Kind("values", "Brings channels to mean 0, spread 1.", ("momentum",)),
    "activation": Kind("values", "A function on each value, such as relu.", ("function",), {"function": "relu"}),
    "dropout": Kind("values", "Drops random values while training.", ("rate",), {"rate": 0.2}),
    "flatten": Kind("flatten", "The image becomes one long vector."),
    "dense": Kind(
        "dense",
        "Every unit sees every value.",
        ("units", "activation"),
        {"units": 64, "activation": "relu"},
    ),
    "classify": Kind("classify", "The last: a probability for each class."),
}
"""In the order in which they are offered."""
