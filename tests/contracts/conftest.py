"""Where the contracts of the store are tested: SQLite, and PostgreSQL if FITTINGROOM_TEST_POSTGRES holds a URL."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

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
