"""What databases say when something is wrong with them, in words for users: the only place that knows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError

from fittingroom.errors import WorkspaceBusy, WorkspaceUnusable

ANOTHER_WORKSPACE = "choose another workspace with --workspace"

SQLITE = {
    "SQLITE_BUSY": (
        "has been locked by another program for too long",
        "wait until that program is done, or end it, then try again",
    ),
    "SQLITE_CANTOPEN": ("cannot be opened", f"check that you may write its folder, or {ANOTHER_WORKSPACE}"),
    "SQLITE_CORRUPT": ("is damaged", f"put back a copy of it, or {ANOTHER_WORKSPACE}"),
    "SQLITE_FULL": ("cannot grow: the disk is full", "free some space, then try again; what it holds is safe"),
    "SQLITE_IOERR": (
        "cannot be read or written: the disk is full or failing",
        "free some space or check the disk, then try again; what it holds is safe",
    ),
    "SQLITE_NOTADB": (
        "is not a database of Fitting Room: it is no SQLite file at all",
        f"nothing was changed; {ANOTHER_WORKSPACE}",
    ),
    "SQLITE_READONLY": ("is read-only for you", f"check the permissions of it and its folder, or {ANOTHER_WORKSPACE}"),
}
"""SQLite's result codes (https://www.sqlite.org/rescode.html), without their extensions: what is wrong, what to do."""


@contextmanager
def explained(database: str) -> Iterator[None]:
    """Turn what the database complains about into WorkspaceBusy or WorkspaceUnusable, with its name for people.

    A broken constraint stays what it is: a bug of ours. The SQL never shows, not even in a traceback.
    """
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        busy = error.connection_invalidated or getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_BUSY")
        kind = WorkspaceBusy if busy else WorkspaceUnusable
        raise kind(f"the database {database} {_complaint(error.orig)}") from error.orig


def _complaint(error: BaseException | None) -> str:
    """What is wrong and what to do: by SQLite's result code, else in the database's own words."""
    code: str = getattr(error, "sqlite_errorname", "")
    for name, (wrong, advice) in SQLITE.items():
        if code == name or code.startswith(f"{name}_"):
            return f"{wrong}; {advice}"
    words = str(error).strip().partition("\n")[0]
    return f"does not do what it should ({words}); check that it is reachable and whole, or {ANOTHER_WORKSPACE}"
