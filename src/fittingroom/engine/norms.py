"""Kernels for batch normalization in training, with the relu that may follow, forward and backward in two passes each.

Needs Numba: import it only where ``kernels.available()``. Values lie as pixels of C channels in memory (channels
last). Several pixels are handled together, as if they were one with so many times the channels: a *row*. Sums are
taken in float32 over each block, around the channel's first value so that no digits cancel, and in float64 over the
blocks, in their order, by whichever thread ends last. The relu's gradient is decided by the value before it, computed
anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Any

from numba import carray, cfunc, types

from fittingroom.engine.blocks import F32, I64, OPTIONS, U16, narrow, widen
from fittingroom.engine.intrinsics import at, done, take

F64 = types.float64


@dataclass(frozen=True)
class Normalizing:
    """What a kernel is compiled for."""

    half: bool
    """Whether values are bfloat16, else float32."""
    relu: bool


@cache
def statistics(half: bool) -> Any:
    """Arguments: finished (0), rows of an image, pixels of a row, channels; values; for each block 2 rows of sums
    (zeros before); weight C, bias C, running mean C, running variance C, and three float64: epsilon, momentum (share
    of the new), pixels in all. Results: factor and offset (a row each), mean and inverse spread (float64, C each).
    """
    bytes_of = 2 if half else 4

    @cfunc(types.void(types.voidptr), **OPTIONS)
    def kernel(address):  # type: ignore[no-untyped-def]
        arguments = carray(address, 18, I64)
        block, rows, together, channels = arguments[3], arguments[5], arguments[6], arguments[7]
        length, blocks = together * channels, arguments[1]
        if half:  # noqa: SIM108 - Numba needs one type for each
            first = carray(at(arguments[8]), channels, U16)
        else:
            first = carray(at(arguments[8]), channels, F32)
        while True:
            number = take(arguments)
            if number >= blocks:
                break
            sums = carray(at(arguments[9] + number * length * 8), length, F32)
            squares = carray(at(arguments[9] + number * length * 8 + length * 4), length, F32)
            for row in range(number * block * rows, min(arguments[2], (number + 1) * block) * rows):
                for pixel in range(together):
                    place = (row * together + pixel) * channels * bytes_of
                    if half:
                        values = carray(at(arguments[8] + place), channels, U16)
                    else:
                        values = carray(at(arguments[8] + place), channels, F32)
                    for c in range(channels):
                        centre = widen(first[c]) if half else F32(first[c])
                        value = (widen(values[c]) if half else F32(values[c])) - centre
                        sums[pixel * channels + c] += value
                        squares[pixel * channels + c] += value * value
            if done(arguments) < blocks - 1:
                continue
            every = carray(at(arguments[9]), blocks * 2 * length, F32)
            weight, bias = carray(at(arguments[10]), channels, F32), carray(at(arguments[11]), channels, F32)
            means, spreads = carray(at(arguments[12]), channels, F32), carray(at(arguments[13]), channels, F32)
            numbers = carray(at(arguments[14]), 3, F64)
            factor, offset = carray(at(arguments[15]), length, F32), carray(at(arguments[16]), length, F32)
            moments = carray(at(arguments[17]), 2 * channels, F64)
            epsilon, momentum, count = numbers[0], numbers[1], numbers[2]
            for c in range(channels):
                total, square = 0.0, 0.0
                for b in range(blocks):
                    for pixel in range(together):
                        total += every[2 * b * length + pixel * channels + c]
                        square += every[(2 * b + 1) * length + pixel * channels + c]
                shift = total / count
                variance = max(0.0, square / count - shift * shift)
                mean, inverse = (widen(first[c]) if half else F32(first[c])) + shift, 1 / sqrt(variance + epsilon)
                moments[c], moments[channels + c] = mean, inverse
                means[c] += momentum * (mean - means[c])
                spreads[c] += momentum * (variance * count / max(1.0, count - 1) - spreads[c])
                for pixel in range(together):
                    factor[pixel * channels + c] = weight[c] * inverse
                    offset[pixel * channels + c] = bias[c] - mean * inverse * weight[c]

    return kernel


@cache
def normalize(of: Normalizing) -> Any:
    """Arguments: rows, length of a row; values, factor, offset, output: ``value · factor + offset``, and relu of it."""
    half, relu, bytes_of = of.half, of.relu, 2 if of.half else 4

    @cfunc(types.void(types.voidptr), **OPTIONS)
    def kernel(address):  # type: ignore[no-untyped-def]
        arguments = carray(address, 10, I64)
        block, rows, length = arguments[3], arguments[4], arguments[5]
        factor, offset = carray(at(arguments[7]), length, F32), carray(at(arguments[8]), length, F32)
        while True:
            number = take(arguments)
            if number >= arguments[1]:
                break
            for row in range(number * block * rows, min(arguments[2], (number + 1) * block) * rows):
                if half:
                    values = carray(at(arguments[6] + row * length * bytes_of), length, U16)
                    output = carray(at(arguments[9] + row * length * bytes_of), length, U16)
                else:
                    values = carray(at(arguments[6] + row * length * bytes_of), length, F32)
                    output = carray(at(arguments[9] + row * length * bytes_of), length, F32)
                for c in range(length):
                    value = (widen(values[c]) if half else F32(values[c])) * factor[c] + offset[c]
                    if relu:
                        value = F32(0) if value <= F32(0) else value
                    output[c] = narrow(value) if half else value

    return kernel


@cache
def gradient_sums(of: Normalizing) -> Any:
    """Arguments: finished (0), rows, pixels of a row, channels; values, gradient of the output, factor, offset,
    moments, pixels in all (float64); for each block 2 rows of sums (zeros before): of the gradient before the relu, and
    of it times the distance from the mean. Results: slope and rest (a row each), gradients of weight and bias.
    """
    half, relu, bytes_of = of.half, of.relu, 2 if of.half else 4

    @cfunc(types.void(types.voidptr), **OPTIONS)
    def kernel(address):  # type: ignore[no-untyped-def]
        arguments = carray(address, 19, I64)
        block, rows, together, channels = arguments[3], arguments[5], arguments[6], arguments[7]
        length, blocks = together * channels, arguments[1]
        factor, offset = carray(at(arguments[10]), length, F32), carray(at(arguments[11]), length, F32)
        moments = carray(at(arguments[12]), 2 * channels, F64)
        while True:
            number = take(arguments)
            if number >= blocks:
                break
            sums = carray(at(arguments[14] + number * length * 8), length, F32)
            products = carray(at(arguments[14] + number * length * 8 + length * 4), length, F32)
            for row in range(number * block * rows, min(arguments[2], (number + 1) * block) * rows):
                for pixel in range(together):
                    place = (row * together + pixel) * channels * bytes_of
                    if half:
                        values = carray(at(arguments[8] + place), channels, U16)
                        gradient = carray(at(arguments[9] + place), channels, U16)
                    else:
                        values = carray(at(arguments[8] + place), channels, F32)
                        gradient = carray(at(arguments[9] + place), channels, F32)
                    for c in range(channels):
                        value = widen(values[c]) if half else F32(values[c])
                        passed = widen(gradient[c]) if half else F32(gradient[c])
                        if relu:
                            passed = F32(0) if value * factor[c] + offset[c] <= F32(0) else passed
                        sums[pixel * channels + c] += passed
                        products[pixel * channels + c] += passed * (value - F32(moments[c]))
            if done(arguments) < blocks - 1:
                continue
            every = carray(at(arguments[14]), blocks * 2 * length, F32)
            count = carray(at(arguments[13]), 1, F64)[0]
            slope, rest = carray(at(arguments[15]), length, F32), carray(at(arguments[16]), length, F32)
            weight, bias = carray(at(arguments[17]), channels, F32), carray(at(arguments[18]), channels, F32)
            for c in range(channels):
                total, product = 0.0, 0.0
                for b in range(blocks):
                    for pixel in range(together):
                        total += every[2 * b * length + pixel * channels + c]
                        product += every[(2 * b + 1) * length + pixel * channels + c]
                mean, inverse = moments[c], moments[channels + c]
                bias[c], weight[c] = total, product * inverse
                steep = -factor[c] * inverse * inverse * product / count
                for pixel in range(together):
                    slope[pixel * channels + c] = steep
                    rest[pixel * channels + c] = -factor[c] * total / count - steep * mean

    return kernel


@cache
def gradient(of: Normalizing) -> Any:
    """Arguments: rows, length of a row; values, gradient of the output, factor, offset, slope, rest, result.

    The result is ``passed · factor + value · slope + rest``, with the gradient that passes the relu.
    """
    half, relu, bytes_of = of.half, of.relu, 2 if of.half else 4

    @cfunc(types.void(types.voidptr), **OPTIONS)
    def kernel(address):  # type: ignore[no-untyped-def]
        arguments = carray(address, 13, I64)
        block, rows, length = arguments[3], arguments[4], arguments[5]
        factor, offset = carray(at(arguments[8]), length, F32), carray(at(arguments[9]), length, F32)
        slope, rest = carray(at(arguments[10]), length, F32), carray(at(arguments[11]), length, F32)
        while True:
            number = take(arguments)
            if number >= arguments[1]:
                break
            for row in range(number * block * rows, min(arguments[2], (number + 1) * block) * rows):
                if half:
                    values = carray(at(arguments[6] + row * length * bytes_of), length, U16)
                    given = carray(at(arguments[7] + row * length * bytes_of), length, U16)
                    output = carray(at(arguments[12] + row * length * bytes_of), length, U16)
                else:
                    values = carray(at(arguments[6] + row * length * bytes_of), length, F32)
                    given = carray(at(arguments[7] + row * length * bytes_of), length, F32)
                    output = carray(at(arguments[12] + row * length * bytes_of), length, F32)
                for c in range(length):
                    value = widen(values[c]) if half else F32(values[c])
                    passed = widen(given[c]) if half else F32(given[c])
                    if relu:
                        passed = F32(0) if value * factor[c] + offset[c] <= F32(0) else passed
                    result = passed * factor[c] + value * slope[c] + rest[c]
                    output[c] = narrow(result) if half else result

    return kernel
