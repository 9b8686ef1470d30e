"""The colours of values: zero is nearly black, positive values grow bright in blue, negative ones in orange.

One map for both schemes, layers and weights. Its steps are even in OKLab (Björn Ottosson, 2020): values equally far
from zero are equally bright, so it also reads without colour vision and in grey.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEPS = 127
"""On either side of zero."""
ZERO = STEPS
NOTHING = 255
"""Where there is no value: transparent."""
DARK, BRIGHT, CHROMA = 0.2, 0.92, 0.16
BLUE, ORANGE = (265.0, 215.0), (35.0, 95.0)
"""Hues in degrees, near zero and far from it."""
Colours = NDArray[np.uint8]

_TO_CONES = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
)
_TO_RGB = np.array([
    [4.0767416621, -3.3077115913, 0.2309699292],
    [-1.2684380046, 2.6097574011, -0.3413193965],
    [-0.0041960863, -0.7034186147, 1.7076147010],
])  # fmt: skip


def indices(values: NDArray[np.floating], largest: float) -> NDArray[np.uint8]:
    """Places in the table for values from ``-largest`` to ``largest``; ``NOTHING`` for what is no number."""
    scaled = np.clip(values / largest, -1, 1) if largest > 0 else np.zeros_like(values)
    known = np.isfinite(values)
    places = np.where(known, np.rint(STEPS * np.where(known, scaled, 0)) + ZERO, NOTHING)
    return places.astype(np.uint8)


def hexadecimal(share: float) -> str:
    """The colour of a share of the largest value, -1 to 1: ``#0b0c10``."""
    return "#" + bytes(TABLE[ZERO + round(STEPS * share)].tolist()).hex()


def _table() -> Colours:
    """(255, 3): from the most negative value over zero to the largest one."""
    far = np.arange(STEPS + 1) / STEPS
    positive, negative = _side(far, BLUE), _side(far, ORANGE)
    return np.concatenate([negative[:0:-1], positive])


def _side(far: NDArray[np.float64], hues: tuple[float, float]) -> Colours:
    """Colours from zero to one end: even in lightness, as colourful as the screen can show them up to ``CHROMA``."""
    hue = np.radians(hues[0] + (hues[1] - hues[0]) * far)
    lightness = DARK + (BRIGHT - DARK) * far
    chroma = CHROMA * np.sin(0.85 * np.pi * far) ** 0.6  # none at zero, some at the ends: they differ
    direction = np.stack([np.cos(hue), np.sin(hue)], axis=1)
    for _ in range(40):
        linear = _linear(lightness, chroma[:, None] * direction)
        outside = ((linear < 0) | (linear > 1)).any(axis=1)
        chroma = np.where(outside, 0.94 * chroma, chroma)
    linear = np.clip(_linear(lightness, chroma[:, None] * direction), 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    colours: Colours = np.rint(255 * encoded).astype(np.uint8)
    return colours


def _linear(lightness: NDArray[np.float64], ab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear sRGB of OKLab."""
    cones = (np.column_stack([lightness, ab]) @ _TO_CONES.T) ** 3
    rgb: NDArray[np.float64] = cones @ _TO_RGB.T
    return rgb


TABLE = _table()
