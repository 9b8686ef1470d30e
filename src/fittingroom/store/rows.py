"""How rows become records: every query that reads runs, data sets and the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, RowMapping, ScalarSelect, Select, Table, and_, cast, func, select

from fittingroom.errors import NotFound
from fittingroom.spec.events import EpochMetrics
from fittingroom.store import schema
from fittingroom.store.names import NEWEST, not_found
from fittingroom.store.owners import Owner
from fittingroom.store.records import (
    Artifact,
    AttemptRecord,
    DataRecord,
    DiskUse,
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
    kept = _newest_first().where(schema.runs.c.deleted.is_(None))
    return [RunSummary(**_summary(row)) for row in connection.execute(kept.limit(limit))]


def summaries_of(connection: Connection, runs: Select[Any]) -> list[RunSummary]:
    """The runs whose ids a query gives, those left out that are deleted, in one query."""
    kept = _every_run().where(schema.runs.c.id.in_(runs), schema.runs.c.deleted.is_(None))
    return [RunSummary(**_summary(row)) for row in connection.execute(kept)]


def trash(connection: Connection) -> list[RunSummary]:
    """Deleted runs, those deleted last first, in one query."""
    deleted = schema.runs.c.deleted
    lying_there = _every_run().where(deleted.is_not(None)).order_by(deleted.desc(), schema.runs.c.id)
    return [RunSummary(**_summary(row)) for row in connection.execute(lying_there)]


def queued(connection: Connection) -> list[RunSummary]:
    """Runs that the queue takes care of, waiting or being trained, in one query: those of the highest priority first,
    and the longest waiting of them.
    """
    runs = schema.runs
    waiting = runs.c.queued.is_not(None), runs.c.state.in_(["queued", "running"]), runs.c.deleted.is_(None)
    query = _every_run().where(*waiting).order_by(runs.c.priority.desc(), runs.c.queued, runs.c.id)
    return [RunSummary(**_summary(row)) for row in connection.execute(query)]


def details(connection: Connection, name: str) -> RunDetails:
    """All about one run; raises NotFound, also for a deleted one."""
    runs = schema.runs
    query = _newest_first().where(runs.c.deleted.is_(None)).add_columns(runs.c.spec, runs.c.lineage)
    row = connection.execute(query.limit(1) if name == NEWEST else query.where(runs.c.id == name)).first()
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


def specs(connection: Connection) -> dict[str, str]:
    """The spec of every run that is not deleted, as it was given, by the run's id."""
    runs = schema.runs
    query = select(runs.c.id, runs.c.spec).where(runs.c.deleted.is_(None))
    return {row.id: row.spec for row in connection.execute(query)}


def disk_use(connection: Connection) -> DiskUse:
    """The bytes of all artifacts, in one query."""
    artifacts, deleted = schema.artifacts, schema.runs.c.deleted.is_not(None)
    query = (
        select(deleted, cast(func.sum(artifacts.c.bytes), BigInteger))
        .join(artifacts, artifacts.c.run == schema.runs.c.id)
        .group_by(deleted)
    )
    total = {bool(gone): size for gone, size in connection.execute(query)}
    return DiskUse(total.get(False, 0), total.get(True, 0))


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
    """The number of the run's newest attempt, 0 before the first; raises NotFound, also for a deleted run."""
    runs = schema.runs
    query = select(runs.c.attempt).where(runs.c.id == run, runs.c.deleted.is_(None))
    number: int | None = connection.scalar(query)
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
    return None if row is None else owner(row)


def owner(row: Row[Any]) -> Owner:
    """The process that a row of attempts, workers or runs names."""
    return Owner(row.host, row.pid, row.process_started, row.place)


def owner_columns(owner: Owner) -> dict[str, object]:
    """What a row of attempts or workers holds for a process."""
    return {"host": owner.host, "pid": owner.pid, "process_started": owner.started, "place": owner.place}


def stored_state(state: RunState) -> str:
    """What the table holds for a state that people are told."""
    return "running" if state == "interrupted" else state


def _newest_first() -> Select[Any]:
    return _every_run().order_by(schema.runs.c.created.desc())


def _every_run() -> Select[Any]:
    """All of a RunSummary, and the owner of the newest attempt."""
    runs, attempts, data_sets = schema.runs, schema.attempts, schema.data_sets
    of_the_run = [runs.c[field.name] for field in fields(RunSummary) if field.name not in {"data", "bytes"}]
    of_its_process = attempts.c.host, attempts.c.pid, attempts.c.process_started, attempts.c.place
    return (
        select(*of_the_run, data_sets.c.name.label("data"), *of_its_process)
        .add_columns(_bytes_of_the_run().label("bytes"))
        .outerjoin_from(runs, attempts, _newest_attempt())
        .outerjoin(data_sets, data_sets.c.fingerprint == runs.c.fingerprint)
    )


def _bytes_of_the_run() -> ScalarSelect[int]:
    artifacts = schema.artifacts
    total = cast(func.coalesce(func.sum(artifacts.c.bytes), 0), BigInteger)  # PostgreSQL adds up to a decimal
    return select(total).where(artifacts.c.run == schema.runs.c.id).scalar_subquery()


def _newest_attempt() -> Any:
    return and_(schema.attempts.c.run == schema.runs.c.id, schema.attempts.c.number == schema.runs.c.attempt)


def _summary(row: Row[Any]) -> dict[str, Any]:
    values = {field.name: getattr(row, field.name) for field in fields(RunSummary)}
    values["tags"] = tuple(json.loads(row.tags))
    if row.state == "running" and not _may_live(row):
        values["state"] = "interrupted"
    return values


def _may_live(row: Row[Any]) -> bool:
    """Whether a process may be at work on the run: one on another host cannot be asked, and is believed."""
    return row.host is not None and owner(row).alive() is not False


def _rows(connection: Connection, table: Table, run: str) -> list[Row[Any]]:
    return list(connection.execute(select(table).where(table.c.run == run).order_by(*table.primary_key)))


def _figures(connection: Connection, run: str) -> Sequence[RowMapping]:
    table = schema.epochs
    query = select(*columns_of(table, EpochMetrics)).where(table.c.run == run).order_by(table.c.epoch)
    return connection.execute(query).mappings().all()


def _attempt(row: Row[Any]) -> AttemptRecord:
    return AttemptRecord(
        number=row.number,
        owner=owner(row),
        started=row.started,
        ended=row.ended,
        plan=json.loads(row.plan),
        beats=row.beats,
    )


def _artifact(row: Row[Any]) -> Artifact:
    return Artifact(kind=row.kind, path=PurePosixPath(row.path), sha256=row.sha256, bytes=row.bytes, epoch=row.epoch)
