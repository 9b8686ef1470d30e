"""A recipe into a data set of the workspace, with the recipe and the fonts that it was drawn with beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import PIL
import tomli_w
from PIL import features

from fittingroom.data.dataset import Dataset
from fittingroom.data.naming import shown
from fittingroom.data.sources import new_name, take_in
from fittingroom.data.synthetic.families import Family
from fittingroom.data.synthetic.parts import Part, incoming
from fittingroom.data.synthetic.recipe import Recipe
from fittingroom.errors import InvalidInput, NotFound
from fittingroom.spec.run import setting_of
from fittingroom.workspace import Workspace

RECIPE = "recipe.toml"


@dataclasses.dataclass(frozen=True, eq=False)
class Synthesized:
    """What became of a recipe."""

    data: Dataset
    parts: tuple[Part, ...]
    """Training, validation and test, each with its families."""
    left_out: tuple[str, ...]
    """Fonts that could not be used, each with the reason."""


def synthesize(
    recipe: Recipe, workspace: Workspace, name: str = "digits", progress: Callable[[int], object] | None = None
) -> Synthesized:
    """Draw the images of a recipe and keep them in the workspace as the data set ``name``.

    ``progress`` is called with the number of images drawn so far; what it raises ends the work, and nothing is left.
    Raises InvalidData when there are too few fonts, and what ``sources.take_in`` raises.
    """
    new_name(name)
    folders = tuple(os.path.abspath(os.path.expanduser(folder)) for folder in recipe.fonts)  # to be found from anywhere
    recipe = dataclasses.replace(recipe, fonts=folders)
    coming, parts, fonts = incoming(recipe)
    data = take_in(coming, workspace, name, progress, {RECIPE: _written(recipe, parts).encode()})
    return Synthesized(data, parts, fonts.left_out)


def with_settings(file: Path | None, given: Mapping[str, Any], settings: Sequence[str] | None) -> Recipe:
    """The recipe in a file, or the usual one, with what is given, and with settings as "rotation=30" changed.

    Raises NotFound, InvalidInput and InvalidSpec.
    """
    plain = _plain(file) if file is not None else {}
    plain |= given
    for setting in settings or ():
        name, value = setting_of(setting)
        plain[name] = value
    return Recipe(**plain)


def _plain(path: Path) -> dict[str, Any]:
    """The settings in a file, such as the ``recipe.toml`` of a data set; a list stands for several fonts."""
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFound(f"the recipe {shown(path)} cannot be read: {error.strerror}; give a TOML file") from error
    except ValueError as error:  # no UTF-8, or no TOML
        raise InvalidInput(f"the recipe {shown(path)} is no TOML: {error}") from error
    settings = plain.get("recipe", plain)
    if not isinstance(settings, dict):
        raise InvalidInput(f"the recipe {shown(path)} has no table [recipe]; write the settings below that line")
    return settings


def _written(recipe: Recipe, parts: Sequence[Part]) -> str:
    """The recipe as TOML, and what else the images depend on."""
    names = ("training", "validation", "test")
    faces = [face for part in parts for family in part.families for face in _faces(family)]
    plain: dict[str, Any] = {
        "recipe": dataclasses.asdict(recipe),
        "families": {name: [family.name for family in part.families] for name, part in zip(names, parts, strict=True)},
        "drawn_with": {"pillow": PIL.__version__, "freetype": features.version("freetype2") or "unknown"},
        "faces": faces,
    }
    about = "# Synthetic images: fittingroom data synthesize --recipe FILE draws the same with the same fonts.\n\n"
    return about + tomli_w.dumps(plain)


def _faces(family: Family) -> list[dict[str, str | int]]:
    return [
        {
            "family": face.family,
            "style": face.style,
            "file": shown(Path(face.path.name)),
            "index": face.index,
            "sha256": hashlib.sha256(face.path.read_bytes()).hexdigest(),
        }
        for face in family.faces
    ]
