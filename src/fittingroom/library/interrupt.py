"""Ctrl-C, SIGTERM and SIGHUP as a polite request: the training ends after its step, with the best weights kept."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from fittingroom.spec.events import StopReason

PATIENCE = 5.0
"""Seconds after the first signal during which further ones change nothing."""


@contextmanager
def stopping_on_signals() -> Iterator[Callable[[], StopReason | None]]:
    """Gives a function that says whether to stop, and why.

    Stopping takes a step and the saving of the weights. Further signals within that time are impatience and change
    nothing; from ``PATIENCE`` seconds on, one more interrupts at once. Outside the main thread signals cannot be
    handled, and nothing ever asks to stop.
    """
    asked, first = threading.Event(), 0.0
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if not asked.is_set():
            first = time.monotonic()
            asked.set()
        elif time.monotonic() - first > PATIENCE:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, ask) for number in _signals()}
    try:
        yield lambda: "stopped" if asked.is_set() else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _signals() -> list[signal.Signals]:
    """Ctrl-C, a request to end, and a terminal that is closed, unless whoever started us wants that ignored (nohup)."""
    found = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        found.append(hangup)
    return found
