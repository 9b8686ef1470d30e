"""What users want of runs and workers. The database is the only channel: it is asked, and watched for the answer."""

from __future__ import annotations

import time
from contextlib import suppress

from fittingroom.errors import InvalidInput
from fittingroom.store import Request, RunDetails, Store, WorkerRecord
from fittingroom.workspace import Workspace

SECONDS_BETWEEN_LOOKS = 0.1
PATIENCE = 30.0
"""Seconds that a training may take to end: its step, and the saving of its weights."""


def stop(run: str, workspace: Workspace, *, wait: float = PATIENCE) -> RunDetails:
    """Stop a run that waits or is trained, with its best weights kept; returns it as it is then.

    It is still ``running`` where its process has not answered within ``wait`` seconds; what was asked stands.
    Raises InvalidInput for a run that has ended.
    """
    return _ask(run, "stop", workspace, wait)


def pause(run: str, workspace: Workspace, *, wait: float = PATIENCE) -> RunDetails:
    """Like ``stop``, but it says that the run is to go on later: ``resume`` puts it back into the queue."""
    return _ask(run, "pause", workspace, wait)


def resume(run: str, workspace: Workspace) -> RunDetails:
    """Let workers go on with a run that was stopped, paused, broken or interrupted, from its last checkpoint.

    Raises InvalidInput for one that is finished, queued already, or being trained.
    """
    with _store(workspace) as store:
        name = store.run(run).id
        store.queue.put(name)
        return store.run(name)


def workers(workspace: Workspace) -> list[WorkerRecord]:
    """The workers that live, as far as can be told: of those on other hosts it is not known."""
    with _store(workspace) as store:
        return _living(store)


def stop_workers(workspace: Workspace, *, wait: float = PATIENCE) -> tuple[list[WorkerRecord], list[WorkerRecord]]:
    """Ask all workers to end; each hands its run back to the queue.

    Returns all that were asked, and those that have not ended within ``wait`` seconds.
    """
    with _store(workspace) as store:
        asked = store.queue.stop_workers()
        names = {worker.id for worker in asked}
        until = time.monotonic() + wait
        while (left := [worker for worker in _living(store) if worker.id in names]) and time.monotonic() < until:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return asked, left


def _ask(run: str, request: Request, workspace: Workspace, wait: float) -> RunDetails:
    with _store(workspace) as store:
        name = store.run(run).id
        answer = store.queue.ask(name, request)
        until = time.monotonic() + wait
        while answer == "asked" and time.monotonic() < until:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            state = store.run(name).state
            if state in {"queued", "interrupted"}:  # its process has left it, before it heard
                with suppress(InvalidInput):  # and somebody else has ended it since
                    answer = store.queue.ask(name, request)
            elif state != "running":
                break
        return store.run(name)


def _living(store: Store) -> list[WorkerRecord]:
    return [worker for worker in store.queue.workers() if worker.owner.alive() is not False]


def _store(workspace: Workspace) -> Store:
    return Store.open(workspace.create().database)
