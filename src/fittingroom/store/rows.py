"""How rows become records: every query that reads runs, data sets and the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, Select, Table, and_, select

from fittingroom.errors import NotFound
from fittingroom.spec.events import EpochMetrics
from fittingroom.store import schema
from fittingroom.store.names import NEWEST, not_found
from fittingroom.store.owners import Owner
from fittingroom.store.records import (
    Artifact,
    AttemptRecord,
    DataRecord,
    Opening,
    ProgressRow,
    RunDetails,
    RunState,
    RunSummary,
    StaleAttempt,
)

Record = EpochMetrics | ProgressRow | Opening


def columns_of(table: Table, record: type[Record]) -> list[Any]:
    """The columns that a record's fields are named after."""
    return [table.c[field.name] for field in fields(record)]


def summaries(connection: Connection, *, limit: int | None = None) -> list[RunSummary]:
    """Runs, newest first, in one query."""
    return [RunSummary(**_summary(row)) for row in connection.execute(_newest_first().limit(limit))]


def details(connection: Connection, name: str) -> RunDetails:
    """All about one run; raises NotFound."""
    query = _newest_first().add_columns(schema.runs.c.spec, schema.runs.c.lineage)
    row = connection.execute(query.limit(1) if name == NEWEST else query.where(schema.runs.c.id == name)).first()
    if row is None:
        raise not_found(connection, name)
    run = row.id
    return RunDetails(
        **_summary(row),
        spec=row.spec,
        lineage=json.loads(row.lineage),
        attempts=tuple(_attempt(each) for each in _rows(connection, schema.attempts, run)),
        epochs=tuple(EpochMetrics(**each) for each in _figures(connection, run)),
        artifacts={each.kind: _artifact(each) for each in _rows(connection, schema.artifacts, run)},
    )


def progress(connection: Connection, run: str, after: int) -> list[ProgressRow]:
    """What the newest attempt has reported after a step, in order."""
    table = schema.progress
    query = (
        select(*columns_of(table, ProgressRow))
        .join(schema.runs, and_(schema.runs.c.id == table.c.run, schema.runs.c.attempt == table.c.attempt))
        .where(table.c.run == run, table.c.step > after)
        .order_by(table.c.step)
    )
    return [ProgressRow(**row) for row in connection.execute(query).mappings()]


def data_set(connection: Connection, fingerprint: str) -> DataRecord:
    """A remembered data set; raises NotFound."""
    table = schema.data_sets
    row = connection.execute(select(table).where(table.c.fingerprint == fingerprint)).first()
    if row is None:
        raise NotFound(f'no run was trained on data with fingerprint "{fingerprint}"; train one first')
    return DataRecord(
        fingerprint=row.fingerprint,
        name=row.name,
        source=row.source,
        class_names=tuple(json.loads(row.class_names)),
        counts=json.loads(row.counts),
        shape=tuple(json.loads(row.shape)),
    )


def test_results(connection: Connection, run: str) -> list[Opening]:
    """Every look at a run's test score, oldest first."""
    table = schema.test_openings
    query = select(*columns_of(table, Opening)).where(table.c.run == run).order_by(table.c.time, table.c.number)
    return [Opening(**row) for row in connection.execute(query).mappings()]


def newest_attempt(connection: Connection, run: str) -> int:
    """The number of the run's newest attempt, 0 before the first; raises NotFound."""
    number: int | None = connection.scalar(select(schema.runs.c.attempt).where(schema.runs.c.id == run))
    if number is None:
        raise not_found(connection, run)
    return number


def check_newest(connection: Connection, run: str, attempt: int) -> None:
    """Raise StaleAttempt unless the attempt is still the run's newest."""
    newest = newest_attempt(connection, run)
    if attempt != newest:
        raise StaleAttempt(
            f'attempt {attempt} at run "{run}" may not record anything: attempt {newest} has taken over; '
            "end this process"
        )


def owner_of(connection: Connection, run: str) -> Owner | None:
    """The process that works or last worked on a run; None when none ever did."""
    runs, attempts = schema.runs, schema.attempts
    query = select(attempts).join(runs, _newest_attempt()).where(runs.c.id == run)
    row = connection.execute(query).first()
    return None if row is None else Owner(row.host, row.pid, row.process_started)


def stored_state(state: RunState) -> str:
    """What the table holds for a state that people are told."""
    return "running" if state == "interrupted" else state


def _newest_first() -> Select[Any]:
    """All of a RunSummary, and the owner of the newest attempt."""
    runs, attempts, data_sets = schema.runs, schema.attempts, schema.data_sets
    of_the_run = [runs.c[field.name] for field in fields(RunSummary) if field.name != "data"]
    return (
        select(*of_the_run, data_sets.c.name.label("data"), attempts.c.host, attempts.c.pid, attempts.c.process_started)
        .outerjoin_from(runs, attempts, _newest_attempt())
        .outerjoin(data_sets, data_sets.c.fingerprint == runs.c.fingerprint)
        .order_by(runs.c.created.desc())
    )


def _newest_attempt() -> Any:
    return and_(schema.attempts.c.run == schema.runs.c.id, schema.attempts.c.number == schema.runs.c.attempt)


def _summary(row: Row[Any]) -> dict[str, Any]:
    values = {field.name: getattr(row, field.name) for field in fields(RunSummary)}
    if row.state == "running" and not _may_live(row):
        values["state"] = "interrupted"
    return values


def _may_live(row: Row[Any]) -> bool:
    """Whether a process may be at work on the run: one on another host cannot be asked, and is believed."""
    return row.host is not None and Owner(row.host, row.pid, row.process_started).alive() is not False


def _rows(connection: Connection, table: Table, run: str) -> list[Row[Any]]:
    return list(connection.execute(select(table).where(table.c.run == run).order_by(*table.primary_key)))


def _figures(connection: Connection, run: str) -> Sequence[RowMapping]:
    table = schema.epochs
    query = select(*columns_of(table, EpochMetrics)).where(table.c.run == run).order_by(table.c.epoch)
    return connection.execute(query).mappings().all()


def _attempt(row: Row[Any]) -> AttemptRecord:
    return AttemptRecord(
        number=row.number,
        owner=Owner(row.host, row.pid, row.process_started),
        started=row.started,
        ended=row.ended,
        plan=json.loads(row.plan),
        beats=row.beats,
    )


def _artifact(row: Row[Any]) -> Artifact:
    return Artifact(kind=row.kind, path=PurePosixPath(row.path), sha256=row.sha256, bytes=row.bytes, epoch=row.epoch)
