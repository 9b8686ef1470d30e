"""Predict image files of any size: fit them to the network, and say how that was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fittingroom.data import pictures
from fittingroom.engine.classifier import Classifier, Preprocessing, border_median
from fittingroom.errors import InvalidData

Invert = Literal["auto", "yes", "no"]
DARK, BRIGHT = 0.25, 0.75
"""Backgrounds below and above are taken to be dark and bright; between them nothing is inverted."""


@dataclass(frozen=True, eq=False)
class FittedImage:
    """An image as the network sees it, and what was done to make it so."""

    pixels_HWC: NDArray[np.uint8]
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Prediction:
    """The probabilities of one image file."""

    image: str
    fitted: tuple[str, ...]
    """What was done to the image, in order."""
    probabilities: tuple[tuple[str, float], ...]
    """Class names with their probabilities, the likeliest first."""


def predict_files(classifier: Classifier, paths: Sequence[Path], invert: Invert = "auto") -> list[Prediction]:
    """The probability of every class for each image file; InvalidData naming the file that cannot be read."""
    fitted = [fit_file(path, classifier.preprocessing, invert) for path in paths]
    probabilities_NK = classifier.probabilities(np.stack([image.pixels_HWC for image in fitted]))
    classes = len(classifier.preprocessing.class_names)
    return [
        Prediction(str(path), image.steps, tuple(classifier.most_likely(probabilities_K.tolist(), classes)))
        for path, image, probabilities_K in zip(paths, fitted, probabilities_NK, strict=True)
    ]


def fit_file(path: Path, preprocessing: Preprocessing, invert: Invert = "auto") -> FittedImage:
    """Read an image file as the importers do, and fit it to the network; raises InvalidData naming the file."""
    grey = preprocessing.shape[0] == 1
    if not path.is_file():
        raise InvalidData(f"there is no image file {path}; check its name")
    try:
        header, pixels_HWC = pictures.header(path), pictures.pixels(path, grey=grey)
    except pictures.Unreadable as error:
        raise InvalidData(f"cannot predict {path}: it {error}; give an image file") from None
    steps = [*header.conversions, *(["colours → grey"] if grey and not header.is_grey else [])]
    fitted = fit_image(pixels_HWC, preprocessing, invert)
    return FittedImage(fitted.pixels_HWC, (*steps, *fitted.steps))


def fit_image(pixels_HWC: NDArray[np.uint8], preprocessing: Preprocessing, invert: Invert = "auto") -> FittedImage:
    """Bring an image, of the network's channels, to its polarity and size.

    A bright background is inverted where the training images have a dark one, and the other way round. Then the image
    is padded with its own background to the network's proportions and resampled (area averaging when shrinking).
    """
    _, height, width = preprocessing.shape
    steps: list[str] = []
    edge = border_median(pixels_HWC[np.newaxis])
    if invert == "yes" or (invert == "auto" and _opposite(edge, preprocessing.background)):
        steps.append(f"inverted ({_polarity(edge)} background → {_polarity(1 - edge)})")
        pixels_HWC, edge = 255 - pixels_HWC, 1 - edge
    if pixels_HWC.shape[:2] != (height, width):
        given = f"{pixels_HWC.shape[0]}×{pixels_HWC.shape[1]}"
        padded = _padded(pixels_HWC, width / height, round(255 * edge))
        kept = "" if padded is pixels_HWC else ", padded to keep its proportions"
        steps.append(f"resized {given} → {height}×{width}{kept}")
        pixels_HWC = _resampled(padded, width, height)
    return FittedImage(pixels_HWC, tuple(steps))


def _opposite(edge: float, background: float) -> bool:
    return (edge >= BRIGHT and background <= DARK) or (edge <= DARK and background >= BRIGHT)


def _polarity(value: float) -> str:
    return "bright" if value >= 0.5 else "dark"


def _padded(pixels_HWC: NDArray[np.uint8], proportions: float, fill: int) -> NDArray[np.uint8]:
    """Centred on a canvas of width / height = ``proportions``; itself where it has them already."""
    height, width = pixels_HWC.shape[:2]
    canvas = max(height, round(width / proportions)), max(width, round(height * proportions))
    if canvas == (height, width):
        return pixels_HWC
    top, left = (canvas[0] - height) // 2, (canvas[1] - width) // 2
    padded = np.full((*canvas, pixels_HWC.shape[2]), fill, np.uint8)
    padded[top : top + height, left : left + width] = pixels_HWC
    return padded


def _resampled(pixels_HWC: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Area averaging when shrinking, bilinear when growing."""
    grey = pixels_HWC.shape[2] == 1
    image = Image.fromarray(pixels_HWC[:, :, 0] if grey else pixels_HWC)
    shrinking = image.width > width or image.height > height
    resized = image.resize((width, height), Image.Resampling.BOX if shrinking else Image.Resampling.BILINEAR)
    return np.asarray(resized).reshape(height, width, -1)
