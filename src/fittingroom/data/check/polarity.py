"""Images that are inverted, seen from the data set's own polarity: dark on bright among bright on dark, or reverse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.check.finding import Finding, graded, share
from fittingroom.data.check.looks import Looks
from fittingroom.data.check.parts import UNUSED, Parts
from fittingroom.data.dataset import Dataset
from fittingroom.data.fitting import BRIGHT, DARK, polarity

USUAL = 0.8
"""Share of the images whose background has to be of one polarity, for the data set to have one."""
MARGIN = 8
"""The share of its height and width, as one in so many, that an image's inside leaves out at each side."""


def inverted_images(data: Dataset, looks: Looks, parts: Parts) -> Finding | None:
    """Images of any part whose background is bright where most have a dark one, or dark where most have a bright one.

    A background is told by the median of the outermost pixels. An image that merely fills its frame has such a border
    too: it is left out where it agrees better with the mean image as it is than when it is inverted, at its inside.
    """
    used = np.flatnonzero(parts.part != UNUSED)
    border = looks.border[used] / 255
    dark, bright = border <= DARK, border >= BRIGHT
    usual, opposite = (0.0, bright) if dark.mean() >= bright.mean() else (1.0, dark)
    if max(dark.mean(), bright.mean()) < USUAL or not opposite.any():
        return None
    images = used[opposite]
    inside = _inside(data.images)
    agreement = _agreement(inside, images, _mean_image(inside, used[dark if usual == 0.0 else bright]))
    images, agreement = images[agreement < 0], agreement[agreement < 0]
    if not len(images):
        return None
    order = np.argsort(agreement, kind="stable")
    return Finding(
        "inverted_images",
        graded(len(images), len(used), severe=0.01),
        len(images),
        len(used),
        images[order],
        f"{share(len(images), len(used))} images have a {polarity(1 - usual)} background, where "
        f"{100 * max(dark.mean(), bright.mean()):.1f} % of all have a {polarity(usual)} one: they look inverted, as "
        "scans and drawings often are.",
        "look at them; invert them where they were made, or leave them out",
        scores=agreement[order],
        measure="correlation with the mean image",
    )


def _inside(images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A view of all images without their margins."""
    height, width = images_NHWC.shape[1:3]
    top, left = -(-height // MARGIN), -(-width // MARGIN)
    return images_NHWC[:, top : max(height - top, top + 1), left : max(width - left, left + 1)]


def _mean_image(images_NHWC: NDArray[np.uint8], usual: NDArray[np.int64]) -> NDArray[np.float64]:
    """(D,): of at most 2,000 images, evenly chosen."""
    some = usual[np.unique(np.linspace(0, len(usual) - 1, min(len(usual), 2000)).astype(np.int64))]
    total = np.zeros(images_NHWC[0].size)
    for image in some.tolist():
        total += images_NHWC[image].ravel()
    mean: NDArray[np.float64] = total / len(some)
    return mean


def _agreement(
    images_NHWC: NDArray[np.uint8], chosen: NDArray[np.int64], mean_D: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n,): correlation of each image with the mean image; 0 where one of them is flat."""
    mean_D = mean_D - mean_D.mean()
    found = np.zeros(len(chosen))
    for place, image in enumerate(chosen.tolist()):
        values = images_NHWC[image].ravel().astype(np.float64)
        values -= values.mean()
        length = np.linalg.norm(values) * np.linalg.norm(mean_D)
        found[place] = values @ mean_D / length if length > 1e-6 else 0.0
    return found
