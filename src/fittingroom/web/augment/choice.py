"""Which images the preview shows and at which moment of a training, as the address of the page says it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlencode

import numpy as np
from starlette.datastructures import QueryParams

from fittingroom.data.dataset import Dataset
from fittingroom.data.splits import Indices
from fittingroom.web.augment.edits import Plain
from fittingroom.web.data_card import Sheet, Tile
from fittingroom.web.sheets import whole_number

CELL = 84
ROWS, ROWS_OF_ONE_CLASS, BESIDE, OF_ONE_IMAGE = 10, 6, 8, 24
MOST_VALUES = 1 << 22
"""Of all variations in one preview: what is varied in some 50 ms."""
EPOCH = 1
MOST_NUMBER = 10**6


@dataclass(frozen=True)
class Choice:
    """What is looked at."""

    label: int | None = None
    """One class; None for some of each."""
    image: int | None = None
    """One image, many times."""
    shuffle: int = 0
    step: int = 1
    alone: str = ""
    """The key of an operation that is shown without the others."""
    run: str | None = None
    """Asked what it says of variations; empty for none, None for the newest."""

    @classmethod
    def read(cls, query: QueryParams, data: Dataset) -> Choice:
        """From an address; raises InvalidInput for what is not possible."""
        label = whole_number(query, "class", default=-1, least=0, most=len(data.class_names) - 1)
        image = whole_number(query, "image", default=-1, least=0, most=len(data) - 1)
        return cls(
            label=None if label < 0 else label,
            image=None if image < 0 else image,
            shuffle=whole_number(query, "shuffle", default=0, least=0, most=MOST_NUMBER),
            step=whole_number(query, "step", default=1, most=MOST_NUMBER),
            alone=query.get("alone", ""),
            run=query.get("run"),
        )

    def address(self, **changes: Any) -> str:
        """Of the page with some of the choices changed; what is as usual is left out."""
        chosen = asdict(replace(self, **changes))
        usual = asdict(Choice())
        query = {
            ("class" if name == "label" else name): value for name, value in chosen.items() if value != usual[name]
        }
        return f"/augment?{urlencode(query)}" if query else "/augment"

    def images(self, data: Dataset, training: Indices) -> list[int]:
        """The images that are varied, from the training part."""
        if self.image is not None:
            return [self.image]
        generator = np.random.default_rng([self.shuffle, 0 if self.label is None else 1 + self.label])
        rows = max(MOST_VALUES // (BESIDE * int(np.prod(data.shape))), 1)
        if self.label is not None:
            own = training[data.labels[training] == self.label]
            return [int(image) for image in generator.permutation(own)[: min(ROWS_OF_ONE_CLASS, rows)]]
        return one_of_each(data, training, min(ROWS, rows), generator)

    def variations(self, data: Dataset) -> int:
        """How many of each image."""
        wish = BESIDE if self.image is None else OF_ONE_IMAGE
        return min(max(MOST_VALUES // int(np.prod(data.shape)), 1), wish)


def one_of_each(data: Dataset, images: Indices, most: int, generator: np.random.Generator) -> list[int]:
    """A random image of each class, in the order of the classes; of random classes where there are too many."""
    chosen: dict[int, int] = {}
    for image in generator.permutation(images):
        chosen.setdefault(int(data.labels[image]), int(image))
        if len(chosen) == len(data.class_names):
            break
    kept = sorted(generator.permutation(sorted(chosen))[:most])
    return [chosen[int(label)] for label in kept]


@dataclass(frozen=True)
class Pictures:
    """A sheet that is drawn by the process behind the page, and its pieces, row by row."""

    sheet: Sheet
    rows: Sequence[Sequence[Tile]]

    @classmethod
    def of(cls, id: str, address: str, data: Dataset, images: Sequence[int], columns: int) -> Pictures:
        """One row of ``columns`` pieces for each of ``images``."""
        tall = max(round(CELL * data.height / data.width), 1)
        rows = [
            [Tile(image, id, column * CELL, row * tall, CELL, tall) for column in range(columns)]
            for row, image in enumerate(images)
        ]
        return cls(Sheet(id, address, columns * CELL, len(images) * tall), rows)


@dataclass(frozen=True)
class Row:
    """One image and its variations."""

    image: int
    name: str
    original: Tile
    variations: Sequence[Tile]


@dataclass(frozen=True)
class Preview:
    """What the page shows of a choice."""

    choice: Choice
    images: Sequence[int]
    each: int
    seed: int
    sheet: Sheet
    rows: Sequence[Row]

    @classmethod
    def of(cls, choice: Choice, data: Dataset, training: Indices, operations: Sequence[Plain], seed: int) -> Preview:
        images, each = choice.images(data, training), choice.variations(data)
        query = {
            "images": ",".join(map(str, images)), "each": each, "operations": as_text(operations), "seed": seed,
            "epoch": EPOCH, "step": choice.step,
        }  # fmt: skip
        address = f"/augment/sheet/{data.fingerprint}?{urlencode(query)}"
        pictures = Pictures.of("preview", address, data, images, 1 + each)
        rows = [
            Row(image, data.class_names[data.labels[image]], pieces[0], pieces[1:])
            for image, pieces in zip(images, pictures.rows, strict=True)
        ]
        return cls(choice, images, each, seed, pictures.sheet, rows)


def ends(id: str, data: Dataset, image: int, operations: Sequence[Plain]) -> Pictures:
    """For each operation the image at the lowest draw, as it is, and at the highest."""
    query = urlencode({"image": image, "operations": as_text(operations)})
    address = f"/augment/ends/{data.fingerprint}?{query}"
    return Pictures.of(id, address, data, [image] * len(operations), 3)


def as_text(operations: Sequence[Plain]) -> str:
    """As the islands write it too."""
    return json.dumps(list(operations), separators=(",", ":"))
