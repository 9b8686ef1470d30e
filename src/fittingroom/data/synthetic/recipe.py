"""Recipe: everything that decides synthetic images, apart from the fonts that a machine has."""

from __future__ import annotations

from typing import Literal

from fittingroom.errors import Fault, InvalidSpec
from fittingroom.spec.record import param, record

DIGITS = "0123456789"
Background = Literal["dark", "light", "both"]


@record
class Recipe:
    """How many images, of which characters, and how much each may differ from its font's own drawing."""

    images: int = param(default=10_000, ge=1, le=1_000_000, help="Images in all parts together.")
    size: int = param(default=28, ge=8, le=256, help="Height and width of an image.", unit="pixels")
    seed: int = param(default=0, ge=0, help="Decides everything random: other seeds, other images.")
    characters: str = param(default=DIGITS, min_length=2, max_length=200, help="One class for each character.")
    smallest: float = param(default=0.5, ge=0.2, le=1, help="Least height of a character, as a share of the image.")
    largest: float = param(default=0.8, ge=0.2, le=1, help="Greatest height, as a share of the image.")
    shift: float = param(default=0.08, ge=0, le=0.5, help="Moved up to this share of the image, but never out of it.")
    rotation: float = param(default=15.0, ge=0, le=180, help="Turned up to so far to either side.", unit="degrees")
    slant: float = param(default=0.25, ge=0, le=1, help="Slanted: sideways by up to this share of the height.")
    stretch: float = param(default=0.2, ge=0, le=0.6, help="Widened or narrowed by up to this share.")
    weight: float = param(default=0.03, ge=0, le=0.1, help="Strokes thinner or thicker by this share of the height.")
    wobble: float = param(default=0.03, ge=0, le=0.15, help="Bent, as by a hand, by up to this share of the image.")
    blur: float = param(default=0.02, ge=0, le=0.2, help="Blurred by up to this share of the image.")
    contrast: float = param(default=0.3, ge=0, le=0.9, help="Share of the contrast between ink and paper that may go.")
    noise: float = param(default=0.04, ge=0, le=0.5, help="Spread of the noise, at most, on the scale 0 to 1.")
    background: Background = param(default="dark", help="Dark as in MNIST, light as on paper, or both, half and half.")
    test: float = param(default=0.2, gt=0, lt=0.9, help="Share of the images, and of the families, that test.")
    validation: float = param(default=0.1, gt=0, lt=0.9, help="Share of both that validates.")
    fonts: tuple[str, ...] = param(default=(), help="Folders with fonts of your own, searched first.")
    system_fonts: bool = param(default=True, help="Use the fonts of matplotlib and of the system, too.")

    def __post_init__(self) -> None:
        faults = []
        twice = sorted({character for character in self.characters if self.characters.count(character) > 1})
        if twice:
            faults.append(Fault("characters", f'"{self.characters}" has "{twice[0]}" twice', "name each class once"))
        if bare := [character for character in self.characters if not character.isprintable() or character.isspace()]:
            faults.append(Fault("characters", f"{bare[0]!r} cannot be drawn", "give letters, digits or signs"))
        if odd := [folder for folder in self.fonts if not folder.isprintable()]:
            message = f"{odd[0]!r} is a name that cannot be written down"
            faults.append(Fault("fonts", message, "rename the folder, or copy its fonts into another"))
        if self.smallest > self.largest:
            message = f"{self.smallest} is above largest = {self.largest}"
            faults.append(Fault("smallest", message, "give the smaller height first"))
        if self.test + self.validation >= 0.95:
            message = f"{self.test} and validation = {self.validation} leave nothing to train on"
            faults.append(Fault("test", message, "give smaller shares"))
        elif min(self.counts) < len(self.characters):
            parts = ", ".join(f"{count:,}" for count in self.counts)
            message = f"{self.images:,} make {parts} for training, validation and test, less than one for each class"
            faults.append(Fault("images", message, f"ask for at least {self._least:,}"))
        if faults:
            raise InvalidSpec(faults, title="these images cannot be drawn")

    @property
    def counts(self) -> tuple[int, int, int]:
        """Images that train, validate and test."""
        test, validation = round(self.test * self.images), round(self.validation * self.images)
        return self.images - test - validation, validation, test

    @property
    def _least(self) -> int:
        smallest = min(self.test, self.validation, 1 - self.test - self.validation)
        return int((len(self.characters) + 0.5) / smallest) + 1
