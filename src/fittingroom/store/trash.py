"""``Trash``: deleted runs, until they are brought back or removed for good.

A deleted run is in no list and in no queue, ``last`` passes over it, and nobody can record anything for it; but all
of it is still there. What is removed for good never comes back: its id is never given again, and the openings of
its test set stay counted.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, delete, select, update

from fittingroom.errors import InvalidInput
from fittingroom.store import rows, schema
from fittingroom.store.database import Database
from fittingroom.store.names import not_found
from fittingroom.store.records import RunSummary, now
from fittingroom.workspace import Workspace

TRASH = "trash"
"""The key under which runs leave the trash, one way or the other: never both."""


class Trash:
    """The trash of one workspace. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def delete(self, run: str) -> None:
        """Move a run to the trash; one that waits in the queue leaves it as stopped.

        Raises InvalidInput while a living process of this host trains it. One of another host cannot be asked: it
        is refused (NotFound) when it next wants to record something, and ends.
        """
        runs = schema.runs
        with self._database.writing(run) as connection:
            rows.newest_attempt(connection, run)
            state = connection.scalar(select(runs.c.state).where(runs.c.id == run))
            owner = rows.owner_of(connection, run)
            if state == "running" and owner is not None and owner.alive():
                raise InvalidInput(f'run "{run}" cannot be deleted while process {owner.pid} trains it; stop it first')
            waits_no_more = {"state": "stopped" if state == "queued" else state, "queued": None, "request": None}
            connection.execute(update(runs).where(runs.c.id == run).values(**waits_no_more, deleted=now()))

    def restore(self, run: str) -> None:
        """Bring a deleted run back, as it was. Raises InvalidInput for one that is not deleted."""
        runs = schema.runs
        with self._database.writing(TRASH) as connection:
            if run not in {each.id for each in rows.trash(connection)}:
                raise _not_deleted(connection, run, "there is nothing to bring back")
            connection.execute(update(runs).where(runs.c.id == run).values(deleted=None))

    def deleted(self) -> list[RunSummary]:
        """The runs that can be brought back, those deleted last first."""
        with self._database.reading() as connection:
            return rows.trash(connection)

    def purge(self, chosen: Collection[str] | timedelta) -> list[Path]:
        """Forget deleted runs for good: those that are named, or all that have lain in the trash for so long.

        Returns their folders, relative to the workspace, which the caller removes from the disk afterwards. Rows
        go first: then nobody can bring back a run whose files are half gone. A crash in between leaves a folder that
        no run names; it costs only its space, for its id is never given again.
        Raises InvalidInput, and removes nothing, where a named run is not deleted.
        """
        runs = schema.runs
        with self._database.writing(TRASH) as connection:
            deleted = {run.id: run.deleted for run in rows.trash(connection)}
            if isinstance(chosen, timedelta):
                latest = now() - chosen
                going = [run for run, since in deleted.items() if since is not None and since <= latest]
            else:
                going = list(dict.fromkeys(chosen))
                for run in going:
                    if run not in deleted:
                        raise _not_deleted(connection, run, "there is nothing to purge")
            connection.execute(delete(runs).where(runs.c.id.in_(going)))
        return [Workspace(Path()).runs / run for run in going]


def _not_deleted(connection: Connection, run: str, so: str) -> InvalidInput:
    if connection.scalar(select(schema.runs.c.id).where(schema.runs.c.id == run)) is None:
        return not_found(connection, run)
    return InvalidInput(f'run "{run}" is not deleted, so {so}')
