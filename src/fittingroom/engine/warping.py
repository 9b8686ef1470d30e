"""Augmentation's pixels by a compiled kernel: all changes of an image in one pass, while it lies in the cache.

Needs Numba: import it only where ``kernels.available()``. Equal to the plain computation in ``engine.augment`` up to
float32 rounding. What becomes of an image depends on nothing but the image, so the bits are the same for any number
of threads.

A movement walks through the result some rows at a time: the place of every pixel in the image (vectorized), then the
two pairs of neighbours around each place (one 8-byte copy each, which takes less time than fetching four values),
then the weighted sum (vectorized). Places are limited to the image, so that nothing asks whether a neighbour is
outside; a border of zeros is the nearest pixel's value, faded out within one pixel, which is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import torch
from numba import carray, cfunc, njit, types
from numpy.typing import NDArray
from torch import Tensor

from fittingroom.engine import draws, kernels
from fittingroom.engine.intrinsics import at, take

Array: TypeAlias = NDArray[np.generic]

OPTIONS: dict[str, Any] = {"fastmath": {"contract", "nnan", "ninf", "nsz"}, "error_model": "numpy"}
PIXELS = 1024
"""About as many pixels of the result are worked out at once; more would leave the first-level cache."""
FARTHEST = 1e9
"""Places farther away, in pixels, are as good as any: numbers stay finite."""
F32, I64, F64, U32, U64 = np.float32, np.int64, np.float64, np.uint32, np.uint64
COMPOSE, MOVE, TURN, MULTIPLY, STRETCH, ADD, GRAIN, BLANK = range(8)
"""Steps of the kernel."""
ZERO, NEAREST, REFLECT = range(3)
BORDERS = {"zero": ZERO, "nearest": NEAREST, "reflect": REFLECT}


def vary(images_NCHW: Tensor, changes: Sequence[draws.Change]) -> Tensor:
    """``changes`` applied in order to float32 images on the CPU, clipped to 0..1; a new tensor of the same format."""
    n, channels, height, width = images_NCHW.shape
    out_NCHW = torch.empty_like(images_NCHW)
    last = channels > 1 and out_NCHW.is_contiguous(memory_format=torch.channels_last)
    order = torch.channels_last if last else torch.contiguous_format
    values_NCHW, result_NCHW = images_NCHW.contiguous(memory_format=order), out_NCHW.contiguous(memory_format=order)
    if values_NCHW.numel():
        steps = [step for change in changes for step in _steps(change)]
        parameters = [torch.from_numpy(np.ascontiguousarray(numbers)) for _, numbers in steps]
        table = [(code, numbers.data_ptr()) for (code, _), numbers in zip(steps, parameters, strict=True)]
        table_S2 = torch.from_numpy(np.array(table, I64))
        block = kernels.block_images(4 * channels * height * width)
        kernels.run(
            _kernel(), n, block, values_NCHW, result_NCHW, height, width, channels, int(last), len(table), table_S2
        )
    return out_NCHW if result_NCHW is out_NCHW else out_NCHW.copy_(result_NCHW)


def _steps(change: draws.Change) -> list[tuple[int, Array]]:
    """What the kernel is to do, with numbers for each image (float64; of ``GRAIN`` float32)."""
    match change:
        case draws.Move():
            maps = [(COMPOSE, maps_N23) for maps_N23 in change.maps_KN23]
            return [*maps, (MOVE, np.array([BORDERS[change.border]], F64))]
        case draws.Turn():
            return [(TURN, np.stack([change.mirrored_N, change.upside_down_N], axis=1).astype(F64))]
        case draws.Multiply():
            return [(MULTIPLY, change.factors_N)]
        case draws.Stretch():
            return [(STRETCH, change.factors_N)]
        case draws.Add():
            return [(ADD, change.added_N)]
        case draws.Grain():
            return [(GRAIN, change.noise_NCHW * F32(change.deviation))]
        case draws.Blank():
            return [(BLANK, np.stack([change.top_N, change.bottom_N, change.left_N, change.right_N], axis=1))]


@cache
def _kernel() -> Any:
    """Arguments: images, result, height, width, channels, whether these are last, number of steps, steps."""

    @cfunc(types.void(types.voidptr), cache=True, **OPTIONS)
    def kernel(address):  # type: ignore[no-untyped-def]
        arguments = carray(address, 12, I64)
        height, width, channels, last = arguments[6], arguments[7], arguments[8], arguments[9] != 0
        steps = carray(at(arguments[11]), (arguments[10], 2), I64)
        area = height * width
        values = area * channels
        memory = np.empty(_words(height, width, values), I64)
        image, scratch = _parts(memory.ctypes.data, height, width, values)
        whole = carray(at(memory.ctypes.data), 6, F64)
        while True:
            number = take(arguments)
            if number >= arguments[1]:
                break
            for n in range(number * arguments[3], min(arguments[2], (number + 1) * arguments[3])):
                _load(carray(at(arguments[4] + 4 * n * values), values, F32), image, channels, last)
                _identity(whole)
                for s in range(len(steps)):
                    code, numbers = steps[s, 0], steps[s, 1]
                    if code == COMPOSE:
                        _compose(whole, carray(at(numbers + 48 * n), 6, F64))
                    elif code == MOVE:
                        border = carray(at(numbers), 1, F64)[0]
                        for c in range(channels):
                            _move(image[c * area : (c + 1) * area], whole, border, height, width, scratch)
                        _identity(whole)
                    elif code == TURN:
                        turned = carray(at(numbers + 16 * n), 2, F64)
                        for c in range(channels):
                            plane = image[c * area : (c + 1) * area].reshape(height, width)
                            _turn(plane, turned[0] != 0, turned[1] != 0)
                    elif code == MULTIPLY:
                        _linear(image, carray(at(numbers + 8 * n), 1, F64)[0], 0.0)
                    elif code == ADD:
                        _linear(image, 1.0, carray(at(numbers + 8 * n), 1, F64)[0])
                    elif code == STRETCH:
                        factor = carray(at(numbers + 8 * n), 1, F64)[0]
                        _linear(image, factor, _mean(image) * (1 - factor))
                    elif code == GRAIN:
                        _add(image, carray(at(numbers + 4 * n * values), values, F32))
                    else:
                        sides = carray(at(numbers + 32 * n), 4, F64)
                        for c in range(channels):
                            _blank(image[c * area : (c + 1) * area].reshape(height, width), sides)
                _store(image, carray(at(arguments[5] + 4 * n * values), values, F32), channels, last)
        memory[0] = 0  # until here it is in use

    return kernel


@njit(inline="always")
def _load(values: Any, image: Any, channels: int, last: bool) -> None:
    """An image, channel after channel."""
    area = len(image) // channels
    if not last:
        for i in range(len(image)):
            image[i] = values[i]
    elif channels == 3:  # known to the compiler, this takes a quarter of the time
        for i in range(area):
            image[i], image[area + i], image[2 * area + i] = values[3 * i], values[3 * i + 1], values[3 * i + 2]
    else:
        for c in range(channels):
            for i in range(area):
                image[c * area + i] = values[i * channels + c]


@njit(inline="always")
def _store(image: Any, values: Any, channels: int, last: bool) -> None:
    """Clipped to 0..1, and back in the order of the result."""
    area, low, high = len(image) // channels, F32(0), F32(1)
    if not last:
        for i in range(len(image)):
            values[i] = min(max(image[i], low), high)
    elif channels == 3:
        for i in range(area):
            values[3 * i] = min(max(image[i], low), high)
            values[3 * i + 1] = min(max(image[area + i], low), high)
            values[3 * i + 2] = min(max(image[2 * area + i], low), high)
    else:
        for c in range(channels):
            for i in range(area):
                values[i * channels + c] = min(max(image[c * area + i], low), high)


@njit(inline="always")
def _linear(image: Any, factor: float, added: float) -> None:
    times, plus = F32(factor), F32(added)
    for i in range(len(image)):
        image[i] = image[i] * times + plus


@njit(inline="always")
def _add(image: Any, other: Any) -> None:
    for i in range(len(image)):
        image[i] += other[i]


@njit(**OPTIONS | {"fastmath": True})
def _mean(image: Any) -> float:
    total = 0.0
    for i in range(len(image)):
        total += image[i]
    return total / len(image)


@njit(inline="always")
def _blank(plane_HW: Any, sides: Any) -> None:
    for y in range(int(sides[0]), int(sides[1])):
        for x in range(int(sides[2]), int(sides[3])):
            plane_HW[y, x] = 0


@njit(inline="always")
def _turn(plane_HW: Any, mirrored: bool, upside_down: bool) -> None:
    """Swap columns, rows or both."""
    height, width = plane_HW.shape
    if mirrored:
        for y in range(height):
            for x in range(width // 2):
                plane_HW[y, x], plane_HW[y, width - 1 - x] = plane_HW[y, width - 1 - x], plane_HW[y, x]
    if upside_down:
        for y in range(height // 2):
            for x in range(width):
                plane_HW[y, x], plane_HW[height - 1 - y, x] = plane_HW[height - 1 - y, x], plane_HW[y, x]


@njit(inline="always")
def _identity(whole: Any) -> None:
    for i in range(6):
        whole[i] = 1.0 if i in (0, 4) else 0.0


@njit(inline="always")
def _compose(whole: Any, source: Any) -> None:
    """The map ``whole`` after ``source``, in ``whole``: rows (x to x, y to x, x), (x to y, y to y, y)."""
    for row in (0, 3):
        xx, xy = whole[row], whole[row + 1]
        whole[row] = xx * source[0] + xy * source[3]
        whole[row + 1] = xx * source[1] + xy * source[4]
        whole[row + 2] += xx * source[2] + xy * source[5]


@njit(inline="always")
def _sizes(height: int, width: int, values: int) -> Any:
    """Of an image, a channel's pairs, and what is worked out at once; up to whole lines of the cache."""
    at_once = max(1, min(height, PIXELS // width)) * width
    return (values + 15) // 16 * 16, ((height + 1) * width + 15) // 16 * 16, (at_once + 15) // 16 * 16, at_once


@njit(inline="always")
def _words(height: int, width: int, values: int) -> Any:
    """How much memory a thread needs, in 8 bytes."""
    image, pairs, room, _ = _sizes(height, width, values)
    return 16 + image // 2 + pairs + 5 * room


@njit(inline="always")
def _parts(memory: int, height: int, width: int, values: int) -> Any:
    """The image, and what ``_move`` works in; by address, because arrays that own memory are counted at each use.

    The first 64 bytes stay free for other things.
    """
    image, paired, room, at_once = _sizes(height, width, values)
    start = (memory + 63) // 64 * 64 + 64
    pairs = carray(at(start + 4 * image), paired, I64)
    pairs[:] = 0  # what follows the last pixel is read, with weight 0
    found = start + 4 * image + 8 * paired
    columns, rows = carray(at(found + 16 * room), at_once, F32), carray(at(found + 20 * room), at_once, F32)
    for i in range(at_once):
        columns[i], rows[i] = i % width - (width - 1) / 2, i // width
    places, x, y = found + 24 * room, found + 28 * room, found + 32 * room
    return carray(at(start), values, F32), (
        pairs,
        carray(at(found), (2, room), I64),
        columns,
        rows,
        carray(at(places), at_once, U32),
        carray(at(x), at_once, F32),
        carray(at(y), at_once, F32),
        carray(at(y + 4 * room), at_once, F32),
    )


@njit(inline="always")
def _move(plane: Any, whole: Any, border: float, height: int, width: int, scratch: Any) -> None:
    """Replace one channel by its bilinear interpolation at the places that ``whole`` gives."""
    pairs, found, columns, rows, places, x, y, fading = scratch
    for i in range(6):
        whole[i] = min(max(whole[i], -FARTHEST), FARTHEST)
    area, at_once, below = height * width, len(columns), U64(width)
    _pair(plane, pairs.view(F32))
    for first in range(0, area, at_once):
        count = min(at_once, area - first)
        top = first // width - (height - 1) / 2
        _follow(x[:count], columns, rows, whole[0], whole[1], whole[1] * top + whole[2] + (width - 1) / 2)
        _follow(y[:count], columns, rows, whole[3], whole[4], whole[4] * top + whole[5] + (height - 1) / 2)
        if border == REFLECT:
            _fold(x[:count], width)
            _fold(y[:count], height)
        elif border == ZERO:
            _fade(fading[:count], x, y, width, height)
        _place(places[:count], x, y, width, height)
        for i in range(count):
            place = U64(places[i])
            found[0, i] = pairs[place]
            found[1, i] = pairs[place + below]
        result = plane[first : first + count]
        _blend(found[0].view(F32), found[1].view(F32), x, y, result)
        if border == ZERO:
            for i in range(count):
                result[i] *= fading[i]


@njit(inline="always")
def _pair(plane: Any, pairs: Any) -> None:
    """Each pixel beside the next one."""
    last = len(plane) - 1
    for k in range(last):
        pairs[2 * k] = plane[k]
        pairs[2 * k + 1] = plane[k + 1]
    pairs[2 * last] = plane[last]


@njit(inline="always")
def _follow(place: Any, columns: Any, rows: Any, across: float, down: float, start: float) -> None:
    """One coordinate of where each pixel comes from, counted from the first pixel of the image."""
    origin, right, below = F32(start), F32(across), F32(down)
    for i in range(len(place)):
        place[i] = origin + right * columns[i] + below * rows[i]


@njit(inline="always")
def _fold(place: Any, size: int) -> None:
    """Mirror at the image's outer borders, half a pixel from its outermost pixels, as often as need be."""
    period, frequency, half = F32(2 * size), F32(1 / (2 * size)), F32(0.5)
    for i in range(len(place)):
        inside = place[i] + half
        inside -= period * np.floor(inside * frequency)
        place[i] = min(inside, period - inside) - half


@njit(inline="always")
def _fade(fading: Any, x: Any, y: Any, width: int, height: int) -> None:
    """What is left of the nearest pixel's value outside: from all to nothing within one pixel."""
    zero, one, wide, high = F32(0), F32(1), F32(width), F32(height)
    for i in range(len(fading)):
        across = min(max(min(one + x[i], wide - x[i]), zero), one)
        fading[i] = across * min(max(min(one + y[i], high - y[i]), zero), one)


@njit(inline="always")
def _place(places: Any, x: Any, y: Any, width: int, height: int) -> None:
    """The number of the upper left neighbour; the way from there is left in x and y. Limited to the image."""
    zero, right, bottom, across = F32(0), F32(width - 1), F32(height - 1), np.int32(width)
    for i in range(len(places)):
        column, row = min(max(x[i], zero), right), min(max(y[i], zero), bottom)
        left, above = np.int32(column), np.int32(row)
        x[i], y[i] = column - F32(left), row - F32(above)
        places[i] = above * across + left


@njit(inline="always")
def _blend(above: Any, below: Any, x: Any, y: Any, result: Any) -> None:
    """The weighted sum of each pixel's neighbours."""
    for i in range(len(result)):
        upper = above[2 * i] + x[i] * (above[2 * i + 1] - above[2 * i])
        lower = below[2 * i] + x[i] * (below[2 * i + 1] - below[2 * i])
        result[i] = upper + y[i] * (lower - upper)
