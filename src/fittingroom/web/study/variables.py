"""What of a run can be varied: every setting with its bounds and help, and values that are worth trying."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from fittingroom.spec.arm_names import WITH, WITHOUT, text_of
from fittingroom.spec.augment import AUGMENT_KINDS
from fittingroom.spec.layers import LAYER_KINDS
from fittingroom.spec.run import RunSpec, names_of, to_plain
from fittingroom.spec.settings import NONE
from fittingroom.spec.train import EarlyStop
from fittingroom.web.augment.kinds import KINDS as OPERATIONS
from fittingroom.web.forms import OPTIMIZERS, SCHEDULES, Field, fields
from fittingroom.web.study.ranges import RangeWish, first_range
from fittingroom.web.study.values import as_toml

Plain = dict[str, Any]
ALL, ONE, TRAINING, IMAGES = "All layers", "One layer", "Training", "Images"
FEW = 4
"""Words of which all are ticked at first; of more, the base's own and two others."""
TRIED: Mapping[str, Sequence[float]] = {
    "rate": (0, 0.1, 0.2, 0.3, 0.5),
    "kernel": (3, 5, 7),
    "label_smoothing": (0, 0.05, 0.1, 0.2),
    "momentum": (0, 0.9, 0.95),
    "beta_1": (0.8, 0.9, 0.95),
    "beta_2": (0.95, 0.99, 0.999),
    "rho": (0.9, 0.95, 0.99),
    "weight_decay": (0, 0.0004, 0.004, 0.04),
    "patience": (3, 5, 10, 20),
    "probability": (0, 0.25, 0.5, 1),
    "clip_norm": (0.5, 1, 5),
    "warmup": (0, 0.5, 1, 2),
}
"""Values that people try of some settings, whatever the base has."""
FACTORS: Mapping[str, Sequence[float]] = {"learning_rate": (0.1, 0.3, 1, 3, 10), "batch_size": (0.25, 0.5, 1, 2, 4)}
USUAL_FACTORS = (0.5, 1, 2)
POPULAR = (
    "train.optimizer.learning_rate", "train.batch_size", "train.optimizer", "network.*.activation", "network.*.rate",
    "network.*.filters", "network.*.units", "augment", "train.early_stop",
)  # fmt: skip
"""What people vary most."""
NOT_VARIED = {"device", "budget", "keep_checkpoints", "freeze_up_to", "reset", "split_seed", "source", "validation",
              "folds", "fold", "initializer", "name"}  # fmt: skip
"""What no comparison is about, or what would change the images that its figures are measured on."""


@dataclass(frozen=True)
class Value:
    """One value that is offered."""

    text: str
    """As it stands in a study file."""
    label: str
    usual: bool = False
    """Whether it is what the base has."""


@dataclass(frozen=True)
class Variable:
    """One setting that can be varied."""

    path: str
    label: str
    group: str
    help: str
    offered: Sequence[Value]
    ticked: Sequence[str]
    """The texts of those that are chosen at first."""
    bounds: str = ""
    """What its values may be, in words."""
    range: RangeWish | None = None
    """Where a range of it begins; None for what is no number."""


def variables_of(spec: RunSpec) -> list[Variable]:
    """Everything of a run that can be varied, what people vary most first in each group."""
    plain = spec.to_json()
    found = [*_of_all_layers(plain), *_of_training(spec, plain), *_of_images(spec, plain), *_of_single_layers(plain)]
    return [each for each in found if len(each.offered) > 1]


def _of_all_layers(plain: Plain) -> Iterator[Variable]:
    layers = [(layer, list(_fields_of(layer, "network.*"))) for layer in plain["network"]]
    for name, label in (("activation", "activation"), ("function", "activation"), ("rate", "dropout rate"),
                        ("filters", "filters"), ("units", "units"), ("kernel", "kernel")):  # fmt: skip
        having = [field for _, each in layers for field in each if field.label == name and field.value is not None]
        if having:
            yield _of_field(having[0], ALL, f"{label} of all layers that have one", [each.value for each in having])
    names = names_of(plain["network"])
    for kind, label in (("dropout", "dropout"), ("batch_norm", "batch normalization")):
        of_kind = [name for name, layer in zip(names, plain["network"], strict=True) if layer["layer"] == kind]
        if of_kind and all(fnmatchcase(name, f"{kind}_*") for name in of_kind):
            yield _with_and_without(f"network.{kind}_*", ALL, f"{label}, with and without")


