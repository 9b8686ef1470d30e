"""What is asked of the table of runs: which of them, in which order, which page; an address says all of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from fittingroom.store import RunSummary
from fittingroom.store.names import slug_of
from fittingroom.web.sheets import whole_number

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


def is_renamed(run: RunSummary) -> bool:
    """Whether the name says more than the id, which was made from the first name."""
    return slug_of(run.name) != run.id.rpartition("-")[0]
