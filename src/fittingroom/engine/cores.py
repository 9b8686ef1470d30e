"""Core slots: so that trainings of this machine, of whatever workspace, never want more cores than there are.

Every core has a lock file in the cache folder. The operating system gives a lock back when its process ends, however
it ends, and lock files are closed in forked children, so a killed training never keeps cores. Whoever takes cores
holds the turn until it has all of them: nobody waits for cores while holding some that another waiter needs, and a
training that wants many is not passed by ever new ones that want few. Among those who wait for the turn, chance
decides. Trainings that use other cache folders (other users) do not see each other.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from filelock import FileLock, Timeout

from fittingroom.workspace import cache_folder

if TYPE_CHECKING:
    from fittingroom.engine.loop import Stop  # whoever only counts cores need not wait for torch

SECONDS_BETWEEN_TRIES = 0.1
_held = ContextVar("held", default=False)
"""Whether who runs here holds slots already: a worker that executes a run, a training within a training."""


@cache
def machine_cores() -> int:
    """Cores of this machine, each counted once however many threads it can run: what torch takes by default."""
    return psutil.cpu_count(logical=False) or psutil.cpu_count() or 1


@contextmanager
def core_slots(
    threads: int,
    waiting: Callable[[int], None] = lambda free: None,
    stop: Stop = lambda: None,
    *,
    device: str = "cpu",
) -> Iterator[bool]:
    """Hold slots for a training with so many CPU threads; yields whether they are held.

    On a GPU it is the GPU and one core. Waits as long as it takes: ``waiting`` is called once, with the number of
    free cores, if there is anything to wait for, and ``stop`` is asked all the while; a reason ends it with False.
    Who holds slots already, in the same thread, gets True at once. So does everybody where locks cannot be made
    (a cache folder that is read-only, a file system without locks): sharing cores is a courtesy, and no reason not
    to train. A warning says so.
    """
    if _held.get():
        yield True
        return
    with ExitStack() as locks:
        held = _take(locks, threads, device, _Patience(waiting, stop))
        token = _held.set(held)
        try:
            yield held
        finally:
            _held.reset(token)


def free_cores() -> int:
    """How many cores no training holds at this moment."""
    free = 0
    for number in range(machine_cores()):
        with ExitStack() as locks:
            free += _try(locks, f"core-{number}")
    return free


class _NoLocks(OSError):
    """Locks cannot be made where they should be."""


class _Patience:
    """Waiting for what others hold: says so once, and ends when ``stop`` gives a reason."""

    def __init__(self, waiting: Callable[[int], None], stop: Stop) -> None:
        self._waiting, self._stop = waiting, stop
        self._tries = 0

    def goes_on(self, held: int) -> bool:
        """Wait a moment; False when it is enough. ``held``: cores that the waiter has already."""
        if self._stop() is not None:
            return False
        self._tries += 1
        if self._tries == 2:  # the turn of somebody who finds enough free cores is over at once
            self._waiting(free_cores() + held)
        time.sleep(SECONDS_BETWEEN_TRIES)
        return True


def _take(locks: ExitStack, threads: int, device: str, patience: _Patience) -> bool:
    """Fill ``locks`` with all that is needed; False, and nothing is held, when patience ended first."""
    cores = [f"core-{number}" for number in range(machine_cores())]
    wanted = min(threads, len(cores)) if device == "cpu" else 1
    try:
        with ExitStack() as taken, ExitStack() as turn:
            if not (
                (device == "cpu" or _wait(taken, ["gpu"], 1, patience))
                and _wait(turn, ["turn"], 1, patience)
                and _wait(taken, cores, wanted, patience)
            ):
                return False
            locks.push(taken.pop_all())
    except _NoLocks as error:
        warnings.warn(
            f"cores cannot be shared with other trainings, because {_folder()} takes no locks ({error}); "
            "this one does not wait for others, nor others for it",
            stacklevel=2,
        )
    return True


def _wait(locks: ExitStack, names: list[str], wanted: int, patience: _Patience) -> bool:
    """Take ``wanted`` of the named locks, each as soon as its holder lets go; False when patience ended first."""
    missing = list(names)
    while True:
        for name in tuple(missing):
            if wanted and _try(locks, name):
                missing.remove(name)
                wanted -= 1
        if not wanted:
            return True
        if not patience.goes_on(held=len(names) - len(missing)):
            return False


def _try(locks: ExitStack, name: str) -> bool:
    """Take the lock of that name, if nobody holds it, until ``locks`` is closed; raises _NoLocks."""
    folder = _folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / name, thread_local=False, fallback_to_soft=False)
        lock.acquire(blocking=False)
    except Timeout:
        return False
    except OSError as error:
        raise _NoLocks(*error.args) from error
    locks.callback(lock.release)
    return True


def _folder() -> Path:
    return cache_folder() / "cores"
