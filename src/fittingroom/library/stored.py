"""The runs of a workspace, without loading torch."""

from __future__ import annotations

import shutil

from fittingroom.errors import WorkspaceError
from fittingroom.store import RunDetails, RunSummary, Store
from fittingroom.workspace import Workspace


def open_store(workspace: Workspace) -> Store:
    """The database of a workspace, made if there is none yet."""
    return Store.open(workspace.create().database)


def list_runs(workspace: Workspace, limit: int | None = None) -> list[RunSummary]:
    """All runs, or the newest few, newest first."""
    with open_store(workspace) as store:
        return store.runs(limit)


def find_run(workspace: Workspace, run: str) -> RunDetails:
    """One run by its id, or the newest as ``last``; raises NotFound with the nearest name."""
    with open_store(workspace) as store:
        return store.run(run)


def delete_run(workspace: Workspace, run: str) -> None:
    """Forget a run and remove its files; openings of the test set stay counted.

    Raises InvalidInput while a living process trains it.
    """
    with open_store(workspace) as store:
        folder = workspace.root / store.delete_run(run)
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise WorkspaceError(
            f"the run is forgotten, but its folder {folder} cannot be removed: {error.strerror}; remove it by hand"
        ) from error
