"""Maps of values as PNG: several in a grid, each a tile of whole pixels, so that the page can cut the sheet up."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fittingroom.web.inside import colours
from fittingroom.web.sheets import png

GAP = 2
Values = NDArray[np.floating]


class Grid(NamedTuple):
    """Where the tiles of a sheet are."""

    tiles: int
    columns: int
    width: int
    height: int
    """Of one tile, in pixels."""

    @property
    def rows(self) -> int:
        return -(-self.tiles // self.columns)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        return self.columns * (self.width + GAP) - GAP, self.rows * (self.height + GAP) - GAP

    def corner(self, place: int) -> tuple[int, int]:
        """Left and top of a tile."""
        row, column = divmod(place, self.columns)
        return column * (self.width + GAP), row * (self.height + GAP)


def grid(tiles: int, height: int, width: int, *, columns: int, cell: int) -> Grid:
    """The grid of maps of ``height`` × ``width`` in tiles of about ``cell`` pixels, each value a square of them.

    Larger maps have been reduced to ``cell``.
    """
    longest = max(height, width)
    times = max(cell // longest, 1)
    if longest > cell:
        height, width = (max(round(length * cell / longest), 1) for length in (height, width))
    return Grid(tiles, min(columns, tiles), times * width, times * height)


def sheet(maps_CHW: Values, largest: float | None, columns: int, cell: int) -> bytes:
    """Maps in the colours of values as PNG bytes; each on a scale of its own unless ``largest`` is given."""
    painted = np.stack([colours.indices(each, _largest(each) if largest is None else largest) for each in maps_CHW])
    place = grid(len(painted), *painted.shape[1:], columns=columns, cell=cell)
    image = Image.fromarray(_arranged(painted, place, colours.NOTHING))
    image.putpalette(colours.TABLE.tobytes() + bytes(3))
    image.info["transparency"] = colours.NOTHING
    return png(image)


def coloured(weights_FHWC: Values, largest: float | None, columns: int, cell: int) -> bytes:
    """Weights of three colours as PNG bytes: middle grey is zero, brighter in a colour is a positive weight for it."""
    painted = np.full((*weights_FHWC.shape[:3], 4), 255, np.uint8)
    for levels_HWC, weights_HWC in zip(painted[..., :3], weights_FHWC, strict=True):
        most = (_largest(weights_HWC) if largest is None else largest) or 1.0
        levels_HWC[:] = np.rint(255 * np.nan_to_num(np.clip(0.5 + 0.5 * weights_HWC / most, 0, 1)))
    place = grid(len(painted), *painted.shape[1:3], columns=columns, cell=cell)
    return png(Image.fromarray(_arranged(painted, place, 0)))


def _arranged(tiles: NDArray[np.uint8], place: Grid, ground: int) -> NDArray[np.uint8]:
    """The tiles, enlarged to their size, where the grid has them."""
    times = place.height // tiles.shape[1]
    width, height = place.size
    paper = np.full((height, width, *tiles.shape[3:]), ground, np.uint8)
    for number, tile in enumerate(tiles):
        left, top = place.corner(number)
        paper[top : top + place.height, left : left + place.width] = tile.repeat(times, 0).repeat(times, 1)
    return paper


def folded(values_F: Values) -> Values:
    """(rows, columns): a vector in rows, nearly as many as columns; what is left over is no number."""
    columns = side(len(values_F))
    rows = -(-len(values_F) // columns)
    folded_F = np.full(rows * columns, np.nan)
    folded_F[: len(values_F)] = values_F
    return folded_F.reshape(rows, columns)


def side(values: int) -> int:
    """In how many columns a vector is folded."""
    return math.isqrt(values - 1) + 1 if values else 1


def _largest(values: Values) -> float:
    return float(np.abs(values).max(initial=0, where=np.isfinite(values)))
