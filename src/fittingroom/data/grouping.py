"""Which image files belong together, so that no split divides them: by folder, or by a pattern of their paths."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np
import regex
from numpy.typing import NDArray

from fittingroom.errors import InvalidData, InvalidInput

BY_FOLDER = "folder"
ALONE = -1
PATIENCE = 10.0
"""Seconds that a pattern may take for all files: some patterns try ever more ways, the longer a name is."""


def by_pattern(pattern: str, names: Sequence[str]) -> NDArray[np.int64]:
    """(N,): equal numbers for names in which the pattern's one (…) group found the same text; -1 where it found none.

    ``names``: paths of the files as people see them, with / between folders. Raises InvalidInput for a pattern that
    cannot be used, and InvalidData for names in which it is nowhere.
    """
    try:
        found = regex.compile(pattern)
    except regex.error as error:
        raise InvalidInput(f'groups = "{pattern}" is no regular expression: {error}; {_EXAMPLE}') from error
    if found.groups != 1:
        raise InvalidInput(
            f'groups = "{pattern}" has {found.groups} (…) groups and needs one, around what the images of a group have '
            f"in common; {_EXAMPLE}"
        )
    matches = list(_matches(found, names))
    missed = [name for name, match in zip(names, matches, strict=True) if match is None]
    if missed:
        how_many = "no file" if len(missed) == len(names) else f"{len(names) - len(missed):,} of {len(names):,} files"
        raise InvalidData(
            f'groups = "{pattern}" is found in {how_many}, and not in {missed[0]}; mend the pattern, or let it match '
            "without its (…) group, as (…)? does, where an image belongs to no other"
        )
    return numbered([match and match.group(1) for match in matches])


def _matches(found: regex.Pattern[str], names: Sequence[str]) -> Iterator[regex.Match[str] | None]:
    """Of each name; other threads go on meanwhile. Raises InvalidInput when it takes too long."""
    end = time.monotonic() + PATIENCE
    for name in names:
        try:
            yield found.search(name, timeout=max(end - time.monotonic(), 0.001), concurrent=True)
        except TimeoutError:
            raise InvalidInput(
                f'groups = "{found.pattern}" is not found in {name} within {PATIENCE:g} s, because it can match in too '
                f"many ways; leave out repetitions of repetitions, such as (?:a+)+; {_EXAMPLE}"
            ) from None


def by_folder(folders: Sequence[str | None], names: Sequence[str]) -> NDArray[np.int64]:
    """(N,): equal numbers for files in folders of one name, whatever the class and the part; -1 for files in none.

    ``names``: of the files, as an example. Raises InvalidData where no file lies in such a folder.
    """
    if not any(folders):
        raise InvalidData(
            f'groups = "{BY_FOLDER}", but no image lies in a folder below that of its class ({names[0]} does not); put '
            f"images that belong together into CLASS/GROUP/IMAGE, or give a pattern of the files' names: {_EXAMPLE}"
        )
    return numbered(folders)


def numbered(texts: Sequence[str | None]) -> NDArray[np.int64]:
    """(N,): the same number for the same text, in the order in which they come; -1 for None."""
    numbers: dict[str, int] = {}
    return np.array([ALONE if text is None else numbers.setdefault(text, len(numbers)) for text in texts], np.int64)


def told(groups: NDArray[np.int64], pattern: str) -> str:
    """What was found, in words."""
    alone, found = int((groups == ALONE).sum()), len(np.unique(groups[groups != ALONE]))
    how = "by folder" if pattern == BY_FOLDER else f'by "{pattern}"'
    return f"{found:,} groups of images {how}" + (f", and {alone:,} images that are alone" if alone else "")


_EXAMPLE = r'for files such as film07_frame012.png give "(film\d+)_"'
