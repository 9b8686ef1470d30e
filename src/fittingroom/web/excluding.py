"""What leaving images out of a data set would mean, before it is done; and what was left out, step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fittingroom.data.cleaning import Step, check_divisible, excluded_by, journal, without_images
from fittingroom.data.cuts import Indices
from fittingroom.data.dataset import Dataset
from fittingroom.errors import InvalidInput, NotFound
from fittingroom.web.data_card import Card, Tiling
from fittingroom.workspace import Workspace

SHOWN = 40


@dataclass(frozen=True, eq=False)
class Plan:
    """Images to be left out, and what is left then."""

    card: Card
    images: Indices
    """Those that are not out yet, in order."""
    problem: str = ""
    """Why it cannot be done."""

    @classmethod
    def of(cls, found: Card, images: Sequence[int] | Indices) -> Plan:
        """Raises InvalidInput for images that are not there."""
        if not len(images):
            return cls(found, np.empty(0, np.int64))
        without = without_images(found.data, np.asarray(images, np.int64).tolist())
        new = np.setdiff1d(images, found.data.excluded)
        try:
            check_divisible(found.data, without)
        except InvalidInput as error:
            return cls(found, new, str(error))
        return cls(found, new)

    @cached_property
    def parts(self) -> list[str]:
        """Those that images are taken from."""
        return [part for part in self.card.columns if np.isin(self.images, self.card.parts[part]).any()]

    @property
    def classes(self) -> list[tuple[str, list[tuple[int, int]]]]:
        """Of every class that loses images: its name and, for each of ``parts``, how many before and how many less."""
        data = self.card.data
        before = [data.counts(self.card.parts[part]) for part in self.parts]
        less = [data.counts(np.intersect1d(self.images, self.card.parts[part])) for part in self.parts]
        concerned = np.flatnonzero(data.counts(self.images)).tolist()
        return [
            (data.class_names[label], [(int(of[label]), int(by[label])) for of, by in zip(before, less, strict=True)])
            for label in concerned
        ]

    def total(self, part: str) -> tuple[int, int]:
        """Images in a part before, and how many less."""
        images = self.card.parts[part]
        return len(images), int(np.isin(self.images, images).sum())

    @property
    def tiling(self) -> Tiling:
        """The first of the images."""
        return Tiling.of(self.card.data, self.images[:SHOWN].tolist(), "excluding")


@dataclass(frozen=True)
class Entry:
    """One step of a journal, as it stands in the list."""

    number: int
    """Its place in the journal, which never changes."""
    step: Step
    out: int
    """Images that are excluded by it to this day."""


def entries(data: Dataset, workspace: Workspace) -> list[Entry]:
    """Everything that was done to a data set, last first; raises InvalidData where that cannot be read."""
    steps = journal(data.content, workspace)
    out = Counter(excluded_by(steps).values())
    return [Entry(number, step, out[number]) for number, step in reversed(list(enumerate(steps)))]


def still_out(number: int, data: Dataset, workspace: Workspace) -> tuple[int, ...]:
    """Images that one step of the journal has excluded, and that are so to this day; perhaps none."""
    steps = journal(data.content, workspace)
    if not 0 <= number < len(steps):
        raise NotFound(f"there is no step {number + 1} in the cleaning of {data.name}; load the page again")
    by = excluded_by(steps)
    return tuple(image for image in steps[number].images if by.get(image) == number)
