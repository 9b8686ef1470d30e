"""Stop, pause and resume, answered by processes that hear it, do not hear it, or die."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from fittingroom.errors import InvalidInput, NotFound
from fittingroom.queue import as_left, ask, pause, resume, stop, stop_workers, watch, workers
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


@pytest.fixture
def elsewhere(run: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> int:
    """An attempt at the run that a process on another host has begun; it has shown no sign of life since."""
    with monkeypatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: "far-away")
        patch.setattr("fittingroom.store.owners.place_here", lambda: None)
        patch.setattr("os.getpid", lambda: 4711)
        patch.setattr("fittingroom.store.owners.start_of", lambda pid: 1.5)
        attempt = store.begin_attempt(run, {})  # not by a worker: no queue takes care of it
    monkeypatch.setattr(watch, "SECONDS_WITHOUT_A_BEAT", 0.4)
    monkeypatch.setattr(watch, "SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(ask, "PATIENCE", 0.1)
    return attempt


@pytest.fixture
def beating(run: str, store: Store, elsewhere: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """That process lives, and beats."""
    monkeypatch.setattr(watch, "SECONDS_WITHOUT_A_BEAT", 60)
    enough = threading.Event()

    def beat() -> None:
        while not enough.wait(0.05):
            store.queue.beat(run, elsewhere)

    thread = threading.Thread(target=beat)
    thread.start()
    yield
    enough.set()
    thread.join()


WAITS = (
    "small-1 is being trained by process 4711 on far-away, where this one cannot look; "
    "waiting for a sign of life, for up to 0.4 seconds"
)


def test_a_run_that_another_host_has_lost_can_be_stopped(
    run: str, store: Store, own_workspace: Workspace, elsewhere: int
) -> None:
    told: list[str] = []
    assert stop(run, own_workspace, wait=0).state == "running"  # who has no time learns nothing
    left = stop(run, own_workspace, tell=told.append)
    assert (left.state, left.message) == ("stopped", "Its process, on another host, shows no sign of life.")
    assert told == [WAITS]
    assert store.queue.request(run, elsewhere) == "stop"  # should it come back
    assert resume(run, own_workspace, tell=told.append).state == "queued"
    assert told == [WAITS]


def test_a_run_that_another_host_has_lost_can_be_gone_on_with(
    run: str, store: Store, own_workspace: Workspace, elsewhere: int
) -> None:
    told: list[str] = []
    found = as_left("last", own_workspace, tell=told.append)
    assert (found.id, found.state, store.run(run).state) == (run, "interrupted", "running")
    left = resume("last", own_workspace, tell=told.append)
    assert (left.state, left.attempt, told) == ("queued", elsewhere, [WAITS, WAITS])
    assert store.begin_attempt(run, {}, seen=left) == elsewhere + 1


@pytest.mark.usefixtures("beating")
def test_a_run_that_another_host_trains_is_left_to_it(
    run: str, store: Store, own_workspace: Workspace, elsewhere: int
) -> None:
    told: list[str] = []
    with pytest.raises(InvalidInput, match=r'^run "small-1" is running, so there is nothing to resume$'):
        resume(run, own_workspace, tell=told.append)
    assert as_left(run, own_workspace).state == "running"
    assert stop(run, own_workspace, tell=told.append).state == "running"  # it is deaf, but alive
    waits = WAITS.replace("0.4", "60")
    assert (store.queue.request(run, elsewhere), told) == ("stop", [waits, waits])


def test_what_another_host_answers_ends_the_waiting(
    run: str, store: Store, own_workspace: Workspace, elsewhere: int
) -> None:
    def answer(_: str) -> None:
        store.end(run, elsewhere, "paused", message="Paused there.")

    assert pause(run, own_workspace, tell=answer).message == "Paused there."


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