def _of_single_layers(plain: Plain) -> Iterator[Variable]:
    for name, layer in zip(names_of(plain["network"]), plain["network"], strict=True):
        for field in _fields_of(layer, f"network.{name}"):
            yield _of_field(field, ONE, f"{name}: {field.label}", [field.value])
        if layer["layer"] not in ("flatten", "classify"):
            yield _with_and_without(f"network.{name}", ONE, f"{name}, with and without")


def _fields_of(layer: Plain, prefix: str) -> Iterator[Field]:
    for field in fields(LAYER_KINDS[layer["layer"]].__name__, layer, prefix):
        if _name(field.path) not in NOT_VARIED and not isinstance(field.value, list | dict):
            yield field


def _of_training(spec: RunSpec, plain: Plain) -> Iterator[Variable]:
    train = plain["train"]
    optimizer, schedule = train["optimizer"], train["schedule"]
    every = {_name(field.path): field for field in fields("TrainSpec", train, "train")}
    own = {_name(each.path): each for each in fields(OPTIMIZERS[optimizer["name"]], optimizer, "train.optimizer")}
    yield _of_field(own.pop("learning_rate"), TRAINING, "learning rate", [optimizer["learning_rate"]])
    yield _of_field(every.pop("batch_size"), TRAINING, "batch size", [train["batch_size"]])
    rates = [to_plain(spec.train.optimizer), *({"name": name} for name in OPTIMIZERS if name != optimizer["name"])]
    told = "The base's own keeps its settings; the others begin with their usual rate, which may need mending."
    yield _of_tables("train.optimizer", "optimizer", told, [_with_rate(each) for each in rates])
    yield _of_field(every.pop("epochs"), TRAINING, "epochs", [train["epochs"]])
    kinds = [to_plain(spec.train.schedule), *({"name": name} for name in SCHEDULES if name != schedule["name"])]
    yield _of_tables("train.schedule", "schedule", "How the learning rate changes while training.", kinds)
    stop = spec.train.early_stop or EarlyStop()
    stopping = {"patience": stop.patience} | to_plain(stop)
    told = "Whether training stops when what is watched gets no better."
    yield _of_tables(
        "train.early_stop", "early stopping, on and off", told, [stopping, NONE], spec.train.early_stop is None
    )
    rest = [*own.values(), *fields(SCHEDULES[schedule["name"]], schedule, "train.schedule"),
            *(fields("EarlyStop", train["early_stop"], "train.early_stop") if "early_stop" in train else ()),
            *every.values(), *fields("CrossEntropy", train["loss"], "train.loss")]  # fmt: skip
    for field in rest:
        if _name(field.path) not in NOT_VARIED and field.kind != "text":
            yield _of_field(field, TRAINING, _long_label(field), [field.value])


def _with_rate(optimizer: Plain) -> Plain:
    """An optimizer with its rate written out."""
    own = {field.label: field.value for field in fields(OPTIMIZERS[optimizer["name"]], optimizer, "")}
    return optimizer | {"learning_rate": own["learning rate"]}


def _long_label(field: Field) -> str:
    table = field.path.split(".")[1:-1]
    return f"{table[0].replace('_', ' ')}: {field.label}" if table and table[0] != "loss" else field.label


