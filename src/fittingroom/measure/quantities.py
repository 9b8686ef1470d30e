"""What is drawn against the epoch: loss and accuracy, how their values are written, and where epochs are marked."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import NamedTuple

from fittingroom.errors import InvalidInput
from fittingroom.measure.curves import highest_accuracy, lowest_loss, show_loss, show_percent
from fittingroom.spec.events import EpochMetrics


class Measure(NamedTuple):
    """A quantity that is drawn against the epoch."""

    name: str
    extreme: str
    """What its best value is called."""
    best: Callable[[Sequence[EpochMetrics]], EpochMetrics | None]
    validation: Callable[[EpochMetrics], float]
    training: Callable[[EpochMetrics], float]
    show: Callable[[float], str]
    tick: Callable[[float], str]
    highest: float
    """The largest possible value."""


LOSS = Measure(
    "loss", "lowest", lowest_loss, attrgetter("validation_loss"), attrgetter("train_loss"),
    show_loss, lambda level: f"{level:g}", math.inf,
)  # fmt: skip
ACCURACY = Measure(
    "accuracy", "highest", highest_accuracy, attrgetter("validation_accuracy"), attrgetter("train_accuracy"),
    show_percent, lambda level: f"{100 * level:g} %", 1.0,
)  # fmt: skip


def epoch_ticks(first: int, last: int, at_most: int) -> list[int]:
    """The first epoch and round ones after it, about ``at_most`` together."""
    steps = (size * 10**power for power in itertools.count() for size in ((1, 2, 5) if power else (1, 5)))
    step = next(step for step in steps if (last - first) / step <= at_most)
    return [first, *(tick for tick in range(0, last + 1, step) if tick > first + step / 2)]


def check_epochs(epochs: Sequence[EpochMetrics]) -> None:
    """Raise InvalidInput for a run without a finished epoch."""
    if not epochs:
        raise InvalidInput("there is no finished epoch to draw; wait for the first one")
