"""The first tables: runs and all that belongs to them, data sets, the ledger of test openings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "run_numbers",
        sa.Column("slug", sa.Text, primary_key=True),
        sa.Column("last", sa.Integer, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("spec_id", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("lineage", sa.Text, nullable=False),
        sa.Column("parameters", sa.BigInteger, nullable=False),
        sa.Column("epochs_done", sa.Integer, nullable=False),
        sa.Column("best_epoch", sa.Integer),
        sa.Column("validation_accuracy", sa.Float),
        sa.Column("validation_loss", sa.Float),
        sa.Column("train_seconds", sa.Float, nullable=False),
    )
    _create_tables_of_a_run()
    op.create_table(
        "data_sets",
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("class_names", sa.Text, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("shape", sa.Text, nullable=False),
    )
    op.create_table(
        "test_openings",
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("run", sa.Text, primary_key=True, index=True),
        sa.Column("accuracy", sa.Float, nullable=False),
        sa.Column("loss", sa.Float),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
    )


def _create_tables_of_a_run() -> None:
    op.create_table(
        "attempts",
        _run_key(),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("process_started", sa.Float, nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True)),
        sa.Column("plan", sa.Text, nullable=False),
    )
    op.create_table(
        "epochs",
        _run_key(),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("train_loss", sa.Float),
        sa.Column("train_accuracy", sa.Float),
        sa.Column("validation_loss", sa.Float),
        sa.Column("validation_accuracy", sa.Float),
        sa.Column("learning_rate", sa.Float, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_table(
        "progress",
        _run_key(),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("step", sa.Integer, primary_key=True),
        sa.Column("epoch", sa.Float, nullable=False),
        sa.Column("images", sa.BigInteger, nullable=False),
        sa.Column("loss", sa.Float),
        sa.Column("accuracy", sa.Float),
        sa.Column("images_per_second", sa.Float, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "artifacts",
        _run_key(),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )


def _run_key() -> sa.Column[str]:
    return sa.Column("run", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
