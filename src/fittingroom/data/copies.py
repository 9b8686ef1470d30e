"""Validation images that were trained on: exact copies, and copies that were saved anew or made lighter or darker."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.splits import Indices


def copied_images(hashes: NDArray[np.uint64], train: Indices, validation: Indices) -> int:
    """How many of the ``validation`` images have an exact copy in ``train``; ``hashes``: (N, 2), of all N images."""
    return count_common(hashes[train], hashes[validation])


def count_common(seen: NDArray[np.uint64], held_out: NDArray[np.uint64]) -> int:
    """How many rows of ``held_out`` (n, 2) are among the rows of ``seen`` (m, 2)."""
    pair = np.dtype([("a", np.uint64), ("b", np.uint64)])
    rows, known = (np.ascontiguousarray(hashes).view(pair).ravel() for hashes in (held_out, seen))
    return int(np.isin(rows, known).sum())
