"""Which validation images can be looked at, and the ways from one to another."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittingroom.errors import NotFound
from fittingroom.web.results import Results, position_of


@dataclass(frozen=True)
class Pinned:
    """A validation image, and what was said of it when the weights were kept."""

    index: int
    """Position in the data set."""
    true: str
    is_mistake: bool
    mistakes: int
    """Of all validation images."""
    previous_mistake: int | None
    next_mistake: int | None

    @classmethod
    def of(cls, results: Results, index: int) -> Pinned:
        """Raises NotFound where it is no validation image."""
        if index not in results.indices:
            nearest = results.indices[np.abs(results.indices - index).argmin()]
            raise NotFound(
                f"image {index} is none of the {results.evaluation.n:,} validation images of {results.run.id}; the "
                f"nearest one is image {nearest}"
            )
        cell = results.cell_of(position_of(index, results))
        mistakes = mistakes_of(results)
        before, after = mistakes[mistakes < index], mistakes[mistakes > index]
        return cls(
            index, results.names[cell.true], cell.true != cell.predicted, len(mistakes),
            int(before[-1]) if len(before) else None, int(after[0]) if len(after) else None,
        )  # fmt: skip


def mistakes_of(results: Results) -> NDArray[np.int64]:
    """Positions in the data set of the validation images that were wrong, in order."""
    return np.sort(results.indices[results.evaluation.labels != results.evaluation.predictions])


def any_of(results: Results, label: int | None) -> int:
    """A validation image by chance, of one class where one is given; raises NotFound where it has none."""
    labels = results.evaluation.labels
    found = results.indices if label is None else results.indices[labels == label]
    if not len(found):
        raise NotFound(f"there is no class {label} among the validation images; choose another class")
    return int(secrets.choice(found))
