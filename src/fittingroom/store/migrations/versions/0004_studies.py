"""Studies, their arms and their runs; runs that wait behind others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("runs", sa.Column("priority", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "studies",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("family", sa.Text, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("comparison", sa.Text, nullable=False),
        sa.Column("budget", sa.Float),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("stopped", sa.DateTime(timezone=True)),
        sa.Column("deleted", sa.DateTime(timezone=True)),
    )
    study = sa.ForeignKey("studies.id", ondelete="CASCADE")
    op.create_table(
        "study_arms",
        sa.Column("study", sa.Text, study, primary_key=True),
        sa.Column("arm", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("listed", sa.Boolean, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("parameters", sa.BigInteger, nullable=False),
        sa.Column("images", sa.Integer, nullable=False),
    )
    op.create_table(
        "study_runs",
        sa.Column("study", sa.Text, sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("arm", sa.Text, primary_key=True),
        sa.Column("seed", sa.BigInteger, primary_key=True),
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("pruned", sa.Integer),
    )
