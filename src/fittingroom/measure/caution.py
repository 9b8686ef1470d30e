"""What guards report: one thing that may have gone wrong in a study, in plain words, with what to do about it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fittingroom.measure.study import ArmResults, StudyResults
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import RunSpec

Kind = Literal[
    "too good", "validation in training", "test set used for choice", "single seed", "differs in more",
    "edge of the range", "still rising", "no result",
]  # fmt: skip
Histories = Mapping[str, Mapping[int, Sequence[EpochMetrics]]]
"""The epochs of a study's runs, by arm and seed."""
Specs = Mapping[str, RunSpec]
"""By arm."""


@dataclass(frozen=True)
class Caution:
    """One thing that may have gone wrong."""

    kind: Kind
    arms: tuple[str, ...]
    """Keys of the arms that it is about; empty where it is about the whole study."""
    runs: tuple[str, ...]
    """Ids of the runs that it is about."""
    text: str
    """What was found, by which rule, and why that matters."""
    advice: str
    """What to do."""


def runs_of(arms: Sequence[ArmResults]) -> tuple[str, ...]:
    """The ids of their finished runs."""
    outcomes = (outcome for arm in arms for outcome in arm.outcomes)
    return tuple(outcome.run for outcome in outcomes if outcome.run is not None and outcome.state == "finished")


def keys_of(arms: Sequence[ArmResults]) -> tuple[str, ...]:
    return tuple(arm.key for arm in arms)


def values_of(arm: ArmResults, results: StudyResults) -> list[float]:
    """What its runs came to, by the study's measure."""
    return [value for value in arm.values(results.measure).values() if math.isfinite(value)]


def named(arms: Sequence[ArmResults], most: int = 4) -> str:
    """``relu, elu and selu``; above that ``relu, elu, selu and 5 others``."""
    names = [arm.name for arm in arms]
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} others"]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def own_epochs(epochs: Sequence[EpochMetrics]) -> list[EpochMetrics]:
    """Those of the run proper: phases before it were validated on other images, or with another goal."""
    return [epoch for epoch in epochs if epoch.phase is None]


def seeds_of(results: StudyResults) -> int:
    """How many seeds the arms have, at most."""
    return max((len(arm.outcomes) for arm in results.arms), default=0)
