"""Signals while training: the first asks politely, impatience changes nothing, a late second one interrupts."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from fittingroom.library import interrupt
from fittingroom.library.interrupt import stopping_on_signals


def test_impatient_signals_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with stopping_on_signals() as stop:
        assert not stop()
        for _ in range(4):
            os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        monkeypatch.setattr(interrupt, "PATIENCE", -1.0)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stopping_on_signals():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_another_thread_cannot_be_asked() -> None:
    answers = []

    def run() -> None:
        with stopping_on_signals() as stop:
            answers.append(stop())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert answers == [None]
