"""A study in the making: what a wish comes to, with every fault at the field that it is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fittingroom.data.dataset import Dataset
from fittingroom.data.stages import Split
from fittingroom.errors import Fault, InvalidInput, InvalidSpec
from fittingroom.queue.study_results import epochs_of
from fittingroom.spec.arms import arm_of
from fittingroom.spec.run import RunSpec, to_plain
from fittingroom.spec.study import Range, StudySpec, study_from_plain
from fittingroom.web.site import Site
from fittingroom.web.study.plan import MOST_TOLD, Check, Plan, plan_of
from fittingroom.web.study.ranges import RangeWish, read_range
from fittingroom.web.study.values import as_toml, number_of, values_of
from fittingroom.web.study.variables import Variable
from fittingroom.web.study.wish import AxisWish, Wish

FAULTS_OF_AN_AXIS = 3
FIELDS = {
    **{name: name for name in ("name", "question", "seeds", "measure", "target", "margin", "budget")},
    "search.method": "search",
    "search.trials": "trials",
    "search.seed": "draw",
}
"""The fields of the form, by the paths of faults."""


@dataclass(frozen=True)
class Axis:
    """One axis of the form."""

    wish: AxisWish
    variable: Variable | None
    """None where nothing is chosen yet, or a setting that is not offered."""
    values: Sequence[Any] = ()
    range: Range | None = None
    """In place of values; None also where it cannot be read."""
    problems: Sequence[str] = ()
    at_ends: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with the range: ``low`` and ``high`` -> the fault there."""

    @property
    def typed(self) -> list[str]:
        """Ticked values that the form does not offer: what was ticked for another base."""
        offered = {value.text for value in self.variable.offered} if self.variable else set()
        return [text for text in self.wish.ticked if text not in offered]

    @property
    def right(self) -> bool:
        return not self.problems and not self.at_ends

    @property
    def plain(self) -> Any:
        """As it stands in a study; None where it does not vary."""
        return to_plain(self.range) if self.range else list(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Making:
    """What a wish comes to."""

    base: RunSpec
    axes: Sequence[Axis]
    plan: Plan | None = None
    """None while there are faults in it."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """By the name of the field that they are about."""
    others: Sequence[str] = ()
    """What else keeps it from starting."""
    name: str = ""

    @property
    def begun(self) -> bool:
        """Whether anything is chosen that varies."""
        return any(axis.wish.path for axis in self.axes)

    @property
    def can_prune(self) -> bool:
        """Whether runs can be ended early: halves and quarters of their epochs are known beforehand."""
        return epochs_of(self.base) is not None

    @property
    def ready(self) -> bool:
        return self.plan is not None and not self.others


def make(
    wish: Wish,
    bases: Mapping[str, RunSpec],
    variables: Mapping[str, Variable],
    site: Site,
    check: Check,
    split: Split = Dataset.divide,
) -> Making:
    """Read a wish; opens the data of its arms. ``bases``: what it begins from, by name; each of several is an arm."""
    base = next(iter(bases.values()))
    axes = _once_each([_axis(each, base, variables) for each in wish.axes])
    chosen = [axis for axis in axes if axis.wish.path]
    name = wish.name or _name_of(bases, chosen)
    plain = {key: value for key, value in _plain(wish, bases, chosen, name).items() if value is not None}
    try:
        study = study_from_plain(plain, origin="this study")
    except InvalidSpec as error:
        told = {FIELDS[fault.path]: _in_field(fault, wish) for fault in error.faults if fault.path in FIELDS}
        apart = [str(fault) for fault in error.faults if fault.path not in FIELDS and not fault.path.startswith("vary")]
        return Making(base, axes, problems=told, others=apart, name=name)
    if not (chosen or len(bases) > 1) or not all(axis.right for axis in chosen):
        return Making(base, axes, name=name)
    try:
        plan = plan_of(study, site, check, split)
    except InvalidSpec as error:
        return Making(base, axes, others=_told(error.faults), name=name)
    except InvalidInput as error:
        return Making(base, axes, others=[str(error)], name=name)
    return Making(base, axes, plan, others=plan.problems, name=name)


def _plain(wish: Wish, bases: Mapping[str, RunSpec], axes: Sequence[Axis], name: str) -> dict[str, Any]:
    base = next(iter(bases.values()))
    by_hand = [{"name": run, "base": to_plain(spec)} for run, spec in bases.items()]
    prune = bool(wish.prune) and epochs_of(base) is not None
    search = {
        "method": wish.method,
        "trials": number_of(wish.trials) or 0,
        "seed": number_of(wish.draw),
        "prune": prune,
    }
    return {
        "name": name,
        "question": wish.question,
        "base": to_plain(base),
        "arms": by_hand if len(bases) > 1 else None,
        "vary": {axis.wish.path: axis.plain for axis in axes if axis.plain is not None},
        "seeds": number_of(wish.seeds) or 0,
        "measure": wish.measure,
        "margin": number_of(wish.margin),
        "target": _share(wish.target),
        "budget": wish.budget or None,
        "search": search if wish.method else None,
    }


def _in_field(fault: Fault, wish: Wish) -> str:
    """A fault by what was typed: a target stands there in percent, and nothing is no number."""
    if fault.path == "target" and isinstance(number_of(wish.target), int | float):
        return f'"{wish.target[:20]}" is no accuracy to reach; give a percentage above 0 and below 100, such as 88'
    if fault.path == "seeds" and not wish.seeds:
        return "is missing; give a whole number from 1"
    return f"{fault.message}; {fault.fix}"


def _share(text: str) -> Any:
    """``88`` and ``88 %`` are 0.88."""
    number = number_of(text)
    return number / 100 if isinstance(number, int | float) and (number > 1 or text.endswith("%")) else number


def _axis(wish: AxisWish, base: RunSpec, variables: Mapping[str, Variable]) -> Axis:
    """An axis with its values, or the ends of its range, each tried on the base alone."""
    variable = variables.get(wish.path)
    if not wish.path:
        return Axis(wish, None)
    if wish.ranged:
        found, at_ends = read_range(wish.range or RangeWish())
        ends = {"low": found.low, "high": found.high} if found else {}
        tried = {
            end: list(_faults_with(base, wish.path, round(value) if found and found.whole else value))
            for end, value in ends.items()
        }
        at_ends = {**at_ends, **{end: problems[0] for end, problems in tried.items() if problems}}
        return Axis(wish, variable, range=found, at_ends=at_ends)
    values = values_of([*wish.ticked, wish.more])
    problems = ["Choose two values or more."] if len(values) < 2 else []
    for value in values:
        problems += _faults_with(base, wish.path, value)
    return Axis(wish, variable, values, problems=list(dict.fromkeys(problems))[:FAULTS_OF_AN_AXIS])


def _once_each(axes: Sequence[Axis]) -> list[Axis]:
    """A setting that varies twice would lose the values of one axis without a word."""
    found: list[Axis] = []
    for axis in axes:
        again = axis.wish.path and axis.wish.path in {each.wish.path for each in found}
        told = ["This setting varies above already; give all of its values there."]
        found.append(replace(axis, problems=told) if again else axis)
    return found


def _faults_with(base: RunSpec, path: str, value: Any) -> Iterator[str]:
    """What is wrong with a value of a setting."""
    try:
        arm_of(StudySpec(base=base), {path: value})
    except InvalidSpec as error:
        yield from (f"{as_toml(value)}: {fault.message}; {fault.fix}" for fault in error.faults)
    except InvalidInput as error:
        yield str(error)


def _name_of(bases: Mapping[str, RunSpec], axes: Sequence[Axis]) -> str:
    """``activation, batch size of mlp``, ``mlp-1, cnn-1``."""
    base = next(iter(bases.values())).name if len(bases) == 1 else ", ".join(bases)
    labels = [axis.variable.label if axis.variable else axis.wish.path for axis in axes]
    short = [label.removesuffix(" of all layers that have one").removesuffix(", with and without") for label in labels]
    return (
        f"{', '.join(short)} of {base}"[:100] if short else base[:100] if len(bases) > 1 else f"study of {base}"[:100]
    )


def _told(problems: Sequence[Fault]) -> list[str]:
    return [f"{fault.message}; {fault.fix}" if fault.path == "vary" else str(fault) for fault in problems][:MOST_TOLD]
