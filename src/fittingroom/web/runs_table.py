"""The table of runs: what is asked of it by its address, and the rows that answer."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from fittingroom.errors import InvalidInput
from fittingroom.spec.differences import differences_of, is_stack, told
from fittingroom.spec.run import from_plain
from fittingroom.spec.settings import Settings, settings_of, value_at
from fittingroom.store import RunSummary
from fittingroom.store.names import slug_of
from fittingroom.web.sheets import whole_number

PER_PAGE = 100
MOST_VALUES = 30
"""Values of one setting that are offered to choose from."""
LONGEST_TEXT = 200
MOST_CHOICES = 20


@dataclass(frozen=True)
class Column:
    """One column: what it is sorted by, and which way first."""

    name: str
    label: str
    key: Callable[[RunSummary], Any]
    falling: bool = False
    """Whether the first click sorts the largest first."""
    number: bool = False


def natural(text: str) -> list[tuple[int, float, str]]:
    """``mlp-2`` before ``mlp-10``, ``0.05`` before ``0.1``."""
    parts = re.findall(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?|\D+", text.casefold())
    return [(0, float(part), "") if part[0].isdecimal() else (1, 0.0, part) for part in parts]


COLUMNS = (
    Column("run", "Run", lambda run: natural(run.name if is_renamed(run) else run.id)),
    Column("state", "State", lambda run: run.state),
    Column("data", "Data", lambda run: run.data and natural(run.data)),
    Column("accuracy", "Accuracy", lambda run: run.validation_accuracy, falling=True, number=True),
    Column("loss", "Loss", lambda run: run.validation_loss, number=True),
    Column("best", "Best epoch", lambda run: run.best_epoch, number=True),
    Column("time", "Time", lambda run: run.train_seconds, number=True),
    Column("parameters", "Parameters", lambda run: run.parameters, number=True),
    Column("created", "Created", lambda run: run.created, falling=True),
)
DIFFERS = "differs"
"""The last column, which depends on the other runs; it is sorted by its words."""


@dataclass(frozen=True)
class Wish:
    """What of the runs is to be shown, and in which order; an address says all of it."""

    text: str = ""
    state: str = ""
    data: str = ""
    tags: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    """Settings that the runs have in common, as ``PATH=VALUE``; see ``value_at``."""
    sort: str = "created"
    falling: bool = True
    page: int = 1

    @classmethod
    def read(cls, query: QueryParams) -> Wish:
        """From an address; what makes no sense in it is left aside."""
        sort = query.get("sort", "-created")
        known = sort.removeprefix("-") in {DIFFERS, *(column.name for column in COLUMNS)}
        return cls(
            text=query.get("q", "").strip()[:LONGEST_TEXT],
            state=query.get("state", ""),
            data=query.get("data", ""),
            tags=_each(query.getlist("tag")),
            where=_each([*query.getlist("where"), *query.getlist("also")]),
            sort=sort.removeprefix("-") if known else "created",
            falling=sort.startswith("-") if known else True,
            page=whole_number(query, "page", default=1, least=1, most=10**6),
        )

    @property
    def query(self) -> str:
        """Itself as the query of an address, without what is usual."""
        sort = f"{'-' * self.falling}{self.sort}"
        said = [("q", self.text), ("state", self.state), ("data", self.data)]
        said += [("tag", tag) for tag in self.tags] + [("where", each) for each in self.where]
        said += [("sort", sort if sort != "-created" else ""), ("page", str(self.page) if self.page > 1 else "")]
        return urlencode([(name, value) for name, value in said if value])

    @property
    def filters(self) -> bool:
        """Whether runs may be left out."""
        return bool(self.text or self.state or self.data or self.tags or self.where)

    def address(self, *more: tuple[str, str], **changes: Any) -> str:
        """The address of the table with something changed, from its first page on unless that is changed too."""
        query = replace(self, **{"page": 1, **changes}).query
        extra = urlencode(more)
        return f"/runs{'?' * bool(query or extra)}{query}{'&' * bool(query and extra)}{extra}"

    def sorted_by(self, name: str) -> str:
        """The address with the table sorted by a column, or turned round where it is already."""
        first = next((column.falling for column in COLUMNS if column.name == name), False)
        return self.address(sort=name, falling=not self.falling if name == self.sort else first)

    def without(self, which: str, value: str) -> str:
        """The address without one of the chosen tags or settings."""
        return self.address(**{which: tuple(each for each in getattr(self, which) if each != value)})

    def takes(self, run: RunSummary) -> bool:
        """Whether a run is wanted by all but its settings."""
        words = " ".join([run.id, run.name, run.data or "", *run.tags, run.note]).casefold()
        return (
            all(word in words for word in self.text.casefold().split())
            and self.state in {"", run.state}
            and self.data in {"", run.data}
            and set(self.tags) <= set(run.tags)
        )


def _each(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))[:MOST_CHOICES]


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
    run: RunSummary
    differing: Sequence[Difference]


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
    ordered = _sorted(kept, wish, differing)
    pages = max(-(-len(ordered) // PER_PAGE), 1)
    page = min(wish.page, pages)
    here = ordered[(page - 1) * PER_PAGE : page * PER_PAGE]
    return Table(
        rows=[Row(run, _differences(differing[run.id], settings[run.id], wish)) for run in here],
        shown=len(kept),
        of=len(runs),
        page=page,
        pages=pages,
        states=sorted({run.state for run in runs}),
        data=sorted({run.data for run in runs if run.data}, key=natural),
        choices=_choices(differing, settings),
        chosen=_in_words(wish.where, base, settings),
    )


def is_renamed(run: RunSummary) -> bool:
    """Whether the name says more than the id, which was made from the first name."""
    return slug_of(run.name) != run.id.rpartition("-")[0]


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


def _differences(differing: Mapping[str, str], settings: Settings, wish: Wish) -> list[Difference]:
    """Each setting in words, with the address that keeps only the runs that have it too."""
    here = wish.address()
    before = f"{here}{'&' if '?' in here else '?'}"
    return [
        Difference(words, before + urlencode({"where": _where(path, text, settings)}))
        for (path, text), words in zip(differing.items(), told(differing), strict=True)
    ]


def _where(path: str, text: str, settings: Settings) -> str:
    """What keeps the runs that have this in common, whatever other runs are shown."""
    return f"{path}={value_at(settings, path) if is_stack(path) else text}"


def _choices(
    differing: Mapping[str, Mapping[str, str]], settings: Mapping[str, Settings]
) -> dict[str, Sequence[Choice]]:
    """The values of every setting in which the shown runs differ, the most frequent of them."""
    counts: dict[str, Counter[tuple[str, str]]] = {}
    for run, own in differing.items():
        for path, text in own.items():
            counts.setdefault(path, Counter())[_where(path, text, settings[run]), text] += 1
    return {
        path: sorted(
            (Choice(where, text, runs) for (where, text), runs in counter.most_common(MOST_VALUES)),
            key=lambda choice: natural(choice.text),
        )
        for path, counter in counts.items()
    }


def _in_words(chosen: Sequence[str], runs: Sequence[RunSummary], settings: Mapping[str, Settings]) -> dict[str, str]:
    """The chosen settings as they read among the runs that they were chosen from."""
    among = differences_of({run.id: settings[run.id] for run in runs}) if chosen else {}
    said = {}
    for where in chosen:
        path, _, value = where.partition("=")
        texts = (own[path] for run, own in among.items() if path in own and value_at(settings[run], path) == value)
        said[where] = told({path: next(texts, "layers that no run has" if is_stack(path) else value)})[0]
    return said
