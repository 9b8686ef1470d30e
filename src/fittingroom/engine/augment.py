"""Random variations of a batch of images: the one function that training and preview call.

Parameters are drawn for each image, on the CPU with NumPy, so that every device sees the same draws; the pixels are
computed for the whole batch at once. Neighbouring geometric operations are composed into one affine map for each
image and cost one bilinear interpolation together, so that nothing is blurred twice.

Conventions, in full in ``docs/reference/augmentation.md``: x goes right and y down, in pixels, from the image's
centre ((width − 1)/2, (height − 1)/2); pixel centres lie on whole numbers. Outside the image lie zeros, the
nearest edge pixel, or the image mirrored at the outer border of its edge pixels (…c b a | a b c…).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import singledispatch
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from fittingroom.engine.random import stream
from fittingroom.spec import augment as spec

Floats: TypeAlias = npt.NDArray[np.float64]
Draws: TypeAlias = np.random.Generator
Drawn: TypeAlias = tuple[spec.Augment, Draws]

PADDING = {"zero": "zeros", "nearest": "border", "reflect": "reflection"}
"""Our borders as ``grid_sample`` calls them (with ``align_corners=False``)."""

ASPECT = 3.0
"""Erased rectangles are at most this many times higher or wider than the image's own proportions."""


def augment(images_NCHW: Tensor, operations: Sequence[spec.Augment], *, seed: int, epoch: int, step: int) -> Tensor:
    """Vary each image at random, in the order of ``operations``; returns a new tensor.

    ``images_NCHW``: float32 on the scale 0..1, on any device, in any memory format. The result has the same shape,
    device and memory format, and is clipped to 0..1 once, after the last operation. An operation's draws depend on
    seed, epoch, step, its kind, how many of its kind come before it, and the image's place in the batch, and
    on nothing else: neither on the other operations nor on the size of the batch.
    """
    assert images_NCHW.ndim == 4, images_NCHW.shape
    assert images_NCHW.dtype == torch.float32, images_NCHW.dtype
    out_NCHW = images_NCHW.clone()
    for run in _runs(_with_streams(operations, seed, epoch, step)):
        if isinstance(run[0][0], spec.Geometric):
            _move(out_NCHW, run)
        else:
            ((operation, draws),) = run
            _change(operation, draws, out_NCHW)
    return out_NCHW.clamp_(0, 1)


def _with_streams(operations: Sequence[spec.Augment], seed: int, epoch: int, step: int) -> Iterator[Drawn]:
    """Each operation that changes anything, with random numbers of its own."""
    before: Counter[str] = Counter()
    for operation in operations:
        purpose = f"augment/{operation.kind}/{before[operation.kind]}"
        before[operation.kind] += 1
        if not operation.changes_nothing:
            yield operation, stream(seed, purpose, epoch, step)


def _runs(drawn: Iterator[Drawn]) -> Iterator[list[Drawn]]:
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


def _move(out_NCHW: Tensor, run: Sequence[Drawn]) -> None:
    """Apply one run of geometric operations, in place."""
    borders = [operation.border for operation, _ in run if isinstance(operation, spec.Warp)]
    if borders:
        out_NCHW.copy_(interpolate(out_NCHW, _compose(run, out_NCHW.shape), PADDING[borders[0]]))
        return
    for operation, draws in run:  # flips alone move whole pixels
        assert isinstance(operation, spec.Flip)
        axis = 3 if isinstance(operation, spec.Mirror) else 2
        flipped = _each(_flipped(operation, draws, len(out_NCHW)), out_NCHW)
        out_NCHW.copy_(torch.where(flipped, out_NCHW.flip(axis), out_NCHW))


def _compose(run: Sequence[Drawn], shape: torch.Size) -> Floats:
    """Where each point of the result comes from: one N×2×3 affine map for the whole run.

    The first operation is the first to move the image, so it is the last on the way back from the result.
    """
    n, _, height, width = shape
    whole = np.broadcast_to(np.eye(2, 3), (n, 2, 3))
    for operation, draws in run:
        source = _source(operation, draws, n, height, width)
        composed = whole[:, :, :2] @ source
        composed[:, :, 2] += whole[:, :, 2]
        whole = composed
    return whole


def interpolate(images_NCHW: Tensor, source_N23: Floats, padding: str) -> Tensor:
    """Take each pixel of the result from its place in the image, by bilinear interpolation.

    The sum of a part for each column and a part for each row costs a fifteenth of ``affine_grid`` on a CPU, and
    unlike a matrix product it is never rounded to TF32 on a GPU.
    """
    _, _, height, width = images_NCHW.shape
    x = np.arange(width) - (width - 1) / 2
    y = np.arange(height) - (height - 1) / 2
    unit = 2 / np.array([[width], [height]])  # grid_sample's: from the centre, half the image is 1
    columns_N2W = source_N23[:, :, :1] * unit * x
    rows_N2H = source_N23[:, :, 1:2] * unit * y + source_N23[:, :, 2:] * unit
    grid_N2HW = _to(columns_N2W[:, :, None, :], images_NCHW) + _to(rows_N2H[:, :, :, None], images_NCHW)
    return F.grid_sample(
        images_NCHW, grid_N2HW.permute(0, 2, 3, 1), mode="bilinear", padding_mode=padding, align_corners=False
    )


@singledispatch
def _source(operation: spec.Augment, draws: Draws, n: int, height: int, width: int) -> Floats:
    """The N×2×3 affine maps from a pixel (x, y) of the result to its place in the image."""
    raise AssertionError(operation)


