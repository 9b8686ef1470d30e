"""Which images a run sees, and how they reach the network: the table ``[data]``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pydantic

from fittingroom.errors import Fault
from fittingroom.spec.division import DEFAULT_SHARE, GIVEN, Division, HeldOut
from fittingroom.spec.mistakes import ONE_LINE, Refused, show_value
from fittingroom.spec.record import param, record

MOST_FOLDS = 100


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
        unit="folds",
        help="Cross-validation: divide all but the test images into so many parts, of which one validates; "
        "then validation says nothing.",
    )
    fold: int | None = param(
        default=None, ge=0, le=MOST_FOLDS - 1, help="Which of the folds validates, from 0 (the first unless given)."
    )

    @property
    def division(self) -> Division:
        """What of this decides which images train, validate and test."""
        if self.folds is not None:  # validation says nothing then: two runs on one fold are divided alike
            return Division(DEFAULT_SHARE, self.split_seed, self.folds, self.fold or 0)
        return Division(self.validation, self.split_seed, None, self.fold)

    @property
    def faults(self) -> list[Fault]:
        """What is wrong with these settings together, whatever the data; by their names in this table."""
        if self.folds is None:
            if self.fold is None:
                return []
            fix = f"add folds = {max(self.fold + 1, 5)}, or leave fold out"
            return [Fault("fold", f"is {self.fold}, but there are no folds", fix)]
        found = []
        if self.validation == GIVEN:
            told = f'is "{GIVEN}" beside folds, and only one of them can say which images validate'
            found.append(Fault("validation", told, "leave validation out, or folds and fold"))
        if self.fold is not None and self.fold >= self.folds:
            told = f"is {self.fold}, but {self.folds} folds are counted from 0"
            found.append(Fault("fold", told, f"give 0 to {self.folds - 1}, or more folds"))
        return found
