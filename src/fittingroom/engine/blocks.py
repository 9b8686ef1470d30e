"""Kernels for blocks of layers: [convolution →] relu → max pool → dropout, forward and backward, in one pass each.

Needs Numba: import it only where ``kernels.available()``. What a kernel is compiled for are constants, so that the
compiler unrolls and vectorizes its loops; other sizes are arguments, so that few kernels serve all networks. Images
lie as rows, columns, channels in memory (channels last); bfloat16 values are handled as uint16 and computed in
float32, rounded to the nearest even once at the end.

Forward leaves, for every value of its output, a code: the place of the largest value in its window (0, 1, … by rows),
or 255 where no gradient passes, because nothing was above zero or the value was dropped. The first of equal values
wins, as in torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import carray, cfunc, njit, types

from fittingroom.engine.intrinsics import at, take

OPTIONS: dict[str, Any] = {"cache": True, "fastmath": {"contract", "reassoc", "nsz"}, "error_model": "numpy"}
NOTHING = 255
"""The code of a value that passes no gradient."""
F32, U16, U8, I16, I32, I64 = np.float32, np.uint16, np.uint8, np.int16, np.int32, np.int64


@njit(inline="always")
def widen(value: Any) -> Any:
    """A bfloat16 value as float32."""
    return np.uint32(np.uint32(value) << np.uint32(16)).view(np.float32)


@njit(inline="always")
def narrow(value: Any) -> Any:
    """A float32 value as bfloat16, rounded to the nearest, ties to even."""
    bits = np.float32(value).view(np.uint32)
    odd = np.uint32(bits >> np.uint32(16)) & np.uint32(1)
    return np.uint16(np.uint32(bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))


@dataclass(frozen=True)
class Pooling:
    """[Relu and] max pool without overlap, and dropout after it: what a kernel is compiled for."""

    size: int
    """Pixels along a side of the window."""
    half: bool
    """Whether values are bfloat16, else float32."""
    relu: bool = True


@dataclass(frozen=True)
class Convolving:
    """A convolution with stride 1 over few channels, whose outputs are never stored but pooled at once.

    The input is float32, the output as ``pooling`` says.
    """

    kernel: int
    inputs: int
    channels: int
    pooling: Pooling


@njit(inline="always")
def _scale_of(dropped: int) -> Any:
    """What kept values are multiplied with when so many of 65,536 are dropped."""
    return F32(65536 / (65536 - dropped))


@cache
def pool_forward(of: Pooling) -> Any:
    """Arguments: height, width, channels, dropped (of 65,536); input NHWC, lots NhwC (int16; unread where nothing is
    dropped), output NhwC, code NhwC (uint8).
    """
    size, half, lowest = of.size, of.half, F32(0 if of.relu else -np.inf)
    places, bytes_of = size * size, 2 if half else 4

    @cfunc(types.void(types.voidptr), **OPTIONS)
    def kernel(address):  # type: ignore[no-untyped-def]
        arguments = carray(address, 12, I64)
        block, h, w, channels, dropped = arguments[3], arguments[4], arguments[5], arguments[6], arguments[7]
        high, wide, row, threshold, scale = h // size, w // size, w * channels, dropped - 32768, _scale_of(dropped)
        before, after = h * row, high * wide * channels
        while True:
            number = take(arguments)
            if number >= arguments[1]:
                break
            for image in range(number * block, min(arguments[2], (number + 1) * block)):
                for i in range(high):
                    for j in range(wide):
                        source = image * before + i * size * row + j * size * channels
                        target = image * after + (i * wide + j) * channels
                        reach = (size - 1) * (row + channels) + channels
                        if half:
                            values = carray(at(arguments[8] + source * bytes_of), reach, U16)
                            output = carray(at(arguments[10] + target * bytes_of), channels, U16)
                        else:
                            values = carray(at(arguments[8] + source * bytes_of), reach, F32)
                            output = carray(at(arguments[10] + target * bytes_of), channels, F32)
                        lots = carray(at(arguments[9] + target * 2), channels, I16)
                        code = carray(at(arguments[11] + target), channels, U8)
                        for c in range(channels):
                            best, place = lowest, I32(NOTHING)
                            for p in range(places):
                                value = values[p // size * row + p % size * channels + c]
                                value = widen(value) if half else F32(value)
                                better = (value > best) | (value != value)
                                best = value if better else best
                                place = I32(p) if better else place
                            output[c] = narrow(best) if half else best
                            code[c] = place
                        if dropped:
                            for c in range(channels):
                                keep = lots[c] >= threshold
                                kept = (widen(output[c]) if half else F32(output[c])) * scale
                                kept = kept if keep else F32(0)
                                output[c] = narrow(kept) if half else kept
                                code[c] = code[c] if keep else U8(NOTHING)

    return kernel


@cache
def pool_backward(of: Pooling) -> Any:
    """Arguments: height, width, channels, dropped; gradient NhwC of the output, code, gradient NHWC of the input."""
    size, half = of.size, of.half
    places, bytes_of = size * size, 2 if half else 4

    @cfunc(types.void(types.voidptr), **OPTIONS)
    def kernel(address):  # type: ignore[no-untyped-def]
        arguments = carray(address, 11, I64)
        block, h, w, channels, scale = arguments[3], arguments[4], arguments[5], arguments[6], _scale_of(arguments[7])
        high, wide, row = h // size, w // size, w * channels
        before, after = h * row, high * wide * channels
        while True:
            number = take(arguments)
            if number >= arguments[1]:
                break
            for image in range(number * block, min(arguments[2], (number + 1) * block)):
                if half:
                    whole = carray(at(arguments[10] + image * before * bytes_of), before, U16)
                else:
                    whole = carray(at(arguments[10] + image * before * bytes_of), before, F32)
                for i in range(high):
                    for j in range(wide):
                        source = image * after + (i * wide + j) * channels
                        code = carray(at(arguments[9] + source), channels, U8)
                        for p in range(places):
                            target = image * before + (i * size + p // size) * row + (j * size + p % size) * channels
                            if half:
                                gradient = carray(at(arguments[8] + source * bytes_of), channels, U16)
                                output = carray(at(arguments[10] + target * bytes_of), channels, U16)
                            else:
                                gradient = carray(at(arguments[8] + source * bytes_of), channels, F32)
                                output = carray(at(arguments[10] + target * bytes_of), channels, F32)
                            for c in range(channels):
                                passes = code[c] == p
                                if half:
                                    value = narrow(widen(gradient[c]) * scale)
                                    output[c] = value if passes else U16(0)
                                else:
                                    output[c] = F32(gradient[c]) * scale if passes else F32(0)
                    for y in range(i * size, (i + 1) * size):
                        for spot in range(y * row + wide * size * channels, (y + 1) * row):
                            whole[spot] = 0
                for spot in range(high * size * row, before):
                    whole[spot] = 0

    return kernel


@njit(inline="always")
def _pad(padded: Any, values: Any, h: int, line: int, inside: int, padded_line: int) -> None:
    """The rows of an image into a frame of zeros."""
    for y in range(h):
        for spot in range(line):
            padded[inside + y * padded_line + spot] = values[y * line + spot]


@njit(inline="always")
def _cut_out(patch: Any, padded: Any, corner: int, k: int, inputs: int, size: int, padded_line: int) -> None:
    """What the convolution sees at each place of a window, one after the other."""
    for p in range(size * size):
        for dy in range(k):
            spot = corner + (p // size + dy) * padded_line + p % size * inputs
            for dx in range(k * inputs):
                patch[(p * k + dy) * k * inputs + dx] = padded[spot + dx]


@cache
def convolved_forward(of: Convolving) -> Any:
    """Arguments: height, width, padding left, right, top, bottom, dropped; input NHWI, weight (kernel·kernel·I)·C,
    bias C, lots, output, code as in ``pool_forward``.
    """
    k, inputs, channels, size, half = of.kernel, of.inputs, of.channels, of.pooling.size, of.pooling.half
    taps, places, bytes_of = k * k * inputs, size * size, 2 if half else 4
    lowest = F32(0 if of.pooling.relu else -np.inf)

    @cfunc(types.void(types.voidptr), **OPTIONS)
    def kernel(address):  # type: ignore[no-untyped-def]
        arguments = carray(address, 17, I64)
        block, h, w, left, right = arguments[3], arguments[4], arguments[5], arguments[6], arguments[7]
        top, bottom, dropped = arguments[8], arguments[9], arguments[10]
        threshold, scale = dropped - 32768, _scale_of(dropped)
        padded_h, padded_line, line = h + top + bottom, (w + left + right) * inputs, w * inputs
        high, wide = (padded_h - k + 1) // size, (w + left + right - k + 1) // size
        after = high * wide * channels
        weight = carray(at(arguments[12]), taps * channels, F32)
        bias = carray(at(arguments[13]), channels, F32)
        padded, patch = np.zeros(padded_h * padded_line, F32), np.zeros(places * taps, F32)
        while True:
            number = take(arguments)
            if number >= arguments[1]:
                break
            for image in range(number * block, min(arguments[2], (number + 1) * block)):
                values = carray(at(arguments[11] + image * h * line * 4), h * line, F32)
                _pad(padded, values, h, line, top * padded_line + left * inputs, padded_line)
                for i in range(high):
                    for j in range(wide):
                        corner = i * size * padded_line + j * size * inputs
                        target = image * after + (i * wide + j) * channels
                        _cut_out(patch, padded, corner, k, inputs, size, padded_line)
                        lots = carray(at(arguments[14] + target * 2), channels, I16)
                        if half:
                            output = carray(at(arguments[15] + target * bytes_of), channels, U16)
                        else:
                            output = carray(at(arguments[15] + target * bytes_of), channels, F32)
                        code = carray(at(arguments[16] + target), channels, U8)
                        for c in range(channels):
                            best, place = lowest, I32(NOTHING)
                            for p in range(places):
                                value = bias[c]
                                for t in range(taps):
                                    value += patch[p * taps + t] * weight[t * channels + c]
                                better = (value > best) | (value != value)
                                best = value if better else best
                                place = I32(p) if better else place
                            output[c] = narrow(best) if half else best
                            code[c] = place
                        if dropped:
                            for c in range(channels):
                                keep = lots[c] >= threshold
                                kept = (widen(output[c]) if half else F32(output[c])) * scale
                                kept = kept if keep else F32(0)
                                output[c] = narrow(kept) if half else kept
                                code[c] = code[c] if keep else U8(NOTHING)

    return kernel


@cache
def convolved_backward(of: Convolving) -> Any:
    """Arguments: height, width, padding left, right, top, bottom, dropped; input, gradient of the output, code; for
    each block the gradients of weight and bias (zeros before).
    """
    k, inputs, channels, size, half = of.kernel, of.inputs, of.channels, of.pooling.size, of.pooling.half
    taps, places, bytes_of = k * k * inputs, size * size, 2 if half else 4

    @cfunc(types.void(types.voidptr), **OPTIONS)
    def kernel(address):  # type: ignore[no-untyped-def]
        arguments = carray(address, 16, I64)
        block, h, w, left, right = arguments[3], arguments[4], arguments[5], arguments[6], arguments[7]
        top, bottom, scale = arguments[8], arguments[9], _scale_of(arguments[10])
        padded_h, padded_line, line = h + top + bottom, (w + left + right) * inputs, w * inputs
        high, wide = (padded_h - k + 1) // size, (w + left + right - k + 1) // size
        after = high * wide * channels
        padded, patch = np.zeros(padded_h * padded_line, F32), np.zeros(places * taps, F32)
        passed = np.zeros(places * channels, F32)
        while True:
            number = take(arguments)
            if number >= arguments[1]:
                break
            of_weight = carray(at(arguments[14] + number * taps * channels * 4), taps * channels, F32)
            of_bias = carray(at(arguments[15] + number * channels * 4), channels, F32)
            for image in range(number * block, min(arguments[2], (number + 1) * block)):
                values = carray(at(arguments[11] + image * h * line * 4), h * line, F32)
                _pad(padded, values, h, line, top * padded_line + left * inputs, padded_line)
                for i in range(high):
                    for j in range(wide):
                        corner = i * size * padded_line + j * size * inputs
                        source = image * after + (i * wide + j) * channels
                        _cut_out(patch, padded, corner, k, inputs, size, padded_line)
                        if half:
                            gradient = carray(at(arguments[12] + source * bytes_of), channels, U16)
                        else:
                            gradient = carray(at(arguments[12] + source * bytes_of), channels, F32)
                        code = carray(at(arguments[13] + source), channels, U8)
                        for c in range(channels):
                            place, value = code[c], gradient[c]
                            value = widen(value) if half else F32(value)
                            value = F32(0) if place == NOTHING else value * scale
                            of_bias[c] += value
                            for p in range(places):
                                passed[p * channels + c] = value if place == p else F32(0)
                        for t in range(taps):
                            for c in range(channels):
                                value = of_weight[t * channels + c]
                                for p in range(places):
                                    value += patch[p * taps + t] * passed[p * channels + c]
                                of_weight[t * channels + c] = value

    return kernel