@_source.register
def _(operation: spec.Rotation, draws: Draws, n: int, height: int, width: int) -> Floats:
    angle = np.radians(draws.uniform(-operation.degrees, operation.degrees, n))
    cosine, sine = np.cos(angle), np.sin(angle)
    return _affine(n, xx=cosine, xy=-sine, yx=sine, yy=cosine)


@_source.register
def _(operation: spec.Shear, draws: Draws, n: int, height: int, width: int) -> Floats:
    angle = np.radians(draws.uniform(-operation.degrees, operation.degrees, n))
    return _affine(n, xy=np.tan(angle))


@_source.register
def _(operation: spec.Shift, draws: Draws, n: int, height: int, width: int) -> Floats:
    horizontal, vertical = operation.fractions
    right, down = (draws.uniform(-1, 1, (n, 2)) * [horizontal * width, vertical * height]).T
    return _affine(n, x=-right, y=-down)


@_source.register
def _(operation: spec.Zoom, draws: Draws, n: int, height: int, width: int) -> Floats:
    growth = np.log1p(operation.fraction)
    size = np.exp(draws.uniform(-growth, growth, n))
    return _affine(n, xx=1 / size, yy=1 / size)


@_source.register
def _(operation: spec.Mirror, draws: Draws, n: int, height: int, width: int) -> Floats:
    return _affine(n, xx=np.where(_flipped(operation, draws, n), -1.0, 1.0))


@_source.register
def _(operation: spec.UpsideDown, draws: Draws, n: int, height: int, width: int) -> Floats:
    return _affine(n, yy=np.where(_flipped(operation, draws, n), -1.0, 1.0))


def _flipped(operation: spec.Flip, draws: Draws, n: int) -> npt.NDArray[np.bool_]:
    return draws.random(n) < operation.probability


def _affine(
    n: int,
    *,
    xx: Floats | float = 1.0,
    xy: Floats | float = 0.0,
    x: Floats | float = 0.0,
    yx: Floats | float = 0.0,
    yy: Floats | float = 1.0,
    y: Floats | float = 0.0,
) -> Floats:
    """N maps [[xx, xy, x], [yx, yy, y]]; what is not given is the identity."""
    maps = np.empty((n, 2, 3))
    maps[:, 0, 0], maps[:, 0, 1], maps[:, 0, 2] = xx, xy, x
    maps[:, 1, 0], maps[:, 1, 1], maps[:, 1, 2] = yx, yy, y
    return maps


@singledispatch
def _change(operation: spec.Augment, draws: Draws, out_NCHW: Tensor) -> None:
    """Change values where they are, in place."""
    raise AssertionError(operation)


@_change.register
def _(operation: spec.Brightness, draws: Draws, out_NCHW: Tensor) -> None:
    out_NCHW.mul_(_each(_factors(operation.fraction, draws, out_NCHW), out_NCHW))


@_change.register
def _(operation: spec.Contrast, draws: Draws, out_NCHW: Tensor) -> None:
    factor = _each(_factors(operation.fraction, draws, out_NCHW), out_NCHW)
    mean = out_NCHW.mean(dim=(1, 2, 3), keepdim=True)
    out_NCHW.mul_(factor).add_(mean * (1 - factor))


@_change.register
def _(operation: spec.IntensityShift, draws: Draws, out_NCHW: Tensor) -> None:
    out_NCHW.add_(_each(draws.uniform(-operation.fraction, operation.fraction, len(out_NCHW)), out_NCHW))


@_change.register
def _(operation: spec.Noise, draws: Draws, out_NCHW: Tensor) -> None:
    noise = draws.standard_normal(tuple(out_NCHW.shape), dtype=np.float32)
    out_NCHW.add_(_to(noise, out_NCHW), alpha=operation.deviation)


@_change.register
def _(operation: spec.Erasing, draws: Draws, out_NCHW: Tensor) -> None:
    n, _, height, width = out_NCHW.shape
    hit, area, aspect, top, left = draws.random((n, 5)).T
    area, aspect = area * operation.area, ASPECT ** (2 * aspect - 1)
    high = np.floor(np.minimum(np.sqrt(area * aspect), 1) * height) * (hit < operation.probability)
    wide = np.floor(np.minimum(np.sqrt(area / aspect), 1) * width)
    rows = _within(np.floor(top * (height - high + 1)), high, out_NCHW, axis=2)
    columns = _within(np.floor(left * (width - wide + 1)), wide, out_NCHW, axis=3)
    out_NCHW.masked_fill_(rows & columns, 0)


def _factors(fraction: float, draws: Draws, images_NCHW: Tensor) -> Floats:
    return draws.uniform(1 - fraction, 1 + fraction, len(images_NCHW))


def _within(start: Floats, length: Floats, images_NCHW: Tensor, *, axis: int) -> Tensor:
    """Which places along ``axis`` lie in the N half-open spans; shaped to broadcast over the images."""
    shape = [1, 1, 1, 1]
    shape[axis] = images_NCHW.shape[axis]
    place = torch.arange(images_NCHW.shape[axis], device=images_NCHW.device).view(shape)
    return (place >= _each(start, images_NCHW)) & (place < _each(start + length, images_NCHW))


def _each(values: npt.NDArray[np.generic], images_NCHW: Tensor) -> Tensor:
    """One value for each image, shaped to broadcast over its pixels; floats become float32, flags stay."""
    return _to(values.reshape(-1, 1, 1, 1), images_NCHW)


def _to(values: npt.NDArray[np.generic], images_NCHW: Tensor) -> Tensor:
    """Values beside the images, on their device."""
    if values.dtype == np.float64:
        values = values.astype(np.float32)
    return torch.from_numpy(values).to(images_NCHW.device)
