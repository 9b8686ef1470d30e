"""One image of a recipe: a character of a face, placed, bent, blurred and lit at random.

Everything is drawn on a canvas several times as large, in one interpolation from the sharp master, and averaged down.
Random numbers come from the raw PCG64 stream of (seed, part, image), as in ``splits``, so that neither platform nor
NumPy's version changes them, and each image can be drawn by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from fittingroom.data.synthetic.faces import Face
from fittingroom.data.synthetic.families import Family
from fittingroom.data.synthetic.masters import master, stroke, tallest_of
from fittingroom.data.synthetic.recipe import Recipe

CELLS = 4
"""Patches in each direction that the canvas is bent in."""
ROOM = 0.94
"""Share of the image that a character may take in either direction."""
FINEST = 1.2
"""Pixels of an image that strokes are wide at least, as far as gaps do not close: finer ones cannot be read."""

Floats = NDArray[np.float64]
_LETTERS: dict[tuple[Face, str], str] = {}


class Draws:
    """Random numbers of one image, taken one after the other."""

    def __init__(self, *key: int) -> None:
        self._stream = np.random.PCG64(np.random.SeedSequence(key))

    def shares(self, number: int) -> Floats:
        """Numbers from 0 to below 1."""
        shares: Floats = (self._stream.random_raw(number) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return shares

    def between(self, least: float, most: float) -> float:
        return least + (most - least) * float(self.shares(1)[0])

    def either(self, most: float) -> float:
        """From -most to most."""
        return self.between(-most, most)

    def index(self, number: int) -> int:
        return min(int(self.between(0, number)), number - 1)

    def normal(self, number: int) -> NDArray[np.float32]:
        """Nearly normal numbers of spread 1, each the sum of four of 16 bits (Irwin-Hall): no logarithm, no sine."""
        quarters = self._stream.random_raw(number).view(np.uint16).reshape(number, 4)
        sums: NDArray[np.float32] = (quarters.sum(axis=1, dtype=np.int64) / 65536.0 - 2.0).astype(np.float32)
        return sums * np.float32(math.sqrt(3))


def family_of_image(recipe: Recipe, families: Sequence[Family], part: int, image: int) -> int:
    """The position of the family that ``draw`` takes, without drawing."""
    return Draws(recipe.seed, part, image).index(len(families))


def draw(recipe: Recipe, families: Sequence[Family], part: int, image: int) -> NDArray[np.uint8]:
    """Image number ``image`` of a part, (size, size); its class is ``image`` modulo the number of characters."""
    draws = Draws(recipe.seed, part, image)
    faces = families[draws.index(len(families))].faces
    face = faces[draws.index(len(faces))]
    character = recipe.characters[image % len(recipe.characters)]
    side = recipe.size * _finer(recipe.size)
    height = draws.between(recipe.smallest, recipe.largest)
    steps = round(draws.either(recipe.weight) * side)
    tallest = _tallest(face, recipe.characters)
    lacking = FINEST * _finer(recipe.size) / height - stroke(face, character, tallest, side)
    sharp = master(face, character, tallest, side, max(steps, math.ceil(lacking / 2)))
    ink = _placed(sharp, side, height, recipe, draws)
    ink = ink.filter(ImageFilter.GaussianBlur(draws.between(0, recipe.blur) * side))
    small = np.asarray(ink.resize((recipe.size, recipe.size), Image.Resampling.BOX), np.uint8)
    return _lit(small, recipe, draws)


def _finer(size: int) -> int:
    """How many times the canvas is as large as the image."""
    return 4 if size <= 64 else 2


def _tallest(face: Face, characters: str) -> str:
    key = face, characters
    if key not in _LETTERS:
        _LETTERS[key] = tallest_of(face, characters)
    return _LETTERS[key]


def _placed(sharp: Image.Image, side: int, height: float, recipe: Recipe, draws: Draws) -> Image.Image:
    """The master on a canvas of ``side`` pixels: ``height`` of it high, stretched, slanted, turned, moved and bent."""
    angle = math.radians(draws.either(recipe.rotation))
    slant = draws.either(recipe.slant)
    wide = 1 + draws.either(recipe.stretch)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    forward = turn @ np.array([[1.0, -slant], [0.0, 1.0]]) @ np.diag([wide, 1.0]) * height
    left, top, right, bottom = sharp.point(lambda level: 255 * (level >= 64)).getbbox() or (0, 0, *sharp.size)
    extent = np.abs(forward) @ np.array([right - left, bottom - top])  # of the box on the canvas
    shrunk = min(1.0, ROOM * side / extent.max())
    forward, extent = forward * shrunk, extent * shrunk
    free = np.maximum((ROOM * side - extent) / 2, 0)
    wish = np.array([draws.either(recipe.shift), draws.either(recipe.shift)]) * side
    centre = side / 2 + np.clip(wish, -free, free)
    backward = np.linalg.inv(forward)
    nodes = np.stack(np.meshgrid(*[np.linspace(0, side, CELLS + 1)] * 2), axis=-1)  # [row, column] = (x, y)
    bent = (draws.shares(nodes.size).reshape(nodes.shape) * 2 - 1) * recipe.wobble * side
    source = (nodes + bent - centre) @ backward.T + np.array([left + right, top + bottom]) / 2
    return sharp.transform((side, side), Image.Transform.MESH, _mesh(nodes, source), Image.Resampling.BICUBIC)


def _mesh(nodes: Floats, source: Floats) -> list[tuple[tuple[int, int, int, int], tuple[float, ...]]]:
    """Pillow's patches: a box on the canvas, and the corners that it is taken from: NW, SW, SE, NE."""
    patches = []
    for row in range(CELLS):
        for column in range(CELLS):
            (x, y), (right, bottom) = nodes[row, column], nodes[row + 1, column + 1]
            corners = (
                source[row, column], source[row + 1, column], source[row + 1, column + 1], source[row, column + 1],
            )  # fmt: skip
            box = (round(x), round(y), round(right), round(bottom))
            patches.append((box, tuple(float(value) for corner in corners for value in corner)))
    return patches


def _lit(ink: NDArray[np.uint8], recipe: Recipe, draws: Draws) -> NDArray[np.uint8]:
    """Ink, 0 to 255, as levels: with less contrast, noise, and the background that is asked for."""
    lost = draws.between(0, recipe.contrast)
    paper = draws.between(0, lost)
    light = recipe.background == "light" or (recipe.background == "both" and draws.between(0, 1) < 0.5)
    levels = paper + (1 - lost) / 255 * ink
    levels = levels + draws.between(0, recipe.noise) * draws.normal(ink.size).reshape(ink.shape)
    if light:
        levels = 1 - levels
    pixels: NDArray[np.uint8] = np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)
    return pixels
