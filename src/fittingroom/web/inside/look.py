"""What the inference process says of one picture in one network, as the view shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from fittingroom.errors import NotFound
from fittingroom.queue.wire import Message
from fittingroom.spec.layers import AnyLayer, Classify, Dropout, Flatten, GlobalPool, MaxPool, MeanPool, Shape
from fittingroom.spec.network import Network
from fittingroom.spec.record import validated
from fittingroom.web.inside import words
from fittingroom.web.inside.choice import Choice
from fittingroom.web.inside.maps import Grid, grid, side

VERSION = 16
"""Digits of the weights' SHA-256 in addresses."""
ON_STRIP, STRIP_COLUMNS, STRIP_CELL = 16, 4, 28
SHOWN, MOST_SHOWN = 64, 2048
"""Channels of a layer at first, and in all."""
COLUMNS, CELL, LARGE = 16, 64, 512
FOLDED_CELL, MOST_FOLDED = 384, 1 << 20
PASSING_ON = (Dropout, Flatten, GlobalPool, MaxPool, MeanPool)
Silence = Literal["", "dead", "still"]
Extremes = Mapping[str, NDArray[np.floating]]


class Picture(NamedTuple):
    """Several maps or filters in one file."""

    address: str
    grid: Grid


class Channel(NamedTuple):
    """One channel of a layer, or one unit."""

    number: int
    low: float
    high: float
    mean: float
    zeros: float
    """Share of its values that is exactly zero."""
    silence: Silence


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer, and what it makes of the picture."""

    spec: AnyLayer
    before: Shape
    shape: Shape
    figures: NDArray[np.floating]
    """(channels, 4): low, high, mean, share of zeros."""
    extremes: NDArray[np.floating] | None
    """(2, channels): least and largest value over many images; None while they are not measured."""

    @property
    def name(self) -> str:
        return str(self.spec.name)

    @property
    def passes_on(self) -> bool:
        """Whether what is silent in it was silent before it."""
        return isinstance(self.spec, PASSING_ON)

    @property
    def settings(self) -> str:
        return words.settings(self.spec)

    @property
    def sentence(self) -> str:
        return words.sentence(self.spec)

    @property
    def shown_as(self) -> str:
        return words.shown_as(self.spec)

    @property
    def is_image(self) -> bool:
        return len(self.shape) == 3

    @property
    def is_classifier(self) -> bool:
        return isinstance(self.spec, Classify)

    @property
    def has_channels(self) -> bool:
        """Whether its channels or units are worth a look one by one."""
        return not isinstance(self.spec, Flatten)

    @property
    def unit(self) -> str:
        return "channel" if self.is_image else "class" if self.is_classifier else "unit"

    @property
    def units(self) -> str:
        return "classes" if self.is_classifier else f"{self.unit}s"

    @property
    def low(self) -> float:
        return float(self.figures[:, 0].min())

    @property
    def high(self) -> float:
        return float(self.figures[:, 1].max())

    @property
    def largest(self) -> float:
        """Where the colours end."""
        return max(abs(self.low), abs(self.high))

    @cached_property
    def silences(self) -> list[Silence]:
        """What each channel says over many images: never anything but zero, always the same, or something."""
        if self.extremes is None or not self.has_channels:
            return [""] * len(self.figures)
        low, high = self.extremes
        return ["" if a != b else "dead" if a == 0 else "still" for a, b in zip(low, high, strict=True)]

    @property
    def silent(self) -> int:
        return sum(silence != "" for silence in self.silences)

    def channel(self, number: int) -> Channel:
        """Raises NotFound."""
        if number >= len(self.figures):
            last = len(self.figures) - 1
            raise NotFound(f"{self.name} has no {self.unit} {number}; its {self.units} are 0 to {last}")
        low, high, mean, zeros = self.figures[number].tolist()
        return Channel(number, low, high, mean, zeros, self.silences[number])

    @property
    def strongest(self) -> int:
        """The channel with the value farthest from zero."""
        return int(np.abs(self.figures[:, :2]).max(axis=1).argmax())


@dataclass(frozen=True, eq=False)
class Look:
    """One picture in one network."""

    choice: Choice
    sha256: str
    epoch: int
    class_names: tuple[str, ...]
    layers: tuple[Layer, ...]
    steps: tuple[str, ...]
    """What was done to the picture to fit it to the network."""
    form: Shape
    """Height, width and channels of the picture, as the network takes it."""
    probabilities: tuple[float, ...]

    @classmethod
    def of(cls, choice: Choice, answer: Message, extremes: Extremes) -> Look:
        """From the answer to "inside", and what is known of channels over many images, by layer."""
        told = answer.words
        specs = validated(Network, {"layers": told["layers"]}, "the network").layers
        shapes = [tuple(shape) for shape in told["shapes"]]
        layers = tuple(
            Layer(spec, before, shape, answer.arrays[f"figures/{spec.name}"], extremes.get(str(spec.name)))
            for spec, before, shape in zip(specs, shapes, shapes[1:], strict=False)
        )
        return cls(
            choice, told["sha256"], told["epoch"], tuple(told["class_names"]), layers, tuple(told["steps"]),
            answer.arrays["image_HWC"].shape, tuple(answer.arrays["probabilities_K"].tolist()),
        )  # fmt: skip

    @property
    def silent(self) -> list[Layer]:
        """The layers with dead channels of their own; what only passes on those before it is left out."""
        return [layer for layer in self.layers if layer.silent and not layer.passes_on]

    def layer(self, name: str) -> Layer:
        """Raises NotFound."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise NotFound(
            f'the network of {self.choice.run} has no layer "{name[:60]}"; its layers are '
            f"{', '.join(layer.name for layer in self.layers)}"
        )

    def likeliest(self, most: int) -> list[tuple[int, float]]:
        """Class numbers with their probabilities, the likeliest first."""
        ordered = sorted(enumerate(self.probabilities), key=lambda each: -each[1])
        return ordered[:most]

    def neighbours(self, layer: Layer) -> tuple[str, str]:
        """The names of the layers before and after; empty at the ends."""
        names = ["", *(each.name for each in self.layers), ""]
        place = names.index(layer.name, 1)
        return names[place - 1], names[place + 1]

    @property
    def image_address(self) -> str:
        """The picture as the network takes it."""
        return f"/inside/picture/{self.sha256[:VERSION]}?{urlencode(self.choice.pinned)}"

    def strip(self, layer: Layer) -> Picture:
        """The first maps of a layer, small; a vector in rows."""
        if layer.is_image:
            return self._maps(layer, 0, min(ON_STRIP, layer.shape[0]), STRIP_COLUMNS, STRIP_CELL)
        return self.folded(layer, STRIP_COLUMNS * STRIP_CELL)

    def folded(self, layer: Layer, cell: int = FOLDED_CELL) -> Picture:
        """All values of a vector in one map."""
        count = min(layer.shape[0], MOST_FOLDED)
        columns = side(count)
        cell = max(cell, columns)
        place = grid(1, -(-count // columns), columns, columns=1, cell=cell)
        return Picture(self._address(layer, first=0, count=count, columns=1, cell=cell, fold=1), place)

    def tiles(self, layer: Layer, count: int) -> Picture:
        """The first maps of a layer, each to be looked at."""
        return self._maps(layer, 0, count, COLUMNS, CELL, own_scale=self.choice.own_scale)

    def large(self, layer: Layer, channel: int) -> Picture:
        """One channel, on its own."""
        return self._maps(layer, channel, 1, 1, LARGE, own_scale=self.choice.own_scale)

    def _maps(
        self, layer: Layer, first: int, count: int, columns: int, cell: int, *, own_scale: bool = False
    ) -> Picture:
        height, width = layer.shape[1:] if layer.is_image else (1, 1)
        wanted: dict[str, Any] = {"first": first, "count": count, "columns": columns, "cell": cell}
        wanted |= {"scale": "channel"} if own_scale else {}
        return Picture(self._address(layer, **wanted), grid(count, height, width, columns=columns, cell=cell))

    def _address(self, layer: Layer, **wanted: Any) -> str:
        return f"/inside/maps/{self.sha256[:VERSION]}/{layer.name}?{urlencode(self.choice.pinned | wanted)}"


def shown(layer: Layer, *, all: bool) -> int:
    """How many channels of a layer are shown one by one."""
    return min(len(layer.figures), MOST_SHOWN if all else SHOWN) if layer.has_channels else 0
