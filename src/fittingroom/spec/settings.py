"""A spec as settings by their paths, each as text: what two specs are compared by, with every default resolved.

Names decide nothing and are left out. The layers of a network and the operations of an augmentation stay together, as
a ``Stack``: they are compared as sequences.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, TypeAlias

from pydantic_core import PydanticUndefined

from fittingroom.spec.augment import AnyAugment
from fittingroom.spec.layers import AnyLayer
from fittingroom.spec.mistakes import tag_of
from fittingroom.spec.network import numbered
from fittingroom.spec.record import default_of
from fittingroom.spec.run import KEPT_OUT, RunSpec

NONE = "none"
"""What a setting that is left out reads as; ``--set PATH=none`` leaves it out."""


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """The value of one setting, as text."""

    text: str
    usual: bool
    """Whether it is what a spec without it means."""


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One layer, or one operation of an augmentation."""

    kind: str
    name: str
    chief: str | None
    """The setting that says most about it: filters, units, rate, degrees."""
    settings: Mapping[str, Setting]


Stack: TypeAlias = tuple[Item, ...]
Shape: TypeAlias = tuple[tuple[str, str], ...]
Settings: TypeAlias = dict[str, Setting | Stack]
AS_THE_RUN = (Item("the run's own", "", None, {}),)
"""The augmentation of a phase that says nothing of it."""


def value_at(settings: Settings, path: str) -> str | None:
    """What a spec has at a path, also at ``network.dropout_1.rate``; None where it has nothing there.

    For a whole stack it is a mark that stacks of the same kinds and names have in common.
    """
    found = settings.get(path)
    if isinstance(found, Setting):
        return found.text
    if found is not None:
        return _mark(shape_of(found))
    above, _, setting = path.rpartition(".")
    stack, _, name = above.rpartition(".")
    items = settings.get(stack, ())
    parts = [item.settings.get(setting) for item in items if item.name == name] if isinstance(items, tuple) else []
    return parts[0].text if parts and parts[0] else None


@lru_cache(maxsize=1_000)
def _mark(shape: Shape) -> str:
    return hashlib.sha256(repr(shape).encode()).hexdigest()[:8]


def shape_of(stack: Stack) -> Shape:
    """The kinds and names of a stack: stacks of one shape can be compared setting by setting."""
    return tuple((item.kind, item.name) for item in stack)


def settings_of(spec: RunSpec) -> Settings:
    """Every setting that decides the run, in reading order: ``{"data.source": …, "network": …, "train.epochs": …}``."""
    phases: Settings = {"phases": Setting(str(len(spec.phases) or NONE), not spec.phases)}
    for index, phase in enumerate(spec.phases):
        path = f"phases[{index}]"
        phases |= _table(phase.data, f"{path}.data", None)
        phases[f"{path}.augment"] = AS_THE_RUN if phase.augment is None else _operations(phase.augment)
        phases |= _parts(phase.train, f"{path}.train")
    return {
        **dict(_table(spec.start, "start", None)),
        **dict(_parts(spec.data, "data")),
        "augment": _operations(spec.augment),
        "network": tuple(_layer(layer) for layer in spec.network),
        **phases,
        **dict(_parts(spec.train, "train")),
        "seed": Setting(str(spec.seed), spec.seed == 0),
    }


def _parts(record: Any, path: str, *left_out: str | None) -> Iterator[tuple[str, Setting]]:
    kind: type = type(record)
    for name, default in _fields(kind):
        if name in KEPT_OUT or name in left_out:
            continue
        own, where = getattr(record, name), f"{path}.{name}"
        if dataclasses.is_dataclass(own) or dataclasses.is_dataclass(default):
            yield from _table(own, where, default)
        else:
            yield where, _setting(_text(own), own == default)


def _table(record: Any, path: str, default: Any) -> Iterator[tuple[str, Setting]]:
    """A table that can be left out or be of several kinds: first which it is, then its settings.

    It is called by its tag (``train.optimizer`` is adam), by what it has to say (``start`` is its source), or on.
    """
    if record is None:
        yield path, _setting(NONE, default is None)
        return
    kind: type = type(record)
    called = _tag(kind) or _needed(kind)
    text = _text(getattr(record, called)) if called else "on"
    yield path, _setting(text, default is not None and called is not None and text == getattr(default, called))
    yield from _parts(record, path, called)


def _layer(layer: AnyLayer) -> Item:
    kind: type = type(layer)
    return _item(layer, str(layer.name), _needed(kind))


def _operations(operations: tuple[AnyAugment, ...]) -> Stack:
    names = numbered((operation.kind, None) for operation in operations)
    return tuple(_item(each, name, each.strength) for each, name in zip(operations, names, strict=True))


def _item(record: Any, name: str, chief: str | None) -> Item:
    kind: type = type(record)
    tag = _tag(kind)
    assert tag is not None
    settings = {path.lstrip("."): setting for path, setting in _parts(record, "", tag, "name")}
    return Item(getattr(record, tag), name, chief, settings)


@lru_cache(maxsize=10_000)
def _setting(text: str, usual: bool) -> Setting:
    """A setting; the same one for the same value, for a thousand specs have few values between them."""
    return Setting(text, usual)


@cache
def _fields(kind: type) -> list[tuple[str, Any]]:
    """The parameters of a record, with their defaults."""
    return [(field.name, default_of(field)) for field in dataclasses.fields(kind)]


@cache
def _tag(kind: type) -> str | None:
    return tag_of(kind)


@cache
def _needed(kind: type) -> str | None:
    """The first parameter of a record that has no default."""
    return next((name for name, default in _fields(kind) if default in (dataclasses.MISSING, PydanticUndefined)), None)


def _text(value: Any) -> str:
    """A value as one would type it: ``0.05``, ``true``, ``conv_1, conv_2``; ``none`` for what is left out."""
    if value is None or value == ():
        return NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(_text(each) for each in value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)
