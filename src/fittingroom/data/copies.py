"""Validation images that were trained on: exact copies, and those saved anew or made lighter or darker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.cuts import Indices

ALIKE = 0.998
"""Correlation of all pixels from which on two images are near copies. Of 500 images of Fashion-MNIST saved as JPEG,
96 % keep as much at quality 90 and 31 % at 75; all do that are made lighter or darker by a tenth. Of 400 validation
images, one has such a neighbour among the 55,000 that train."""
COMPARED = 400
"""Validation images that are compared with every training image, drawn at random: 1 to 2 s for Fashion-MNIST."""
BLOCK = 1 << 22
"""Numbers of training images that are compared at once."""


@dataclass(frozen=True)
class Copies:
    """How many validation images were trained on."""

    exact: int
    """Of all of them, told by the content."""
    near: int
    """Of those compared, exact ones included."""
    compared: int


def find_copies(
    images_NHWC: NDArray[np.uint8], hashes: NDArray[np.uint64], train: Indices, validation: Indices
) -> Copies:
    """Compare the ``validation`` images with those in ``train``; ``hashes``: (N, 2), the contents of all N images.

    Near copies are told by Pearson's correlation of the pixels, which sees neither brightness nor contrast. Images
    without any contrast have no near copies. The images that are compared are always the same ones.
    """
    chosen = np.sort(np.random.default_rng(0).permutation(validation)[:COMPARED])
    wanted, alike = _forms(images_NHWC[chosen]), np.zeros(len(chosen), np.float32)
    step = max(1, BLOCK // max(1, wanted.shape[1]))
    for start in range(0, len(train), step):
        correlations = wanted @ _forms(images_NHWC[train[start : start + step]]).T
        alike = np.maximum(alike, correlations.max(axis=1, initial=0))
    return Copies(copied_images(hashes, train, validation), int((alike >= ALIKE).sum()), len(chosen))


def copied_images(hashes: NDArray[np.uint64], train: Indices, validation: Indices) -> int:
    """How many of the ``validation`` images have an exact copy in ``train``; ``hashes``: (N, 2), of all N images."""
    return count_common(hashes[train], hashes[validation])


def count_common(seen: NDArray[np.uint64], held_out: NDArray[np.uint64]) -> int:
    """How many rows of ``held_out`` (n, 2) are among the rows of ``seen`` (m, 2)."""
    pair = np.dtype([("a", np.uint64), ("b", np.uint64)])
    rows, known = (np.ascontiguousarray(hashes).view(pair).ravel() for hashes in (held_out, seen))
    return int(np.isin(rows, known).sum())


def _forms(images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, D): each image without its mean, and of length 1; zeros for one without contrast."""
    flat = images_NHWC.reshape(len(images_NHWC), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    forms: NDArray[np.float32] = flat / np.maximum(lengths, 1e-3)
    return forms
