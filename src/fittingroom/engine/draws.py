"""What augmentation drew for a batch: random parameters as plain numbers, for whatever computes the pixels.

Parameters are drawn for each image, on the CPU with NumPy, so that every device and every way of computing sees the
same draws. An operation's draws depend on seed, epoch, step, its kind, how many of its kind come before it, and the
image's place in the batch, and on nothing else: neither on the other operations nor on the size of the batch.

Conventions, in full in ``docs/reference/augmentation.md``: x goes right and y down, in pixels, from the image's
centre ((width − 1)/2, (height − 1)/2); pixel centres lie on whole numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from fittingroom.engine.random import stream
from fittingroom.spec import augment as spec

Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Draws: TypeAlias = np.random.Generator
Drawn: TypeAlias = tuple[spec.Augment, Draws]
Kinds: TypeAlias = tuple[type[spec.Augment], ...]
Shape: TypeAlias = Sequence[int]

IDENTITY = np.eye(2, 3)
ASPECT = 3.0
"""Erased rectangles are at most this many times higher or wider than the image's own proportions."""


@dataclass(frozen=True, eq=False)
class Move:
    """One movement by one interpolation: the maps of all its operations, the first to move the image first."""

    maps_KN23: Sequence[Floats]
    """From a place (x, y, 1) in an operation's result to the place in its input."""
    border: spec.Border

    def composed(self) -> Floats:
        """Where each point of the result comes from: one N×2×3 affine map.

        The first operation is the first to move the image, so it is the last on the way back from the result.
        """
        whole = np.broadcast_to(IDENTITY, self.maps_KN23[0].shape)
        for source in self.maps_KN23:
            composed = whole[:, :, :2] @ source
            composed[:, :, 2] += whole[:, :, 2]
            whole = composed
        return whole


@dataclass(frozen=True, eq=False)
class Turn:
    """Flips alone, which move whole pixels."""

    mirrored_N: Flags
    upside_down_N: Flags

    def composed(self) -> Floats:
        """The same as N×2×3 affine maps."""
        maps_N23 = _turned(self.mirrored_N, 0)
        maps_N23[:, 1, 1] = _turned(self.upside_down_N, 1)[:, 1, 1]
        return maps_N23


@dataclass(frozen=True, eq=False)
class Multiply:
    """All values of an image times one factor."""

    factors_N: Floats


@dataclass(frozen=True, eq=False)
class Stretch:
    """All values' distances from the image's mean times one factor."""

    factors_N: Floats


@dataclass(frozen=True, eq=False)
class Add:
    """One number added to all values of an image."""

    added_N: Floats


@dataclass(frozen=True, eq=False)
class Grain:
    """Standard Gaussian numbers, one for each value, to be added ``deviation`` times."""

    noise_NCHW: npt.NDArray[np.float32]
    deviation: float


@dataclass(frozen=True, eq=False)
class Blank:
    """A rectangle of zeros: whole numbers, the last row and column not included."""

    top_N: Floats
    bottom_N: Floats
    left_N: Floats
    right_N: Floats


Change: TypeAlias = Move | Turn | Multiply | Stretch | Add | Grain | Blank


def with_streams(operations: Sequence[spec.Augment], seed: int, epoch: int, step: int) -> Iterator[Drawn]:
    """Each operation that changes anything, with random numbers of its own."""
    before: Counter[str] = Counter()
    for operation in operations:
        purpose = f"augment/{operation.kind}/{before[operation.kind]}"
        before[operation.kind] += 1
        if not operation.changes_nothing:
            yield operation, stream(seed, purpose, epoch, step)


def changes(drawn: Iterable[Drawn], shape: Shape, kinds: Kinds = (spec.Augment,)) -> Iterator[Change]:
    """What happens, in order, to a batch of this shape (N, channels, height, width), by operations of these kinds."""
    for run in _runs(drawn):
        if not isinstance(run[0][0], kinds):
            continue
        if isinstance(run[0][0], spec.Geometric):
            yield _movement(run, shape)
        else:
            ((operation, draws),) = run
            yield _change(operation, draws, shape)


def _runs(drawn: Iterable[Drawn]) -> Iterator[list[Drawn]]:
    """Neighbouring geometric operations that share one border belong together; all others stand alone."""
    run: list[Drawn] = []
    for item in drawn:
        if run and not _is_one_movement([operation for operation, _ in [*run, item]]):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def _is_one_movement(operations: Sequence[spec.Augment]) -> bool:
    borders = {operation.border for operation in operations if isinstance(operation, spec.Warp)}
    return all(isinstance(operation, spec.Geometric) for operation in operations) and len(borders) <= 1


