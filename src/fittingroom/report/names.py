"""Names for a width: cut only so far that different ones read differently."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile

from fittingroom.report.svg import cut, width_of

Words = list[str]


def distinct(names: Sequence[str], room: float) -> list[str]:
    """Each name as it fits into a width, in order: whole, without what all share, cut, or with its number before it.

    Different names are different here, too, where there is room for the numbers.
    """
    tries = [list(names), _without_shared(names, ends=False), _without_shared(names, ends=True)]
    for found in tries:
        if _apart(found, names) and all(width_of(each) <= room + 0.01 for each in found):
            return found
    for found in ([cut(each, room) for each in each_try] for each_try in tries):
        if _apart(found, names):
            return found
    return [cut(f"{number + 1} · {name}", room) for number, name in enumerate(names)]


def _apart(found: Sequence[str], names: Sequence[str]) -> bool:
    return len(set(found)) == len(set(names))


def _without_shared(names: Sequence[str], *, ends: bool) -> list[str]:
    """Without the words with which a part of each name begins, and with ``ends`` also with which it ends.

    ``learning rate 0.1, with dropout`` and ``learning rate 0.2, without dropout``: ``0.1, with`` and ``0.2, without``.
    """
    parts = [name.split(", ") for name in names]
    if len(set(names)) < 2 or len({len(each) for each in parts}) > 1:
        return list(names)
    columns = [[part.split(" ") for part in column] for column in zip(*parts, strict=True)]
    kept = [_trimmed(column, ends=ends) for column in columns if any(each != column[0] for each in column)]
    return [", ".join(" ".join(each) for each in row) for row in zip(*kept, strict=True)]


def _trimmed(column: list[Words], *, ends: bool) -> list[Words]:
    """At least one word of each is left."""
    first = _shared(column, lambda words: words)
    column = [words[first:] for words in column]
    last = _shared(column, lambda words: words[::-1]) if ends else 0
    return [words[: len(words) - last] for words in column]


def _shared(column: Sequence[Words], order: Callable[[Words], Words]) -> int:
    """How many words all begin with, in an order."""
    pairs = takewhile(lambda each: len(set(each)) == 1, zip(*map(order, column), strict=False))
    return min(len(list(pairs)), min(len(words) for words in column) - 1)
