"""Exemplars of an import as they would be imported: decoded once, and brought to whatever is asked for at once."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from PIL import Image

from fittingroom.data.framing import Pixels, arranged, small
from fittingroom.data.incoming import CLASSES_SHOWN, Exemplars, Preview, exemplars_each
from fittingroom.data.wanted import FITS, Size, Wanted
from fittingroom.web.sheets import picture, png

KEPT = 128
"""Pixels of the longer side that exemplars are kept with: twice what a tile has, for dense screens."""
TILE, LARGE_TILE = 64, 128
"""Pixels of a tile on the sheet of classes, and on that of policies."""


class Pictures:
    """A few images of each class of one import. Threads may share it."""

    def __init__(self, found: Preview) -> None:
        self._found = found
        self.rows = min(len(found.class_names), CLASSES_SHOWN)
        self.columns = exemplars_each(len(found.class_names))
        self._lock = threading.Lock()
        self._made: Future[Exemplars] | None = None

    async def ready(self) -> Exemplars:
        """Decoded, in a thread of their own when this is asked for first; no thread is held by waiting."""
        with self._lock:
            if self._made is None:
                self._made = Future()
                threading.Thread(target=self._make, args=(self._made,), name="exemplars", daemon=True).start()
            made = self._made
        return await asyncio.shield(asyncio.wrap_future(made))

    def forget(self) -> None:
        """Let go of the pixels; they can be decoded again."""
        with self._lock:
            self._made = None

    def _make(self, made: Future[Exemplars]) -> None:
        """Files that have gone since leave places empty."""
        try:
            few = tuple(row[: self.columns] for row in self._found.exemplars()[: self.rows])
            made.set_result(tuple(tuple(small(image, KEPT) for image in row) for row in few))
        except Exception:  # the page can do without
            logging.getLogger(__name__).exception("no exemplars of %s", self._found.path)
            made.set_result(())


def box(size: Size | None, tile: int = TILE) -> tuple[int, int]:
    """Width and height of an image of that size in its tile; all of the tile where sizes differ."""
    height, width = size or (1, 1)
    factor = tile / max(height, width)
    return max(round(width * factor), 1), max(round(height * factor), 1)


def sheet_of_classes(exemplars: Exemplars, wanted: Wanted, columns: int) -> bytes:
    """A row of tiles for each class, as PNG; places without an image stay transparent."""
    return _sheet([[brought(image, wanted) for image in row] for row in exemplars], columns, TILE)


def sheet_of_fits(exemplars: Exemplars, wanted: Wanted) -> bytes:
    """The exemplar whose proportions differ most from those that are wanted, by each policy in turn, as PNG."""
    assert wanted.size is not None
    height, width = wanted.size
    images = [image for row in exemplars for image in row]
    if not images:
        return _sheet([[]], len(FITS), LARGE_TILE)
    odd = max(images, key=lambda image: abs(math.log(image.shape[0] * width / (image.shape[1] * height))))
    return _sheet([[brought(odd, replace(wanted, fit=fit)) for fit in FITS]], len(FITS), LARGE_TILE)


def brought(image_HWC: Pixels, wanted: Wanted) -> Pixels:
    """An exemplar as it would be imported, at no more than ``KEPT`` pixels a side."""
    if wanted.size is not None and max(wanted.size) > KEPT:
        width, height = box(wanted.size, KEPT)
        wanted = replace(wanted, size=(height, width))
    brought: Pixels = arranged(image_HWC[None], wanted)[0]
    return brought


def _sheet(rows: Sequence[Sequence[Pixels]], columns: int, tile: int) -> bytes:
    paper = Image.new("RGBA", (columns * tile, max(len(rows), 1) * tile))
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            width, height = box(image.shape[:2], tile)
            how = Image.Resampling.NEAREST if width >= image.shape[1] else Image.Resampling.BILINEAR
            place = x * tile + (tile - width) // 2, y * tile + (tile - height) // 2
            paper.paste(picture(image).resize((width, height), how), place)
    return png(paper)
