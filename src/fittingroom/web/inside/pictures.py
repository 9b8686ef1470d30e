"""Drawings and image files to look at: remembered by their content while the page runs."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.requests import Request

from fittingroom.data import pictures
from fittingroom.errors import InvalidData, InvalidInput, NotFound
from fittingroom.web.shelf import Recent
from fittingroom.web.site import only_one

KEPT = 200
LARGEST_FILE = 1 << 25
"""Bytes of an image file."""
LONGEST = 1024
"""Pixels: larger pictures are reduced to it before they are kept."""
DIGITS = 16
"""Of a picture's name."""
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Picture:
    """What is looked at."""

    pixels_HWC: Pixels
    exact: bool = True
    """Whether it is taken as it is where it has the network's form; image files are fitted as for a prediction."""

    @property
    def name(self) -> str:
        """Its content tells it."""
        content = repr((self.pixels_HWC.shape, self.exact)).encode() + self.pixels_HWC.tobytes()
        return hashlib.sha256(content).hexdigest()[:DIGITS]


class Pictures:
    """The last pictures that were given. Threads may share it."""

    def __init__(self) -> None:
        self._kept: Recent[Picture] = Recent(KEPT)

    @classmethod
    def of(cls, request: Request) -> Pictures:
        """The site's."""
        return only_one(request, cls, cls)

    def keep(self, picture: Picture) -> str:
        """Remember a picture; returns its name."""
        self._kept.put(picture.name, picture)
        return picture.name

    def find(self, name: str) -> Picture:
        """A picture by its name; raises NotFound."""
        if (found := self._kept.get(name)) is None:
            raise NotFound(
                "this drawing is not known any more: the page keeps the last ones until its server ends; give it again"
            )
        return found


def drawn(content: bytes, height: int, width: int, channels: int) -> Picture:
    """A drawing from the bytes of its pixels, row by row; raises InvalidInput."""
    if channels not in {1, 3} or not 0 < height <= LONGEST or not 0 < width <= LONGEST:
        raise InvalidInput(f"a drawing of {height}×{width}×{channels} is not possible; give 1 or 3 channels")
    if len(content) != height * width * channels:
        raise InvalidInput(
            f"{len(content):,} bytes are no drawing of {height}×{width}×{channels}; give one byte for each value"
        )
    return Picture(np.frombuffer(content, np.uint8).reshape(height, width, channels))


def from_file(content: bytes, name: str) -> Picture:
    """The picture in an image file, in colour if it has colours; raises InvalidData."""
    if not content:
        raise InvalidData("no image file was chosen; choose one first")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(content)
        try:
            picture_HWC = pictures.pixels(path, grey=pictures.header(path).is_grey)
        except pictures.Unreadable as error:
            raise InvalidData(f'cannot look at "{name[:60]}": it {error}; give an image file') from None
    height, width, channels = picture_HWC.shape
    if max(height, width) <= LONGEST:
        return Picture(picture_HWC, exact=False)
    image = Image.fromarray(picture_HWC[:, :, 0] if channels == 1 else picture_HWC)
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.BOX)
    return Picture(np.asarray(image).reshape(image.height, image.width, channels), exact=False)
