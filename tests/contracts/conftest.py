"""Where the contracts of the store are tested: SQLite, and PostgreSQL if FITTINGROOM_TEST_POSTGRES holds a URL."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config

from fittingroom.store import Store

POSTGRES = os.environ.get("FITTINGROOM_TEST_POSTGRES")


@pytest.fixture(params=["sqlite", "postgresql"] if POSTGRES else ["sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store of one test can be: an empty folder, or an empty schema of the PostgreSQL database."""
    if request.param == "sqlite":
        yield str(tmp_path / "fittingroom.sqlite")
        return
    assert POSTGRES is not None
    url, own = sqlalchemy.make_url(POSTGRES).set(drivername="postgresql+psycopg"), f"test_{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"CREATE SCHEMA {own}"))
    yield url.update_query_dict({"options": f"-csearch_path={own}"}).render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"DROP SCHEMA {own} CASCADE"))
    engine.dispose()


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    with Store.open(place) as store:
        yield store


@contextmanager
def of_schema(version: str, place: str) -> Iterator[sqlalchemy.Connection]:
    """A database as an earlier version has left it."""
    engine = sqlalchemy.create_engine(place if "://" in place else f"sqlite:///{place}")
    config = Config()
    config.set_main_option("script_location", "fittingroom.store:migrations")
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        yield connection
    engine.dispose()


def at_the_same_moment(programs: Sequence[Sequence[str]]) -> list[str]:
    """Run Python programs with their arguments; each prints ``ready`` and waits. Returns what they print then."""
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen([sys.executable, "-c", *program], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for program in programs
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]
    assert [errors for _, errors in answers] == [""] * len(answers)
    return [output for output, _ in answers]
