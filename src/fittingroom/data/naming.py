"""Names of files and classes: how they are printed, ordered, told a few at a time, and what is odd about them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePath

TOLD = 10
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, which could command a terminal, and those that turn the direction of what follows."""


def shown(path: PurePath) -> str:
    """A path or file name as text that can be printed anywhere, whatever bytes it has."""
    return printable(str(path))


def printable(text: str) -> str:
    """Text with what cannot be printed spelled out: ``\\x1b`` in place of the character Escape."""
    return _UNPRINTABLE.sub(_spelled, text)


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte of a file name that is no text
        return f"\\x{code - 0xDC00:02x}"
    return found[0].encode("unicode_escape").decode()


def natural(name: str) -> tuple[list[tuple[str, int]], str]:
    """Sorts "img2" before "img10", and upper case with lower case."""
    pieces = re.findall(r"([^0-9]*)([0-9]*)", name)
    return [(text.casefold(), int(digits or -1)) for text, digits in pieces], name


def first(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    return ", ".join(names[:TOLD]) + (f" and {len(names) - TOLD:,} more" if len(names) > TOLD else "")


def class_problems(names: Sequence[str]) -> Iterator[str]:
    """What is odd about the names of classes, in words; the import takes them as they are."""
    for one, other in _same(names, str.casefold):
        yield f'classes "{one}" and "{other}" differ in upper and lower case only'
    for one, other in _same(names, lambda name: unicodedata.normalize("NFKC", name)):
        yield f'classes "{one}" and "{other}" look alike: they are written with different Unicode characters'
    blank = [f'"{name}"' for name in names if name != name.strip()]
    if blank:
        yield f"class names that begin or end with a blank: {first(blank)}"
    escaped = [f'"{name}"' for name in names if re.search(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4})", name)]
    if escaped:
        yield f"class names with characters that cannot be printed, which are spelled out: {first(escaped)}"


def file_problems(folder: str, files: Iterable[PurePath]) -> Iterator[str]:
    """What is odd about the names of the files in one folder, in words."""
    for one, other in _same([file.name for file in files], str.casefold):
        one, other = shown(PurePath(folder, one)), shown(PurePath(folder, other))
        yield f"files {one} and {other} differ in upper and lower case only"


def _same(names: Iterable[str], seen_as: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Pairs of different names that are the same when seen so."""
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(seen_as(name), name)
        if other != name:
            yield other, name
