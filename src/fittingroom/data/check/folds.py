"""Images in folds: each is predicted by a network that has seen neither it nor an exact copy of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.splits import Indices

FOLDS_CUT = 3
"""Purpose of the draw, beside those of ``splits``."""


def in_folds(
    chosen: Indices, labels: NDArray[np.int64], groups: NDArray[np.int64], folds: int, seed: int
) -> NDArray[np.int64]:
    """(n,): the fold, 0 to ``folds`` - 1, of each of the ``chosen`` images; every class is dealt out evenly.

    ``labels``: (N,), ``groups``: (N,), equal for exact copies, which share a fold. The draw is the raw stream of a
    seeded PCG64, as for splits.
    """
    _, first, member = np.unique(groups[chosen], return_index=True, return_inverse=True)
    draw = np.random.PCG64(np.random.SeedSequence((seed, FOLDS_CUT))).random_raw(len(first))
    order = np.lexsort((draw, labels[chosen][first]))
    fold = np.empty(len(first), np.int64)
    fold[order] = np.arange(len(first)) % folds
    return fold[member]
