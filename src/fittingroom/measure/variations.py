"""What variations cost an image: foreground and contrast that are lost. NumPy only.

*Ink* is how far a value is from the background, summed over pixels and channels; the background is one value, such as
0 where images are bright on black. What movements do is told from where each pixel goes, not from the values that come
out: repeated edges and enlarged pixels would make up for ink that has left the frame. What changes of values do is told
by comparing a variation with the same movements alone, so interpolation, which both have, does not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Losses:
    """Of N variations of one image, as shares from 0 to 1."""

    outside_N: Floats
    """Of the ink: what has left the frame."""
    vanished_N: Floats
    """Of the ink that is in the frame: what is not different from the background any more, in the same direction."""
    contrast_N: Floats
    """How much smaller the standard deviation of all values is than after the movements alone."""

    @property
    def foreground(self) -> Floats:
        """Of the ink: what has left the frame or vanished in it, (N,)."""
        lost: Floats = 1 - (1 - self.outside_N) * (1 - self.vanished_N)
        return lost


def losses(
    image_HWC: NDArray[np.floating],
    moved_NHWC: NDArray[np.floating],
    varied_NHWC: NDArray[np.floating],
    movements: Iterable[Floats],
    background: float,
    present_NHW: NDArray[np.floating] | None = None,
) -> Losses:
    """What N variations of an image lose; all values on the scale 0 to 1.

    ``moved_NHWC``: the variations with their movements alone; ``movements``: as ``engine.augment.movements`` tells;
    ``present_NHW``: 0 where something was erased, else 1.
    """
    return Losses(
        outside(np.abs(image_HWC - background).sum(axis=2), movements, len(varied_NHWC)),
        vanished(moved_NHWC, varied_NHWC, background, present_NHW),
        faded(moved_NHWC, varied_NHWC),
    )


def outside(ink_HW: NDArray[np.floating], movements: Iterable[Floats], n: int) -> Floats:
    """The share of the ink whose pixels' centres leave the frame in one of the movements: (N,).

    Each movement is N maps [[xx, xy, x], [yx, yy, y]] from a place in its result to where that comes from, in pixels
    from the image's centre.
    """
    height, width = ink_HW.shape
    rows, columns = np.nonzero(ink_HW)
    weights = ink_HW[rows, columns].astype(np.float64)
    if not len(weights):
        return np.zeros(n)
    place_N2P = np.broadcast_to(np.stack([columns - (width - 1) / 2, rows - (height - 1) / 2]), (n, 2, len(rows)))
    gone_NP = np.zeros((n, len(rows)), bool)
    for source_N23 in movements:
        place_N2P = np.linalg.solve(source_N23[:, :, :2], place_N2P - source_N23[:, :, 2:])
        gone_NP |= (np.abs(place_N2P[:, 0]) > width / 2) | (np.abs(place_N2P[:, 1]) > height / 2)
    share_N: Floats = gone_NP @ weights / weights.sum()
    return share_N


def vanished(
    moved_NHWC: NDArray[np.floating],
    varied_NHWC: NDArray[np.floating],
    background: float,
    present_NHW: NDArray[np.floating] | None = None,
) -> Floats:
    """The share of the ink of ``moved`` that is not in ``varied`` any more, value by value: (N,).

    What is not ``present`` counts as vanished, whatever has come in its place.
    """
    ink_NHWC = moved_NHWC - background
    left_NHWC = np.clip((varied_NHWC - background) * np.sign(ink_NHWC), 0, np.abs(ink_NHWC))
    if present_NHW is not None:
        left_NHWC *= present_NHW[:, :, :, None]
    before_N = np.abs(ink_NHWC).sum(axis=(1, 2, 3), dtype=np.float64)
    after_N = left_NHWC.sum(axis=(1, 2, 3), dtype=np.float64)
    share_N: Floats = 1 - np.divide(after_N, before_N, out=np.ones_like(before_N), where=before_N > 0)
    return share_N


def faded(moved_NHWC: NDArray[np.floating], varied_NHWC: NDArray[np.floating]) -> Floats:
    """The relative drop of the standard deviation over all values, 0 where it grows: (N,)."""
    before_N = moved_NHWC.std(axis=(1, 2, 3), dtype=np.float64)
    after_N = varied_NHWC.std(axis=(1, 2, 3), dtype=np.float64)
    left_N = np.divide(after_N, before_N, out=np.ones_like(before_N), where=before_N > 0)
    drop_N: Floats = 1 - np.minimum(left_N, 1)
    return drop_N
