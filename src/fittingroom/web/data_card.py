"""What the page tells of a data set: its split, its classes with examples, and its images page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal
from urllib.parse import urlencode

import numpy as np
from starlette.datastructures import QueryParams

from fittingroom.data.dataset import Dataset, Statistics
from fittingroom.data.splits import Indices, Splits
from fittingroom.errors import FittingRoomError, InvalidInput, InvalidSpec, NotFound
from fittingroom.spec.data import DataSpec
from fittingroom.spec.record import validated
from fittingroom.web.sheets import CELL, MOST_IMAGES, address_of_sheet, cell_height, firsts, whole_number
from fittingroom.web.shelf import Shelf

"""Held out where the draft's own wish cannot be fulfilled."""
EXAMPLES = 8
CLASSES = 100
"""Shown in the table before the rest is asked for."""
COLUMNS = 20
PER_PAGE = (25, 100, 400)
PARTS = {
    "train": "Training", "validation": "Validation", "test": "Test", "left_out": "Left out", "excluded": "Excluded",
    "all": "All",
}  # fmt: skip
Order = Literal["given", "random"]


@dataclass(frozen=True)
class Sheet:
    """Many images in one file."""

    id: str
    """What its pieces on the page refer to."""
    address: str
    width: int
    height: int


@dataclass(frozen=True)
class Tile:
    """One image as a piece of a sheet."""

    image: int
    """Its index in the data set."""
    sheet: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Tiling:
    """Images to be shown, on as few sheets as possible."""

    sheets: Sequence[Sheet]
    tiles: Sequence[Tile]

    @classmethod
    def of(cls, data: Dataset, images: Sequence[int], name: str) -> Tiling:
        """``name`` tells the sheets of one page apart."""
        tall = cell_height(data.height, data.width)
        sheets: list[Sheet] = []
        tiles: list[Tile] = []
        for start in range(0, len(images), MOST_IMAGES):
            chunk = images[start : start + MOST_IMAGES]
            columns = min(COLUMNS, len(chunk))
            id = f"{name}-{len(sheets)}"
            sheets.append(
                Sheet(id, address_of_sheet(data, chunk, columns), columns * CELL, -(-len(chunk) // columns) * tall)
            )
            for place, image in enumerate(chunk):
                row, column = divmod(place, columns)
                tiles.append(Tile(image, id, column * CELL, row * tall, CELL, tall))
        return cls(sheets, tiles)


@dataclass(frozen=True)
class ClassRow:
    """One class in the table of the data card."""

    label: int
    name: str
    counts: Mapping[str, int]
    """Images in each part."""
    segments: Sequence[tuple[str, float, float]]
    """The bar: part, start and width in percent of the largest class."""
    examples: Sequence[Tile]


@dataclass(frozen=True, eq=False)
class Card:
    """A data set as a draft's settings divide it."""

    data: Dataset
    settings: DataSpec
    """What it was divided by."""
    splits: Splits | None
    """None where it cannot be divided at all."""
    statistics: Statistics | None
    """Of the training images."""
    problem: str = ""
    """Why it was not divided as the draft asks."""

    @cached_property
    def parts(self) -> dict[str, Indices]:
        """The images of each part, and all of them."""
        every = np.arange(len(self.data))
        if self.splits is None:
            return {"all": every}
        parts = {"train": self.splits.train, "validation": self.splits.validation, "test": self.splits.test}
        rest = np.setdiff1d(every, np.concatenate(list(parts.values())), assume_unique=True)
        excluded = np.intersect1d(rest, self.data.excluded)
        beside = {"left_out": np.setdiff1d(rest, excluded, assume_unique=True), "excluded": excluded}
        parts |= {part: images for part, images in beside.items() if len(images)}
        return {**parts, "all": every}

    @property
    def columns(self) -> list[str]:
        """The parts that the table of classes has: those that make up the whole, as far as it is not excluded."""
        return [part for part in self.parts if part not in ("excluded", "all")] or ["all"]

    def classes(self, most: int | None = None) -> tuple[list[ClassRow], Sequence[Sheet]]:
        """The first classes, or all, each with its counts, its bar and its first images.

        Those are training images where there are any.
        """
        data, columns = self.data, self.columns
        counts = [data.counts(self.parts[part]).tolist() for part in columns]
        largest = max(map(sum, zip(*counts, strict=True)))
        names = data.class_names[:most]
        shown = self.parts[columns[0]]
        each = firsts(data.labels[shown], len(names), max(min(EXAMPLES, MOST_IMAGES // len(names)), 1))
        tiling = Tiling.of(data, [int(shown[place]) for places in each for place in places], "classes")
        examples = iter(tiling.tiles)
        rows = []
        for label, name in enumerate(names):
            own = {part: count[label] for part, count in zip(columns, counts, strict=True)}
            rows.append(ClassRow(label, name, own, segments(own, largest), [next(examples) for _ in each[label]]))
        return rows, tiling.sheets

    def part_of(self, image: int) -> str:
        """In which part an image is; ``all`` where the data set is not divided."""
        return next(part for part, indices in self.parts.items() if image in indices)

    def copied(self) -> int:
        """How many images have an exact copy somewhere in the data set."""
        hashes = self.data.hashes
        _, which, times = np.unique(hashes[:, 0], return_inverse=True, return_counts=True)
        likely = hashes[times[which] > 1]  # few: both halves are compared for these alone
        _, times = np.unique(likely, axis=0, return_counts=True)
        return int(times[times > 1].sum())

    def copies(self, image: int) -> list[int]:
        """Other images with the very same pixels."""
        same = np.flatnonzero((self.data.hashes == self.data.hashes[image]).all(axis=1))
        return [int(other) for other in same if other != image]


def card(data: Dataset, wishes: Mapping[str, Any], shelf: Shelf) -> Card:
    """Divide a data set by the table ``[data]`` of a draft, or else as is usual, or not at all, and say why."""
    try:
        settings = validated(DataSpec, {**wishes, "source": data.source}, "the draft's data")
        return Card(data, settings, *shelf.divided(data, settings.division))
    except InvalidSpec as error:
        problem = "; ".join(str(fault) for fault in error.faults)
    except FittingRoomError as error:
        problem = str(error)
    usual = DataSpec(source=data.source)
    try:
        return Card(data, usual, *shelf.divided(data, usual.division), problem)
    except FittingRoomError as error:
        return Card(data, usual, None, None, str(error))


def segments(counts: Mapping[str, int], largest: int) -> list[tuple[str, float, float]]:
    """A bar of one piece for each part: (part, start, width) in percent of ``largest``."""
    start, found = 0.0, []
    for part, count in counts.items():
        width = 100 * count / largest
        found.append((part, round(start, 2), round(width, 2)))
        start += width
    return found


@dataclass(frozen=True)
class Browse:
    """Which images are looked at, as the address of the page says it."""

    name: str
    split: str
    label: int | None
    """None: every class."""
    per: int
    order: Order
    seed: int
    page: int

    @classmethod
    def read(cls, query: QueryParams, found: Card) -> Browse:
        """From an address; raises InvalidInput and NotFound for what is not possible."""
        split, order = query.get("split", next(iter(found.parts))), query.get("order", "given")
        if split not in found.parts:
            raise NotFound(f'there is no part "{split}" in this data set; its parts are {", ".join(found.parts)}')
        if order not in ("given", "random"):
            raise InvalidInput(f'order = "{order}" is not possible; images come as "given" or in "random" order')
        label = whole_number(query, "class", default=-1, least=0, most=len(found.data.class_names) - 1)
        return cls(
            name=found.data.source,
            split=split,
            label=None if label < 0 else label,
            per=whole_number(query, "per", default=PER_PAGE[1], most=MOST_IMAGES),
            order="random" if order == "random" else "given",
            seed=whole_number(query, "seed", default=0, least=0, most=10**9),
            page=whole_number(query, "page", default=1, most=10**9),
        )

    def images(self, found: Card) -> Indices:
        """All of them, in the order in which they are looked at."""
        images = found.parts[self.split]
        if self.label is not None:
            images = images[found.data.labels[images] == self.label]
        return images if self.order == "given" else np.random.default_rng(self.seed).permutation(images)

    def around(self, image: int, found: Card) -> tuple[int | None, int | None, Browse]:
        """The images before and after one, and the page that it is on."""
        images = self.images(found)
        places = np.flatnonzero(images == image)
        if not len(places):
            return None, None, self
        place = int(places[0])
        before = int(images[place - 1]) if place else None
        after = int(images[place + 1]) if place + 1 < len(images) else None
        return before, after, replace(self, page=place // self.per + 1)

    def address(self, page: str = "/data/set", *, image: int | None = None, **changes: Any) -> str:
        """Of the page with these images, or of one image among them, with some of the choices changed."""
        chosen = asdict(replace(self, **changes))
        chosen["class"] = chosen.pop("label")
        if self.order == "given" and "order" not in changes:
            del chosen["seed"]
        chosen |= {"image": image}
        return f"{page}?{urlencode({key: value for key, value in chosen.items() if value is not None})}"


@dataclass(frozen=True)
class Page:
    """One page of the images that are looked at."""

    browse: Browse
    tiling: Tiling
    first: int
    """The place of the first one among all that are looked at, from 1."""
    total: int
    pages: int

    @classmethod
    def of(cls, browse: Browse, found: Card) -> Page:
        """A page; the last one where there are not so many."""
        images = browse.images(found)
        pages = max(-(-len(images) // browse.per), 1)
        browse = replace(browse, page=min(browse.page, pages))
        start = (browse.page - 1) * browse.per
        shown = images[start : start + browse.per].tolist()
        return cls(browse, Tiling.of(found.data, shown, "browse"), start + 1, len(images), pages)
