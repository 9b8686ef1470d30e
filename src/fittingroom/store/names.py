"""What runs are called: ids made from names, and what to say to an id that is none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from difflib import get_close_matches

from sqlalchemy import Connection, select

from fittingroom.errors import NotFound, did_you_mean
from fittingroom.store import schema
from fittingroom.store.database import upsert

NEWEST = "last"
"""The alias of the newest run; no id, for those end with a number."""


def slug_of(name: str) -> str:
    """``"Three conv blocks!"`` -> ``three-conv-blocks``: plain enough for ids and folders on every system."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:60].strip("-") or "run"


def new_id(connection: Connection, slug: str, reserved: Collection[str] = ()) -> str:
    """The slug with the next number that is not reserved; inside a transaction that writes under the slug."""
    numbers = schema.run_numbers
    number = (connection.scalar(select(numbers.c.last).where(numbers.c.slug == slug)) or 0) + 1
    while f"{slug}-{number}" in reserved:
        number += 1
    upsert(connection, numbers, {"slug": slug, "last": number})
    return f"{slug}-{number}"


def not_found(connection: Connection, name: str) -> NotFound:
    """The error for a run that is not there: deleted, or with the runs that may be meant."""
    runs = schema.runs
    if connection.scalar(select(runs.c.deleted).where(runs.c.id == name)) is not None:
        return NotFound(f'run "{name}" was deleted; bring it back with: fittingroom runs undelete {name}')
    known = connection.scalars(select(runs.c.id).where(runs.c.deleted.is_(None)).order_by(runs.c.created.desc())).all()
    if not known:
        return NotFound(f'there is no run "{name}", nor any other yet; train one with: fittingroom train starter')
    close = get_close_matches(name, known, n=1)
    hint = did_you_mean(name, close) if close else f"the newest are: {', '.join(known[:5])}"
    return NotFound(f'there is no run "{name}"; {hint}')
