"""A sheet of images as one PNG: many images in one file are shown at once, and fast."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def sheet(rows_HWC: Sequence[Sequence[NDArray[np.uint8]]], tile: int) -> bytes:
    """Images (uint8, height × width × channels) in rows of square tiles of ``tile`` pixels, as PNG bytes.

    Larger images are scaled down into their tile; smaller ones are enlarged by whole factors, pixel by pixel.
    Places without an image stay transparent.
    """
    columns = max(len(row) for row in rows_HWC)
    paper = Image.new("RGBA", (columns * tile, len(rows_HWC) * tile), (0, 0, 0, 0))
    for y, row in enumerate(rows_HWC):
        for x, image_HWC in enumerate(row):
            paper.paste(_fitted(image_HWC, tile), (x * tile, y * tile))
    file = io.BytesIO()
    paper.save(file, "PNG")
    return file.getvalue()


def _fitted(image_HWC: NDArray[np.uint8], tile: int) -> Image.Image:
    height, width, channels = image_HWC.shape
    image = Image.fromarray(image_HWC[:, :, 0] if channels == 1 else image_HWC)
    if max(height, width) > tile:
        image.thumbnail((tile, tile))
        return image
    factor = tile // max(height, width)
    return image.resize((width * factor, height * factor), Image.Resampling.NEAREST)
