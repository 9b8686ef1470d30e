"""Every form in which people bring labelled images, and which of them a path is.

The command line and the page know formats by this list alone: a new one is a module with ``read`` and ``preview``, and
one more entry here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fittingroom.data import folder, pictures
from fittingroom.data.incoming import Incoming, Preview, Progress
from fittingroom.data.naming import shown
from fittingroom.data.wanted import Size, Wanted
from fittingroom.errors import InvalidData, InvalidInput


@dataclass(frozen=True)
class Format:
    """One form of labelled images, and what reads it."""

    name: str
    """For people: "folder of images"."""
    suffixes: tuple[str, ...]
    """Of a file that is a data set by itself, such as ".npz"; none for a folder."""
    members: frozenset[str]
    """Suffixes of the files that count inside a folder; none for a file."""
    layout: str
    """How it should look, as people would draw it."""
    about: str
    """What else is good to know, in a sentence or two."""
    preview: Callable[[Path, Wanted, Progress], Preview]
    """What ``read`` would make of it; nothing is written."""
    read: Callable[[Path, Wanted], Incoming]

    @property
    def is_folder(self) -> bool:
        return not self.suffixes

    def fits(self, path: Path) -> bool:
        """Whether a path looks like this, by its kind and name alone."""
        return path.is_dir() if self.is_folder else path.is_file() and path.name.lower().endswith(self.suffixes)


FOLDER = Format(
    name="folder of images",
    suffixes=(),
    members=pictures.SUFFIXES,
    layout=(
        "fruit/\n  apple/   1.png  2.png  …\n  pear/    1.png  2.png  …\n\n"
        "or with a test part of its own:\n\n"
        "fruit/\n  train/   apple/  pear/\n  test/    apple/  pear/"
    ),
    about=(
        "One folder of images for each class: PNG, JPEG, BMP, GIF, WebP and TIFF. A folder named val or validation "
        "joins the training images; Fitting Room holds out validation images itself."
    ),
    preview=folder.preview,
    read=folder.read,
)
FORMATS: tuple[Format, ...] = (FOLDER,)


def format_of(path: Path) -> Format:
    """The form that an existing path has; raises InvalidData, naming those that can be read."""
    found = next((form for form in FORMATS if form.fits(path)), None)
    if found is None:
        raise InvalidData(f"{shown(path)} is nothing that can be read; what can be: {', '.join(map(_named, FORMATS))}")
    return found


def file_suffixes() -> tuple[str, ...]:
    """Of files that are data sets by themselves."""
    return tuple(suffix for form in FORMATS for suffix in form.suffixes)


def member_suffixes() -> tuple[str, ...]:
    """Of files that count inside a folder, in alphabetical order."""
    return tuple(sorted({suffix for form in FORMATS for suffix in form.members}))


def stem(path: Path) -> str:
    """The name of a folder, or of a file without the suffix that tells its format."""
    suffix = next((suffix for suffix in file_suffixes() if path.name.lower().endswith(suffix)), "")
    return path.name[: len(path.name) - len(suffix)]


def parse_size(text: str) -> Size | None:
    """``64x48`` -> (64, 48), height first; ``64`` for both; None for nothing. Raises InvalidInput."""
    if not text.strip():
        return None
    sides: Sequence[str] = re.split(r"\s*[x×*]\s*", text.strip().lower())
    if len(sides) > 2 or not all(re.fullmatch(r"[0-9]{1,5}", side) for side in sides):
        raise InvalidInput(f'"{text}" is no size; give height and width in pixels, such as 64x64')
    return int(sides[0]), int(sides[-1])


def _named(form: Format) -> str:
    return f"{form.name} ({', '.join(form.suffixes)})" if form.suffixes else form.name
