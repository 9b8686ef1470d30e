"""How databases of older versions become what ``schema`` declares: Alembic, run from here without any settings file.

A new migration is a file ``versions/NNNN_what_changes.py`` with the next number; tests compare the outcome with
the declared tables. Migrations only go forward, and never import ``schema``: that one moves on, they do not.
"""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade(connection: Connection) -> None:
    """Bring the database to the newest schema inside the connection's transaction, which the caller commits."""
    config = Config()
    config.set_main_option("script_location", "fittingroom.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
