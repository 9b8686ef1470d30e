"""Bring images to the size and the channels that an import is asked for, one policy for all importers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fittingroom.data.wanted import Fit, Size, Wanted

Pixels = NDArray[np.uint8]


def framed(image: Image.Image, size: Size, fit: Fit) -> Image.Image:
    """The image (mode L or RGB) at ``size`` (height, width), by the policy ``fit`` (bicubic)."""
    width_height = size[::-1]
    match fit:
        case "pad":
            return ImageOps.pad(image, width_height, color="white")
        case "crop":
            return ImageOps.fit(image, width_height)
        case "stretch":
            return image.resize(width_height, Image.Resampling.BICUBIC)


def arranged(images_NHWC: Pixels, wanted: Wanted) -> Pixels:
    """A block of images at the size and with the channels that are wanted; itself where it has them already."""
    if wanted.channels == 1 and images_NHWC.shape[3] == 3:
        images_NHWC = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images_NHWC])[..., None]
    if wanted.size is not None and images_NHWC.shape[1:3] != wanted.size:
        pictures = (Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image) for image in images_NHWC)
        arrays = [np.asarray(framed(picture, wanted.size, wanted.fit)) for picture in pictures]
        images_NHWC = np.stack(arrays).reshape(len(arrays), *wanted.size, -1)
    if wanted.channels == 3 and images_NHWC.shape[3] == 1:
        images_NHWC = np.repeat(images_NHWC, 3, axis=3)
    return images_NHWC


def told(wanted: Wanted) -> Iterator[str]:
    """What is done to all images, in words."""
    if wanted.size is not None:
        height, width = wanted.size
        match wanted.fit:
            case "pad":
                yield f"scaled to fit {height}×{width} and centred on white"
            case "crop":
                yield f"scaled to cover {height}×{width} and cut to its centre"
            case "stretch":
                yield f"stretched to {height}×{width}"


def recoloured(channels: int, wanted: Wanted) -> Iterator[str]:
    """What is done to the channels of images that all have so many, in words."""
    if wanted.channels == 1 and channels == 3:
        yield "colour made grey"
    if wanted.channels == 3 and channels == 1:
        yield "grey repeated in 3 channels"


def exemplar(image_HWC: Pixels, wanted: Wanted, largest: int) -> Pixels:
    """An image as it would be imported, no side longer than ``largest``."""
    return small(arranged(image_HWC[np.newaxis], wanted)[0], largest)


def small(image_HWC: Pixels, largest: int) -> Pixels:
    """An image scaled down until no side is longer than ``largest``."""
    height, width, channels = image_HWC.shape
    if max(height, width) <= largest:
        return image_HWC.copy()
    image = Image.fromarray(image_HWC[:, :, 0] if channels == 1 else image_HWC)
    image.thumbnail((largest, largest))
    return np.array(image).reshape(image.height, image.width, channels)
