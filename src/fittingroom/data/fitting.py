"""Fit an image of any size to what a network was trained on, and say how that was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Invert = Literal["auto", "yes", "no"]
Pixels = NDArray[np.uint8]
DARK, BRIGHT = 0.25, 0.75
"""Backgrounds below and above are taken to be dark and bright; between them nothing is inverted."""


@dataclass(frozen=True, eq=False)
class FittedImage:
    """An image as the network sees it, and what was done to make it so."""

    pixels_HWC: Pixels
    steps: tuple[str, ...]


def border_median(images_NHWC: Pixels) -> float:
    """Median value, 0 to 1, of the outermost pixels of images."""
    edges = [images_NHWC[:, 0], images_NHWC[:, -1], images_NHWC[:, :, 0], images_NHWC[:, :, -1]]
    return float(np.median(np.concatenate([edge.ravel() for edge in edges]))) / 255


def fit(pixels_HWC: Pixels, size: tuple[int, int], background: float, invert: Invert = "auto") -> FittedImage:
    """Bring an image, of the network's channels, to its polarity and its size (height, width).

    A bright background is inverted where the training images have a dark one, and the other way round. Then the image
    is padded with its own background to the network's proportions and resampled (area averaging when shrinking).
    ``background``: median along the border of the training images, 0 to 1.
    """
    height, width = size
    steps: list[str] = []
    edge = border_median(pixels_HWC[np.newaxis])
    if invert == "yes" or (invert == "auto" and is_opposite(edge, background)):
        steps.append(f"inverted ({polarity(edge)} background → {polarity(1 - edge)})")
        pixels_HWC, edge = 255 - pixels_HWC, 1 - edge
    if pixels_HWC.shape[:2] != size:
        given = f"{pixels_HWC.shape[0]}×{pixels_HWC.shape[1]}"
        padded = _padded(pixels_HWC, width / height, round(255 * edge))
        kept = "" if padded is pixels_HWC else ", padded to keep its proportions"
        steps.append(f"resized {given} → {height}×{width}{kept}")
        pixels_HWC = resampled(padded, width, height)
    return FittedImage(pixels_HWC, tuple(steps))


def is_opposite(edge: float, background: float) -> bool:
    """Whether one of two backgrounds is bright and the other dark."""
    return (edge >= BRIGHT and background <= DARK) or (edge <= DARK and background >= BRIGHT)


def polarity(value: float) -> str:
    return "bright" if value >= 0.5 else "dark"


def with_channels(pixels_HWC: Pixels, channels: int) -> Pixels:
    """Grey as colour, or colour as grey, by the weights that importers use too."""
    if pixels_HWC.shape[2] == channels:
        return pixels_HWC
    if channels == 3:
        return np.repeat(pixels_HWC, 3, axis=2)
    return np.array(Image.fromarray(pixels_HWC).convert("L"))[:, :, np.newaxis]


def resampled(pixels_HWC: Pixels, width: int, height: int) -> Pixels:
    """Area averaging when shrinking, bilinear when growing."""
    grey = pixels_HWC.shape[2] == 1
    image = Image.fromarray(pixels_HWC[:, :, 0] if grey else pixels_HWC)
    shrinking = image.width > width or image.height > height
    resized = image.resize((width, height), Image.Resampling.BOX if shrinking else Image.Resampling.BILINEAR)
    return np.array(resized).reshape(height, width, -1)  # an own copy, which may be written to


def _padded(pixels_HWC: Pixels, proportions: float, fill: int) -> Pixels:
    """Centred on a canvas of width / height = ``proportions``; itself where it has them already."""
    height, width = pixels_HWC.shape[:2]
    canvas = max(height, round(width / proportions)), max(width, round(height * proportions))
    if canvas == (height, width):
        return pixels_HWC
    top, left = (canvas[0] - height) // 2, (canvas[1] - width) // 2
    padded = np.full((*canvas, pixels_HWC.shape[2]), fill, np.uint8)
    padded[top : top + height, left : left + width] = pixels_HWC
    return padded
