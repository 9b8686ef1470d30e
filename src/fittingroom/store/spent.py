"""How long a study has been worked on, for those that have a budget of time, and what runs take beside epochs."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from fittingroom.store import rows, schema
from fittingroom.store.owners import Owner

LOOKED_AT = 20
"""Finished runs that tell what a run takes beside its epochs."""


def is_spent(connection: Connection, run: str, at: datetime) -> float | None:
    """The budget, in seconds, of the study that a run stands in, where it has one and that is spent; else None."""
    studies, places = schema.studies, schema.study_runs
    query = (
        select(studies.c.id, studies.c.budget)
        .join(places, places.c.study == studies.c.id)
        .where(places.c.run == run, studies.c.budget.is_not(None), studies.c.deleted.is_(None))
    )
    row = connection.execute(query).first()
    if row is None or seconds_worked(connection, row.id, at) < row.budget:
        return None
    return float(row.budget)


def seconds_worked(connection: Connection, study: str, at: datetime) -> float:
    """The time in which a process had one or more runs of a study in hand, pauses left out.

    Of an attempt that was killed, what is known is the epochs that it left.
    """
    attempts, places, runs, epochs = schema.attempts, schema.study_runs, schema.runs, schema.epochs
    left = (
        select(func.coalesce(func.sum(epochs.c.seconds), 0.0))
        .where(epochs.c.run == attempts.c.run, epochs.c.attempt == attempts.c.number)
        .scalar_subquery()
    )
    goes_on = (runs.c.attempt == attempts.c.number) & (runs.c.state == "running")
    query = (
        select(attempts, left.label("left"), goes_on.label("goes_on"))
        .join(places, places.c.run == attempts.c.run)
        .join(runs, runs.c.id == attempts.c.run)
        .where(places.c.study == study)
        .order_by(attempts.c.started)
    )
    total, until = 0.0, None
    for row in connection.execute(query):
        end = row.ended
        if end is None:
            lives = row.goes_on and rows.owner(row).alive() is not False
            end = at if lives else row.started + timedelta(seconds=row.left)
        begins = row.started if until is None else max(row.started, until)
        if end > begins:
            total += (end - begins).total_seconds()
        until = end if until is None else max(until, end)
    return total


def beside_epochs(connection: Connection, study: str) -> list[float]:
    """Seconds that runs took on this host beside their epochs, the newest that were finished in one go.

    Those of a study, or where none of it is among them those of the workspace.
    """
    attempts, runs, places = schema.attempts, schema.runs, schema.study_runs
    query = (
        select(attempts.c.started, attempts.c.ended, runs.c.train_seconds)
        .join(runs, runs.c.id == attempts.c.run)
        .where(runs.c.state == "finished", runs.c.attempt == 1, attempts.c.ended.is_not(None))
        .where(attempts.c.host == Owner.this_process().host)
        .order_by(attempts.c.ended.desc())
        .limit(LOOKED_AT)
    )
    own = query.where(runs.c.id.in_(select(places.c.run).where(places.c.study == study)))
    found = connection.execute(own).all() or connection.execute(query).all()
    return [max(0.0, (row.ended - row.started).total_seconds() - row.train_seconds) for row in found]
