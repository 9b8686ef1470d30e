"""The table of runs: the rows that answer a wish, in what each differs, and what else can be chosen."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import urlencode

from fittingroom.errors import InvalidInput
from fittingroom.spec.differences import differences_of, is_stack, told
from fittingroom.spec.run import from_plain
from fittingroom.spec.settings import Settings, settings_of, value_at
from fittingroom.store import RunSummary
from fittingroom.web.runs_wish import COLUMNS, DIFFERS, Wish, natural

PER_PAGE = 100
MOST_VALUES = 30
"""Values of one setting that are offered to choose from."""
TELLING = 4
"""Differences of a run that are seen at once."""
Counts: TypeAlias = Mapping[str, Mapping[str, tuple[str, int]]]
"""By the path of a setting, and by what chooses it: its value in words, and how many of the shown runs have it."""


@dataclass(frozen=True)
class Difference:
    """One setting of a run that not all have: in words, and the address of those that have it too."""

    words: str
    address: str


@dataclass(frozen=True)
class Choice:
    """One value of a setting that can be chosen."""

    where: str
    text: str
    runs: int


@dataclass(frozen=True)
class Row:
    """One run, and in what it differs from the other runs shown."""

    run: RunSummary
    telling: Sequence[Difference]
    """The settings that the fewest others have in common with it, in reading order."""
    more: Sequence[Difference]


@dataclass(frozen=True)
class Table:
    """What is shown: a page of the runs that were wished for, and what else could be."""

    rows: Sequence[Row]
    shown: int
    """Runs on all pages."""
    of: int
    """Runs that there are."""
    page: int
    pages: int
    states: Sequence[str]
    data: Sequence[str]
    choices: Mapping[str, Sequence[Choice]]
    """By the path of the setting."""
    chosen: Mapping[str, str]
    """The settings that were chosen, in words."""

    @property
    def first(self) -> int:
        return (self.page - 1) * PER_PAGE + 1


def read(wish: Wish, runs: Sequence[RunSummary], specs: Mapping[str, str]) -> Table:
    """The table of these runs, newest first, as it is wished for; ``specs`` are their stored texts."""
    settings = {run.id: _settings(specs.get(run.id, "")) for run in runs}
    base = [run for run in runs if wish.takes(run)]
    wanted = [each.partition("=") for each in wish.where]
    kept = [run for run in base if all(value_at(settings[run.id], path) == value for path, _, value in wanted)]
    differing = differences_of({run.id: settings[run.id] for run in kept})
    counts = _counts(differing, settings)
    ordered = _sorted(kept, wish, differing)
    pages = max(-(-len(ordered) // PER_PAGE), 1)
    page = min(wish.page, pages)
    here = ordered[(page - 1) * PER_PAGE : page * PER_PAGE]
    return Table(
        rows=[_row(run, differing[run.id], settings[run.id], counts, wish) for run in here],
        shown=len(kept),
        of=len(runs),
        page=page,
        pages=pages,
        states=sorted({run.state for run in runs}),
        data=sorted({run.data for run in runs if run.data}, key=natural),
        choices=_choices(counts),
        chosen=_in_words(wish.where, base, settings),
    )


def _sorted(runs: Sequence[RunSummary], wish: Wish, differing: Mapping[str, Mapping[str, str]]) -> list[RunSummary]:
    """In the order that is wished for, equals newest first; what has no value comes last, whichever way."""
    by = {column.name: column.key for column in COLUMNS}
    by[DIFFERS] = lambda run: natural(" ".join(told(differing[run.id])))
    keys = {run.id: by[wish.sort](run) for run in runs}
    there = [run for run in runs if not _missing(keys[run.id])]
    there.sort(key=lambda run: keys[run.id], reverse=wish.falling)
    return there + [run for run in runs if _missing(keys[run.id])]


def _missing(key: object) -> bool:
    return key is None or key == [] or (isinstance(key, float) and math.isnan(key))


@lru_cache(maxsize=2048)
def _settings(spec: str) -> Settings:
    """The settings of a stored spec; none of one that cannot be read, so that its run can be seen all the same."""
    try:
        return settings_of(from_plain(json.loads(spec)))
    except (InvalidInput, ValueError):
        return {}


def _row(run: RunSummary, differing: Mapping[str, str], settings: Settings, counts: Counts, wish: Wish) -> Row:
    """A run, each of its settings in words, with the address that keeps only the runs that have it too."""
    here = wish.address()
    before = f"{here}{'&' if '?' in here else '?'}"
    found, sharing = [], []
    for (path, text), words in zip(differing.items(), told(differing), strict=True):
        where = _where(path, text, settings)
        found.append(Difference(words, before + urlencode({"where": where})))
        sharing.append(counts[path][where][1])
    telling = set(sorted(range(len(found)), key=sharing.__getitem__)[:TELLING])
    first = [difference for index, difference in enumerate(found) if index in telling]
    return Row(run, first, [difference for index, difference in enumerate(found) if index not in telling])


def _where(path: str, text: str, settings: Settings) -> str:
    """What keeps the runs that have this in common, whatever other runs are shown."""
    return f"{path}={value_at(settings, path) if is_stack(path) else text}"


def _counts(differing: Mapping[str, Mapping[str, str]], settings: Mapping[str, Settings]) -> Counts:
    counts: dict[str, dict[str, tuple[str, int]]] = {}
    for run, own in differing.items():
        for path, text in own.items():
            where, of_path = _where(path, text, settings[run]), counts.setdefault(path, {})
            of_path[where] = text, of_path.get(where, (text, 0))[1] + 1
    return counts


def _choices(counts: Counts) -> dict[str, list[Choice]]:
    """The values of every setting in which the shown runs differ, the most frequent of them."""
    choices = {}
    for path, values in counts.items():
        found = [Choice(where, text, runs) for where, (text, runs) in values.items()]
        frequent = sorted(found, key=lambda choice: -choice.runs)[:MOST_VALUES]
        choices[path] = sorted(frequent, key=lambda choice: natural(choice.text))
    return choices


def _in_words(chosen: Sequence[str], runs: Sequence[RunSummary], settings: Mapping[str, Settings]) -> dict[str, str]:
    """The chosen settings as they read among the runs that they were chosen from."""
    among = differences_of({run.id: settings[run.id] for run in runs}) if chosen else {}
    said = {}
    for where in chosen:
        path, _, value = where.partition("=")
        texts = (own[path] for run, own in among.items() if path in own and value_at(settings[run], path) == value)
        said[where] = told({path: next(texts, "layers that no run has" if is_stack(path) else value)})[0]
    return said