def _of_images(spec: RunSpec, plain: Plain) -> Iterator[Variable]:
    usual = [AUGMENT_KINDS[kind](kind=kind) for kind in OPERATIONS]
    alone = [
        [{"kind": each.kind, each.strength: getattr(each, each.strength)}] for each in usual if spec.augment != (each,)
    ]
    own = [to_plain(spec.augment)] if spec.augment else []
    told = "Each whole list of operations is one value: none at all, the base's own, or one operation alone."
    yield _of_tables("augment", "augmentation", told, [*own, [], *alone], group=IMAGES)
    for name, operation in zip(names_of(plain["augment"]), plain["augment"], strict=True):
        yield _with_and_without(f"augment.{name}", IMAGES, f"{name}, with and without")
        for field in fields(AUGMENT_KINDS[operation["kind"]].__name__, operation, f"augment.{name}"):
            yield _of_field(field, IMAGES, f"{name}: {field.label}", [field.value])
    for field in fields("DataSpec", plain["data"], "data"):
        if field.label == "normalize":
            yield _of_field(field, IMAGES, "normalization of pixels", [field.value])


def _of_field(field: Field, group: str, label: str, now: Sequence[Any]) -> Variable:
    """A single value; ``now`` is what the base has, at each of the places that the path stands for."""
    values: list[Any] = [True, False] if field.kind == "switch" else list(field.options)
    begins = None
    if field.kind == "number":
        numbers = [value for value in now if isinstance(value, int | float)]
        values = list(_numbers(field, numbers))
        begins = first_range(field, max(numbers, default=0), TRIED.get(_name(field.path), ()))
    if field.optional:
        values = [NONE, *values]
    usual = [NONE if value is None else value for value in now] if len(set(now)) == 1 else []
    offered = [Value(as_toml(value), text_of(value).replace("_", " "), value in usual) for value in values]
    ticked = _ticked(offered, before=int(field.kind == "number"))
    return Variable(field.path, label, group, field.help, offered, ticked, _bounds(field), begins)


def _numbers(field: Field, now: Sequence[float]) -> list[float]:
    """What the base has, and what people try around it, within the bounds."""
    name, base = _name(field.path), max(now, default=0)
    tried = TRIED.get(name) or [base * factor for factor in FACTORS.get(name, USUAL_FACTORS)]
    rounded = {round(value) if field.whole else float(f"{value:.3g}") for value in tried} | set(now)
    least, most = field.least if field.least is not None else -math.inf, math.inf if field.most is None else field.most
    return sorted(int(value) if value == int(value) else value for value in rounded if least <= value <= most)


def _bounds(field: Field) -> str:
    if field.kind != "number":
        return ""
    low, high = (None if each is None else f"{each:,g}" for each in (field.least, field.most))
    told = f"from {low} to {high}" if low and high else f"from {low}" if low else f"up to {high}" if high else ""
    return f"{'whole numbers ' if field.whole else ''}{told}{f', {field.unit}' if field.unit else ''}".strip()


def _of_tables(
    path: str, label: str, told: str, values: Sequence[Any], last_is_usual: bool = False, group: str = TRAINING
) -> Variable:
    """Whole tables, or lists of them; the base's is the first unless it is the last."""
    usual = len(values) - 1 if last_is_usual else 0
    offered = [Value(as_toml(value), text_of(value).replace("_", " "), at == usual) for at, value in enumerate(values)]
    return Variable(path, label, group, told, offered, _ticked(offered))


def _with_and_without(path: str, group: str, label: str) -> Variable:
    offered = [Value(WITH, WITH, usual=True), Value(WITHOUT, WITHOUT)]
    return Variable(path, label, group, "As the base has it, or left out.", offered, [WITH, WITHOUT])


def _ticked(offered: Sequence[Value], before: int = 0) -> list[str]:
    """All of a few; of more, three with the base's own, the first of them so many places before it."""
    if len(offered) <= FEW:
        return [value.text for value in offered]
    at = next((place for place, value in enumerate(offered) if value.usual), 0)
    first = min(max(at - before, 0), len(offered) - 3)
    return [value.text for value in offered[first : first + 3]]


def _name(path: str) -> str:
    return path.rpartition(".")[2]
