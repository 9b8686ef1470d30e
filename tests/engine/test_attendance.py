"""A training hears what users ask of it, and is seen to live."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fittingroom.engine import attendance as module
from fittingroom.engine.attendance import attendance
from fittingroom.engine.loop import Stop
from fittingroom.errors import WorkspaceBusy
from fittingroom.store import Request, Store


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_READINGS", 0.01)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'fittingroom.sqlite'}?timeout=0.05") as store:
        yield store


def begin(store: Store) -> tuple[str, int]:
    run = store.create_run(name="small", spec="{}", spec_id="a", fingerprint="f", parameters=1)
    return run, store.begin_attempt(run, {})


def until(what: Callable[[], object]) -> None:
    """Returns when it is so; the test fails by its time limit if that never comes."""
    limit = time.monotonic() + 20
    while not what():
        assert time.monotonic() < limit
        time.sleep(0.005)


@pytest.mark.parametrize(("asked", "reason"), [("stop", "stopped"), ("pause", "paused")])
def test_what_is_asked_is_heard(store: Store, asked: Request, reason: str) -> None:
    run, attempt = begin(store)
    with attendance(store, run, attempt) as heard:
        assert heard() is None
        store.queue.ask(run, asked)
        until(heard)
        assert heard() == reason


def test_what_was_asked_before_is_heard_too(store: Store) -> None:
    run, attempt = begin(store)
    store.queue.ask(run, "stop")
    with attendance(store, run, attempt) as heard:
        until(heard)


def test_it_beats_and_ends_with_the_training(store: Store) -> None:
    run, attempt = begin(store)

    def beats() -> int:
        return store.run(run).attempts[0].beats

    with attendance(store, run, attempt):
        until(lambda: beats() >= 3)
    ended = beats()
    time.sleep(0.2)
    assert beats() == ended


def test_a_locked_database_is_waited_for(store: Store, tmp_path: Path) -> None:
    run, attempt = begin(store)
    with attendance(store, run, attempt) as heard:
        other = sqlite3.connect(tmp_path / "fittingroom.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(WorkspaceBusy, match="has been locked by another program"):
            store.queue.beat(run, attempt)
        time.sleep(0.2)
        other.execute("ROLLBACK")
        other.close()
        store.queue.ask(run, "pause")
        until(heard)
        assert heard() == "paused"


def over(hears: Callable[[str, int], None], store: Store) -> tuple[Stop, int]:
    """What is heard, and how many beats there are, after something that ends the attendance."""
    run, attempt = begin(store)
    with attendance(store, run, attempt) as heard:
        until(lambda: store.run(run).attempts[0].beats)
        hears(run, attempt)
        time.sleep(0.1)
    return heard, attempt


def test_an_attempt_that_was_taken_over_hears_nothing_more(store: Store) -> None:
    def take_over(run: str, attempt: int) -> None:
        assert store.begin_attempt(run, {}) == 2
        store.queue.ask(run, "stop")

    heard, _ = over(take_over, store)
    assert heard() is None


def test_a_run_that_was_deleted_is_attended_to_no_more(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def delete(run: str, attempt: int) -> None:
        with monkeypatch.context() as patch:  # from another host, where nobody knows that this process lives
            patch.setattr("socket.gethostname", lambda: "another-host")
            patch.setattr("fittingroom.store.owners.place_here", lambda: None)
            store.trash.delete(run)

    heard, _ = over(delete, store)
    assert heard() is None
    assert capsys.readouterr().err == ""
