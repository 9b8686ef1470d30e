"""Predict image files of any size: fit them to the network, and say how that was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittingroom.data import pictures
from fittingroom.data.fitting import FittedImage, Invert, fit
from fittingroom.engine.classifier import Classifier, Preprocessing
from fittingroom.errors import InvalidData


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
    """Bring an image, of the network's channels, to its polarity and size."""
    _, height, width = preprocessing.shape
    return fit(pixels_HWC, (height, width), preprocessing.background, invert)
