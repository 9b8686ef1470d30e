"""All pairs of images that are nearly alike, among many: every one of them, without comparing all pixels of all pairs.

Alike is Pearson's correlation of all pixels from ``ALIKE`` on, which sees neither brightness nor contrast. An image
becomes a form: without its mean, and of length 1. Two forms with correlation r lie sqrt(2 - 2r) apart. They are first
compared where they cannot be further apart than they are: after averages over blocks of pixels (large images only) and
a projection on ``KEPT`` directions along which a sample of them varies most, both by orthonormal maps. What is near
there, and only that, is compared pixel by pixel, so no pair is missed. Sorted along the first direction, images need
to be compared only with those that come soon after them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.check.looks import Progress
from fittingroom.data.splits import Indices

ALIKE = 0.995
"""Correlation from which on two images are near copies; docs/reference/data-check.md tells how it was chosen."""
FLAT = 1.0
"""Levels of 255; images that spread less around their mean have no form that could be compared."""
COARSE = 32
"""Pixels, height or width, to which larger images are averaged for the first comparison."""
KEPT, SAMPLE = 64, 1024
"""Directions of the projection, and images that decide them."""
ROUNDING = 1e-4
"""Added to squared distances in the projection, for what float32 may be off."""
TILE, BLOCK = 2048, 1 << 23
"""Images compared at once, and pixels read at once."""
MOST = 1_000_000
"""Pairs; where there are more, the search ends and says so."""


@dataclass(frozen=True, eq=False)
class AlikePairs:
    """Pairs of images, most alike first."""

    pairs: NDArray[np.int64]
    """(m, 2): positions in the data set, the smaller one first."""
    correlations: NDArray[np.float64]
    """(m,)"""
    compared: int
    """Images that were compared: those with a form."""
    complete: bool
    """False where there are more than ``MOST``."""


def alike_pairs(
    images_NHWC: NDArray[np.uint8], chosen: Indices, progress: Progress = lambda done: None, least: float = ALIKE
) -> AlikePairs:
    """Every pair among the ``chosen`` images whose pixels correlate by at least ``least``."""
    projected, has_form = _projected(images_NHWC, chosen, lambda done: progress(0.3 * done))
    chosen = chosen[has_form]
    found: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
    many = 0
    if len(chosen) > 1:
        for candidates, done in _near(projected[has_form], 2 - 2 * least + ROUNDING):
            pairs = np.sort(chosen[candidates], axis=1)
            correlations = _correlations(images_NHWC, pairs)
            alike = correlations >= least
            found.append((pairs[alike], correlations[alike]))
            many += int(alike.sum())
            progress(0.3 + 0.7 * done)
            if many > MOST:
                break
    pairs = np.concatenate([np.empty((0, 2), np.int64), *(pairs for pairs, _ in found)])
    correlations = np.concatenate([np.empty(0), *(each for _, each in found)])
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -correlations))[:MOST]
    return AlikePairs(pairs[order], correlations[order], len(chosen), many <= MOST)


def forms(images_NHWC: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(N, D): each image without its mean and of length 1; (N,): whether it has contrast enough for that."""
    flat = images_NHWC.reshape(len(images_NHWC), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(flat, axis=1)
    has_form = lengths > FLAT * flat.shape[1] ** 0.5
    flat /= np.where(has_form, lengths, 1.0)[:, np.newaxis]
    return flat, has_form


def _projected(
    images_NHWC: NDArray[np.uint8], chosen: Indices, progress: Progress
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(n, k): coarse forms along the directions in which an evenly chosen sample of them varies most; (n,): whether
    there is a form at all.
    """
    some = chosen[np.unique(np.linspace(0, len(chosen) - 1, min(len(chosen), SAMPLE)).astype(np.int64))]
    step = max(1, BLOCK // int(np.prod(images_NHWC.shape[1:])))
    blocks = [_coarse(images_NHWC[some[start : start + step]])[0] for start in range(0, len(some), step)]
    basis = _directions(np.concatenate(blocks)) if blocks else np.empty((0, 0), np.float32)
    projected = np.empty((len(chosen), basis.shape[1]), np.float32)
    has_form = np.empty(len(chosen), np.bool_)
    for start in range(0, len(chosen), step):
        progress(start / len(chosen))
        coarse, has_form[start : start + step] = _coarse(images_NHWC[chosen[start : start + step]])
        projected[start : start + step] = coarse @ basis
    return projected, has_form


def _directions(sample: NDArray[np.float32]) -> NDArray[np.float32]:
    """(d, k): an orthonormal basis of what a sample (m, d) varies most along; of any direction where it is all flat."""
    values, vectors = np.linalg.eigh((sample @ sample.T).astype(np.float64))
    kept = values > max(1e-6 * values[-1], 1e-6)
    if not kept.any():
        return np.eye(sample.shape[1], 1, dtype=np.float32)
    directions = sample.T.astype(np.float64) @ vectors[:, kept][:, ::-1][:, :KEPT]
    basis, _ = np.linalg.qr(directions)
    return basis.astype(np.float32)


def _coarse(images_NHWC: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(n, d): forms after averages over blocks of pixels, scaled so that no distance grows; (n,): whether there is one.

    Where images are no larger than ``COARSE`` these are their forms.
    """
    number, height, width, channels = images_NHWC.shape
    flat, has_form = forms(images_NHWC)
    rows, columns = _edges(height), _edges(width)
    if len(rows) * len(columns) == height * width:
        return flat, has_form
    sizes = np.outer(np.diff(rows, append=height), np.diff(columns, append=width)).astype(np.float32)
    sums = np.add.reduceat(flat.reshape(number, height, width, channels), rows, axis=1)
    sums = np.add.reduceat(sums, columns, axis=2)
    coarse = sums / np.sqrt(sizes)[:, :, np.newaxis]
    return coarse.reshape(number, -1).astype(np.float32, copy=False), has_form


def _edges(length: int) -> NDArray[np.int64]:
    """Where blocks begin along a side."""
    blocks = min(length, COARSE)
    return np.arange(blocks, dtype=np.int64) * length // blocks


def _near(projected: NDArray[np.float32], farthest: float) -> Iterator[tuple[NDArray[np.int64], float]]:
    """Pairs of rows whose squared distance is at most ``farthest``, block after block, and how much is done."""
    order = np.argsort(projected[:, 0], kind="stable")
    rows = np.ascontiguousarray(projected[order])
    squares, first = (rows**2).sum(axis=1), rows[:, 0]
    for start in range(0, len(rows), TILE):
        stop = min(start + TILE, len(rows))
        end = int(np.searchsorted(first, first[stop - 1] + farthest**0.5, side="right"))
        for low in range(start, end, TILE):
            high = min(low + TILE, end)
            distances = squares[start:stop, np.newaxis] + squares[low:high] - 2 * (rows[start:stop] @ rows[low:high].T)
            one, other = np.nonzero(distances <= farthest)
            later = one + start < other + low
            yield np.stack([order[one[later] + start], order[other[later] + low]], axis=1), stop / len(rows)


def _correlations(images_NHWC: NDArray[np.uint8], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """(m,): of all pixels of each pair."""
    step = max(1, BLOCK // int(np.prod(images_NHWC.shape[1:])))
    found = [np.empty(0)]
    for start in range(0, len(pairs), step):
        one, other = (forms(images_NHWC[pairs[start : start + step, side]])[0] for side in (0, 1))
        found.append(np.einsum("nd,nd->n", one, other, dtype=np.float64))
    return np.minimum(np.concatenate(found), 1.0)
