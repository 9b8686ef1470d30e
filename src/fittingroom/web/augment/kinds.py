"""What the page knows of each kind of operation: what it is called, what it does, and what its two ends look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from fittingroom.spec.augment import AUGMENT_KINDS
from fittingroom.spec.record import validated
from fittingroom.spec.run import to_plain


@dataclass(frozen=True)
class Kind:
    """One kind of operation."""

    label: str
    says: str
    low: str
    """What the picture of the lowest draw shows; empty where that is the image as it is."""
    high: str
    step: float
    """Of the slider."""
    pictured: Mapping[str, object] = field(default_factory=dict)
    """Settings strong enough to be seen in a small picture."""


KINDS: Mapping[str, Kind] = {
    "shift": Kind("Shift", "Moves sideways and up or down.", "left and up", "right and down", 0.01, {"fraction": 0.25}),
    "rotation": Kind(
        "Rotation", "Turns about the centre, either way.", "clockwise", "counter-clockwise", 1, {"degrees": 30}
    ),
    "zoom": Kind("Zoom", "Shrinks and enlarges; proportions stay.", "smallest", "largest", 0.05, {"fraction": 0.5}),
    "shear": Kind("Shear", "Leans to the left or right, like italics.", "to the left", "to the right", 1,
                  {"degrees": 25}),
    "mirror": Kind("Mirror", "Left and right swapped, as in a mirror.", "", "mirrored", 0.05),
    "upside_down": Kind("Upside down", "Top and bottom swapped. Seldom helps.", "", "upside down", 0.05),
    "brightness": Kind(
        "Brightness", "Multiplies all values; black stays black.", "darkest", "lightest", 0.01, {"fraction": 0.7}
    ),
    "contrast": Kind("Contrast", "Draws values to their mean, or away.", "palest", "strongest", 0.01,
                     {"fraction": 0.8}),
    "intensity_shift": Kind(
        "Intensity shift", "Adds to all values, background too.", "darkest", "lightest", 0.01, {"fraction": 0.35}
    ),
    "noise": Kind("Noise", "Adds a random number to every value.", "", "an example", 0.01, {"deviation": 0.2}),
    "erasing": Kind("Erasing", "Blanks a random rectangle.", "", "the largest", 0.05, {"area": 0.3}),
}  # fmt: skip
"""In the order in which they are offered: what most data can bear comes first."""


def new(kind: str, settings: Mapping[str, object] = MappingProxyType({})) -> dict[str, Any]:
    """An operation as plain data, with the defaults of what is not given."""
    plain: dict[str, Any] = to_plain(validated(AUGMENT_KINDS[kind], settings, title=kind), full=True)
    return plain


def pictured() -> list[dict[str, Any]]:
    """Every kind as it is pictured where it is offered."""
    return [new(kind, about.pictured) for kind, about in KINDS.items()]
