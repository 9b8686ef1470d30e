"""The font files of this machine: those of matplotlib, those of the system, and those in folders that people give."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from fittingroom.data.naming import shown
from fittingroom.errors import NotFound

SUFFIXES = frozenset({".ttf", ".otf", ".ttc", ".otc"})
COLLECTIONS = frozenset({".ttc", ".otc"})
MOST_IN_A_FILE = 32  # faces
PATIENCE = 10.0  # seconds for fontconfig's list

# What follows a family's name and only says which of its faces this is.
_OF_A_FACE = re.compile(
    r"[ _-]+(thin|hairline|extra|ultra|semi|demi|light|book|regular|normal|medium|bold|black|heavy|condensed|compressed"
    r"|narrow|extended|expanded|wide|italic|oblique|extralight|ultralight|semilight|semibold|demibold|extrabold"
    r"|ultrabold|semicondensed|extracondensed|ultracondensed)$",
    re.IGNORECASE,
)
_COMPUTER_MODERN = re.compile(r"cm(r|b|bx|ti|mi|sl)\d+")
"""The faces of Computer Modern Roman, each a "family" of its own in matplotlib's files."""


@dataclass(frozen=True, order=True)
class Face:
    """One face of a font: a file, and its place in a file with several."""

    family: str
    style: str
    path: Path
    index: int = 0

    @property
    def title(self) -> str:
        """For people: "DejaVu Sans Bold"."""
        return self.family if self.family.endswith(self.style) else f"{self.family} {self.style}"

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """The font in ``size`` pixels; OSError where the file cannot be read."""
        return ImageFont.truetype(str(self.path), size, self.index, layout_engine=ImageFont.Layout.BASIC)


def find_faces(folders: Iterable[str], *, system: bool) -> tuple[list[Face], list[str]]:
    """Every face, sorted; and the files that are no fonts, each with the reason.

    ``folders`` are looked through first, then, with ``system``, the fonts of matplotlib and of the system. Of faces
    with the same family and style the first is taken, for versions of one font differ little.
    """
    found: dict[tuple[str, str], Face] = {}
    bad: list[str] = []
    places = [_given(folder) for folder in folders] + (_system_folders() if system else [])
    for path in dict.fromkeys(file for place in places for file in _files(place)) | _of_fontconfig(system):
        try:
            for face in _faces_in(path):
                found.setdefault((face.family, face.style), face)
        except OSError as error:
            bad.append(f"{shown(path)} cannot be read as a font: {error}")
    return sorted(found.values()), bad


def family_of(name: str) -> str:
    """The family without what only says which of its faces it is: "DejaVu Sans Condensed" is of "DejaVu Sans"."""
    if _COMPUTER_MODERN.fullmatch(name):
        return "Computer Modern Roman"
    shorter = _OF_A_FACE.sub("", name)
    return name if shorter == name else family_of(shorter)


def _faces_in(path: Path) -> Iterator[Face]:
    for index in range(MOST_IN_A_FILE if path.suffix.lower() in COLLECTIONS else 1):
        try:
            name, style = ImageFont.truetype(str(path), 16, index).getname()
        except OSError:
            if index:  # the collection ends here
                return
            raise
        family = family_of(name or path.stem)
        yield Face(family, f"{(name or path.stem).removeprefix(family)} {style or ''}".strip(), path, index)


def _files(folder: Path) -> list[Path]:
    """Font files in a folder and below it, in alphabetical order; nothing that only has the name of one."""
    inside = (Path(place) / file for place, _, files in os.walk(folder) for file in files)
    return sorted(path for path in inside if path.suffix.lower() in SUFFIXES and path.is_file())


def _given(folder: str) -> Path:
    path = Path(os.path.expanduser(folder)).absolute()
    if not path.is_dir():
        raise NotFound(f"there is no folder of fonts {shown(path)}; give a folder with .ttf or .otf files")
    return path


def _system_folders() -> list[Path]:
    """Matplotlib's own fonts, then those that every program of this system finds."""
    matplotlib = importlib.util.find_spec("matplotlib")  # found, not imported
    own = [] if matplotlib is None or matplotlib.origin is None else [Path(matplotlib.origin).parent / "mpl-data/fonts"]
    home = Path(os.path.expanduser("~"))
    if sys.platform == "darwin":
        return [*own, Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData/Local"))
        return [*own, Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts", local / "Microsoft/Windows/Fonts"]
    shared = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts")]
    return [*own, *shared, home / ".fonts", home / ".local/share/fonts"]


@lru_cache(maxsize=1)
def _fontconfig() -> tuple[Path, ...]:
    try:
        listed = subprocess.run(
            ["fc-list", "--format", "%{file}\n"], capture_output=True, timeout=PATIENCE, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):  # not installed, or of no use here
        return ()
    files = (Path(os.fsdecode(line)) for line in listed.splitlines())
    return tuple(sorted({path for path in files if path.suffix.lower() in SUFFIXES}))


def _of_fontconfig(system: bool) -> dict[Path, None]:
    return dict.fromkeys(_fontconfig()) if system else {}
