"""Augmentation: random variations of the training images, one frozen record for each operation, without torch.

Every strength has a unit, bounds and a default that suits small pictures such as Fashion-MNIST; at strength 0
the operation changes nothing (``identity``). Parameters are drawn anew for each image. Operations apply in the
order of the list. ``docs/reference/augmentation.md`` states the exact conventions (centre, directions, borders,
distributions); ``fittingroom.engine.augment`` computes them.

Departures from Keras' ``ImageDataGenerator``, each told again where it applies:

- the border is filled with zeros by default (Keras' ``fill_mode`` repeats the nearest pixel);
- zoom keeps proportions (Keras draws width and height apart) and enlarges as often as it shrinks;
- brightness and intensity are fractions of the full scale, whatever range the stored values have.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from fittingroom.spec.record import param, record

Border = Literal["zero", "nearest", "reflect"]


@record
class Augment:
    """What every operation has: its kind, and one strength whose value 0 leaves images as they are."""

    strength: ClassVar[str]
    """Name of the parameter that says how much; 0 is its identity value."""

    kind: str = param(kw_only=True, help="Kind of the operation.")

    @classmethod
    def identity(cls) -> Self:
        """The operation at the strength at which it changes nothing."""
        nothing: dict[str, Any] = {cls.strength: 0}
        return cls(**nothing)

    @property
    def changes_nothing(self) -> bool:
        """Whether images pass through bit for bit."""
        return bool(getattr(self, self.strength) == 0)


@record
class Geometric(Augment):
    """Moves pixels. Neighbours in the list with the same border are computed as one movement."""


@record
class Flip(Geometric):
    """Turns some of the images over, pixel for pixel; nothing is blurred or lost, so it needs no border."""

    strength: ClassVar[str] = "probability"

    probability: float = param(default=0.5, ge=0, le=1, unit="share of images", help="How often an image is flipped.")


@record
class Warp(Geometric):
    """Moves pixels by fractions of a pixel, with linear interpolation, and has to fill what comes into view."""

    border: Border = param(
        default="zero",
        kw_only=True,
        help="What comes into view: zero (black), nearest (edge pixels repeated) or reflect (mirrored at the edge).",
    )


@record
class Rotation(Warp):
    """Turns the image about its centre, either way. Keras: ``rotation_range``."""

    strength: ClassVar[str] = "degrees"

    degrees: float = param(default=10.0, ge=0, le=180, unit="degrees", help="Largest angle, either way.")
    kind: Literal["rotation"] = param(default="rotation", kw_only=True, help="Kind of the operation.")


@record
class Shear(Warp):
    """Makes the image lean to the left or right, like italic type; its height stays.

    Keras: ``shear_range``, also in degrees, although often given as if it were a fraction: 0.2 is hardly visible.
    """

    strength: ClassVar[str] = "degrees"

    degrees: float = param(
        default=10.0, ge=0, le=60, unit="degrees", help="Largest angle by which upright lines lean, either way."
    )
    kind: Literal["shear"] = param(default="shear", kw_only=True, help="Kind of the operation.")


@record
class Shift(Warp):
    """Moves the image sideways and up or down. Keras: ``width_shift_range`` and ``height_shift_range``."""

    strength: ClassVar[str] = "fraction"

    fraction: float = param(
        default=0.08, ge=0, le=1, unit="fraction of width", help="Largest distance to the left or right."
    )
    vertical: float | None = param(
        default=None,
        ge=0,
        le=1,
        unit="fraction of height",
        help="Largest distance up or down; the same fraction as sideways when left out.",
    )
    kind: Literal["shift"] = param(default="shift", kw_only=True, help="Kind of the operation.")

    @property
    def fractions(self) -> tuple[float, float]:
        """Largest distances as fractions of width and height."""
        return self.fraction, self.fraction if self.vertical is None else self.vertical

    @property
    def changes_nothing(self) -> bool:
        return self.fractions == (0, 0)


@record
class Zoom(Warp):
    """Enlarges or shrinks the image about its centre, both equally often, with its proportions kept.

    0.25 means between 1/1.25 and 1.25 times the size. Keras: ``zoom_range``, where values below 1 enlarge.
    """

    strength: ClassVar[str] = "fraction"

    fraction: float = param(
        default=0.1, ge=0, le=4, unit="fraction of size", help="Largest growth; shrinks as much the other way."
    )
    kind: Literal["zoom"] = param(default="zoom", kw_only=True, help="Kind of the operation.")


@record
class Mirror(Flip):
    """Swaps left and right, as a mirror on the wall does. Keras: ``horizontal_flip``."""

    kind: Literal["mirror"] = param(default="mirror", kw_only=True, help="Kind of the operation.")


@record
class UpsideDown(Flip):
    """Swaps top and bottom: clothes hang from their hems, digits stand on their heads. Keras: ``vertical_flip``."""

    kind: Literal["upside_down"] = param(default="upside_down", kw_only=True, help="Kind of the operation.")


@record
class Brightness(Augment):
    """Makes the whole image lighter or darker: all values times one factor; black stays black.

    Keras: ``brightness_range``, given there as the two factors: (0.8, 1.2) is 0.2 here.
    """

    strength: ClassVar[str] = "fraction"

    fraction: float = param(
        default=0.2, ge=0, le=1, unit="fraction of brightness", help="Factor is drawn from 1 − this to 1 + this."
    )
    kind: Literal["brightness"] = param(default="brightness", kw_only=True, help="Kind of the operation.")


@record
class Contrast(Augment):
    """Moves all values away from the image's own mean, or towards it.

    One mean for all channels, so that colours keep their tint. Keras: the layer ``RandomContrast``, which takes
    each channel's own mean.
    """

    strength: ClassVar[str] = "fraction"

    fraction: float = param(
        default=0.2,
        ge=0,
        le=1,
        unit="fraction of contrast",
        help="Distance from the mean is multiplied by a factor from 1 − this to 1 + this.",
    )
    kind: Literal["contrast"] = param(default="contrast", kw_only=True, help="Kind of the operation.")


@record
class IntensityShift(Augment):
    """Adds one number to all values, background included. Keras: ``channel_shift_range``, there in stored units."""

    strength: ClassVar[str] = "fraction"

    fraction: float = param(
        default=0.1, ge=0, le=1, unit="fraction of full scale", help="Largest number added or taken away."
    )
    kind: Literal["intensity_shift"] = param(default="intensity_shift", kw_only=True, help="Kind of the operation.")


@record
class Noise(Augment):
    """Adds to every value a random number of its own, Gaussian, with the same spread in every image."""

    strength: ClassVar[str] = "deviation"

    deviation: float = param(
        default=0.05, ge=0, le=1, unit="fraction of full scale", help="Standard deviation of the noise."
    )
    kind: Literal["noise"] = param(default="noise", kw_only=True, help="Kind of the operation.")


@record
class Erasing(Augment):
    """Blanks a random rectangle with zeros in some of the images (random erasing, Zhong et al. 2020)."""

    strength: ClassVar[str] = "probability"

    probability: float = param(default=0.5, ge=0, le=1, unit="share of images", help="How often an image is hit.")
    area: float = param(
        default=0.2, gt=0, le=1, unit="fraction of area", help="Largest part of the image that is blanked."
    )
    kind: Literal["erasing"] = param(default="erasing", kw_only=True, help="Kind of the operation.")


AnyAugment = Annotated[
    Rotation | Shear | Shift | Zoom | Mirror | UpsideDown | Brightness | Contrast | IntensityShift | Noise | Erasing,
    param(discriminator="kind", help="One operation that varies the training images."),
]


@record
class Augmentation:
    """Operations on their own, without the run that they belong to."""

    operations: tuple[AnyAugment, ...] = param(default=(), help="They apply from the first to the last.")


AUGMENT_KINDS: dict[str, type[Augment]] = {
    "rotation": Rotation,
    "shear": Shear,
    "shift": Shift,
    "zoom": Zoom,
    "mirror": Mirror,
    "upside_down": UpsideDown,
    "brightness": Brightness,
    "contrast": Contrast,
    "intensity_shift": IntensityShift,
    "noise": Noise,
    "erasing": Erasing,
}
