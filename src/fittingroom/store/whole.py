"""How records become rows, where a whole run arrives at once: a new one, or one that was trained elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, insert

from fittingroom.store import rows, schema
from fittingroom.store.records import AttemptRecord, DataRecord, NewRun, RunDetails, now


def insert_whole(connection: Connection, run: RunDetails) -> None:
    """A run with its attempts, epochs and artifacts, all under its newest attempt; its progress is not kept."""
    connection.execute(insert(schema.runs).values(_run_row(run)))
    of_the_run = {"run": run.id, "attempt": run.attempt}
    artifacts = [asdict(artifact) | {"path": artifact.path.as_posix()} for artifact in run.artifacts.values()]
    parts = (
        (schema.attempts, [_attempt_row(run.id, attempt) for attempt in run.attempts]),
        (schema.epochs, [of_the_run | asdict(epoch) for epoch in run.epochs]),
        (schema.artifacts, [of_the_run | artifact for artifact in artifacts]),
    )
    for table, values in parts:
        if values:  # without any, one row of defaults would be inserted
            connection.execute(insert(table), values)


def insert_new(
    connection: Connection, run: str, new: NewRun, *, queued: bool, priority: int = 0, lineage: Mapping[str, object]
) -> None:
    """A run that nobody has begun, with this lineage instead of its own; see ``Store.create_run``."""
    row = {
        "id": run,
        **{name: getattr(new, name) for name in ("name", "spec", "spec_id", "fingerprint", "parameters")},
        "state": "queued" if queued else "running",
        "created": now(),
        "attempt": 0,
        "lineage": to_json(lineage),
        "epochs_done": 0,
        "train_seconds": 0.0,
        "queued": now() if queued else None,
        "priority": priority,
    }
    connection.execute(insert(schema.runs).values(row))


def data_row(data: DataRecord) -> dict[str, Any]:
    """A data set as a row."""
    return asdict(data) | {name: to_json(getattr(data, name)) for name in ("class_names", "counts", "shape")}


def to_json(value: object) -> str:
    """Plain data as the JSON text that a column keeps."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _run_row(run: RunDetails) -> dict[str, Any]:
    names = [column.name for column in schema.runs.c if column.name not in {"lineage", "request", "priority"}]
    return {name: getattr(run, name) for name in names} | {"lineage": to_json(run.lineage), "tags": to_json(run.tags)}


def _attempt_row(run: str, attempt: AttemptRecord) -> dict[str, Any]:
    return {
        "run": run,
        "number": attempt.number,
        **rows.owner_columns(attempt.owner),
        "started": attempt.started,
        "ended": attempt.ended,
        "plan": to_json(attempt.plan),
        "beats": attempt.beats,
    }
