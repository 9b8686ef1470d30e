"""The tables as they are now. How older databases get here is told by ``migrations``.

    run_numbers   the last number given to a slug, so that no id is ever given twice
    runs          one row per run; ``attempt`` is the newest attempt's number, the only one that may write;
                  ``queued`` says since when the queue takes care of it (higher ``priority`` first), ``deleted`` since
                  when it lies in the trash;
                  ``name``, ``tags`` (JSON) and ``note`` are people's own words
    attempts      who works or worked on a run; ``beats`` counts up while its process lives, ``place`` says where its
                  number counts (null in older rows, and where only the host's name tells)
    workers       the processes that execute queued runs
    epochs        figures by epoch
    progress      where a running run stands; emptied when it ends
    artifacts     the one file of each kind that counts
    data_sets     what runs were trained on, by content
    test_openings the ledger of looks at sealed test sets; outlives the runs
    studies       variations that are compared: ``content`` is the spec's content id, ``family`` what stays the same
                  when values are added, ``comparison`` the one that its runs belong to, ``budget`` in seconds
    study_arms    each variation, in the order of ``number``; ``listed`` says that the spec still has it, ``images``
                  how many it is validated on
    study_runs    which run stands for an arm and a seed

Change a table together with a new migration and ``SCHEMA``.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

SCHEMA = "0004"
"""The newest migration; four digits, so that versions compare as text."""


class UTCTime(TypeDecorator[datetime]):
    """A point in time, always timezone-aware in Python; SQLite keeps it as UTC without saying so."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        assert value is None or value.tzinfo is not None, f"{value} has no time zone"
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Figure(TypeDecorator[float]):
    """A measured number that may be NaN, which SQLite cannot keep: null in the database stands for it."""

    impl = Float
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        return None if value is None or math.isnan(value) else float(value)

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:
        return math.nan if value is None else value


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _run_key() -> Column[str]:
    return Column("run", Text, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)


run_numbers = Table(
    "run_numbers",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("last", Integer, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("message", Text),
    Column("created", UTCTime, nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("spec", Text, nullable=False),
    Column("spec_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("lineage", Text, nullable=False),
    Column("parameters", BigInteger, nullable=False),
    Column("epochs_done", Integer, nullable=False),
    Column("best_epoch", Integer),
    Column("validation_accuracy", Float),
    Column("validation_loss", Float),
    Column("train_seconds", Float, nullable=False),
    Column("queued", UTCTime),
    Column("request", Text),
    Column("deleted", UTCTime),
    Column("tags", Text, nullable=False, server_default="[]"),
    Column("note", Text, nullable=False, server_default=""),
    Column("priority", Integer, nullable=False, server_default="0"),
)

attempts = Table(
    "attempts",
    metadata,
    _run_key(),
    Column("number", Integer, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_started", Float, nullable=False),
    Column("place", Text),
    Column("started", UTCTime, nullable=False),
    Column("ended", UTCTime),
    Column("plan", Text, nullable=False),
    Column("beats", Integer, nullable=False, server_default="0"),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_started", Float, nullable=False),
    Column("place", Text),
    Column("started", UTCTime, nullable=False),
    Column("threads", Integer, nullable=False),
    Column("run", Text),
    Column("request", Text),
    Column("beats", Integer, nullable=False, server_default="0"),
)

epochs = Table(
    "epochs",
    metadata,
    _run_key(),
    Column("epoch", Integer, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("train_loss", Figure),
    Column("train_accuracy", Figure),
    Column("validation_loss", Figure),
    Column("validation_accuracy", Figure),
    Column("learning_rate", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("phase", Text),
    Column("images", BigInteger),
)

progress = Table(
    "progress",
    metadata,
    _run_key(),
    Column("attempt", Integer, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("epoch", Float, nullable=False),
    Column("images", BigInteger, nullable=False),
    Column("loss", Figure),
    Column("accuracy", Figure),
    Column("images_per_second", Float, nullable=False),
    Column("time", UTCTime, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    _run_key(),
    Column("kind", Text, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("epoch", Integer),
    Column("path", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

data_sets = Table(
    "data_sets",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("class_names", Text, nullable=False),
    Column("counts", Text, nullable=False),
    Column("shape", Text, nullable=False),
)

test_openings = Table(
    "test_openings",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("run", Text, primary_key=True, index=True),
    Column("accuracy", Float, nullable=False),
    Column("loss", Figure),
    Column("n", Integer, nullable=False),
    Column("time", UTCTime, nullable=False),
)


def _study_key() -> Column[str]:
    return Column("study", Text, ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)


studies = Table(
    "studies",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("created", UTCTime, nullable=False),
    Column("comparison", Text, nullable=False),
    Column("budget", Float),
    Column("priority", Integer, nullable=False),
    Column("stopped", UTCTime),
    Column("deleted", UTCTime),
)

study_arms = Table(
    "study_arms",
    metadata,
    _study_key(),
    Column("arm", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("listed", Boolean, nullable=False),
    Column("name", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("parameters", BigInteger, nullable=False),
    Column("images", Integer, nullable=False),
)

study_runs = Table(
    "study_runs",
    metadata,
    _study_key(),
    Column("arm", Text, primary_key=True),
    Column("seed", BigInteger, primary_key=True),
    Column("run", Text, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("pruned", Integer),
)
