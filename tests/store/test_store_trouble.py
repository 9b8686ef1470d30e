"""Databases that cannot be used: each message says what is wrong and what to do, and nothing is lost."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fittingroom.errors import InvalidInput, WorkspaceError
from fittingroom.store import Store, database as store_database

Start = Callable[[str], "subprocess.Popen[str]"]

FULL_DISK = """
import json, resource
store = Store.open(sys.argv[1])
run, attempt = new_run(store)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
done, message = 0, ""
try:
    while done < 1_000:
        store.record_epoch(run, attempt, epoch(done + 1))
        done += 1
except FittingRoomError as error:
    message = f"{type(error).__name__}: {error}"
seen_when_full = len(store.run(run).epochs)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.record_epoch(run, attempt, epoch(done + 1))
store.end(run, attempt, "finished")
print(json.dumps([done, seen_when_full, message]))
"""


def refused(place: Path | str, message: str) -> None:
    """Opening raises WorkspaceError with just this message."""
    with pytest.raises(WorkspaceError, match=f"^{re.escape(message)}$"):
        Store.open(place)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_full_disk_loses_nothing_and_work_goes_on_afterwards(
    start: Start, database: Path, intact: Callable[[], bool]
) -> None:
    output, errors = start(FULL_DISK).communicate(timeout=60)
    assert errors == ""
    done, seen_when_full, message = json.loads(output)
    assert 0 < done == seen_when_full < 1_000
    assert message in {
        f"WorkspaceUnusable: the database {database} cannot grow: the disk is full; "
        "free some space, then try again; what it holds is safe",
        f"WorkspaceUnusable: the database {database} cannot be read or written: the disk is full or failing; "
        "free some space or check the disk, then try again; what it holds is safe",
    }
    assert intact()
    with Store.open(database) as store:
        kept = store.run("last")
        assert kept.state == "finished"
        assert [epoch.epoch for epoch in kept.epochs] == list(range(1, done + 2))


def test_a_newer_database_is_left_alone(database: Path) -> None:
    Store.open(database).close()
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '0973'")
    connection.close()
    before = digest(database)
    refused(
        database,
        f"the database {database} was written by a newer Fitting Room (schema 0973, this one knows up to 0004); "
        "upgrade with: pip install --upgrade fittingroom; nothing was changed",
    )
    assert digest(database) == before


@pytest.mark.parametrize(
    ("tables", "first"),
    [
        (["CREATE TABLE songs (title TEXT)", "CREATE TABLE artists (name TEXT)"], "artists"),
        (
            ["CREATE TABLE alembic_version (version_num TEXT)", "INSERT INTO alembic_version VALUES ('0001')"],
            "alembic_version",
        ),
    ],
)
def test_a_database_of_another_program_is_left_alone(database: Path, tables: list[str], first: str) -> None:
    connection = sqlite3.connect(database)
    with connection:
        for table in tables:
            connection.execute(table)
    connection.close()
    before = digest(database)
    refused(
        database,
        f"the database {database} belongs to another program (it has the table {first}); nothing was changed; "
        "choose another workspace with --workspace",
    )
    assert digest(database) == before
    assert [path.name for path in database.parent.iterdir()] == [database.name]


def test_a_file_that_is_no_database_is_left_alone(database: Path) -> None:
    database.write_text("my shopping list: milk, bread" * 100)
    refused(
        database,
        f"the database {database} is not a database of Fitting Room: it is no SQLite file at all; "
        "nothing was changed; choose another workspace with --workspace",
    )
    assert database.read_text() == "my shopping list: milk, bread" * 100


def test_an_empty_file_becomes_a_database(database: Path) -> None:
    database.touch()
    with Store.open(database) as store:
        assert store.runs() == []


def test_a_database_with_a_damaged_page_says_so(database: Path) -> None:
    with Store.open(database) as store:
        for _ in range(100):
            store.create_run(name="x", spec="{}" * 200, spec_id="a", fingerprint="f", parameters=1)
    content = bytearray(database.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    database.write_bytes(content)
    with pytest.raises(WorkspaceError, match="is damaged; put back a copy of it, or choose another workspace"):
        Store.open(database).runs()


def test_a_database_that_another_process_makes_meanwhile_is_used_though_that_trains_already(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was empty when it was looked at; when the lock is had, it is whole, and a run is going on."""
    with Store.open(database) as store:
        run = store.create_run(name="x", spec="{}", spec_id="a", fingerprint="f", parameters=1)
        store.begin_attempt(run, {})
    looks = iter([None])
    version = store_database._version
    monkeypatch.setattr(store_database, "_version", lambda *at: next(looks, version(*at)))
    with Store.open(database) as store:
        assert store.run(run).state == "running"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "fittingroom.sqlite"
    refused(
        path,
        f"the folder of the database {path} cannot be found; create it, or choose another workspace with --workspace",
    )
    assert not path.parent.exists()


