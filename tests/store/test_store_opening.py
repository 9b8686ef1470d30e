"""What opening costs and sets: imports, migrations, journal mode."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import sqlalchemy
from alembic.config import Config
from alembic.script import ScriptDirectory

from fittingroom import store as room
from fittingroom.store import Store, migrations
from fittingroom.store.database import _prefer_wal, on_network
from fittingroom.store.migrations import upgrade
from fittingroom.store.schema import SCHEMA


def modules_after(program: str, *arguments: object) -> set[str]:
    """The modules that a fresh interpreter has imported after running a program."""
    command = [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)", *map(str, arguments)]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_the_package_and_the_room_cost_no_sqlalchemy() -> None:
    assert not {"sqlalchemy", "alembic", "psutil"} & modules_after("import fittingroom, fittingroom.store")


def test_a_database_that_is_up_to_date_is_opened_without_alembic(database: Path) -> None:
    program = "import sys; from fittingroom.store import Store; Store.open(sys.argv[1]).close()"
    assert "alembic" in modules_after(program, database)
    again = modules_after(program, database)
    assert "sqlalchemy" in again
    assert not {"alembic", "psutil", "torch"} & again


def test_every_public_name_is_there() -> None:
    assert room.__all__ == sorted(room.__all__)
    assert all(hasattr(room, name) for name in room.__all__)
    with pytest.raises(AttributeError, match=r"^module 'fittingroom.store' has no attribute 'Shop'$"):
        room.Shop  # noqa: B018


def test_the_newest_migration_is_the_declared_schema_and_all_form_one_line() -> None:
    config = Config()
    config.set_main_option("script_location", "fittingroom.store:migrations")
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [SCHEMA]
    names = [Path(script.path).name[:4] for script in scripts.walk_revisions()]
    assert names == sorted(names, reverse=True)
    assert names[-1] == "0001"


def test_a_migration_that_fails_leaves_nothing_behind(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def upgrade_and_stumble(connection: sqlalchemy.Connection) -> None:
        upgrade(connection)
        assert "runs" in sqlalchemy.inspect(connection).get_table_names()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "upgrade", upgrade_and_stumble)
        with pytest.raises(KeyboardInterrupt):
            Store.open(database)
    connection = sqlite3.connect(database)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
    with Store.open(database) as store:
        assert store.runs() == []


def pragma(store: Store, name: str) -> object:
    with store._database.reading() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_connections_are_set_for_safety(store: Store) -> None:
    settings = {name: pragma(store, name) for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")}
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15_000}


def test_a_file_system_without_shared_memory_gets_another_journal(database: Path) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///file:{database}?vfs=unix-dotfile&uri=true")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE x (y INTEGER)")
    _prefer_wal(engine, database)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
    engine.dispose()


def test_a_network_file_system_gets_another_journal(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = [("/", "ext4"), (str(database.parent), "nfs4"), (str(database.parent / "fittingroom"), "ext4")]
    partitions = [SimpleNamespace(mountpoint=point, fstype=kind) for point, kind in mounts]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: partitions)
    assert on_network(database)
    assert not on_network(Path("/somewhere/else"))
    with Store.open(database) as store:
        assert pragma(store, "journal_mode") == "delete"
        store.create_run(name="x", spec="{}", spec_id="a", fingerprint="f", parameters=1)
    monkeypatch.undo()
    with Store.open(database) as store:  # the same file on this machine's own disk
        assert pragma(store, "journal_mode") == "wal"
        assert [run.id for run in store.runs()] == ["x-1"]


def test_a_relative_path_stays_the_same_file_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with Store.open("here.sqlite") as store:
        monkeypatch.chdir("elsewhere")
        with store._database.reading():  # takes the one connection that is open
            store.create_run(name="x", spec="{}", spec_id="a", fingerprint="f", parameters=1)
    with Store.open(tmp_path / "here.sqlite") as store:
        assert [run.id for run in store.runs()] == ["x-1"]
