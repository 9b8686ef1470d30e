"""Stop, pause and resume, answered by processes that hear it, do not hear it, or die."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from fittingroom.errors import InvalidInput, NotFound
from fittingroom.queue import pause, resume, stop, stop_workers, workers
from fittingroom.store import Store
from fittingroom.workspace import Workspace

TRAINING = """
import sys, time
from fittingroom.store import Store
answer = sys.argv[3]
with Store.open(sys.argv[1]) as store:
    run = sys.argv[2]
    attempt = store.begin_attempt(run, {}, by_worker=True)
    print("begun", flush=True)
    while store.queue.request(run, attempt) is None:
        time.sleep(0.01)
    if answer != "dies":
        store.end(run, attempt, answer)
"""
WORKER = """
import sys, time
from fittingroom.store import Store
with Store.open(sys.argv[1]) as store:
    name = store.queue.register(2)
    print(name, flush=True)
    while not store.queue.asked_to_end(name):
        time.sleep(0.01)
    store.queue.unregister(name)
"""


@pytest.fixture
def store(own_workspace: Workspace) -> Iterator[Store]:
    with Store.open(own_workspace.create().database) as store:
        yield store


@pytest.fixture
def run(store: Store) -> str:
    return store.create_run(name="small", spec="{}", spec_id="a", fingerprint="f", parameters=1, queued=True)


def begun(program: str, *arguments: object) -> tuple[subprocess.Popen[str], str]:
    """A process that has begun, and what it said."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_a_waiting_run_leaves_the_queue_and_comes_back(run: str, own_workspace: Workspace) -> None:
    assert stop("last", own_workspace).state == "stopped"
    with pytest.raises(InvalidInput, match=r'^run "small-1" is stopped, so there is nothing to pause$'):
        pause(run, own_workspace)
    assert resume("last", own_workspace).state == "queued"
    with pytest.raises(InvalidInput, match=r'^run "small-1" is in the queue already, so there is nothing to resume$'):
        resume(run, own_workspace)
    with pytest.raises(NotFound, match=r'^there is no run "smal-1"; did you mean "small-1"'):
        stop("smal-1", own_workspace)


@pytest.mark.parametrize(
    ("answer", "state"),
    [("paused", "paused"), ("finished", "finished"), ("queued", "paused"), ("dies", "paused")],
)
def test_a_running_run_is_watched_until_it_has_answered(
    run: str, own_workspace: Workspace, answer: str, state: str
) -> None:
    process, said = begun(TRAINING, own_workspace.database, run, answer)
    assert said == "begun"
    left = pause(run, own_workspace)
    assert (left.state, left.queued) == (state, None)
    assert process.wait(30) == 0
    process.communicate()


def test_who_does_not_answer_is_not_waited_for_for_ever(run: str, store: Store, own_workspace: Workspace) -> None:
    attempt = store.begin_attempt(run, {})  # this process, which hears nothing
    assert stop(run, own_workspace, wait=0.3).state == "running"
    assert store.queue.request(run, attempt) == "stop"


def test_workers_are_told_to_end(own_workspace: Workspace, store: Store) -> None:
    assert (workers(own_workspace), stop_workers(own_workspace)) == ([], ([], []))
    process, name = begun(WORKER, own_workspace.database)
    (worker,) = workers(own_workspace)
    assert (worker.id, worker.owner.pid, worker.threads) == (name, process.pid, 2)
    asked, left = stop_workers(own_workspace)
    assert ([each.id for each in asked], left) == ([name], [])
    assert process.wait(30) == 0
    process.communicate()
    deaf = store.queue.register(1)
    asked, left = stop_workers(own_workspace, wait=0.2)
    assert [each.id for each in asked] == [each.id for each in left] == [deaf]
