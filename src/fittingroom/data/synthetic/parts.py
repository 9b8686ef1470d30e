"""Which families train, which validate and which test; the images of all parts, and a sheet to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.display import sheet
from fittingroom.data.incoming import Incoming
from fittingroom.data.synthetic.drawing import Draws, draw, family_of_image
from fittingroom.data.synthetic.families import Family, Fonts, find_fonts
from fittingroom.data.synthetic.recipe import Recipe

FAMILIES, TRAINING, VALIDATION, TEST = range(4)  # purposes: part of the seed, so never renumber
TOGETHER = 64
"""Images in a block."""
ON_A_SHEET = 20
"""Images of each character on a sheet."""
TILE = 56
"""Pixels that an image takes on a sheet, about: images are enlarged by whole factors, without gaps."""


@dataclass(frozen=True)
class Part:
    """The images for one purpose, drawn from families of its own."""

    purpose: int
    images: int
    families: tuple[Family, ...]


def divide(recipe: Recipe, fonts: Fonts) -> tuple[Part, Part, Part]:
    """Training, validation and test: no family is in two of them."""
    families = fonts.families
    draws = Draws(recipe.seed, FAMILIES).shares(len(families))
    order = np.argsort(draws, kind="stable").tolist()
    test = max(round(recipe.test * len(families)), 1)
    held_out = test + max(round(recipe.validation * len(families)), 1)
    chosen = order[:test], order[test:held_out], order[held_out:]
    own_test, own_validation, own_training = (tuple(families[place] for place in sorted(part)) for part in chosen)
    training, validation, testing = recipe.counts
    return (
        Part(TRAINING, training, own_training),
        Part(VALIDATION, validation, own_validation),
        Part(TEST, testing, own_test),
    )


def incoming(recipe: Recipe) -> tuple[Incoming, tuple[Part, Part, Part], Fonts]:
    """The data set of a recipe, drawn block after block; raises InvalidData when there are too few fonts."""
    fonts = find_fonts(recipe.fonts, recipe.system_fonts, recipe.characters)
    parts = divide(recipe, fonts)
    classes = len(recipe.characters)
    training, validation, _ = parts
    return (
        Incoming(
            class_names=tuple(recipe.characters),
            labels=np.concatenate([np.arange(part.images, dtype=np.int64) % classes for part in parts]),
            image_shape=(recipe.size, recipe.size, 1),
            blocks=_blocks(recipe, parts),
            test_start=training.images + validation.images,
            origin=_origin(recipe, parts),
            groups=_groups(recipe, parts),
            validation=np.arange(training.images, training.images + validation.images),
        ),
        parts,
        fonts,
    )


def preview(recipe: Recipe, most: int | None = None) -> bytes:
    """A sheet as PNG: a row for each character, training images to the left and test images to the right.

    They are the first images of the seed. ``most``: rows, where not all characters are wanted.
    """
    training, _, test = divide(recipe, find_fonts(recipe.fonts, recipe.system_fonts, recipe.characters))
    classes = len(recipe.characters)
    columns = [(training, image) for image in range(ON_A_SHEET // 2)] + [
        (test, image) for image in range(ON_A_SHEET // 2)
    ]
    rows = [
        [draw(recipe, part.families, part.purpose, image * classes + label)[..., np.newaxis] for part, image in columns]
        for label in range(classes)[:most]
    ]
    return sheet(rows, recipe.size * max(TILE // recipe.size, 1))


def _blocks(recipe: Recipe, parts: tuple[Part, ...]) -> Iterator[NDArray[np.uint8]]:
    for part in parts:
        for start in range(0, part.images, TOGETHER):
            images = range(start, min(start + TOGETHER, part.images))
            drawn = [draw(recipe, part.families, part.purpose, image) for image in images]
            yield np.stack(drawn)[..., np.newaxis]


def _groups(recipe: Recipe, parts: tuple[Part, ...]) -> NDArray[np.int64]:
    """(images,): the number of each image's family, so that no split divides one."""
    groups, before = [], 0
    for part in parts:
        numbers = range(part.images)
        own = [family_of_image(recipe, part.families, part.purpose, image) for image in numbers]
        groups.append(np.array(own, np.int64) + before)
        before += len(part.families)
    return np.concatenate(groups)


def _origin(recipe: Recipe, parts: tuple[Part, Part, Part]) -> str:
    training, validation, test = ([family.name for family in part.families] for part in parts)
    faces = sum(len(family.faces) for part in parts for family in part.families)
    return (
        f'{recipe.images:,} images of "{recipe.characters}" drawn by Fitting Room from {faces} faces of '
        f"{len(training) + len(validation) + len(test)} font families, seed {recipe.seed}; training images from "
        f'{_named(training)}; validation images, those of validation = "given", from {_named(validation)}; test images '
        f"from {_named(test)}, families that the others do not have; all settings in recipe.toml"
    )


def _named(names: list[str], told: int = 12) -> str:
    return ", ".join(names[:told]) + (f" and {len(names) - told} more" if len(names) > told else "")
