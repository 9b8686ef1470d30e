"""A study in the making: what a wish comes to, with every fault at the field that it is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from fittingroom.data.dataset import Dataset
from fittingroom.data.facts import facts_of
from fittingroom.data.sources import load
from fittingroom.data.stages import Split
from fittingroom.errors import Fault, FittingRoomError, InvalidInput, InvalidSpec
from fittingroom.measure.study import MEASURES
from fittingroom.spec.arms import Arm, arm_of, arms, beyond_axes
from fittingroom.spec.data import DataSpec
from fittingroom.spec.faults import DataFacts, faults
from fittingroom.spec.network import summarize
from fittingroom.spec.run import RunSpec, to_plain
from fittingroom.spec.study import StudySpec, study_from_plain
from fittingroom.web.study.values import as_toml, values_of
from fittingroom.web.study.variables import Variable
from fittingroom.web.study.wish import AxisWish, Wish
from fittingroom.workspace import Workspace

MOST_TOLD = 3
"""Faults at one field."""
FIELDS = ("name", "question", "seeds", "measure", "target", "margin")


@dataclass(frozen=True)
class Axis:
    """One axis of the form."""

    wish: AxisWish
    variable: Variable | None
    """None where nothing is chosen yet, or a setting that is not offered."""
    values: Sequence[Any] = ()
    problems: Sequence[str] = ()

    @property
    def typed(self) -> list[str]:
        """Ticked values that the form does not offer: what was ticked for another base."""
        offered = {value.text for value in self.variable.offered} if self.variable else set()
        return [text for text in self.wish.ticked if text not in offered]


@dataclass(frozen=True)
class PlannedArm:
    """One arm before it is trained."""

    arm: Arm
    parameters: int | None


@dataclass(frozen=True)
class Making:
    """What a wish comes to."""

    base: RunSpec
    axes: Sequence[Axis]
    study: StudySpec | None = None
    """None while there are faults in it."""
    arms: Sequence[PlannedArm] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    """By the name of the field that they are about."""
    others: Sequence[str] = ()
    """What else keeps it from starting."""
    beyond: Sequence[str] = ()
    """In what the arms differ beside the axes."""
    name: str = ""

    @property
    def runs(self) -> int:
        return len(self.arms) * self.study.seeds if self.study else 0

    @property
    def begun(self) -> bool:
        """Whether anything is chosen that varies."""
        return any(axis.wish.path for axis in self.axes)

    @property
    def ready(self) -> bool:
        return (
            bool(self.arms) and not self.problems and not self.others and not any(axis.problems for axis in self.axes)
        )


def make(
    wish: Wish,
    bases: Mapping[str, RunSpec],
    variables: Mapping[str, Variable],
    workspace: Workspace,
    split: Split = Dataset.divide,
) -> Making:
    """Read a wish; opens the data of its arms. ``bases``: what it begins from, by name; each of several is an arm."""
    base = next(iter(bases.values()))
    axes = [_axis(each, base, variables) for each in wish.axes]
    chosen = [axis for axis in axes if axis.wish.path]
    name = wish.name or _name_of(bases, chosen)
    plain = {key: value for key, value in _plain(wish, bases, chosen, name).items() if value is not None}
    try:
        study = study_from_plain(plain, origin="this study")
    except InvalidSpec as error:
        told = {fault.path: f"{fault.message}; {fault.fix}" for fault in error.faults if fault.path in FIELDS}
        apart = [str(fault) for fault in error.faults if fault.path not in FIELDS and not fault.path.startswith("vary")]
        return Making(base, axes, problems=told, others=apart, name=name)
    if not (chosen or len(bases) > 1) or any(axis.problems for axis in chosen):
        return Making(base, axes, name=name)
    try:
        found = arms(study)
    except InvalidSpec as error:
        return Making(base, axes, others=_told(error.faults), name=name)
    planned, problems = _on_their_data(found, workspace, split)
    return Making(base, axes, study, planned, others=problems, beyond=beyond_axes(study, found), name=name)


def _plain(wish: Wish, bases: Mapping[str, RunSpec], axes: Sequence[Axis], name: str) -> dict[str, Any]:
    by_hand = [{"name": run, "base": to_plain(spec)} for run, spec in bases.items()]
    return {
        "name": name,
        "question": wish.question,
        "base": to_plain(next(iter(bases.values()))),
        "arms": by_hand if len(bases) > 1 else None,
        "vary": {axis.wish.path: list(axis.values) for axis in axes if len(axis.values) > 1},
        "seeds": _number(wish.seeds or "0"),
        "measure": wish.measure,
        "margin": _number(wish.margin),
        "target": _share(wish.target),
    }


def _number(text: str) -> Any:
    """A number where it is one; a comma may stand for the point. Anything else stays text, and is refused as that."""
    plain = text.replace(",", ".").removesuffix("%").strip()
    with suppress(ValueError):
        return int(plain)
    with suppress(ValueError):
        return float(plain)
    return text or None


def _share(text: str) -> Any:
    """``88`` and ``88 %`` are 0.88."""
    number = _number(text)
    return number / 100 if isinstance(number, int | float) and (number > 1 or text.endswith("%")) else number


def _axis(wish: AxisWish, base: RunSpec, variables: Mapping[str, Variable]) -> Axis:
    """An axis with its values, each tried on the base alone."""
    if not wish.path:
        return Axis(wish, None)
    values = values_of([*wish.ticked, wish.more])
    problems = ["Choose two values or more."] if len(values) < 2 else []
    for value in values:
        try:
            arm_of(StudySpec(base=base), {wish.path: value})
        except InvalidSpec as error:
            problems += [f"{as_toml(value)}: {fault.message}; {fault.fix}" for fault in error.faults]
        except InvalidInput as error:
            problems.append(str(error))
    return Axis(wish, variables.get(wish.path), values, list(dict.fromkeys(problems))[:MOST_TOLD])


def _name_of(bases: Mapping[str, RunSpec], axes: Sequence[Axis]) -> str:
    """``activation, batch size of mlp``, ``mlp-1, cnn-1``."""
    base = next(iter(bases.values())).name if len(bases) == 1 else ", ".join(bases)
    labels = [axis.variable.label if axis.variable else axis.wish.path for axis in axes]
    short = [label.removesuffix(" of all layers that have one").removesuffix(", with and without") for label in labels]
    return (
        f"{', '.join(short)} of {base}"[:100] if short else base[:100] if len(bases) > 1 else f"study of {base}"[:100]
    )


def _told(problems: Sequence[Fault]) -> list[str]:
    return [f"{fault.message}; {fault.fix}" if fault.path == "vary" else str(fault) for fault in problems][
        : 2 * MOST_TOLD
    ]


def _on_their_data(found: Sequence[Arm], workspace: Workspace, split: Split) -> tuple[list[PlannedArm], list[str]]:
    """The arms with their parameters, and what is wrong with each on its data."""
    known: dict[DataSpec, DataFacts] = {}
    planned, problems = [], []
    for arm in found:
        data = arm.spec.data
        try:
            if data not in known:
                known[data] = _facts(data, workspace, split)
        except FittingRoomError as error:
            return [PlannedArm(each, None) for each in found], [str(error)]
        facts = known[data]
        summary = summarize(arm.spec.network, facts.shape, facts.classes, arm.spec.train.freeze_up_to)
        wrong = faults(arm.spec, facts)
        planned.append(PlannedArm(arm, None if summary.faults else summary.parameters))
        problems += [f"{arm.name}: {fault.message}; {fault.fix}" for fault in wrong]
    return planned, list(dict.fromkeys(problems))[: 2 * MOST_TOLD]


def _facts(data: DataSpec, workspace: Workspace, split: Split) -> DataFacts:
    opened = load(data.source, workspace)
    return facts_of(opened, split(opened, data.division))


def in_short(spec: RunSpec) -> Iterator[tuple[str, str]]:
    """A run in a few lines: what, and how."""
    layers = [" ".join(map(str, _chief(layer))) for layer in spec.network]
    yield "Data", spec.data.source
    yield "Augmented", ", ".join(operation.kind.replace("_", " ") for operation in spec.augment) or "not"
    yield "Network", ", ".join(layers)
    train = spec.train
    length = train.budget or f"{train.epochs} epoch{'s' * (train.epochs != 1)}{' at most' if train.early_stop else ''}"
    rate = f"{train.optimizer.name} {train.optimizer.learning_rate:g}"
    yield "Training", f"{length}, batches of {train.batch_size}, {rate}, {train.schedule.name.replace('_', ' ')}"
    if spec.start:
        yield "Begins with", f"the weights of {spec.start.source}"


def _chief(layer: Any) -> Iterator[Any]:
    """``conv 32 relu``."""
    yield layer.layer.replace("_", " ")
    for name in ("filters", "units", "rate", "function", "activation"):
        value = getattr(layer, name, None)
        if value is not None:
            yield f"{value:g}" if isinstance(value, float) else value


__all__ = ["MEASURES", "Axis", "Making", "PlannedArm", "in_short", "make"]
