"""What the images of an import are brought to, by whatever importer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from fittingroom.errors import InvalidInput

Size = tuple[int, int]
"""Height and width."""
Fit = Literal["pad", "crop", "stretch"]
FITS: tuple[Fit, ...] = get_args(Fit)
LARGEST = 4096  # pixels, height or width that images are brought to


@dataclass(frozen=True)
class Wanted:
    """What was asked for beside the files; the defaults leave images as they are."""

    size: Size | None = None
    """Height and width of every image; needed when they differ."""
    fit: Fit = "pad"
    """How an image of other proportions comes to ``size``: ``pad`` scales it to fit and centres it on white, ``crop``
    scales it to cover and cuts out the centre, ``stretch`` gives up its proportions."""
    channels: Literal[1, 3] | None = None
    """1 makes colour grey, 3 repeats grey; None leaves that to the images."""
    groups: str | None = None
    """What must not be divided between parts: a column's name, ``folder``, or a pattern of the file's path."""
    label: str | None = None
    """Name of the column that tells the class, in tables."""

    def checked(self) -> Wanted:
        """Itself; raises InvalidInput for values that cannot be meant."""
        size: tuple[object, ...] | None = self.size
        if size is not None and not (len(size) == 2 and all(side in range(1, LARGEST + 1) for side in size)):
            raise InvalidInput(f"size = {size} is no height and width; give two whole numbers from 1 to {LARGEST}")
        if self.fit not in FITS:
            raise InvalidInput(f'fit = "{self.fit}" is no way to bring images to a size; give one of {", ".join(FITS)}')
        if self.channels not in (1, 3, None):
            raise InvalidInput(f"channels = {self.channels} is neither 1 (grey) nor 3 (colour); give one of them")
        return self


AS_IT_IS = Wanted()
