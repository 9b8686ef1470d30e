"""Which images a run sees, and how they reach the network: the table ``[data]``."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

import pydantic

from fittingroom.errors import Fault, InvalidSpec
from fittingroom.spec.mistakes import ONE_LINE, Refused, many, show_value
from fittingroom.spec.record import param, record

GIVEN: Literal["given"] = "given"
"""Validation on the images that the data itself names for it."""
MOST_FOLDS = 100
DEFAULT_SHARE = 0.1
HeldOut = int | float | Literal["given"]
"""A number of images, a share of them, or those that the data itself names."""


def _amount(value: Any) -> HeldOut:
    """A number of images (whole, at least 1), a fraction between 0 and 1, or "given"."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    if isinstance(value, float) and 0 < value < 1:
        return value
    if value == GIVEN:
        return GIVEN
    raise Refused(
        f"{show_value(value)} is neither a number of images nor a fraction",
        'give a whole number from 1 up, a fraction above 0 and below 1, or "given" for those that the data names',
    )


_Images = Annotated[int, param(ge=1, help="A number of images.")]
_Fraction = Annotated[float, param(gt=0, lt=1, help="A fraction of the images.")]
Amount = Annotated[
    HeldOut, pydantic.PlainValidator(_amount, json_schema_input_type=_Images | _Fraction | Literal["given"])
]


@dataclasses.dataclass(frozen=True)
class Division:
    """Everything that decides which images of a data set train, validate and test; see ``data.splits``."""

    validation: HeldOut
    split_seed: int = 0
    folds: int | None = None
    """Into how many parts everything but the test images is divided; None where no folds are asked for."""
    fold: int | None = None
    """Which of them validates, from 0."""

    def __str__(self) -> str:
        """As settings: ``data.validation = 0.1 and data.split_seed = 0``."""
        if self.folds is not None:
            return f"data.folds = {self.folds}, data.fold = {self.fold} and data.split_seed = {self.split_seed}"
        return f"data.validation = {self.validation} and data.split_seed = {self.split_seed}"

    @property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """Path and value of each; an empty value is one to leave out."""
        given = dataclasses.asdict(self).items()
        return tuple((f"data.{name}", "" if value is None else str(value)) for name, value in given)

    @property
    def words(self) -> str:
        """What is held out for validation, for people."""
        if self.folds is not None:
            return f"fold {self.fold} of {self.folds} held out for validation (counted from 0)"
        if isinstance(self.validation, str):
            return "the images that the data names for validation held out"
        if isinstance(self.validation, float):
            return f"{self.validation:,} of the images held out for validation"
        return f"{many(self.validation, 'image')} held out for validation"


@record
class DataSpec:
    """Source, split and normalization. The split depends on nothing but the images and these settings."""

    source: str = param(
        min_length=1,
        max_length=4096,
        pattern=ONE_LINE,
        help="A built-in name, the name of an imported data set, or a path.",
    )
    validation: Amount = param(
        default=DEFAULT_SHARE,
        unit="images",
        help="Held out of the training set, stratified: a number of images, or a fraction. given: the images that the "
        "data itself names for validation.",
    )
    split_seed: int = param(
        default=0, ge=0, le=2**63 - 1, help="Decides who is held out, independent of the run's seed."
    )
    normalize: Literal["standard", "unit"] = param(
        default="standard",
        help="standard: mean 0 and spread 1 over the training images, for each channel; unit: 0 to 1.",
    )
    folds: int | None = param(
        default=None,
        ge=2,
        le=MOST_FOLDS,
        help="Cross-validation: divide all but the test images into so many parts, of which one validates; "
        "then validation says nothing.",
    )
    fold: int | None = param(
        default=None, ge=0, lt=MOST_FOLDS, help="Which of the folds validates, from 0 (the first unless given)."
    )

    def __post_init__(self) -> None:
        if self.folds is None:
            if self.fold is not None:
                fix = f"add folds = {max(self.fold + 1, 5)}, or leave fold out"
                raise InvalidSpec([Fault("fold", f"is {self.fold}, but there are no folds", fix)])
            return
        if self.validation == GIVEN:
            told = "is said beside folds, and only one of them can say which images validate"
            raise InvalidSpec([Fault("validation", told, "leave validation out, or folds and fold")])
        if self.fold is not None and self.fold >= self.folds:
            told = f"is {self.fold}, but {self.folds} folds are counted from 0"
            raise InvalidSpec([Fault("fold", told, f"give 0 to {self.folds - 1}, or more folds")])
        object.__setattr__(self, "fold", self.fold or 0)

    @property
    def division(self) -> Division:
        """What of this decides which images train, validate and test."""
        if self.folds is not None:  # validation says nothing then: two runs on one fold are divided alike
            return Division(DEFAULT_SHARE, self.split_seed, self.folds, self.fold)
        return Division(self.validation, self.split_seed)
