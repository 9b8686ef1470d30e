"""The runs of a workspace, without loading torch."""

from __future__ import annotations

from collections.abc import Collection

from fittingroom.errors import NotFound
from fittingroom.queue.stored import open_store
from fittingroom.store import RunDetails, RunSummary
from fittingroom.workspace import Workspace


def list_runs(workspace: Workspace, limit: int | None = None) -> list[RunSummary]:
    """All runs, or the newest few, newest first."""
    with open_store(workspace) as store:
        return store.runs(limit)


def find_origin(workspace: Workspace, run: str) -> RunDetails | None:
    """A run that another one comes from; None when it is no longer there, or was a file."""
    try:
        return find_run(workspace, run)
    except NotFound:
        return None


def find_run(workspace: Workspace, run: str) -> RunDetails:
    """One run by its id, or the newest as ``last``; raises NotFound with the nearest name."""
    with open_store(workspace) as store:
        return store.run(run)


def change_labels(
    workspace: Workspace,
    run: str,
    *,
    name: str | None = None,
    note: str | None = None,
    add: Collection[str] = (),
    remove: Collection[str] = (),
) -> RunDetails:
    """Rename a run, write its note, add or remove tags; returns it as it is then. See ``store.labels``."""
    with open_store(workspace) as store:
        found = store.run(run).id
        store.labels.change(found, name=name, note=note, add=add, remove=remove)
        return store.run(found)
