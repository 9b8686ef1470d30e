"""Which faces can draw the characters, family by family, and which are left out and why.

Left out are fonts without some of the characters, and symbol fonts, which have something else in their places: whose
characters mostly look like other ones than those they should be, compared with the middle of all fonts. Families
whose characters look the same are one family: "Liberation Sans" and "Arimo" are one design under two names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from fittingroom.data.synthetic.faces import Face, find_faces
from fittingroom.data.synthetic.masters import MISSING, drawn
from fittingroom.errors import InvalidData

FORM = 20
"""Height and width in which characters are compared."""
SAME_DESIGN = 0.95
"""Mean correlation of all characters from which on two faces are one design. Beside each other: Liberation Sans and
its Narrow 0.97, DejaVu Sans and its Mono 0.97, DejaVu Sans and Liberation Sans 0.88."""
FAMILIES = 3
"""One for each of training, validation and test, at least."""
TOLD = 5

Forms = NDArray[np.float32]
"""(characters, FORM × FORM): each without its mean, and of length 1."""


@dataclass(frozen=True)
class Family:
    """Faces that are drawn after one design."""

    name: str
    faces: tuple[Face, ...]


@dataclass(frozen=True)
class Fonts:
    """What can be drawn with, and what cannot."""

    families: tuple[Family, ...]
    """In alphabetical order."""
    left_out: tuple[str, ...]
    """Faces and files, each with the reason."""


@lru_cache(maxsize=8)
def find_fonts(folders: tuple[str, ...], system: bool, characters: str) -> Fonts:
    """Every family that has all ``characters``; raises InvalidData when there are too few, and NotFound."""
    if not features.check("freetype2"):
        raise InvalidData("this Pillow was built without FreeType and draws no fonts; install Pillow from PyPI")
    faces, left_out = find_faces(folders, system=system)
    forms: dict[Face, Forms] = {}
    for face in faces:
        try:
            forms[face] = _forms(face, characters)
        except _Unfit as unfit:
            left_out.append(f"{face.title} {unfit}")
    for face in _symbol_fonts(forms):
        del forms[face]
        left_out.append(f"{face.title} is a symbol font: it has something else in place of most of them")
    families = _families(forms)
    if len(families) < FAMILIES:
        raise InvalidData(_too_few(families, left_out, characters))
    return Fonts(families, tuple(left_out))


class _Unfit(Exception):
    """Why a face cannot be used: the second half of a sentence that begins with its name."""


def _forms(face: Face, characters: str) -> Forms:
    try:
        pictures = [drawn(face, character, 64) for character in characters]
        box = drawn(face, MISSING, 64)
    except OSError as error:
        raise _Unfit(f"cannot be drawn: {error}") from None
    missing = [
        character
        for character, picture in zip(characters, pictures, strict=True)
        if picture is None or (box is not None and np.array_equal(picture, box))
    ]
    if missing:
        raise _Unfit(f"lacks {''.join(missing[:TOLD])}{'…' if len(missing) > TOLD else ''}")
    return np.stack([_form(picture) for picture in pictures if picture is not None])


def _form(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = Image.fromarray(picture).resize((FORM, FORM), Image.Resampling.BOX)
    form = np.asarray(small, np.float32).ravel()
    form = form - form.mean()
    normal: NDArray[np.float32] = form / max(float(np.linalg.norm(form)), 1e-3)
    return normal


def _symbol_fonts(forms: dict[Face, Forms]) -> list[Face]:
    """Faces with at most half of their characters nearest to what all faces together make of them."""
    if not forms:
        return []
    middle: Forms = np.median(np.stack(list(forms.values())), axis=0)
    middle /= np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-3)
    own = np.arange(len(middle))
    return [face for face, form in forms.items() if ((form @ middle.T).argmax(axis=1) == own).mean() <= 0.5]


def _families(forms: dict[Face, Forms]) -> tuple[Family, ...]:
    """Faces by family; a family that looks like an earlier one joins it."""
    by_name: dict[str, list[Face]] = {}
    for face in forms:
        by_name.setdefault(face.family, []).append(face)
    designs: dict[str, NDArray[np.float32]] = {}
    joined: dict[str, list[str]] = {}
    for name in sorted(by_name):
        mine = np.stack([forms[face].ravel() for face in by_name[name]])
        same = next((leader for leader, their in designs.items() if _likeness(mine, their, forms) >= SAME_DESIGN), None)
        if same is None:
            designs[name] = mine
        joined.setdefault(same or name, []).append(name)
    return tuple(
        Family(" / ".join(names), tuple(face for name in names for face in by_name[name])) for names in joined.values()
    )


def _likeness(mine: Forms, their: Forms, forms: dict[Face, Forms]) -> float:
    """Of the two most similar faces: (faces, characters × pixels) each."""
    characters = len(next(iter(forms.values())))
    return float((mine @ their.T).max()) / characters


def _too_few(families: Iterable[Family], left_out: list[str], characters: str) -> str:
    names = [family.name for family in families]
    found = f"only {len(names)}: {', '.join(names)}" if names else "none"
    reasons = "".join(f"\n  left out: {reason}" for reason in left_out[:TOLD])
    more = f"\n  … and {len(left_out) - TOLD:,} more" if len(left_out) > TOLD else ""
    return (
        f'of fonts with all of "{characters}", at least {FAMILIES} families are needed, one each for training, '
        f"validation and test, and there is {found}; install matplotlib (pip install matplotlib) or fonts of the "
        "system (on Debian and Ubuntu: apt install fonts-dejavu fonts-liberation fonts-freefont-ttf), or give a folder "
        f"of .ttf or .otf files with --fonts{reasons}{more}"
    )
