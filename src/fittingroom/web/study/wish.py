"""What is asked for in the form of a new study: an address says all of it, so a reload or a link loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.datastructures import FormData, QueryParams

from fittingroom.web.study.ranges import RangeWish
from fittingroom.web.study.variables import Variable

MOST_AXES = 6
LONGEST_TEXT = 2000
MOST_RUNS = 24
PLAIN = ("preset", "name", "question", "seeds", "measure", "target", "margin", "budget", "search", "trials", "draw",
         "prune")  # fmt: skip
MAY_BE_EMPTY = ("seeds", "margin", "target", "trials")
USUAL_SEEDS, USUAL_TRIALS = "3", "20"


@dataclass(frozen=True)
class AxisWish:
    """One axis: the path of a setting, those of the offered values that are ticked, and others that were typed."""

    path: str = ""
    ticked: tuple[str, ...] = ()
    more: str = ""
    ranged: bool = False
    """Whether a range stands in place of the values, which are remembered beside it."""
    range: RangeWish | None = None
    """None until one was asked for."""


@dataclass(frozen=True)
class Wish:
    """A study in the making, as text."""

    axes: tuple[AxisWish, ...] = ()
    run: str = ""
    """What it begins from: a run, or else a preset, or else what is set up in Train."""
    others: tuple[str, ...] = ()
    """Runs that are arms beside it, each with all its settings."""
    preset: str = ""
    name: str = ""
    """Empty for one that is made from what varies."""
    question: str = ""
    seeds: str = USUAL_SEEDS
    measure: str = "validation_accuracy"
    target: str = ""
    margin: str = ""
    """Empty for the measure's own."""
    budget: str = ""
    search: str = ""
    """Which combinations are tried: ``random``, ``tpe``; empty for what suits the axes."""
    trials: str = USUAL_TRIALS
    draw: str = "0"
    """The seed of what a search draws."""
    prune: str = ""
    """Empty, or anything to end hopeless runs early."""

    @property
    def method(self) -> str:
        """How combinations are found; empty for all of them. A range has no end of values, so some are drawn."""
        return self.search or ("random" if self.ranged else "")

    @property
    def ranged(self) -> bool:
        return any(axis.ranged for axis in self.axes)

    @classmethod
    def read(cls, said: QueryParams | FormData, variables: Mapping[str, Variable]) -> Wish:
        """From an address or a form. An axis whose setting has just been chosen begins with the values that are
        ticked at first.
        """
        texts = {name: str(said[name]).strip()[:LONGEST_TEXT] for name in PLAIN if name in said}
        numbers = sorted({int(key[5:]) for key in said if key.startswith("axis-") and key[5:].isdecimal()})[:MOST_AXES]
        axes = [_axis(number, said, variables) for number in numbers if str(number) != said.get("drop")]
        if "add" in said and len(axes) < MOST_AXES:
            axes.append(AxisWish())
        runs = list(dict.fromkeys(str(run) for run in said.getlist("run") if run))[:MOST_RUNS]
        kept = {name: text for name, text in texts.items() if text or name in MAY_BE_EMPTY}
        return cls(tuple(axes) or (AxisWish(),), runs[0] if runs else "", tuple(runs[1:]), **kept)

    @property
    def query(self) -> str:
        """Itself as the query of an address, without what is usual."""
        usual = Wish()
        said = [("run", run) for run in (self.run, *self.others) if run]
        said += [(name, getattr(self, name)) for name in PLAIN if getattr(self, name) != getattr(usual, name)]
        for number, axis in enumerate(self.axes):
            said += [(f"axis-{number}", axis.path), (f"was-{number}", axis.path)] if axis.path else []
            said += [(f"value-{number}", text) for text in axis.ticked] if axis.path else []
            said += [(f"more-{number}", axis.more)] if axis.path and axis.more else []
            said += _range_said(number, axis) if axis.path else []
        return urlencode(said)

    @property
    def address(self) -> str:
        return f"/studies/new{'?' * bool(self.query)}{self.query}"


def _axis(number: int, said: QueryParams | FormData, variables: Mapping[str, Variable]) -> AxisWish:
    def texts(name: str) -> list[str]:
        return [str(text).strip()[:LONGEST_TEXT] for text in said.getlist(f"{name}-{number}")]

    path = next((path for path in texts("axis") if path), "")  # of the list, or of a button beside it
    variable = variables.get(path)
    if path != str(said.get(f"was-{number}", "")):
        return AxisWish(path, tuple(variable.ticked) if variable else ())
    ranged, first = bool(path) and texts("kind") == ["range"], variable.range if variable else None
    return AxisWish(path, tuple(dict.fromkeys(texts("value"))), "".join(texts("more")[:1]), ranged,
                    _range(texts, first) if texts("low") else (first or RangeWish()) if ranged else None)  # fmt: skip


def _range(texts: Callable[[str], list[str]], first: RangeWish | None) -> RangeWish:
    """What was typed; a setting that is a whole number has no other range."""
    low, high = ("".join(texts(end)[:1]) for end in ("low", "high"))
    return RangeWish(low, high, log=bool(texts("log")), whole=bool(texts("whole") or (first and first.whole)))


def _range_said(number: int, axis: AxisWish) -> list[tuple[str, str]]:
    said = [(f"kind-{number}", "range")] if axis.ranged else []
    if axis.range is not None:
        said += [(f"low-{number}", axis.range.low), (f"high-{number}", axis.range.high)]
        said += [(f"{name}-{number}", "1") for name in ("log", "whole") if getattr(axis.range, name)]
    return said
