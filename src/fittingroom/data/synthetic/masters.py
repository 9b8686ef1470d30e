"""One character of one face, large and sharp, as a mask; and the same with thinner and thicker strokes."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from fittingroom.data.synthetic.faces import Face

INK = 64
"""Level from which on a pixel belongs to the character."""
KEPT_INK, KEPT_GAPS = 0.97, 0.6
"""Shares of a character that a change of its strokes must leave: of its ink, where thinner strokes grown back come
to less if hairlines are gone; and of the gaps in it, which thicker ones fill. Besides, pieces and holes must stay."""
ROOM = 128 << 20
"""Pixels of masters that are kept, as if each were a square: about twice as many bytes at most."""
MISSING = "\U0010fffe"
"""No font has this character, so each draws in its place what stands for characters that it does not have."""


def drawn(face: Face, character: str, size: int) -> NDArray[np.uint8] | None:
    """The character (height, width) cropped to its ink; None where the font draws nothing. OSError for bad files."""
    mask = face.at(size).getmask(character, mode="L")
    if 0 in mask.size:
        return None
    levels = np.frombuffer(bytes(mask), np.uint8).reshape(mask.size[::-1])
    rows, columns = (np.flatnonzero((levels >= INK).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return levels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


_kept: OrderedDict[tuple[Face, str, str, int, int], Image.Image] = OrderedDict()
"""Masters in use, those used last at the end."""


def master(face: Face, character: str, tallest: str, height: int, steps: int) -> Image.Image:
    """The character as an image of mode L with an empty margin of ``height`` / 4 on each side.

    ``tallest``: the character that is ``height`` pixels high in this face; the others keep their size beside it.
    ``steps``: pixels by which strokes grow on each side, or shrink where it is negative; fewer where the character
    would break or fill up.
    """
    key = face, character, tallest, height, steps
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key]
    made = _kept[key] = _made(face, character, tallest, height, steps)
    while len(_kept) > 1 and len(_kept) * height * height > ROOM:
        _kept.popitem(last=False)
    return made


def _made(face: Face, character: str, tallest: str, height: int, steps: int) -> Image.Image:
    reference = drawn(face, tallest, 2 * height)
    levels = drawn(face, character, max(round(2 * height * height / len(reference)), 1) if reference is not None else 1)
    assert levels is not None, (face, character)
    margin = height // 4
    sharp = Image.fromarray(np.pad(levels, margin))
    for fewer in range(abs(steps), 0, -1):
        changed = _thicker(sharp, fewer) if steps > 0 else _thinner(sharp, fewer)
        if changed is not None and _pieces_less_holes(changed) == _pieces_less_holes(sharp):
            return changed
    return sharp


def _thicker(sharp: Image.Image, steps: int) -> Image.Image | None:
    """None where gaps would close."""
    changed = _grown(sharp, steps)
    return changed if _gaps(changed) >= KEPT_GAPS * _gaps(sharp) else None


def _thinner(sharp: Image.Image, steps: int) -> Image.Image | None:
    """None where strokes would break."""
    changed = _shrunk(sharp, steps)
    return changed if _ink(_grown(changed, steps)) >= KEPT_INK * _ink(sharp) else None


def _grown(image: Image.Image, steps: int) -> Image.Image:
    """Each pixel the greatest of the square of 2 × ``steps`` + 1 around it.

    By doubling the reach of one axis after the other: Pillow's filter takes a hundred times as long for large squares.
    """
    levels = np.asarray(image)
    for axis in (0, 1):
        padded = np.pad(levels, [(steps, steps) if axis == own else (0, 0) for own in (0, 1)])
        width, reach = levels.shape[axis], 1
        while reach < 2 * steps + 1:
            further = min(reach, 2 * steps + 1 - reach)
            end = padded.shape[axis]
            padded = np.maximum(padded.take(range(end - further), axis), padded.take(range(further, end), axis))
            reach += further
        levels = padded.take(range(width), axis)
    return Image.fromarray(np.ascontiguousarray(levels))


def _shrunk(image: Image.Image, steps: int) -> Image.Image:
    """Each pixel the least of that square, as far as it lies in the image."""
    return ImageChops.invert(_grown(ImageChops.invert(image), steps))


@lru_cache(maxsize=1 << 16)
def stroke(face: Face, character: str, tallest: str, height: int) -> float:
    """Mean width of the strokes of the master, in pixels: twice its ink over the length of its edge."""
    sharp = master(face, character, tallest, height, 0)
    ink = _ink(sharp)
    return 2 * ink / max(ink - _ink(_shrunk(sharp, 1)), 1)


def tallest_of(face: Face, characters: str) -> str:
    """The character with the greatest height."""

    def height(character: str) -> int:
        levels = drawn(face, character, 64)
        return 0 if levels is None else len(levels)

    return max(characters, key=height)


def _ink(image: Image.Image) -> int:
    return int((np.asarray(image) >= INK).sum())


def _gaps(image: Image.Image) -> int:
    """Pixels between those of the character, in its box."""
    left, top, right, bottom = image.point(lambda level: 255 * (level >= INK)).getbbox() or (0, 0, 0, 0)
    return (right - left) * (bottom - top) - _ink(image)


def _pieces_less_holes(image: Image.Image) -> int:
    """Euler's number: what breaks adds a piece or loses a hole, what closes loses a hole, and either changes it.

    By the patterns of 2×2 pixels (Gray 1971), for ink that is connected across corners.
    """
    ink = np.pad(np.asarray(image) >= INK, 1).astype(np.int8)
    corners = ink[:-1, :-1], ink[:-1, 1:], ink[1:, :-1], ink[1:, 1:]
    count = corners[0] + corners[1] + corners[2] + corners[3]
    diagonal = (count == 2) & (corners[0] == corners[3])
    return (int((count == 1).sum()) - int((count == 3).sum()) - 2 * int(diagonal.sum())) // 4
