"""What users want of runs and workers. The database is the only channel: it is asked, and watched for the answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress

from fittingroom.errors import InvalidInput
from fittingroom.queue.stored import open_store
from fittingroom.queue.watch import SECONDS_BETWEEN_LOOKS, looks
from fittingroom.store import Request, RunDetails, Store, WorkerRecord
from fittingroom.workspace import Workspace

Tell = Callable[[str], object]
"""Hears what is waited for, where that takes time."""
PATIENCE = 30.0
"""Seconds that a training may take to end: its step, and the saving of its weights."""


def _silent(message: str) -> None:
    pass


def stop(run: str, workspace: Workspace, *, wait: float | None = None, tell: Tell = _silent) -> RunDetails:
    """Stop a run that waits or is trained, with its best weights kept; returns it as it is then.

    It is still ``running`` where its process has not answered within ``wait`` seconds; what was asked stands. Unless
    given, that is half a minute, and for a process of another host that shows no sign of life a whole one: then it
    is given up. Raises InvalidInput for a run that has ended.
    """
    return _ask(run, "stop", workspace, wait, tell)


def pause(run: str, workspace: Workspace, *, wait: float | None = None, tell: Tell = _silent) -> RunDetails:
    """Like ``stop``, but it says that the run is to go on later: ``resume`` puts it back into the queue."""
    return _ask(run, "pause", workspace, wait, tell)


def resume(run: str, workspace: Workspace, *, tell: Tell = _silent) -> RunDetails:
    """Let workers go on with a run that was stopped, paused, broken or interrupted, from its last checkpoint.

    Raises InvalidInput for one that is finished, queued already, or being trained: see ``as_left`` for other hosts.
    """
    with open_store(workspace) as store:
        found = _as_left(store, run, tell)
        given_up = [(found.id, found.attempt)] if found.state == "interrupted" else []
        store.queue.put(found.id, given_up)
        return store.run(found.id)


def as_left(run: str, workspace: Workspace, *, tell: Tell = _silent) -> RunDetails:
    """A run as whoever wants to go on with it finds it.

    It is ``interrupted`` also when its process is on another host and shows no sign of life for a minute, which is
    waited for.
    """
    with open_store(workspace) as store:
        return _as_left(store, run, tell)


def workers(workspace: Workspace) -> list[WorkerRecord]:
    """The workers that live, as far as can be told: of those on other hosts it is not known."""
    with open_store(workspace) as store:
        return _living(store)


def stop_workers(workspace: Workspace, *, wait: float = PATIENCE) -> tuple[list[WorkerRecord], list[WorkerRecord]]:
    """Ask all workers to end; each hands its run back to the queue.

    Returns all that were asked, and those that have not ended within ``wait`` seconds.
    """
    with open_store(workspace) as store:
        asked = store.queue.stop_workers()
        names = {worker.id for worker in asked}
        until = time.monotonic() + wait
        while (left := [worker for worker in _living(store) if worker.id in names]) and time.monotonic() < until:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return asked, left


def _ask(run: str, request: Request, workspace: Workspace, wait: float | None, tell: Tell) -> RunDetails:
    at_least, at_most = (PATIENCE, math.inf) if wait is None else (wait, wait)
    with open_store(workspace) as store:
        name = store.run(run).id
        if store.queue.ask(name, request) == "asked":
            for found in looks(store, name, tell, at_least=at_least, at_most=at_most):
                if found.state in {"queued", "interrupted"}:  # its process has left it, before it heard
                    with suppress(InvalidInput):  # and somebody else has ended it since
                        if store.queue.ask(name, request, given_up=[(name, found.attempt)]) == "done":
                            break
                elif found.state != "running":
                    break
        return store.run(name)


def _as_left(store: Store, run: str, tell: Tell) -> RunDetails:
    *_, found = looks(store, store.run(run).id, tell)
    return found


def _living(store: Store) -> list[WorkerRecord]:
    return [worker for worker in store.queue.workers() if worker.owner.alive() is not False]
