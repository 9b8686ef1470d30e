"""The compiled kernel against a slow reference (plain Python, float64, pixel by pixel), and its promises."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings, strategies as st

from fittingroom.engine import kernels
from fittingroom.engine.augment import augment, best_means
from fittingroom.engine.random import stream
from fittingroom.spec.augment import (
    AUGMENT_KINDS,
    Augment,
    Brightness,
    Contrast,
    Erasing,
    Geometric,
    IntensityShift,
    Mirror,
    Noise,
    Rotation,
    Shear,
    Shift,
    UpsideDown,
    Warp,
    Zoom,
)

SEED, EPOCH, STEP = 3, 2, 5
ROUNDING = 5e-4
"""Places up to 200 pixels away are sums of three float32 products, so exact to some 4e-5 pixels; neighbours differ by
up to 4 after the value operations below. A wrong neighbour or weight gives 0.1 and more."""

needs_numba = pytest.mark.skipif(best_means() != "compiled", reason="needs Numba")


def compiled(images: torch.Tensor, operations: Sequence[Augment]) -> torch.Tensor:
    return augment(images, operations, "compiled", seed=SEED, epoch=EPOCH, step=STEP)


# The reference: docs/reference/augmentation.md, one value after the other.


def outside_rule(border: str, place: int, size: int) -> int | None:
    """Which pixel of a row of ``size`` stands at ``place``; None for black."""
    if border == "nearest":
        return min(max(place, 0), size - 1)
    if border == "reflect":
        place %= 2 * size
        return min(place, 2 * size - 1 - place)
    return place if 0 <= place < size else None


def value_at(plane: np.ndarray, x: float, y: float, border: str) -> float:
    """Bilinear interpolation between the four neighbours of a place counted from the first pixel."""
    height, width = plane.shape
    left, top = math.floor(x), math.floor(y)
    total = 0.0
    for row, row_weight in ((top, top + 1 - y), (top + 1, y - top)):
        for column, column_weight in ((left, left + 1 - x), (left + 1, x - left)):
            at = outside_rule(border, row, height), outside_rule(border, column, width)
            if None not in at:
                total += row_weight * column_weight * plane[at]
    return total


def moved(image: np.ndarray, forward: np.ndarray, border: str) -> np.ndarray:
    """Each pixel from where ``forward``, which moves (x, y, 1) from the centre, took it."""
    channels, height, width = image.shape
    back, out = np.linalg.inv(forward), np.empty_like(image)
    for y in range(height):
        for x in range(width):
            from_x, from_y, _ = back @ [x - (width - 1) / 2, y - (height - 1) / 2, 1]
            for channel in range(channels):
                place = from_x + (width - 1) / 2, from_y + (height - 1) / 2
                out[channel, y, x] = value_at(image[channel], *place, border)
    return out


def forward_map(operation: Augment, draw: np.ndarray, height: int, width: int) -> np.ndarray:
    c, s = math.cos(math.radians(draw[0])), math.sin(math.radians(draw[0]))
    match operation:
        case Rotation():
            return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        case Shear():
            return np.array([[1, -s / c, 0], [0, 1, 0], [0, 0, 1]])
        case Shift():
            vertical = operation.fraction if operation.vertical is None else operation.vertical
            return np.array(
                [[1, 0, draw[0] * operation.fraction * width], [0, 1, draw[1] * vertical * height], [0, 0, 1]]
            )
        case Zoom():
            return np.diag([math.exp(draw[0]), math.exp(draw[0]), 1])
        case Mirror():
            return np.diag([-1.0 if draw[0] < operation.probability else 1.0, 1, 1])
        case UpsideDown():
            return np.diag([1, -1.0 if draw[0] < operation.probability else 1.0, 1])
    raise AssertionError(operation)


def changed(image: np.ndarray, operation: Augment, draw: np.ndarray) -> np.ndarray:
    match operation:
        case Brightness():
            return image * draw[0]
        case Contrast():
            return image.mean() + (image - image.mean()) * draw[0]
        case IntensityShift():
            return image + draw[0]
        case Noise():
            return image + operation.deviation * draw.reshape(image.shape)
        case Erasing():
            if draw[0] >= operation.probability:
                return image
            _, height, width = image.shape
            proportion = 3 ** (2 * draw[2] - 1)
            high = int(min(math.sqrt(operation.area * draw[1] * proportion), 1) * height)
            wide = int(min(math.sqrt(operation.area * draw[1] / proportion), 1) * width)
            top, left = int(draw[3] * (height - high + 1)), int(draw[4] * (width - wide + 1))
            out = image.copy()
            out[:, top : top + high, left : left + wide] = 0
            return out
    raise AssertionError(operation)


def drawn(operation: Augment, before: int, shape: tuple[int, ...]) -> np.ndarray:
    """What is drawn for each image, as documented; a row for each."""
    n, draws = shape[0], stream(SEED, f"augment/{operation.kind}/{before}", EPOCH, STEP)
    match operation:
        case Rotation() | Shear():
            values = draws.uniform(-operation.degrees, operation.degrees, n)
        case Shift():
            values = draws.uniform(-1, 1, (n, 2))
        case Zoom():
            values = draws.uniform(-math.log(1 + operation.fraction), math.log(1 + operation.fraction), n)
        case Mirror() | UpsideDown():
            values = draws.random(n)
        case Brightness() | Contrast():
            values = draws.uniform(1 - operation.fraction, 1 + operation.fraction, n)
        case IntensityShift():
            values = draws.uniform(-operation.fraction, operation.fraction, n)
        case Noise():
            values = draws.standard_normal(shape, dtype=np.float32)
        case _:
            values = draws.random((n, 5))
    return values.reshape(n, -1).astype(np.float64)


def reference(images: torch.Tensor, operations: Sequence[Augment]) -> np.ndarray:
    """Operation after operation; a movement is carried out when something comes that does not belong to it."""
    out = images.numpy().astype(np.float64)
    n, _, height, width = out.shape
    draws = [
        drawn(operation, [earlier.kind for earlier in operations[:place]].count(operation.kind), out.shape)
        for place, operation in enumerate(operations)
    ]
    for i in range(n):
        whole, border = np.eye(3), None
        for operation, draw in zip(operations, draws, strict=True):
            own = operation.border if isinstance(operation, Warp) else None
            if not isinstance(operation, Geometric) or (own and border and own != border):
                out[i], whole, border = moved(out[i], whole, border or "zero"), np.eye(3), None
            if isinstance(operation, Geometric):
                whole, border = forward_map(operation, draw[i], height, width) @ whole, border or own
            else:
                out[i] = changed(out[i], operation, draw[i])
        out[i] = moved(out[i], whole, border or "zero")
    return out.clip(0, 1)


BORDERS = st.sampled_from(["zero", "nearest", "reflect"])
OPERATIONS = st.one_of(
    st.builds(Rotation, st.sampled_from([10, 45, 180]), border=BORDERS),
    st.builds(Shear, st.sampled_from([10, 45]), border=BORDERS),
    st.builds(Shift, st.sampled_from([0.08, 0.6]), vertical=st.sampled_from([None, 0.3]), border=BORDERS),
    st.builds(Zoom, st.sampled_from([0.1, 1.0]), border=BORDERS),
    st.sampled_from([Mirror(), UpsideDown(), Brightness(0.4), Contrast(0.5), IntensityShift(0.3), Noise(0.1)]),
    st.builds(Erasing, st.just(0.7), st.sampled_from([0.2, 1.0])),
)
SHAPES = st.tuples(st.integers(1, 3), st.sampled_from([1, 2, 3]), st.integers(1, 13), st.integers(1, 13))


@needs_numba
@settings(max_examples=60, deadline=None, derandomize=True)
@given(shape=SHAPES, operations=st.lists(OPERATIONS, max_size=5), last=st.booleans())
@example(shape=(2, 3, 40, 33), operations=[Rotation(180), Shift(0.6), Contrast(0.5)], last=True)
@example(shape=(2, 1, 33, 40), operations=[Zoom(1.0, border="reflect"), Shear(45, border="nearest")], last=False)
@example(shape=(1, 1, 2, 1100), operations=[Shift(0.6, border="reflect"), Mirror(), Noise(0.1)], last=False)
def test_any_operations_equal_the_reference(
    shape: tuple[int, int, int, int], operations: list[Augment], last: bool
) -> None:
    images = torch.from_numpy(np.random.default_rng(0).random(shape, dtype=np.float32))
    order = torch.channels_last if last else torch.contiguous_format
    result = compiled(images.contiguous(memory_format=order), operations)
    np.testing.assert_allclose(result, reference(images, operations), atol=ROUNDING)


EVERY = [kind(0.8) if kind in (Mirror, UpsideDown, Erasing) else kind() for kind in AUGMENT_KINDS.values()]


@needs_numba
def test_the_number_of_threads_changes_no_bit() -> None:
    images = torch.rand(300, 3, 19, 23, generator=torch.Generator().manual_seed(0))
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(compiled(images, EVERY))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


@needs_numba
def test_the_rest_of_the_batch_changes_no_bit() -> None:
    images = torch.rand(40, 1, 12, 14, generator=torch.Generator().manual_seed(0))
    operations = [operation for operation in EVERY if operation.kind != "noise"]
    assert torch.equal(compiled(images, operations)[:7], compiled(images[:7], operations))


@needs_numba
def test_images_in_any_order_of_memory_are_taken() -> None:
    images = torch.rand(5, 3, 9, 11, generator=torch.Generator().manual_seed(0))
    turned = images.permute(2, 3, 0, 1).contiguous().permute(2, 3, 0, 1)  # rows lie outermost
    result = compiled(turned, EVERY)
    assert result.stride() == turned.clone().stride()
    assert torch.equal(result, compiled(images, EVERY))
    every_second = torch.rand(10, 3, 9, 11)[::2].copy_(images)
    assert torch.equal(compiled(every_second, EVERY), result)


@needs_numba
def test_movements_out_of_all_proportion_stay_within_the_image() -> None:
    images = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25
    for border in ("zero", "nearest", "reflect"):
        shears_and_turns = [Shear(60, border=border), Rotation(180, border=border), Zoom(4, border=border)] * 30
        result = compiled(images, shears_and_turns)
        assert result.isfinite().all()
        assert border == "zero" or (result >= 0.25 - 1e-6).all()


def test_without_numba_it_is_the_plain_computation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "available", lambda: False)
    images = torch.rand(6, 1, 10, 10, generator=torch.Generator().manual_seed(0))
    assert best_means() == "torch"
    assert torch.equal(compiled(images, EVERY), augment(images, EVERY, seed=SEED, epoch=EPOCH, step=STEP))
