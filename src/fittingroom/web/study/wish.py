"""What is asked for in the form of a new study: an address says all of it, so a reload or a link loses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.datastructures import FormData, QueryParams

from fittingroom.web.study.variables import Variable

MOST_AXES = 6
LONGEST_TEXT = 2000
MOST_RUNS = 24
PLAIN = ("preset", "name", "question", "seeds", "measure", "target", "margin")
USUAL_SEEDS = "3"


@dataclass(frozen=True)
class AxisWish:
    """One axis: the path of a setting, those of the offered values that are ticked, and others that were typed."""

    path: str = ""
    ticked: tuple[str, ...] = ()
    more: str = ""


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
        kept = {name: text for name, text in texts.items() if text or name in ("seeds", "margin", "target")}
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
        return urlencode(said)

    @property
    def address(self) -> str:
        return f"/studies/new{'?' * bool(self.query)}{self.query}"


def _axis(number: int, said: QueryParams | FormData, variables: Mapping[str, Variable]) -> AxisWish:
    paths = [str(path).strip()[:LONGEST_TEXT] for path in said.getlist(f"axis-{number}")]
    path = next((path for path in paths if path), "")  # of the list, or of a button beside it
    if path != str(said.get(f"was-{number}", "")):
        return AxisWish(path, tuple(variables[path].ticked) if path in variables else ())
    ticked = tuple(dict.fromkeys(str(text)[:LONGEST_TEXT] for text in said.getlist(f"value-{number}")))
    return AxisWish(path, ticked, str(said.get(f"more-{number}", "")).strip()[:LONGEST_TEXT])
