"""Which images a run sees, and how they reach the network: the table ``[data]``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pydantic

from fittingroom.spec.mistakes import ONE_LINE, Refused, show_value
from fittingroom.spec.record import param, record


def _amount(value: Any) -> int | float:
    """A number of images (whole, at least 1) or a fraction between 0 and 1."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    if isinstance(value, float) and 0 < value < 1:
        return value
    raise Refused(
        f"{show_value(value)} is neither a number of images nor a fraction",
        "give a whole number from 1 up, or a fraction above 0 and below 1",
    )


_Images = Annotated[int, param(ge=1, help="A number of images.")]
_Fraction = Annotated[float, param(gt=0, lt=1, help="A fraction of the images.")]
Amount = Annotated[int | float, pydantic.PlainValidator(_amount, json_schema_input_type=_Images | _Fraction)]


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
        default=0.1, unit="images", help="Held out of the training set, stratified: a number of images, or a fraction."
    )
    split_seed: int = param(
        default=0, ge=0, le=2**63 - 1, help="Decides who is held out, independent of the run's seed."
    )
    normalize: Literal["standard", "unit"] = param(
        default="standard",
        help="standard: mean 0 and spread 1 over the training images, for each channel; unit: 0 to 1.",
    )
