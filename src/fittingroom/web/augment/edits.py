"""Edits of a list of operations as plain data: each takes a list and returns another.

An operation goes by its *key*: its kind and which one of its kind it is, as in ``rotation_1``. Settings in specs are
reached by the same names.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from fittingroom.errors import NotFound, did_you_mean
from fittingroom.spec.augment import AUGMENT_KINDS
from fittingroom.spec.network import numbered
from fittingroom.web.augment.kinds import KINDS, new

Plain = dict[str, Any]


def operations_of(spec: Mapping[str, Any]) -> list[Plain]:
    """The operations of a spec in the making."""
    found = spec.get("augment")
    operations = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return copy.deepcopy(operations)


def keys(operations: Sequence[Plain]) -> list[str]:
    """How forms refer to the operations."""
    return numbered((str(operation.get("kind", "item")), None) for operation in operations)


def find(operations: Sequence[Plain], key: str) -> int:
    """The position of an operation; raises NotFound when it is gone, for instance removed in another tab."""
    known = keys(operations)
    if key not in known:
        raise NotFound(f'there is no operation "{key}" any more; {did_you_mean(key, known)}')
    return known.index(key)


def add(operations: Sequence[Plain], kind: str) -> list[Plain]:
    """With another operation at the end, every setting at its default."""
    if kind not in KINDS:
        raise NotFound(f'there is no operation "{kind}"; {did_you_mean(kind, KINDS)}')
    return [*operations, new(kind)]


def move(operations: Sequence[Plain], key: str, to: int) -> list[Plain]:
    """With an operation at position ``to``, counted without it; as far as the list goes."""
    at = find(operations, key)
    rest = [*operations[:at], *operations[at + 1 :]]
    to = min(max(to, 0), len(rest))
    return [*rest[:to], operations[at], *rest[to:]]


def remove(operations: Sequence[Plain], key: str) -> list[Plain]:
    at = find(operations, key)
    return [*operations[:at], *operations[at + 1 :]]


def is_off(operation: Plain) -> bool:
    """Whether it stands at strength 0, where it changes nothing."""
    kind = AUGMENT_KINDS.get(str(operation.get("kind")))
    return kind is not None and operation.get(kind.strength) == 0 and not operation.get("vertical")


def switched_off(operation: Plain) -> Plain:
    """At strength 0; all else stays."""
    kind = AUGMENT_KINDS.get(str(operation.get("kind")))
    if kind is None:
        return operation
    off: Plain = {**operation, kind.strength: 0}
    return {name: value for name, value in off.items() if name != "vertical"}


def switched_on(operation: Plain, key: str, past: Sequence[Mapping[str, Any]]) -> Plain:
    """As strong as it was last, by the versions of the spec so far (newest last), or as a new one."""
    kind = AUGMENT_KINDS[str(operation["kind"])]
    for spec in reversed(past):
        before = operations_of(spec)
        if key in keys(before) and not is_off(was := before[keys(before).index(key)]):
            return {**operation, **{name: was[name] for name in (kind.strength, "vertical") if name in was}}
    return {**operation, kind.strength: new(str(operation["kind"]))[kind.strength]}


def switch(operations: Sequence[Plain], key: str, past: Sequence[Mapping[str, Any]]) -> list[Plain]:
    """With an operation off that was on, or on again."""
    at = find(operations, key)
    own = operations[at]
    other = switched_on(own, key, past) if is_off(own) else switched_off(own)
    return [*operations[:at], other, *operations[at + 1 :]]
