"""The network as a drawing: every output as a block, seen from the side, with true proportions.

Height and width of all blocks are on one scale. Channels span from one to thousands, so the depth of a block grows with
the square root of their number, and the length of a bar (a flat vector) with the square root of its features. Width
goes back into the page (cabinet projection). Coordinates are pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt
from typing import Literal

from fittingroom.spec.layers import Shape, show_shape
from fittingroom.web.network.kinds import Family
from fittingroom.web.network.reading import Reading, Row

Style = Literal["block", "sheet", "bar", "unknown"]
TALLEST, DEEPEST, LONGEST = 104, 72, 136
"""The tallest image, the block with most channels and the longest bar, at most."""
PIXEL, ROOT = 8, 5
"""How large one pixel, and the root of one channel or feature, are drawn at most."""
BACK = (0.36, 0.24)
"""How far one unit of width goes to the right and up."""
THIN, BAR, UNKNOWN = 2, 9, (34, 52)
LETTER, SHAPE_LETTER = 6.9, 6.6
"""Width of one letter of the labels, with room to spare."""
MARGIN, GAP, ROOM = 14, 30, 14
ROOM_ABOVE = max(TALLEST * (1 + BACK[1]), LONGEST + BAR * BACK[1]) / 2
"""And as much below the axis, whatever is drawn, so that the page stays where it is while somebody types."""
LINE = 17


@dataclass(frozen=True)
class Block:
    """The output of a layer (or the image) as a solid whose middle lies on the axis."""

    name: str
    kind: str
    family: Family | Literal["image"]
    shape: Shape | None
    style: Style
    depth: float
    height: float
    right: float
    up: float
    """How far its back goes to the right and up."""
    faulty: bool = False
    x: float = 0
    axis: float = 0

    @property
    def shown(self) -> str:
        return show_shape(self.shape).replace("×", " × ") if self.shape else "?"

    @property
    def extent(self) -> float:
        return self.depth + self.right

    @property
    def middle(self) -> float:
        return self.x + self.extent / 2

    @property
    def top(self) -> float:
        """Of the front face."""
        return self.axis - self.height / 2 + self.up / 2

    @property
    def leaves(self) -> float:
        """Where the edge to the next layer begins: in the middle of the right side."""
        return self.x + self.depth + self.right / 2

    @property
    def roof(self) -> str:
        x, y = self.x, self.top
        return f"M{x:.1f} {y:.1f}l{self.right:.1f} {-self.up:.1f}h{self.depth:.1f}l{-self.right:.1f} {self.up:.1f}z"

    @property
    def side(self) -> str:
        x, y = self.x + self.depth, self.top
        return f"M{x:.1f} {y:.1f}l{self.right:.1f} {-self.up:.1f}v{self.height:.1f}l{-self.right:.1f} {self.up:.1f}z"


@dataclass(frozen=True)
class Edge:
    """From one block to the next, with the shape that goes along it."""

    x1: float
    x2: float
    text_x: float
    shown: str


@dataclass(frozen=True)
class Drawing:
    """All of it, laid out."""

    blocks: Sequence[Block]
    edges: Sequence[Edge]
    width: float
    height: float
    axis: float
    labels: float
    """Where the first line under the blocks stands."""
    pixel: float
    """The size of one pixel of an image as it is drawn."""

    @property
    def told(self) -> str:
        """The drawing in words."""
        first, *rest = self.blocks
        steps = [f"{block.name} gives {block.shown if block.shape else 'a shape that is not known'}" for block in rest]
        return f"From an image of {first.shown}: {', '.join(steps)}." if steps else f"An image of {first.shown}."


@dataclass(frozen=True)
class _Scale:
    pixel: float
    channel: float
    feature: float

    @classmethod
    def fitting(cls, shapes: Sequence[Shape]) -> _Scale:
        """One scale for all, so that the largest is as large as it may be."""
        sides = [max(shape[1:]) for shape in shapes if len(shape) == 3]
        channels = [shape[0] for shape in shapes if len(shape) == 3]
        features = [shape[0] for shape in shapes if len(shape) == 1]
        return cls(
            min(PIXEL, TALLEST / max(sides, default=1)),
            min(ROOT, DEEPEST / sqrt(max(channels, default=1))),
            min(ROOT, LONGEST / sqrt(max(features, default=1))),
        )


def draw(reading: Reading) -> Drawing | None:
    """The drawing of a network; None while the images are not known."""
    if reading.images is None:
        return None
    image = reading.images.shape
    shapes = [row.summary.output_shape for row in reading.rows if row.summary]
    scale = _Scale.fitting([image, *shapes])
    blocks = [
        _solid("image", reading.images.name, "image", image, scale),
        *(_block(row, scale) for row in reading.rows),
    ]
    axis = MARGIN + ROOM_ABOVE
    placed = _placed(blocks, axis)
    edges = [_edge(before, after) for before, after in pairwise(placed)]
    last = placed[-1]
    width = max(last.x + last.extent, last.middle + _half_label(last)) + MARGIN
    labels = axis + ROOM_ABOVE + LINE + 4
    return Drawing(placed, edges, width, labels + LINE + 8, axis, labels, scale.pixel)


def _block(row: Row, scale: _Scale) -> Block:
    family: Family = row.about.family if row.about else "values"
    shape = row.summary.output_shape if row.summary else None
    sheet = bool(row.about and row.about.sheet)
    return _solid(row.name, row.kind.replace("_", " "), family, shape, scale, sheet=sheet, faulty=bool(row.faults))


def _solid(
    name: str, kind: str, family: Family | Literal["image"], shape: Shape | None, scale: _Scale,
    *, sheet: bool = False, faulty: bool = False,
) -> Block:  # fmt: skip
    if shape is None:
        return Block(name, kind, family, None, "unknown", *UNKNOWN, 0, 0, faulty)
    if len(shape) == 1:
        length = max(THIN, scale.feature * sqrt(shape[0]))
        depth: float = THIN if sheet else BAR
        return Block(name, kind, family, shape, "bar", depth, length, BAR * BACK[0], BAR * BACK[1], faulty)
    channels, height, width = shape
    depth = THIN if sheet else max(THIN, scale.channel * sqrt(channels))
    right, up = (scale.pixel * width * way for way in BACK)
    return Block(
        name, kind, family, shape, "sheet" if sheet else "block", depth, scale.pixel * height, right, up, faulty
    )


def _placed(blocks: Sequence[Block], axis: float) -> list[Block]:
    """The blocks side by side: room for the shape on each edge, and for the name under each block."""
    placed: list[Block] = []
    for block in blocks:
        x: float = MARGIN + max(0.0, _half_label(block) - block.extent / 2)
        if placed:
            before = placed[-1]
            for_shape = before.x + before.extent + max(GAP, SHAPE_LETTER * len(before.shown) + ROOM)
            for_label = before.middle + _half_label(before) + ROOM + _half_label(block) - block.extent / 2
            x = max(for_shape, for_label)
        placed.append(replace(block, x=x, axis=axis))
    return placed


def _half_label(block: Block) -> float:
    return LETTER * max(len(block.name), len(block.kind)) / 2


def _edge(before: Block, after: Block) -> Edge:
    free = before.x + before.extent
    return Edge(before.leaves, after.x, (free + after.x) / 2, before.shown)
