"""The images of a finding as one picture: pairs one above the other, single images in rows, most severe first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.check.finding import Finding
from fittingroom.data.dataset import Dataset
from fittingroom.data.display import sheet

COLUMNS, MOST, TILE = 16, 128, 64


def picture(finding: Finding, data: Dataset) -> bytes | None:
    """A PNG with the first ``MOST`` pairs or images; None for a finding that is about neither."""
    shown = finding.images if finding.pairs is None else finding.pairs
    if not len(shown):
        return None
    rows = [[data.images[image] for image in row] for row in _rows(shown[:MOST])]
    return sheet(rows, TILE)


def _rows(shown: NDArray[np.int64]) -> Iterator[list[int]]:
    """Positions row by row: of images (n,), or of pairs (n, 2) the first images, and below them the second ones."""
    for start in range(0, len(shown), COLUMNS):
        part = shown[start : start + COLUMNS]
        yield from ([part.tolist()] if part.ndim == 1 else part.T.tolist())
