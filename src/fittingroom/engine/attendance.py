"""While a training goes on: a thread of its own reads what users ask of it, and shows other hosts that it lives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from fittingroom.engine.loop import Stop
from fittingroom.errors import NotFound, WorkspaceError
from fittingroom.spec.events import StopReason
from fittingroom.store import Request, StaleAttempt, Store

Answer = TypeVar("Answer")
SECONDS_BETWEEN_READINGS = 0.5
READINGS_BETWEEN_BEATS = 10
REASONS: dict[Request, StopReason] = {"stop": "stopped", "pause": "paused"}


@contextmanager
def attendance(store: Store, run: str, attempt: int) -> Iterator[Stop]:
    """Attend to an attempt at a run; yields a function that says whether a user wants it to end, and how.

    An attempt that has been taken over, or whose run has been deleted, is attended to no more: the next thing that
    it wants to record is refused.
    """

    def read() -> Request | None:
        return store.queue.request(run, attempt)

    def beat() -> None:
        store.queue.beat(run, attempt)

    with listening(read, beat) as heard:
        yield lambda: REASONS[asked] if (asked := heard()) else None


@contextmanager
def listening(read: Callable[[], Answer], beat: Callable[[], None]) -> Iterator[Callable[[], Answer | None]]:
    """Call ``read`` twice a second and ``beat`` every five; yields a function that gives the newest answer.

    A database that is locked, or away, for a while is asked again; whoever trains finds out by itself whether it
    stays so. StaleAttempt and NotFound end the listening.
    """
    newest: list[Answer | None] = [None]
    over = threading.Event()

    def listen() -> None:
        readings = 0
        with suppress(StaleAttempt, NotFound):
            while True:
                with suppress(WorkspaceError):
                    newest[0] = read()
                    if readings % READINGS_BETWEEN_BEATS == 0:
                        beat()
                readings += 1
                if over.wait(SECONDS_BETWEEN_READINGS):
                    return

    thread = threading.Thread(target=listen, name="attendance", daemon=True)
    thread.start()
    try:
        yield lambda: newest[0]
    finally:
        over.set()
        thread.join()
