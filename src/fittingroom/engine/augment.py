"""Random variations of a batch of images: the one function that training and preview call.

What happens to each image is drawn in ``engine.draws``; the pixels are computed here, for the whole batch at once, on
any device, or by the compiled kernel of ``engine.warping`` on the CPU, equal up to float32 rounding. Neighbouring
geometric operations are composed into one affine map for each image and cost one bilinear interpolation together, so
that nothing is blurred twice.

Conventions, in full in ``docs/reference/augmentation.md``. Outside the image lie zeros, the nearest edge pixel, or the
image mirrored at the outer border of its edge pixels (…c b a | a b c…).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import singledispatch
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from fittingroom.engine import draws, kernels
from fittingroom.engine.draws import Drawn, Floats, Kinds, Move, Turn, with_streams
from fittingroom.spec import augment as spec

PADDING = {"zero": "zeros", "nearest": "border", "reflect": "reflection"}
"""Our borders as ``grid_sample`` calls them (with ``align_corners=False``)."""


Means = Literal["torch", "compiled"]
"""What computes the pixels. A training keeps to one, because they round differently."""


def best_means(device: str = "cpu") -> Means:
    """The fastest that there is here for images on this device: compiled on the CPU, with Numba."""
    return "compiled" if device == "cpu" and kernels.available() else "torch"


def augment(
    images_NCHW: Tensor,
    operations: Sequence[spec.Augment],
    means: Means = "torch",
    /,
    *,
    seed: int,
    epoch: int,
    step: int,
) -> Tensor:
    """Vary each image at random, in the order of ``operations``; returns a new tensor.

    ``images_NCHW``: float32 on the scale 0..1, on any device, in any memory format. The result has the same shape,
    device and memory format, and is clipped to 0..1 once, after the last operation. An operation's draws depend on
    seed, epoch, step, its kind, how many of its kind come before it, and the image's place in the batch, and
    on nothing else: neither on the other operations nor on the size of the batch. Where what ``means`` asks for
    is not there, torch computes the pixels.
    """
    return vary(images_NCHW, with_streams(operations, seed, epoch, step), means=means)


def partly(
    images_NCHW: Tensor, operations: Sequence[spec.Augment], kinds: Kinds, *, seed: int, epoch: int, step: int
) -> Tensor:
    """What ``augment`` would give if only operations of these kinds did anything."""
    return vary(images_NCHW, with_streams(operations, seed, epoch, step), kinds)


def vary(
    images_NCHW: Tensor, drawn: Iterable[Drawn], kinds: Kinds = (spec.Augment,), *, means: Means = "torch"
) -> Tensor:
    """``augment`` with draws that come from elsewhere, by operations of these kinds."""
    assert images_NCHW.ndim == 4, images_NCHW.shape
    assert images_NCHW.dtype == torch.float32, images_NCHW.dtype
    changes = draws.changes(drawn, images_NCHW.shape, kinds)
    if means == "compiled" and best_means(images_NCHW.device.type) == "compiled":
        from fittingroom.engine import warping  # needs Numba, and takes a while to load

        return warping.vary(images_NCHW, list(changes))
    out_NCHW = images_NCHW.clone()
    for change in changes:
        _apply(change, out_NCHW)
    return out_NCHW.clamp_(0, 1)


def movements(
    operations: Sequence[spec.Augment], shape: torch.Size, *, seed: int, epoch: int, step: int
) -> list[Floats]:
    """How ``augment`` moves N images of this shape: N×2×3 maps, from places in the result, for one movement each."""
    drawn = with_streams(operations, seed, epoch, step)
    moved = draws.changes(drawn, shape, (spec.Geometric,))
    return [change.composed() for change in moved if isinstance(change, Move | Turn)]


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
def _apply(change: draws.Change, out_NCHW: Tensor) -> None:
    """Change images in place."""
    raise AssertionError(change)


@_apply.register
def _(change: Move, out_NCHW: Tensor) -> None:
    out_NCHW.copy_(interpolate(out_NCHW, change.composed(), PADDING[change.border]))


@_apply.register
def _(change: Turn, out_NCHW: Tensor) -> None:
    for flipped_N, axis in ((change.mirrored_N, 3), (change.upside_down_N, 2)):
        if flipped_N.any():
            out_NCHW.copy_(torch.where(_each(flipped_N, out_NCHW), out_NCHW.flip(axis), out_NCHW))


@_apply.register
def _(change: draws.Multiply, out_NCHW: Tensor) -> None:
    out_NCHW.mul_(_each(change.factors_N, out_NCHW))


@_apply.register
def _(change: draws.Stretch, out_NCHW: Tensor) -> None:
    factor = _each(change.factors_N, out_NCHW)
    mean = out_NCHW.mean(dim=(1, 2, 3), keepdim=True)
    out_NCHW.mul_(factor).add_(mean * (1 - factor))


@_apply.register
def _(change: draws.Add, out_NCHW: Tensor) -> None:
    out_NCHW.add_(_each(change.added_N, out_NCHW))


@_apply.register
def _(change: draws.Grain, out_NCHW: Tensor) -> None:
    out_NCHW.add_(_to(change.noise_NCHW, out_NCHW), alpha=change.deviation)


@_apply.register
def _(change: draws.Blank, out_NCHW: Tensor) -> None:
    rows = _within(change.top_N, change.bottom_N, out_NCHW, axis=2)
    columns = _within(change.left_N, change.right_N, out_NCHW, axis=3)
    out_NCHW.masked_fill_(rows & columns, 0)


def _within(first: Floats, end: Floats, images_NCHW: Tensor, *, axis: int) -> Tensor:
    """Which places along ``axis`` lie in the N half-open spans; shaped to broadcast over the images."""
    shape = [1, 1, 1, 1]
    shape[axis] = images_NCHW.shape[axis]
    place = torch.arange(images_NCHW.shape[axis], device=images_NCHW.device).view(shape)
    return (place >= _each(first, images_NCHW)) & (place < _each(end, images_NCHW))


def _each(values: npt.NDArray[np.generic], images_NCHW: Tensor) -> Tensor:
    """One value for each image, shaped to broadcast over its pixels; floats become float32, flags stay."""
    return _to(values.reshape(-1, 1, 1, 1), images_NCHW)


def _to(values: npt.NDArray[np.generic], images_NCHW: Tensor) -> Tensor:
    """Values beside the images, on their device."""
    if values.dtype == np.float64:
        values = values.astype(np.float32)
    return torch.from_numpy(values).to(images_NCHW.device)
