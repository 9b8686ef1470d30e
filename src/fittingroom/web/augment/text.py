"""A list of operations as TOML to copy, and from pasted TOML with every mistake."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

import tomli_w

from fittingroom.errors import InvalidInput, InvalidSpec
from fittingroom.spec.augment import Augmentation
from fittingroom.spec.record import validated
from fittingroom.spec.run import to_plain, without_dates
from fittingroom.web.augment.edits import Plain

TITLE = "Nothing was changed, because the text has mistakes"


def to_text(operations: Sequence[Plain]) -> str:
    """One ``[[augment]]`` table for each operation, strengths written out also where they are defaults."""
    tables = [{key: value for key, value in operation.items() if value is not None} for operation in operations]
    return "\n".join(f"[[augment]]\n{tomli_w.dumps(table)}" for table in tables)


def from_text(text: str) -> list[Plain]:
    """The operations of a TOML text: its ``[[augment]]`` tables, whatever else stands in it; none from an empty text.

    Raises InvalidSpec with every mistake, InvalidInput for what is no such text.
    """
    try:
        tables = without_dates(tomllib.loads(text))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"Nothing was changed: the text is not valid TOML: {error}") from None
    if text.strip() and not isinstance(tables.get("augment"), list):
        raise InvalidInput(
            "Nothing was changed: the text has no [[augment]] table; begin each operation with the line [[augment]]"
        )
    try:
        found = validated(Augmentation, {"operations": tables.get("augment", [])}, title=TITLE)
    except InvalidSpec as error:
        faults = [fault._replace(path=fault.path.replace("operations", "augment", 1)) for fault in error.faults]
        raise InvalidSpec(faults, title=TITLE) from None
    return [to_plain(operation, full=True) for operation in found.operations]
