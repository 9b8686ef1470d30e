"""Several runs are watched to their ends, whatever becomes of the worker that trains them. The worker is played."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fittingroom import queue
from fittingroom.errors import FittingRoomError
from fittingroom.library import several
from fittingroom.library.several import News, train_several
from fittingroom.queue.together import Comparison
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import load_run_spec
from fittingroom.store import ProgressRow, RunDetails, Store
from fittingroom.workspace import Workspace

TRAIN = """
from fittingroom.spec.events import EpochMetrics
def train(run, epochs, state=None, message="", first=1):
    details = store.run(run)
    attempt = store.begin_attempt(run, {"threads": 1}, after_epoch=first - 1, seen=details, by_worker=True)
    for number in range(first, first + epochs):
        accuracy = 0.5 + number / 10
        store.record_epoch(run, attempt, EpochMetrics(number, 1, 0.5, 1, accuracy, 0.01, 2), best=True)
    if state:
        store.end(run, attempt, state, message=message)
"""
PLAYED = """
import os, signal, sys, time
from fittingroom.store import Store
with Store.open(sys.argv[1]) as store:
    runs = [run.id for run in store.queue.managed()]
"""


@pytest.fixture
def store(own_workspace: Workspace) -> Iterator[Store]:
    with Store.open(own_workspace.create().database) as store:
        yield store


@pytest.fixture
def runs(own_workspace: Workspace, photos: Path) -> list[str]:
    spec = load_run_spec("linear", overrides=[f"data.source={photos}", "data.validation=0.2"])
    return queue.submit_seeds(spec, 2, own_workspace)


@pytest.fixture
def trained(store: Store, own_workspace: Workspace) -> Callable[..., tuple[list[RunDetails], list[News], list[str]]]:
    """``trained(runs, "train(runs[0], 2)")``: what comes of them when the worker does that."""

    def make(runs: Sequence[str], does: str, stop: Callable[[], Any] = lambda: None) -> Any:
        heard: list[News] = []
        told: list[str] = []
        body = "".join(f"    {line}\n" for line in does.splitlines())
        command = [sys.executable, "-c", TRAIN + PLAYED + body, str(own_workspace.database)]
        ended = train_several(runs, own_workspace, command, stop=stop, hear=heard.append, tell=told.append)
        return ended, heard, told

    return make


def test_one_that_fails_does_not_stop_the_others(runs: list[str], trained: Any) -> None:
    does = """train(runs[0], 1, "failed", "the loss became nan")
train(runs[1], 2, "finished", "All 2 epochs done.")"""
    ended, heard, _ = trained(runs, does)
    assert [(run.state, run.message) for run in ended] == [
        ("failed", "the loss became nan"), ("finished", "All 2 epochs done."),
    ]  # fmt: skip
    for run, epochs in zip(runs, (1, 2), strict=True):
        own = [news for news in heard if news.run.id == run]
        assert [epoch.epoch for news in own for epoch in news.epochs] == list(range(1, epochs + 1))
        assert [sum(getattr(news, what) for news in own) for what in ("began", "ended")] == [1, 1]


def test_a_worker_that_is_killed_is_replaced_and_what_is_trained_again_is_told_again(
    runs: list[str], trained: Any
) -> None:
    does = """if store.run(runs[0]).attempt == 0:
    train(runs[0], 3)
    time.sleep(0.5)  # long enough to be looked at
    os.kill(os.getpid(), signal.SIGKILL)
train(runs[0], 2, "finished", first=3)
train(runs[1], 1, "finished")"""
    ended, heard, _ = trained(runs, does)
    assert [(run.state, run.attempt, run.epochs_done) for run in ended] == [("finished", 2, 4), ("finished", 1, 1)]
    told = [epoch.epoch for news in heard if news.run.id == runs[0] for epoch in news.epochs]
    assert told == [1, 2, 3, 3, 4] or told == [1, 2, 3, 4]  # the second time is quicker than a look


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("sys.exit(3)", "their worker ends by itself, with status 3"),
        (
            """print('{"run": "linear-1", "event": "note", "message": "is left to other workers: no GPU"}')""",
            "linear-1 is left to other workers: no GPU",
        ),
    ],
)
def test_workers_that_end_without_having_done_anything_are_not_started_for_ever(
    runs: list[str], trained: Any, store: Store, monkeypatch: pytest.MonkeyPatch, does: str, why: str
) -> None:
    monkeypatch.setattr(several, "FRUITLESS", 1)
    with pytest.raises(FittingRoomError) as caught:
        trained(runs, does)
    assert str(caught.value) == (
        f"linear-1, linear-2 could not be trained: {why}; what waited is stopped, and goes on with: "
        "fittingroom runs resume linear-1"
    )
    assert [store.run(run).state for run in runs] == ["stopped", "stopped"]


def test_a_stop_reaches_what_waits_and_what_is_trained(runs: list[str], trained: Any, store: Store) -> None:
    does = """train(runs[0], 1)
while store.queue.request(runs[0], 1) is None:
    time.sleep(0.02)
store.end(runs[0], 1, "stopped", message="Stopped on request.")"""
    asked = lambda: "stopped" if store.run(runs[0]).epochs_done else None  # noqa: E731
    ended, _, _ = trained(runs, does, asked)
    assert [(run.state, run.message) for run in ended] == [
        ("stopped", "Stopped on request."), ("stopped", "Taken out of the queue."),
    ]  # fmt: skip


def test_a_run_that_is_deleted_meanwhile_is_waited_for_no_more(runs: list[str], trained: Any, store: Store) -> None:
    store.queue.ask(runs[0], "stop")
    store.trash.delete(runs[0])
    ended, _, _ = trained(runs, 'train(runs[0], 1, "finished")')
    assert [run.id for run in ended] == [runs[1]]


def test_progress_is_told_once(runs: list[str], store: Store) -> None:
    attempt = store.begin_attempt(runs[0], {"threads": 1})
    known = several._Seen()

    def look() -> News:
        return known.news(store.run(runs[0]), store.progress(runs[0], after=max(0, known.step)))

    for step in (3, 5):
        store.record_progress(runs[0], attempt, ProgressRow(step, step / 10, step, 1.0, 0.5, 100.0))
    first, second = look(), look()
    assert (first.began, first.progress and first.progress.step) == (True, 5)
    assert (second.began, second.progress, second.epochs, second.ended) == (False, None, (), False)
    store.record_epoch(runs[0], attempt, EpochMetrics(1, 1, 0.5, 1, 0.6, 0.01, 2), best=True)
    store.end(runs[0], attempt, "finished")
    third, fourth = look(), look()
    assert ([epoch.epoch for epoch in third.epochs], third.ended) == ([1], True)
    assert (fourth.epochs, fourth.ended) == ((), False)


def test_the_runs_are_one_comparison_with_seeds_that_count_up(runs: list[str], store: Store) -> None:
    found = [store.run(run) for run in runs]
    assert len({Comparison.of(run.lineage) for run in found}) == 1
    assert [run.spec.count('"seed": 0') + 2 * run.spec.count('"seed": 1') for run in found] == [1, 2]
