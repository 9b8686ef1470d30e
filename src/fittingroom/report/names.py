"""Names for a width: cut only so far that different ones read differently."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from fittingroom.report.svg import cut, width_of

Words = list[str]


@dataclass(frozen=True)
class Fitted:
    """Names as they fit into a width."""

    texts: list[str]
    shared: str = ""
    """What was left out of each, around the rest: ``learning rate …, … dropout``."""

    @property
    def notes(self) -> list[str]:
        """For a legend, so that no value stands there bare."""
        return [f"names: {self.shared}"] if self.shared else []


def distinct(names: Sequence[str], room: float) -> list[str]:
    """The texts of ``fitted``."""
    return fitted(names, room).texts


def fitted(names: Sequence[str], room: float) -> Fitted:
    """Each name as it fits into a width, in order: whole, without what all share, cut, or with its number before it.

    Different names are different here, too, where there is room for the numbers.
    """
    tries = [Fitted(list(names)), _without_shared(names, ends=False), _without_shared(names, ends=True)]
    for found in tries:
        if _apart(found.texts, names) and all(width_of(each) <= room + 0.01 for each in found.texts):
            return found
    for found in tries:
        texts = [cut(each, room) for each in found.texts]
        if _apart(texts, names):
            return replace(found, texts=texts)
    return Fitted([cut(f"{number + 1} · {name}", room) for number, name in enumerate(names)])


def _apart(found: Sequence[str], names: Sequence[str]) -> bool:
    return len(set(found)) == len(set(names))


def _without_shared(names: Sequence[str], *, ends: bool) -> Fitted:
    """Without the words with which a part of each name begins, and with ``ends`` also with which it ends.

    ``learning rate 0.1, with dropout`` and ``learning rate 0.2, without dropout``: ``0.1, with`` and ``0.2, without``.
    """
    parts = [name.split(", ") for name in names]
    if len(set(names)) < 2 or len({len(each) for each in parts}) > 1:
        return Fitted(list(names))
    columns = [[part.split(" ") for part in column] for column in zip(*parts, strict=True)]
    kept: list[list[str]] = []
    shared: list[str] = []
    for column in columns:
        if all(each == column[0] for each in column):
            shared.append(" ".join(column[0]))
            continue
        first, last = _shared_ends(column, ends=ends)
        kept.append([" ".join(words[first : len(words) - last]) for words in column])
        shared.append(" ".join([*column[0][:first], "…", *column[0][len(column[0]) - last :]]))
    texts = [", ".join(row) for row in zip(*kept, strict=True)]
    return Fitted(texts, "" if texts == list(names) else ", ".join(shared))


def _shared_ends(column: Sequence[Words], *, ends: bool) -> tuple[int, int]:
    """How many words all begin with, and with ``ends`` all end with; at least one word of each is left."""
    first = _shared(column, lambda words: words)
    return first, _shared([words[first:] for words in column], lambda words: words[::-1]) if ends else 0


def _shared(column: Sequence[Words], order: Callable[[Words], Words]) -> int:
    """How many words all begin with, in an order."""
    pairs = takewhile(lambda each: len(set(each)) == 1, zip(*map(order, column), strict=False))
    return min(len(list(pairs)), min(len(words) for words in column) - 1)
