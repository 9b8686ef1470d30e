"""A list of operations in the making as the page shows it: each with its controls and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fittingroom.errors import Fault, InvalidSpec
from fittingroom.spec.augment import AUGMENT_KINDS, AnyAugment, Augmentation
from fittingroom.spec.record import validated
from fittingroom.spec.run import to_plain
from fittingroom.web.augment.edits import Plain, is_off, keys
from fittingroom.web.augment.kinds import KINDS, Kind
from fittingroom.web.forms import Field, fields


@dataclass(frozen=True)
class Item:
    """One operation of the list."""

    key: str
    kind: str
    about: Kind | None
    """None for a kind that does not exist."""
    label: str
    strength: Field | None
    more: Sequence[Field]
    off: bool
    operation: AnyAugment | None
    """None where it has mistakes."""
    faults: Sequence[Fault]
    """Their paths are settings of the operation, or empty."""
    place: int | None
    """Among the operations that are pictured."""

    @property
    def wrong(self) -> frozenset[str]:
        return frozenset(fault.path for fault in self.faults)

    @property
    def setting(self) -> str:
        """Name of the strength."""
        return self.strength.path.rpartition(".")[2] if self.strength else ""


def read(operations: Sequence[Plain]) -> list[Item]:
    """Every operation; those without mistakes have a place among the pictures."""
    items: list[Item] = []
    place = 0
    for key, plain in zip(keys(operations), operations, strict=True):
        operation, faults = make(plain)
        items.append(_item(key, plain, operation, faults, None if operation is None else place, operations))
        place += operation is not None
    return items


def make(plain: Plain) -> tuple[AnyAugment | None, Sequence[Fault]]:
    """An operation as a record; or what is wrong with its settings, by their names."""
    try:
        return validated(Augmentation, {"operations": [plain]}, title="").operations[0], ()
    except InvalidSpec as error:
        prefix = "operations[0]"
        return None, [fault._replace(path=fault.path.removeprefix(prefix).lstrip(".")) for fault in error.faults]


def _item(
    key: str, plain: Plain, operation: AnyAugment | None, faults: Sequence[Fault], place: int | None,
    operations: Sequence[Plain],
) -> Item:  # fmt: skip
    kind = str(plain.get("kind"))
    about = KINDS.get(kind)
    several = sum(str(other.get("kind")) == kind for other in operations) > 1
    label = (about.label if about else kind) + (f" {key.rpartition('_')[2]}" if several else "")
    every = {}
    if about:
        made = fields(AUGMENT_KINDS[kind].__name__, plain, f"augment.{key}")
        every = {field.path.rpartition(".")[2]: field for field in made}
    strength = every.pop(AUGMENT_KINDS[kind].strength) if about else None
    return Item(key, kind, about, label, strength, [*every.values()], is_off(plain), operation, faults, place)


def plain_operations(items: Sequence[Item], alone: str = "") -> list[Plain]:
    """The operations without mistakes, for the process that varies images; ``alone``: all others at strength 0.

    None is left out, because the random numbers of one depend on how many of its kind stand before it.
    """
    shown = []
    for item in items:
        if item.operation is not None:
            operation = item.operation if alone in {"", item.key} else type(item.operation).identity()
            shown.append(to_plain(operation, full=True))
    return shown
