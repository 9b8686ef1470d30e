"""Values of pixels, whatever their type, as 8 bits: one rule for all parts of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fittingroom.errors import InvalidData

To8Bits = Callable[[NDArray[Any]], NDArray[np.uint8]]


class Values(Protocol):
    """Where values come from: a part of a stack."""

    @property
    def where(self) -> str: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def blocks(self) -> Callable[[], Iterator[NDArray[Any]]]: ...


def scale(parts: Sequence[Values]) -> tuple[To8Bits, str]:
    """How the values of these parts become 8 bits, and that in words ("" when nothing is done).

    Reads everything once unless all of it is 8 bits already. Raises InvalidData for values that cannot be meant.
    """
    if all(part.dtype == np.uint8 for part in parts):
        return _as_they_are, ""
    for part in parts:
        if part.dtype.hasobject:
            raise InvalidData(
                f"{part.where} holds Python objects, which are not opened because they could run any program; "
                "save a plain array, such as images.astype(numpy.uint8)"
            )
        if part.dtype.kind not in "buif":
            raise InvalidData(f"{part.where} holds {part.dtype} values; give 8-bit values, or floats 0 to 1")
    if all(part.dtype.kind == "b" for part in parts):
        return _black_and_white, "true and false made 255 and 0"
    ranges = [_range(part) for part in parts]
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    kinds = {part.dtype.kind for part in parts}
    where, dtypes = parts[0].where, ", ".join(sorted({str(part.dtype) for part in parts}))
    if kinds == {"f"} and low >= 0 and high <= 1:
        return _from_unit, "floats 0 to 1 were rounded to 256 levels"
    if low >= 0 and high <= 255:
        dark = ", which is nearly black, for white is 255" if high <= 1 else ""
        return _rounded, f"{dtypes} values from {low:g} to {high:g} " + (
            "rounded" if "f" in kinds else f"kept as 8 bits{dark}"
        )
    if low >= 0 and all(part.dtype.newbyteorder("=") == np.uint16 for part in parts):
        return _from_16_bits, "16-bit values divided by 257"
    raise InvalidData(
        f"{where} holds {dtypes} values from {low:g} to {high:g}, which are no grey levels; "
        "give 0 to 255, or floats 0 to 1" + (" (from −1 to 1: add 1 and halve)" if -1 <= low < 0 and high <= 1 else "")
    )


def _range(part: Values) -> tuple[float, float]:
    """Lowest and highest value; raises InvalidData for the first that is no number."""
    low, high, before = np.inf, -np.inf, 0
    for block in part.blocks():
        if not len(block):
            continue
        least, most = block.min(), block.max()
        if not (np.isfinite(least) and np.isfinite(most)):
            bad = ~np.isfinite(block.reshape(len(block), -1)).all(axis=1)
            raise InvalidData(
                f"{part.where} has values that are NaN or infinite, first in image {before + int(np.argmax(bad))} "
                f"(counted from 0); replace them, for example with numpy.nan_to_num"
            )
        low, high, before = min(low, float(least)), max(high, float(most)), before + len(block)
    return low, high


def _as_they_are(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(values, np.uint8)


def _black_and_white(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(values, np.uint8) * np.uint8(255)


def _from_unit(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.rint(values * 255.0).astype(np.uint8)


def _rounded(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(values), np.uint8)


def _from_16_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.rint(values / 257).astype(np.uint8)
