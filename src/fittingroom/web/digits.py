"""Synthetic digits in the page: a recipe as it is typed, and what it would draw."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fittingroom.data.synthetic.families import find_fonts
from fittingroom.data.synthetic.parts import Part, divide
from fittingroom.data.synthetic.recipe import Recipe
from fittingroom.errors import Fault, FittingRoomError, InvalidSpec
from fittingroom.web.forms import Field, fields_of

GROUPS = {
    "Images": ("images", "size", "characters", "background", "seed"),
    "Place and form": ("smallest", "largest", "shift", "rotation", "slant", "stretch", "weight", "wobble"),
    "Light": ("blur", "contrast", "noise"),
    "Parts": ("validation", "test"),
}
"""The settings in the order in which they are shown; folders with fonts can be named by the command line only."""
NAMES = tuple(name for names in GROUPS.values() for name in names)
OPTIONS = ("images", "size", "seed", "characters", "background")
"""Settings that the command has an option of their own for."""
ROWS = 12
"""Characters on the sheet."""
USUAL_NAME = "digits"
NUMBER = re.compile(r"-?[0-9]{1,12}")


@dataclass(frozen=True)
class Typed:
    """What stands in the form."""

    values: Mapping[str, str]
    """By the names of the settings; usual ones where nothing was typed."""
    name: str

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Typed:
        """From an address or a form."""
        usual = {name: _written(value) for name, value in _usual().items()}
        values = {name: str(given.get(name, usual[name])).strip()[:200] for name in NAMES}
        return cls(values, str(given.get("name", USUAL_NAME)).strip()[:80])

    def recipe(self) -> Recipe:
        """Raises InvalidSpec."""
        return Recipe(**{name: _read(name, text) for name, text in self.values.items()})

    @property
    def groups(self) -> dict[str, list[Field]]:
        """The fields of the form, with what was typed."""
        fields = {field.path: field for field in fields_of(Recipe, self.values)}
        return {group: [fields[name] for name in names] for group, names in GROUPS.items()}

    @property
    def changed(self) -> dict[str, str]:
        """Settings that are not the usual ones."""
        usual = _usual()
        return {name: text for name, text in self.values.items() if _read(name, text) != usual[name]}

    @property
    def query(self) -> str:
        """By which the form is found again as it is."""
        return urlencode(self.changed | ({"name": self.name} if self.name != USUAL_NAME else {}))

    @property
    def command(self) -> str:
        """What does the same on the command line."""
        words = ["fittingroom", "data", "synthesize", "--name", self.name]
        for name, text in self.changed.items():
            words += [f"--{name}", text] if name in OPTIONS else ["--set", f"{name}={text}"]
        return shlex.join(words)


@dataclass(frozen=True)
class Drawable:
    """What a recipe would draw, or why it cannot."""

    recipe: Recipe | None
    parts: Sequence[Part] = ()
    left_out: Sequence[str] = ()
    """Fonts that cannot be used, with the reasons."""
    faults: Sequence[Fault] = ()
    problem: str = ""

    @classmethod
    def of(cls, typed: Typed) -> Drawable:
        """Looks through the fonts of this machine, which takes a moment the first time."""
        try:
            recipe = typed.recipe()
        except InvalidSpec as error:
            return cls(None, faults=error.faults)
        try:
            fonts = find_fonts(recipe.fonts, recipe.system_fonts, recipe.characters)
        except FittingRoomError as error:
            return cls(None, problem=str(error))
        return cls(recipe, divide(recipe, fonts), fonts.left_out)

    @property
    def rows(self) -> int:
        """Characters on the sheet."""
        return min(len(self.recipe.characters), ROWS) if self.recipe else 0


def _usual() -> dict[str, Any]:
    plain = dataclasses.asdict(Recipe())
    return {name: plain[name] for name in NAMES}


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _read(name: str, text: str) -> Any:
    """A number where one is wanted and typed; else the text, which the recipe tells what is wrong with."""
    if isinstance(_usual()[name], str):
        return text
    if NUMBER.fullmatch(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text
