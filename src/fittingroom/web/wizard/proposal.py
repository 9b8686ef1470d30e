"""A size for images that have several: what is proposed before anybody has typed one, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fittingroom.data.wanted import Size

LARGEST = 128
"""Pixels of the longer side: what networks here can learn from in minutes, and people still recognize."""
STEP = 8
"""Sides are multiples of this where images are scaled down, so that poolings divide them."""
ALIKE = 1.15
"""Sides with at most this ratio are made equal."""


@dataclass(frozen=True)
class Proposal:
    """Height and width, and the reason in words."""

    size: Size
    reason: str


def proposal(sizes: Sequence[tuple[Size, int]]) -> Proposal | None:
    """For ((height, width), number of images), most frequent first; None where all have one size already."""
    if len(sizes) < 2:
        return None
    of = sum(number for _, number in sizes)
    frequent, number = sizes[0]
    if 2 * number >= of and max(frequent) <= LARGEST:
        return Proposal(frequent, f"{number:,} of {of:,} images have this size already")
    middle = _median([(size[0], number) for size, number in sizes]), _median([(size[1], n) for size, n in sizes])
    if max(middle) / min(middle) <= ALIKE:
        middle = (min(middle), min(middle))
    small = _scaled(middle)
    told = f"{middle[0]} × {middle[1]}"
    if small == middle:
        return Proposal(small, f"half of the images are smaller than {told}, and half are larger")
    return Proposal(small, f"images are about {told}, and training takes long above {LARGEST} pixels a side")


def _scaled(size: Size) -> Size:
    """At most ``LARGEST`` pixels on the longer side, never more than there are."""
    factor = LARGEST / max(size)
    if factor >= 1:
        return size
    height, width = (max(round(side * factor / STEP) * STEP, STEP) for side in size)
    return height, width


def _median(counted: Sequence[tuple[int, int]]) -> int:
    """Of values with how often each comes."""
    half, seen = sum(number for _, number in counted) / 2, 0
    for value, number in sorted(counted):
        seen += number
        if seen >= half:
            return value
    raise AssertionError
