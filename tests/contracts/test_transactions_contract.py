"""What transactions must promise on every backend."""

from __future__ import annotations

import pytest
from sqlalchemy import func, insert, select

from fittingroom.errors import WorkspaceError
from fittingroom.store import Store
from fittingroom.store.schema import run_numbers


def new_run(store: Store) -> str:
    return store.create_run(name="small", spec="{}", spec_id="a", fingerprint="f", parameters=1)


def test_who_reads_sees_one_state_whatever_others_commit_meanwhile(store: Store, place: str) -> None:
    new_run(store)
    count = select(func.sum(run_numbers.c.last))
    with Store.open(place) as other, store._database.reading() as connection:
        assert connection.scalar(count) == 1
        new_run(other)
        assert connection.scalar(count) == 1
    with store._database.reading() as connection:
        assert connection.scalar(count) == 2


def test_who_has_read_may_write_next(store: Store) -> None:
    """What a reading transaction is set to ends with it, although its connection is used again."""
    for number in range(1, 4):
        assert store.runs(limit=1) == store.runs()[:1]
        assert new_run(store) == f"small-{number}"


def test_who_reads_cannot_write_on_a_server(store: Store) -> None:
    if store._database.name.endswith(".sqlite"):
        pytest.skip("SQLite has no such promise")
    with pytest.raises(WorkspaceError, match="in a read-only transaction"), store._database.reading() as connection:
        connection.execute(insert(run_numbers).values(slug="x", last=1))