def _movement(run: Sequence[Drawn], shape: Shape) -> Move | Turn:
    """One run of geometric operations."""
    n, _, height, width = shape
    borders = [operation.border for operation, _ in run if isinstance(operation, spec.Warp)]
    if borders:
        return Move([_source(operation, draws, n, height, width) for operation, draws in run], borders[0])
    flipped = {spec.Mirror: np.zeros(n, np.bool_), spec.UpsideDown: np.zeros(n, np.bool_)}
    for operation, draws in run:
        assert isinstance(operation, spec.Mirror | spec.UpsideDown)
        flipped[type(operation)] ^= _flipped(operation, draws, n)
    return Turn(flipped[spec.Mirror], flipped[spec.UpsideDown])


@singledispatch
def _source(operation: spec.Augment, draws: Draws, n: int, height: int, width: int) -> Floats:
    """The N×2×3 affine maps from a pixel (x, y) of the result to its place in the image."""
    raise AssertionError(operation)


@_source.register
def _(operation: spec.Rotation, draws: Draws, n: int, height: int, width: int) -> Floats:
    angle = np.radians(draws.uniform(-operation.degrees, operation.degrees, n))
    maps, sine = _identity(n), np.sin(angle)
    maps[:, 0, 0] = maps[:, 1, 1] = np.cos(angle)
    maps[:, 0, 1], maps[:, 1, 0] = -sine, sine
    return maps


@_source.register
def _(operation: spec.Shear, draws: Draws, n: int, height: int, width: int) -> Floats:
    maps = _identity(n)
    maps[:, 0, 1] = np.tan(np.radians(draws.uniform(-operation.degrees, operation.degrees, n)))
    return maps


@_source.register
def _(operation: spec.Shift, draws: Draws, n: int, height: int, width: int) -> Floats:
    horizontal, vertical = operation.fractions
    maps = _identity(n)
    np.multiply(draws.uniform(-1, 1, (n, 2)), (-horizontal * width, -vertical * height), out=maps[:, :, 2])
    return maps


@_source.register
def _(operation: spec.Zoom, draws: Draws, n: int, height: int, width: int) -> Floats:
    growth = np.log1p(operation.fraction)
    maps = _identity(n)
    maps[:, 0, 0] = maps[:, 1, 1] = 1 / np.exp(draws.uniform(-growth, growth, n))
    return maps


@_source.register
def _(operation: spec.Mirror, draws: Draws, n: int, height: int, width: int) -> Floats:
    return _turned(_flipped(operation, draws, n), 0)


@_source.register
def _(operation: spec.UpsideDown, draws: Draws, n: int, height: int, width: int) -> Floats:
    return _turned(_flipped(operation, draws, n), 1)


def _flipped(operation: spec.Flip, draws: Draws, n: int) -> Flags:
    return draws.random(n) < operation.probability


def _turned(flipped_N: Flags, axis: int) -> Floats:
    """The maps that turn x (axis 0) or y (axis 1) round where flipped."""
    maps = _identity(len(flipped_N))
    maps[:, axis, axis] = 1.0 - 2.0 * flipped_N
    return maps


def _identity(n: int) -> Floats:
    """N maps [[x to x, y to x, x], [x to y, y to y, y]] that move nothing, to be changed."""
    maps = np.empty((n, 2, 3))
    maps[:] = IDENTITY
    return maps


@singledispatch
def _change(operation: spec.Augment, draws: Draws, shape: Shape) -> Change:
    """What happens to values where they are."""
    raise AssertionError(operation)


@_change.register
def _(operation: spec.Brightness, draws: Draws, shape: Shape) -> Change:
    return Multiply(draws.uniform(1 - operation.fraction, 1 + operation.fraction, shape[0]))


@_change.register
def _(operation: spec.Contrast, draws: Draws, shape: Shape) -> Change:
    return Stretch(draws.uniform(1 - operation.fraction, 1 + operation.fraction, shape[0]))


@_change.register
def _(operation: spec.IntensityShift, draws: Draws, shape: Shape) -> Change:
    return Add(draws.uniform(-operation.fraction, operation.fraction, shape[0]))


@_change.register
def _(operation: spec.Noise, draws: Draws, shape: Shape) -> Change:
    return Grain(draws.standard_normal(tuple(shape), dtype=np.float32), operation.deviation)


@_change.register
def _(operation: spec.Erasing, draws: Draws, shape: Shape) -> Change:
    n, _, height, width = shape
    hit, area, aspect, top, left = draws.random((n, 5)).T
    area, aspect = area * operation.area, ASPECT ** (2 * aspect - 1)
    high = np.floor(np.minimum(np.sqrt(area * aspect), 1) * height) * (hit < operation.probability)
    wide = np.floor(np.minimum(np.sqrt(area / aspect), 1) * width)
    first_row, first_column = np.floor(top * (height - high + 1)), np.floor(left * (width - wide + 1))
    return Blank(first_row, first_row + high, first_column, first_column + wide)
