"""What a check found as the page shows it: with pictures, and without what was excluded since."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.check.finding import Finding, Kind, Report
from fittingroom.data.cuts import Indices
from fittingroom.data.splits import Splits
from fittingroom.errors import FittingRoomError, NotFound
from fittingroom.spec.division import USUAL
from fittingroom.web.data_card import PARTS, Card, Tile, Tiling
from fittingroom.web.shelf import Shelf

ON_THE_CARD, ON_A_PAGE = 8, 60
"""Pairs or single images that are shown together."""
MARKS = {"severe": "severe", "worth a look": "look", "for information": "told"}
"""How a severity is marked."""


@dataclass(frozen=True)
class Seen:
    """One image of a finding."""

    tile: Tile
    caption: str
    """Its class, or the part that it is in."""


@dataclass(frozen=True)
class Group:
    """A pair of images that are alike, or one image."""

    images: Sequence[Seen]
    told: str
    """What was measured, and the class that is suggested."""


@dataclass(frozen=True, eq=False)
class Shown:
    """One finding on a data set as it is now."""

    finding: Finding
    card: Card
    usual: Splits | None
    """The parts that the check goes by, whatever the draft says; None where there are none."""

    @property
    def kind(self) -> Kind:
        return self.finding.kind

    @property
    def title(self) -> str:
        return titled(self.kind)

    @property
    def mark(self) -> str:
        return MARKS[self.finding.severity]

    @cached_property
    def images(self) -> Indices:
        """Those that could be left out and are not excluded yet, most severe first."""
        images = self.finding.images
        if self.finding.pairs is not None:  # where one of two is excluded, nothing is left to do about the other
            images = images[np.isin(images, self._pairs)]
        return images[~np.isin(images, self.card.data.excluded)]

    @cached_property
    def _pairs(self) -> NDArray[np.int64]:
        """(m, 2): of those that are alike, the ones that are both still there."""
        assert self.finding.pairs is not None
        return self.finding.pairs[self._places]

    @cached_property
    def _places(self) -> Indices:
        """Of the pairs or images that are still there, in the finding."""
        rows = self.finding.images if self.finding.pairs is None else self.finding.pairs
        gone = np.isin(rows, self.card.data.excluded)
        return np.flatnonzero(~(gone if gone.ndim == 1 else gone.any(axis=1)))

    @property
    def total(self) -> int:
        """Pairs or single images that are still there."""
        return len(self._places)

    @property
    def over(self) -> bool:
        """Whether it was about images, and none of them is left."""
        return len(self.finding.images) > 0 and self.total == 0

    @property
    def paired(self) -> bool:
        return self.finding.pairs is not None

    @property
    def unit(self) -> str:
        """What is shown: ``pair`` or ``image``."""
        return "pair" if self.paired else "image"

    def groups(self, start: int, most: int) -> tuple[list[Group], Tiling]:
        """Some of the pairs or images, from a place on, and the sheet that their pictures are on."""
        finding, data = self.finding, self.card.data
        places = self._places[start : start + most]
        rows = finding.images[places][:, np.newaxis] if finding.pairs is None else finding.pairs[places]
        tiling = Tiling.of(data, [int(image) for image in rows.ravel()], f"found-{self.kind}")
        tiles = iter(tiling.tiles)
        found = []
        for place, row in zip(places.tolist(), rows.tolist(), strict=True):
            told = [] if finding.suggested is None else [f"rather {data.class_names[finding.suggested[place]]}"]
            if finding.scores is not None:
                told.append(_score(finding, place))
            found.append(Group([Seen(next(tiles), self._caption(image)) for image in row], " · ".join(told)))
        return found, tiling

    def address(self, page: int = 1) -> str:
        """Of the page with all images."""
        query = {"name": self.card.data.source, "kind": self.kind} | ({"page": page} if page > 1 else {})
        return f"/data/finding?{urlencode(query)}"

    def exclude_all(self) -> str:
        """Of the page that tells what leaving all of them out would mean."""
        return f"/data/exclude?{urlencode({'name': self.card.data.source, 'by': self.kind, 'all': 1})}"

    def _caption(self, image: int) -> str:
        """The class where the labels matter; else the part, of pairs in two parts."""
        data = self.card.data
        if self.kind in ("label_conflicts", "suspicious_labels"):
            return str(data.class_names[data.labels[image]])
        if not self.paired or self.usual is None:
            return ""
        parts = {"train": self.usual.train, "validation": self.usual.validation, "test": self.usual.test}
        return PARTS[next((part for part, images in parts.items() if image in images), "left_out")].lower()


def _score(finding: Finding, place: int) -> str:
    """``0.3 %`` for probabilities, ``0.99973`` for pairs, ``0.987`` for what else is measured."""
    assert finding.scores is not None
    score = float(finding.scores[place])
    return f"{100 * score:.1f} %" if finding.suggested is not None else f"{score:.{3 if finding.pairs is None else 5}g}"


def shown(report: Report, card: Card, shelf: Shelf) -> list[Shown]:
    """Every finding, most severe first; those of which nothing is left last."""
    usual = None
    with contextlib.suppress(FittingRoomError):
        usual = shelf.split(card.data, USUAL)
    found = [Shown(finding, card, usual) for finding in report.findings]
    return sorted(found, key=lambda each: each.over)


def found_of(report: Report | None, kind: str, card: Card, shelf: Shelf) -> Shown:
    """One finding; raises NotFound."""
    found = next((each for each in shown(report, card, shelf) if each.kind == kind), None) if report else None
    if found is None:
        raise NotFound(f'there is no finding "{kind[:60]}" on {card.data.name} now; see the check on its card')
    return found


def titled(kind: str) -> str:
    """``Exact copies of test images`` for ``exact_copies_of_test_images``."""
    words = kind.replace("_", " ")
    return words[:1].upper() + words[1:]