def test_a_folder_in_the_place_of_the_database_is_refused(database: Path) -> None:
    database.mkdir()
    refused(
        database,
        f"the database {database} cannot be opened; check that you may write its folder, "
        "or choose another workspace with --workspace",
    )


AS_NOBODY = """
import os, sys
from fittingroom.store import Store, database as store_database
Store.open(sys.argv[2]).close()  # so that all modules are loaded: nobody may not be allowed to read them
if os.geteuid() == 0:
    os.setuid(65534)
try:
    with Store.open(sys.argv[1]) as store:
        store.create_run(name="x", spec="{}", spec_id="a", fingerprint="f", parameters=1)
except Exception as error:
    print(f"{type(error).__name__}: {error}")
"""


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="permissions work otherwise on this system")
@pytest.mark.parametrize(
    ("exists", "complaint"),
    [
        (False, "cannot be opened; check that you may write its folder"),
        (True, "is read-only for you; check the permissions of it and its folder"),
    ],
)
def test_a_folder_that_may_not_be_written_is_named(exists: bool, complaint: str, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:  # tmp_path cannot be entered by anyone else
        path = Path(folder) / "fittingroom.sqlite"
        if exists:
            Store.open(path).close()
            path.chmod(0o444)
        Path(folder).chmod(0o555)
        command = [sys.executable, "-c", AS_NOBODY, str(path), str(tmp_path / "warm-up.sqlite")]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
        Path(folder).chmod(0o755)
    assert answer.stderr == ""
    advice = "or choose another workspace with --workspace"
    assert answer.stdout == f"WorkspaceUnusable: the database {path} {complaint}, {advice}\n"


def test_a_lock_that_is_not_released_is_explained(database: Path) -> None:
    Store.open(database).close()
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Store.open(f"sqlite:///{database}?timeout=0.1") as store:
        assert store.runs() == []  # reading goes on
        with pytest.raises(WorkspaceError) as caught:
            store.create_run(name="x", spec="{}", spec_id="a", fingerprint="f", parameters=1)
        other.execute("ROLLBACK")
        other.close()
        assert store.create_run(name="x", spec="{}", spec_id="a", fingerprint="f", parameters=1) == "x-1"
    assert str(caught.value) == (
        f"the database {database} has been locked by another program for too long; "
        "wait until that program is done, or end it, then try again"
    )
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)  # and not SQLAlchemy's, which shows the SQL


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("mysql://me@host/lab", '"mysql" databases cannot be used; give a sqlite:///… or postgresql://… URL'),
        ("://x", '"://x" is not the URL of a database; write sqlite:///PATH or postgresql://…'),
        ("sqlite://", "a database in memory would forget everything; give the path of a file"),
        ("sqlite:///:memory:", "a database in memory would forget everything; give the path of a file"),
    ],
)
def test_urls_that_lead_nowhere_are_refused(place: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{re.escape(message)}$"):
        Store.open(place)
