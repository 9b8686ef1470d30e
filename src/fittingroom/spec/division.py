"""How a data set is divided, as plain data: the part of ``[data]`` that decides who trains and who validates.

Free of pydantic, so that those who only look at images do not wait for it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

GIVEN: Literal["given"] = "given"
"""Validation on the images that the data itself names for it."""
HeldOut = int | float | Literal["given"]
"""A number of images, a share of them, or those that the data itself names."""
DEFAULT_SHARE = 0.1


@dataclass(frozen=True)
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
        given = asdict(self).items()
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
        return f"{self.validation:,} image{'s' * (self.validation != 1)} held out for validation"


USUAL = Division(DEFAULT_SHARE)
"""As a run divides a data set unless it says otherwise."""
