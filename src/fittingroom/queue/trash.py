"""Runs that are deleted, and the disk space that runs take."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from datetime import timedelta

from fittingroom.errors import WorkspaceError
from fittingroom.queue.stored import open_store
from fittingroom.store import DiskUse, RunSummary
from fittingroom.workspace import Workspace

KEPT = timedelta(days=30)
"""How long a deleted run can be brought back, unless it is purged before."""
GOING = ".purged-"
"""Folders that begin so are being removed."""


def delete_run(workspace: Workspace, run: str) -> None:
    """Move a run to the trash; raises InvalidInput while a living process trains it."""
    with open_store(workspace) as store:
        store.trash.delete(run)


def restore_run(workspace: Workspace, run: str) -> None:
    """Bring a deleted run back, as it was; raises InvalidInput for one that is not deleted."""
    with open_store(workspace) as store:
        store.trash.restore(run)


def deleted_runs(workspace: Workspace) -> list[RunSummary]:
    """The runs that can be brought back, those deleted last first."""
    with open_store(workspace) as store:
        return store.trash.deleted()


def purge(workspace: Workspace, chosen: Collection[str] | timedelta = KEPT) -> int:
    """Remove deleted runs for good: those that are named, or all that have been deleted for so long.

    Returns how many. Openings of their test sets stay counted. The store forgets them first. Then their folders get
    a name that says what they are, so that whatever a crash leaves is removed by the next call.
    """
    with open_store(workspace) as store:
        folders = store.trash.purge(chosen)
    try:
        for folder in folders:
            if (path := workspace.root / folder).exists():
                path.rename(path.with_name(GOING + path.name))
        for going in workspace.runs.glob(f"{GOING}*"):
            shutil.rmtree(going)
    except OSError as error:
        raise WorkspaceError(
            f"{len(folders)} runs are forgotten, but not all of their files in {workspace.runs} can be removed: "
            f"{error.strerror} ({error.filename}); remove them by hand"
        ) from error
    return len(folders)


def disk_use(workspace: Workspace) -> DiskUse:
    """What the files of all runs take, and what those of deleted runs still hold."""
    with open_store(workspace) as store:
        return store.disk_use()
