"""Names of files and classes: how they are printed, ordered, and told a few at a time."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import PurePath

TOLD = 10


def shown(path: PurePath) -> str:
    """A path or file name as text that can be printed anywhere, whatever bytes it has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def natural(name: str) -> tuple[list[tuple[str, int]], str]:
    """Sorts "img2" before "img10", and upper case with lower case."""
    pieces = re.findall(r"([^0-9]*)([0-9]*)", name)
    return [(text.casefold(), int(digits or -1)) for text, digits in pieces], name


def first(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    return ", ".join(names[:TOLD]) + (f" and {len(names) - TOLD:,} more" if len(names) > TOLD else "")
