"""``Comparisons``: runs that were asked for together, and what they have agreed on."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from fittingroom.store import rows, schema
from fittingroom.store.database import Database
from fittingroom.store.records import RunDetails
from fittingroom.store.whole import to_json


class Comparisons:
    """The comparisons of one workspace. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def runs(self, comparison: str) -> list[RunDetails]:
        """Those that belong to it and are not deleted, oldest first."""
        with self._database.reading() as connection:
            return [rows.details(connection, run) for run in _members(connection, comparison)]

    def agree(self, comparison: str, lineage: Mapping[str, object]) -> None:
        """Add to the lineage of each of its runs in which nothing of it stands yet."""
        runs = schema.runs
        with self._database.writing(comparison) as connection:
            for run, known in _members(connection, comparison).items():
                if lineage.keys() - known.keys():
                    agreed = to_json({**known, **lineage})
                    connection.execute(update(runs).where(runs.c.id == run).values(lineage=agreed))


def _members(connection: Connection, comparison: str) -> dict[str, dict[str, object]]:
    """The lineage of each run of a comparison, by its id, oldest first."""
    runs = schema.runs
    query = (
        select(runs.c.id, runs.c.lineage)
        .where(runs.c.deleted.is_(None), runs.c.lineage.contains(to_json(comparison), autoescape=True))
        .order_by(runs.c.created, runs.c.id)
    )
    found = {row.id: json.loads(row.lineage) for row in connection.execute(query)}
    return {run: lineage for run, lineage in found.items() if belongs(lineage, comparison)}


def belongs(lineage: Mapping[str, object], comparison: str) -> bool:
    """Whether a run with that lineage is one of a comparison's."""
    own = lineage.get("comparison")
    return isinstance(own, Mapping) and own.get("id") == comparison
