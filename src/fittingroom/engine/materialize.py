"""Training images with their augmentation done once, for programs that cannot do it themselves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.dataset import Dataset
from fittingroom.data.splits import Indices
from fittingroom.engine.augment import augment, best_means
from fittingroom.engine.variations import floats, pixels
from fittingroom.spec.run import RunSpec

TOGETHER = 1_000
"""Images varied at once, with draws of their own."""


def varied(data: Dataset, indices: Indices, spec: RunSpec, copies: int) -> Iterator[NDArray[np.uint8]]:
    """``copies`` variations of each of these images by the spec's augmentation, copy after copy: blocks (n, H, W, C).

    By the function and the draws of training: copy number c is what epoch c would show of the images in this order,
    with batches of ``TOGETHER``, rounded to 256 levels.
    """
    means = best_means()
    starts = range(0, len(indices), TOGETHER)
    for copy in range(copies):
        for place, start in enumerate(starts):
            step = copy * len(starts) + place + 1  # counted through the epochs, as in training
            images_NCHW = floats(data.images[indices[start : start + TOGETHER]])
            yield pixels(augment(images_NCHW, spec.augment, means, seed=spec.seed, epoch=copy + 1, step=step))
