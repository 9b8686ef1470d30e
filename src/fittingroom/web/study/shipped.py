"""The studies that come with Fitting Room, and those that somebody has begun, as the list shows them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from fittingroom.errors import FittingRoomError, NotFound
from fittingroom.spec.arms import arms
from fittingroom.spec.study import StudySpec, load_study_spec, study_presets

SOURCES = {"a": "Ready to begin: the experiments of source A", "b": "Ready to begin: the experiments of source B"}
"""By what the names of shipped studies begin with."""


@dataclass(frozen=True)
class Shipped:
    """One shipped study, in the two sizes that it can be begun in."""

    key: str
    """What commands know it by."""
    study: StudySpec
    arms: Sequence[str]
    """Their names."""

    @property
    def runs(self) -> int:
        return len(self.arms) * self.study.seeds

    @property
    def small_runs(self) -> int:
        return len(self.arms) * self.study.smaller().seeds

    @property
    def has_small(self) -> bool:
        return self.study.small is not None


def shipped_study(key: str, *, small: bool) -> StudySpec:
    """A shipped study by its name; raises NotFound."""
    if key not in study_presets():
        raise NotFound(f'there is no shipped study "{key}"; choose one of {", ".join(study_presets())}')
    study = load_study_spec(key)
    return study.smaller() if small else study


@cache
def shipped_studies() -> dict[str, list[Shipped]]:
    """All of them, by where they come from."""
    found: dict[str, list[Shipped]] = {}
    for key in study_presets():
        with suppress(FittingRoomError):
            study = load_study_spec(key)
            names = [arm.name for arm in arms(study)]
            found.setdefault(SOURCES.get(key.partition("-")[0], "Others"), []).append(Shipped(key, study, names))
    return found
