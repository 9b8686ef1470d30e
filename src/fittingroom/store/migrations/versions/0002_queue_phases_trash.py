"""A queue with workers, phases of a training, and a trash for deleted runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("runs", sa.Column("queued", sa.DateTime(timezone=True)))
    op.add_column("runs", sa.Column("request", sa.Text))
    op.add_column("runs", sa.Column("deleted", sa.DateTime(timezone=True)))
    op.add_column("attempts", sa.Column("place", sa.Text))
    op.add_column("attempts", sa.Column("beats", sa.Integer, nullable=False, server_default="0"))
    op.add_column("epochs", sa.Column("phase", sa.Text))
    op.add_column("epochs", sa.Column("images", sa.BigInteger))
    op.create_table(
        "workers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("process_started", sa.Float, nullable=False),
        sa.Column("place", sa.Text),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("threads", sa.Integer, nullable=False),
        sa.Column("run", sa.Text),
        sa.Column("request", sa.Text),
        sa.Column("beats", sa.Integer, nullable=False, server_default="0"),
    )
