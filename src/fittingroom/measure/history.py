"""Curves that belong together: the phases of a run, and the runs that it comes from, joined with their boundaries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from fittingroom.spec.events import EpochMetrics


@dataclass(frozen=True)
class Boundary:
    """Where in joined curves something else begins."""

    after: int
    """The last epoch before it."""
    label: str
    """What begins: ``continue of mlp-1``, ``phase "pretrain"``."""

    def __str__(self) -> str:
        return f"from epoch {self.after + 1}: {self.label}"


@dataclass(frozen=True)
class History:
    """Epochs of one or several trainings, numbered through, and where each but the first begins."""

    epochs: tuple[EpochMetrics, ...]
    boundaries: tuple[Boundary, ...] = ()

    @property
    def newest(self) -> tuple[EpochMetrics, ...]:
        """The epochs after the last boundary: only these were validated alike, by the run as it is now."""
        after = self.boundaries[-1].after if self.boundaries else 0
        return tuple(epoch for epoch in self.epochs if epoch.epoch > after)


def joined(trainings: Iterable[tuple[str, Sequence[EpochMetrics]]]) -> History:
    """Trainings one after another, each with what it is called; those without an epoch leave no trace.

    The numbers go on from the first one's own: what it continues may be gone.
    """
    epochs: list[EpochMetrics] = []
    boundaries = []
    for name, own in trainings:
        for phase, members in groupby(own, key=lambda epoch: epoch.phase):
            if epochs:
                boundaries.append(Boundary(epochs[-1].epoch, name if phase is None else f'{name}, phase "{phase}"'))
            for epoch in members:
                epochs.append(replace(epoch, epoch=epochs[-1].epoch + 1) if epochs else epoch)
    return History(tuple(epochs), tuple(boundaries))


def split_at(epochs: Sequence[EpochMetrics], boundaries: Sequence[Boundary]) -> list[list[EpochMetrics]]:
    """The epochs between one boundary and the next."""
    ends = [boundary.after for boundary in boundaries]
    return [list(part) for _, part in groupby(epochs, key=lambda epoch: sum(epoch.epoch > end for end in ends))]
