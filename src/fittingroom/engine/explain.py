"""Inside a network: every layer's output for one image, what its first weights look like, channels that say nothing.

It is always the network as it was written, layer by layer and by name: rewrites are made for training only. A layer
with an activation of its own gives its values after it; dropout does nothing, as in every prediction.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fittingroom.data.fitting import FittedImage
from fittingroom.engine.classifier import Classifier
from fittingroom.engine.images import as_floats
from fittingroom.engine.layers import Convolution, Dense, Residual, SeparableConvolution
from fittingroom.engine.network import StackedNetwork
from fittingroom.engine.predict import fit_image
from fittingroom.spec.layers import Shape

STEP_VALUES, STEP_IMAGES = 1 << 20, 50
"""Values and images that one step of long work passes through a network at most: about 10 ms."""
FIGURES = ("low", "high", "mean", "zeros")
"""Of a channel: its least and largest value, the mean of its values, and the share of them that is exactly zero."""
Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Look:
    """One image on its way through a network."""

    image: FittedImage
    outputs: dict[str, Floats]
    """By layer: (channels, height, width) or (features,)."""
    probabilities_K: Floats

    @cached_property
    def figures(self) -> dict[str, NDArray[np.float64]]:
        """Of every channel, by layer."""
        return {name: figures_of(values) for name, values in self.outputs.items()}

    @property
    def nbytes(self) -> int:
        return sum(values.nbytes for values in self.outputs.values())


@dataclass(frozen=True, eq=False)
class Filters:
    """The weights that meet the image first."""

    layer: str
    weights_FHWC: Floats
    """Of each filter, or of each unit in the form of the image."""
    are_outputs: bool
    """Whether filter i makes channel i of the layer's output."""


@torch.inference_mode()
def outputs_of(classifier: Classifier, images_NHWC: Pixels) -> Iterator[tuple[str, Tensor]]:
    """The output of every layer by name, images first; each is let go of when the next one is made."""
    network = classifier.network.eval()
    values = classifier.preprocessing.normalize(as_floats(torch.from_numpy(images_NHWC)))
    for name, layer in zip(network.names, network.layers, strict=True):
        values = layer(values)
        yield name, values


def look(classifier: Classifier, picture_HWC: Pixels, *, exact: bool = True) -> Look:
    """Pass one picture through, as it is where it has the network's form.

    One of another form, or any that is not ``exact``, is fitted as for a prediction, which is told.
    """
    image = fitted(classifier, picture_HWC, exact=exact)
    pixels_1HWC = image.pixels_HWC[np.newaxis].copy()  # torch warns of arrays that cannot be written to
    outputs = {name: values[0].numpy() for name, values in outputs_of(classifier, pixels_1HWC)}
    return Look(image, outputs, classifier.probabilities(pixels_1HWC)[0])


def fitted(classifier: Classifier, picture_HWC: Pixels, *, exact: bool) -> FittedImage:
    """A picture in the network's form."""
    channels, height, width = classifier.preprocessing.shape
    steps: tuple[str, ...] = ()
    if picture_HWC.shape[2] != channels:
        steps = ("colours → grey",) if channels == 1 else ("grey → three equal colours",)
        one = picture_HWC.mean(axis=2, keepdims=True).round().astype(np.uint8)
        picture_HWC = np.repeat(one, channels, axis=2)
    if exact and picture_HWC.shape == (height, width, channels):
        return FittedImage(picture_HWC, steps)
    image = fit_image(picture_HWC, classifier.preprocessing)
    return FittedImage(image.pixels_HWC, steps + image.steps)


def figures_of(values: Floats) -> NDArray[np.float64]:
    """(channels, 4): the ``FIGURES`` of each channel of a layer's output, or of each unit."""
    flat_CV = values.reshape(len(values), -1).astype(np.float64)
    return np.stack([flat_CV.min(1), flat_CV.max(1), flat_CV.mean(1), (flat_CV == 0).mean(1)], axis=1)


def first_filters(network: StackedNetwork) -> Filters | None:
    """The weights of the first layer that mixes values, as pictures; None where they have no form of an image."""
    shape: Shape = network.shape
    for name, layer, output in zip(network.names, network.layers, network.output_shapes, strict=True):
        match layer:
            case Convolution():
                return Filters(name, _as_pictures(layer.weight), True)
            case SeparableConvolution():
                return Filters(name, _as_pictures(layer.depthwise.weight), False)
            case Residual():
                return Filters(name, _as_pictures(layer.conv_1.weight), False)
            case Dense():
                return _units_as_pictures(name, layer, shape)
        if len(output) == 3:
            shape = output
        elif math.prod(output) != math.prod(shape):  # global pool: what follows has no place in the image
            return None
    return None


def _as_pictures(weight_OIHW: Tensor) -> Floats:
    pictures: Floats = weight_OIHW.detach().permute(0, 2, 3, 1).contiguous().numpy()
    return pictures


def _units_as_pictures(name: str, layer: Dense, shape: Shape) -> Filters | None:
    """The weights of each unit where they stand in the image: flatten orders height, width, channel."""
    channels, height, width = shape
    weights: Floats = layer.weight.detach().contiguous().numpy()
    return Filters(name, weights.reshape(-1, height, width, channels), True) if channels in {1, 3} else None


def reduced(maps_CHW: Floats, side: int) -> Floats:
    """Maps with at most ``side`` pixels on their longer side, by means; themselves where they have no more."""
    height, width = maps_CHW.shape[1:]
    if max(height, width) <= side or not len(maps_CHW):
        return maps_CHW
    tall, wide = (max(round(length * side / max(height, width)), 1) for length in (height, width))
    means: Floats = F.adaptive_avg_pool2d(torch.from_numpy(maps_CHW.copy()), (tall, wide)).numpy()
    return means


def ranges(
    classifier: Classifier, images_N: NDArray[np.int64], data_NHWC: Pixels
) -> Generator[tuple[int, int], None, dict[str, Floats]]:
    """Least and largest value of every channel over these images, by layer: (2, channels). In steps."""
    values = sum(math.prod(shape) for shape in classifier.network.output_shapes)
    step = max(1, min(STEP_IMAGES, STEP_VALUES // values))
    found: dict[str, Floats] = {}
    for start in range(0, len(images_N), step):
        for name, values_N in outputs_of(classifier, data_NHWC[images_N[start : start + step]]):
            flat_NCV = values_N.flatten(2) if values_N.dim() == 4 else values_N.unsqueeze(2)
            low, high = flat_NCV.amin((0, 2)).numpy(), flat_NCV.amax((0, 2)).numpy()
            before = found.get(name, np.stack([low, high]))
            found[name] = np.stack([np.minimum(before[0], low), np.maximum(before[1], high)])
        yield min(start + step, len(images_N)), len(images_N)
    return found
