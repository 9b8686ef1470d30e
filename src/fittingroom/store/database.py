"""The door to SQLite and PostgreSQL: opens, checks and migrates a database, and hands out transactions.

On SQLite one process writes at a time, on PostgreSQL one writer per key: whoever is inside ``writing(run)`` may
check first and write then. Commits are synced to the disk (SQLite's ``synchronous = FULL``, 1–5 ms on a solid-state
disk), so that a file which ``adopt`` has replaced can be deleted even if the power fails in the next moment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, func, inspect, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from fittingroom.errors import InvalidInput, WorkspaceError
from fittingroom.store.failures import ANOTHER_WORKSPACE, explained
from fittingroom.store.owners import Owner
from fittingroom.store.schema import SCHEMA

BUSY_SECONDS = 15
"""How long to wait for another process's lock, unless the URL says otherwise (``?timeout=60``)."""

NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "gpfs", "lustre", "ncpfs"}
    | {"nfs", "nfs4", "smb3", "smbfs", "webdav"}
)
"""Where processes on several machines may open the file, which SQLite's WAL mode does not survive."""


class Database:
    """An open database of the newest schema. ``name`` is what people know it by: a path, or a URL without password."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.name = name
        self._engine = engine
        self._pid = os.getpid()
        self._sqlite = engine.dialect.name == "sqlite"

    @classmethod
    def open(cls, place: str | os.PathLike[str]) -> Database:
        """Open what a path or a URL (``sqlite:///…``, ``postgresql://…``) names; missing files and tables are made.

        Raises WorkspaceError, and changes nothing, where that database is not ours, or newer than this program.
        """
        url = _url(place)
        name = url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
        assert name is not None
        database = cls(_engine(url), name)
        try:
            database._prepare()
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database."""
        with explained(self.name), self._own_engine().connect() as connection:
            if self._sqlite:
                connection.exec_driver_sql("BEGIN")
            else:  # where every query would see what has been committed by then
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection

    @contextmanager
    def writing(self, *keys: str) -> Iterator[Connection]:
        """A transaction that nobody else who writes under one of the keys overlaps with; committed at the end."""
        with explained(self.name), self._own_engine().begin() as connection:
            if self._sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                for key in sorted(set(keys)):  # in one order, so that two never wait for each other
                    connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(key))))
            yield connection

    def _own_engine(self) -> Engine:
        """The engine; after a fork without the parent's connections, which must not be used by two processes."""
        if self._pid != os.getpid():
            self._engine.dispose(close=False)
            self._pid = os.getpid()
        return self._engine

    def _prepare(self) -> None:
        """Check that the database is ours, and make it one of the newest schema."""
        with self.reading() as connection:
            version = _version(connection, self.name)
        if version != SCHEMA:
            self._migrate()
        if self._sqlite:
            _prefer_wal(self._engine, Path(self.name))

    def _migrate(self) -> None:
        from fittingroom.store.migrations import upgrade  # Alembic takes 0.2 s and is rarely needed

        with self.writing("schema") as connection:
            if _version(connection, self.name) == SCHEMA:  # another process was faster, and may train already
                return
            _refuse_while_training(connection, self.name)
            upgrade(connection)


def upsert(connection: Connection, table: Table, row: Mapping[str, object]) -> None:
    """Insert a row, or put it in the place of the one with the same primary key."""
    keys = [column.name for column in table.primary_key]
    statement = _insert(connection, table).values(**row)
    others = {name: statement.excluded[name] for name in row if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others))


def insert_if_new(connection: Connection, table: Table, row: Mapping[str, object]) -> None:
    """Insert a row, unless there is one with the same primary key."""
    connection.execute(_insert(connection, table).values(**row).on_conflict_do_nothing())


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def _url(place: str | os.PathLike[str]) -> URL:
    """The URL for a path or a URL, with the drivers and the time to wait that we use."""
    written = os.fspath(place)
    if "://" not in written:
        return _sqlite_url(URL.create("sqlite", database=written))
    try:
        url = make_url(written)
    except ArgumentError:
        raise InvalidInput(
            f'"{written}" is not the URL of a database; write sqlite:///PATH or postgresql://…'
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _sqlite_url(url)
    if backend != "postgresql":
        raise InvalidInput(f'"{backend}" databases cannot be used; give a sqlite:///… or postgresql://… URL')
    return url.set(drivername="postgresql+psycopg")


def _sqlite_url(url: URL) -> URL:
    if not url.database or url.database == ":memory:":
        raise InvalidInput("a database in memory would forget everything; give the path of a file")
    path = os.path.abspath(url.database)  # later connections find it too, wherever the process has gone by then
    if not os.path.isdir(os.path.dirname(path)):  # Path.is_dir raises where we may not look
        raise WorkspaceError(f"the folder of the database {path} cannot be found; create it, or {ANOTHER_WORKSPACE}")
    return url.set(database=path).update_query_dict({"timeout": str(BUSY_SECONDS), **url.query})


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        # isolation_level None: the driver leaves BEGIN to us, so that writers can ask for their lock at once
        engine = create_engine(url, hide_parameters=True, connect_args={"isolation_level": None})
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    try:
        return create_engine(url, hide_parameters=True, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise WorkspaceError(
            f'a PostgreSQL database needs "{error.name}"; install it with: pip install "fittingroom[postgres]"'
        ) from None


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _version(connection: Connection, name: str) -> str | None:
    """The schema that is there, None in an empty database; raises WorkspaceError for what we must not touch."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    version = ""
    if {"alembic_version", "run_numbers"} <= set(tables):
        version = connection.scalar(text("SELECT version_num FROM alembic_version")) or ""
    if not re.fullmatch(r"\d{4}", version):
        raise WorkspaceError(
            f"the database {name} belongs to another program (it has the table {min(tables)}); "
            f"nothing was changed; {ANOTHER_WORKSPACE}"
        )
    if version > SCHEMA:
        raise WorkspaceError(
            f"the database {name} was written by a newer Fitting Room (schema {version}, this one knows up to "
            f"{SCHEMA}); upgrade with: pip install --upgrade fittingroom; nothing was changed"
        )
    return version


def _refuse_while_training(connection: Connection, name: str) -> None:
    """Raise WorkspaceError while a process of this host trains into tables that are about to change under it."""
    if not inspect(connection).has_table("attempts"):
        return
    query = "SELECT runs.id, host, pid, process_started FROM runs JOIN attempts ON run = id AND number = attempt "
    for row in connection.execute(text(query + "WHERE state = 'running'")):
        if Owner(row.host, row.pid, row.process_started).alive():
            raise WorkspaceError(
                f"the database {name} has to be brought up to date, but process {row.pid} is training {row.id}; "
                "wait until that has ended, or stop it, then try again; nothing was changed"
            )


def _prefer_wal(engine: Engine, path: Path) -> None:
    """Let readers and a writer work at the same time, where the file system can; the file remembers the mode.

    While another process has the file open it may be refused; then the next opening tries again.
    """
    with suppress(OperationalError), engine.connect() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        if mode != "wal" and not on_network(path):
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")


def on_network(path: Path) -> bool:
    """Whether a file lies on a network file system, as far as the system's list of mounts tells."""
    import psutil  # needed only while a database is not in WAL mode yet

    resolved = path.resolve()
    mounts = [mount for mount in psutil.disk_partitions(all=True) if resolved.is_relative_to(mount.mountpoint)]
    nearest = max(mounts, key=lambda mount: len(mount.mountpoint), default=None)
    return nearest is not None and nearest.fstype.lower() in NETWORK_FILE_SYSTEMS
