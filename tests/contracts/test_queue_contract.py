"""What the queue must do on every backend: who waits, who is next, what is asked, which workers there are."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

import pytest
from sqlalchemy import event

from fittingroom.errors import InvalidInput
from fittingroom.store import Artifact, Owner, Request, RunDetails, StaleAttempt, Store, TakenUp

ANOTHER_PROCESS = """
import sys
from fittingroom.store import Store
with Store.open(sys.argv[1]) as store:
    what, run = sys.argv[2:]
    if what == "train":
        store.begin_attempt(run, {}, by_worker=True, seen=store.run(run))
    if what == "worker":
        store.queue.report(store.queue.register(3), run)
    print("begun", flush=True), sys.stdin.readline()
"""


class Process:
    """Another process of this host, which has begun to train a run or has registered as a worker."""

    def __init__(self, place: str, what: str, run: str) -> None:
        command = [sys.executable, "-c", ANOTHER_PROCESS, place, what, run]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "begun\n"
        self.pid = self.process.pid

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


Another = Callable[[str, str], Process]


@pytest.fixture
def another(place: str) -> Iterator[Another]:
    started: list[Process] = []

    def start(what: str, run: str) -> Process:
        started.append(Process(place, what, run))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def new_run(store: Store, name: str = "starter", *, queued: bool = True) -> str:
    return store.create_run(name=name, spec="{}", spec_id="a1", fingerprint="f0", parameters=1, queued=queued)


def next_run(store: Store) -> RunDetails:
    found = store.queue.next()
    assert found is not None
    return found


def next_id(store: Store) -> str | None:
    found = store.queue.next()
    return found and found.id


def claim(store: Store) -> tuple[str, int]:
    """What a worker does first."""
    run = next_run(store)
    return run.id, store.begin_attempt(run.id, {}, seen=run, by_worker=True)


def on_another_host(store: Store, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    with monkeypatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: "another-host")
        patch.setattr("fittingroom.store.owners.place_here", lambda: "another machine/another start/1")
        return claim(store)


def test_who_waits_longest_is_next(store: Store) -> None:
    assert store.queue.next() is None
    new_run(store, "not-queued", queued=False)
    names = [new_run(store, name) for name in ("b", "a", "c")]
    assert store.run("b-1").state == "queued"
    taken = []
    while (found := store.queue.next()) is not None:
        assert found.state == "queued"
        taken.append(found.id)
        attempt = store.begin_attempt(found.id, {}, seen=found, by_worker=True)
        assert store.run(found.id).queued is not None
        store.end(found.id, attempt, "finished")
        assert store.run(found.id).queued is None
    assert taken == names


def test_all_that_the_queue_takes_care_of_in_their_order(store: Store, another: Another) -> None:
    trained, waits, apart = new_run(store), new_run(store), new_run(store, queued=False)
    another("train", trained)
    assert [(run.id, run.state) for run in store.queue.managed()] == [(trained, "running"), (waits, "queued")]
    store.queue.ask(waits, "stop")
    store.queue.put(apart)
    assert [run.id for run in store.queue.managed()] == [trained, apart]


def test_a_run_that_a_living_process_trains_is_not_next(store: Store, another: Another) -> None:
    run, other = new_run(store), new_run(store)
    another("train", run)
    assert store.run(run).state == "running"
    assert next_id(store) == other


def test_two_who_take_up_the_same_run_are_told_apart(store: Store, another: Another) -> None:
    run = new_run(store)
    seen = next_run(store)
    process = another("train", run)
    with pytest.raises(TakenUp, match=f'^run "starter-1" is being trained by process {process.pid}; stop that one'):
        store.begin_attempt(run, {}, seen=seen, by_worker=True)
    process.kill()
    message = '^run "starter-1" has just been taken up or changed by another process; look again$'
    with pytest.raises(TakenUp, match=message):
        store.begin_attempt(run, {}, seen=seen, by_worker=True)
    lost = next_run(store)
    assert (lost.id, lost.state, lost.attempt) == (run, "interrupted", 1)
    assert store.begin_attempt(run, {}, seen=lost, by_worker=True) == 2


def test_who_has_claimed_a_run_goes_on_by_its_plan_and_hears_what_was_asked(store: Store) -> None:
    new_run(store)
    run, attempt = claim(store)
    seen = store.run(run)
    store.queue.ask(run, "stop")
    assert store.begin_attempt(run, {"threads": 2}, seen=seen, by_worker=True) == attempt == 1
    assert [each.plan for each in store.run(run).attempts] == [{"threads": 2}]
    assert store.queue.request(run, attempt) == "stop"
    assert store.begin_attempt(run, {}) == 2  # who has seen nothing begins anew
    assert store.queue.request(run, 2) is None


def test_a_run_handed_back_keeps_its_place(store: Store) -> None:
    first, second = new_run(store, "z"), new_run(store, "a")
    run, attempt = claim(store)
    assert (run, next_id(store)) == (first, second)
    store.end(run, attempt, "queued", message="Handed back")
    assert store.run(run).state == "queued"
    assert next_id(store) == first


def test_a_run_that_its_user_takes_up_leaves_the_queue(store: Store) -> None:
    run = new_run(store)
    attempt = store.begin_attempt(run, {})
    assert (store.run(run).queued, next_id(store)) == (None, None)
    store.end(run, attempt, "queued")  # and comes back when it is left to the workers
    assert store.run(run).queued is not None
    assert next_id(store) == run


@pytest.mark.parametrize(("request_", "state"), [("stop", "stopped"), ("pause", "paused")])
def test_a_waiting_run_is_taken_out_at_once(store: Store, request_: Request, state: str) -> None:
    run = new_run(store)
    seen = next_run(store)
    assert store.queue.ask("last", request_) == "done"
    left = store.run(run)
    assert (left.state, left.message, left.queued, next_id(store)) == (state, "Taken out of the queue.", None, None)
    with pytest.raises(TakenUp, match="has just been taken up or changed"):
        store.begin_attempt(run, {}, seen=seen, by_worker=True)
    with pytest.raises(InvalidInput, match=f'^run "starter-1" is {state}, so there is nothing to {request_}$'):
        store.queue.ask(run, request_)
    store.queue.put(run)
    assert (store.run(run).state, store.run(run).message, next_id(store)) == ("queued", None, run)


def test_many_are_stopped_at_once_but_for_those_that_do_not_wait(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    trained, ended, waiting, gone, other = [new_run(store) for _ in range(5)]
    store.begin_attempt(trained, {}, by_worker=True)
    store.end(ended, store.begin_attempt(ended, {}, by_worker=True), "finished")
    store.queue.ask(gone, "stop")
    store.trash.delete(gone)
    monkeypatch.setattr("fittingroom.store.queue.AT_ONCE", 2)
    store.queue.stop_waiting([trained, ended, gone, waiting])
    found = store.run(waiting)
    assert (found.state, found.queued, found.message) == ("stopped", None, "Taken out of the queue.")
    assert {run.id: run.state for run in store.runs()} == {
        trained: "running", ended: "finished", waiting: "stopped", other: "queued",
    }  # fmt: skip
    assert store.queue.request(trained, 1) is None


def test_many_go_on_in_the_order_in_which_they_are_named(store: Store) -> None:
    first, second, third, ended = [new_run(store) for _ in range(4)]
    store.end(ended, store.begin_attempt(ended, {}, by_worker=True), "finished")
    store.queue.stop_waiting([first, second])
    store.queue.ask(third, "pause")
    assert store.queue.managed() == []
    store.queue.put_left([third, first, ended, second])
    assert [run.id for run in store.queue.managed()] == [third, first, second]
    found = store.run(first)
    assert (found.state, found.message) == ("queued", None)
    assert store.run(ended).state == "finished"
    attempt = store.begin_attempt(first, {}, seen=found, by_worker=True)
    assert store.queue.request(first, attempt) is None
    store.queue.put_left([])


def test_who_has_stopped_many_sees_what_was_claimed_meanwhile(store: Store, place: str) -> None:
    """A claim that has begun is over before the stop is, so that its process can be asked."""
    seen = store.run(new_run(store))
    states: list[str] = []

    def stop() -> None:
        with Store.open(place) as other:
            other.queue.stop_waiting([seen.id])
            states.append(other.run(seen.id).state)

    stopping = threading.Thread(target=stop)

    @event.listens_for(store._database._engine, "before_cursor_execute")
    def claims(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO attempts"):
            stopping.start()
            stopping.join(0.3)

    store.begin_attempt(seen.id, {}, seen=seen, by_worker=True)
    stopping.join()
    assert states == ["running"]


def test_a_running_run_is_asked_and_its_process_reads_it(store: Store) -> None:
    new_run(store)
    run, attempt = claim(store)
    assert store.queue.request(run, attempt) is None
    assert store.queue.ask(run, "pause") == "asked"
    assert store.queue.request(run, attempt) == "pause"
    assert store.queue.ask(run, "stop") == "asked"  # the later word counts
    assert store.queue.request(run, attempt) == "stop"
    store.end(run, attempt, "stopped")
    with pytest.raises(InvalidInput, match="is stopped, so there is nothing to stop"):
        store.queue.ask(run, "stop")
    again = store.begin_attempt(run, {})
    assert store.queue.request(run, again) is None
    with pytest.raises(StaleAttempt, match="attempt 2 has taken over"):
        store.queue.request(run, attempt)


def test_what_was_asked_of_a_run_that_is_handed_back_stands(store: Store) -> None:
    new_run(store)
    run, attempt = claim(store)
    store.queue.ask(run, "pause")
    store.end(run, attempt, "queued")
    assert (store.run(run).state, store.run(run).queued, next_id(store)) == ("paused", None, None)


def test_what_was_asked_of_a_process_that_died_stands(store: Store, another: Another) -> None:
    run = new_run(store)
    process = another("train", run)
    assert store.queue.ask(run, "stop") == "asked"
    process.kill()
    assert next_id(store) is None
    left = store.run(run)
    assert (left.state, left.message, left.queued) == ("stopped", "Its process had already ended.", None)


def test_a_dead_process_need_not_be_asked(store: Store, another: Another) -> None:
    run = new_run(store)
    another("train", run).kill()
    assert store.queue.ask(run, "pause") == "done"
    assert (store.run(run).state, store.run(run).message) == ("paused", "Its process had already ended.")


@pytest.mark.parametrize(
    ("state", "is_so"), [("finished", "finished"), ("queued", "in the queue already"), ("running", "running")]
)
def test_what_cannot_be_put_into_the_queue(store: Store, state: str, is_so: str) -> None:
    run = new_run(store)
    if state != "queued":
        _, attempt = claim(store)
    if state == "finished":
        store.end(run, attempt, "finished")
    with pytest.raises(InvalidInput, match=f'^run "starter-1" is {is_so}, so there is nothing to resume$'):
        store.queue.put(run)


def test_a_run_that_a_dead_worker_left_keeps_its_place_when_it_is_put_back(store: Store, another: Another) -> None:
    first, _ = new_run(store), new_run(store)
    another("train", first).kill()
    store.queue.put(first)
    assert (next_run(store).id, next_run(store).state) == (first, "queued")


def test_a_run_that_kills_three_processes_is_left_alone(store: Store, another: Another) -> None:
    run, other = new_run(store), new_run(store)
    for _ in range(3):
        assert next_id(store) == run
        another("train", run).kill()
    assert next_id(store) == other
    left = store.run(run)
    assert (left.state, left.queued) == ("failed", None)
    assert left.message == (
        "3 processes in a row have died while training it, before they could save anything; "
        "it may need more memory than there is"
    )
    store.queue.put(run)  # its user may insist
    assert store.run(run).state == "queued"


def test_a_run_that_saves_something_between_deaths_goes_on(store: Store, another: Another) -> None:
    run = new_run(store)
    for number in range(1, 6):
        another("train", run).kill()
        if number == 3:
            store.adopt(run, number, Artifact("last", PurePosixPath("x"), "aa", 1, 1))
        assert next_id(store) == run


def test_an_attempt_that_was_handed_back_is_no_death(store: Store, another: Another) -> None:
    run = new_run(store)
    for number in range(1, 5):
        if number == 3:
            _, attempt = claim(store)
            store.end(run, attempt, "queued")
        else:
            another("train", run).kill()
    assert next_id(store) == run


def test_another_host_is_believed_until_it_was_watched_for_too_long(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(store)
    on_another_host(store, monkeypatch)
    assert next_id(store) is None
    assert store.queue.beats_elsewhere() == {(run, 1): 0}
    store.queue.beat(run, 1)
    assert store.queue.beats_elsewhere() == {(run, 1): 1}
    assert store.queue.next(given_up={(run, 2)}) is None
    lost = store.queue.next(given_up={(run, 1)})
    assert lost is not None
    assert (lost.id, lost.state) == (run, "interrupted")
    assert store.begin_attempt(run, {}, seen=lost, by_worker=True) == 2
    assert store.queue.beats_elsewhere() == {}
    assert store.queue.next(given_up={(run, 1)}) is None
    with pytest.raises(StaleAttempt, match=r'^attempt 1 at run "starter-1" may not record anything: attempt 2 has'):
        store.queue.request(run, 1)


def test_a_run_of_a_process_that_was_given_up_can_be_put_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    new_run(store)
    run, attempt = on_another_host(store, monkeypatch)
    for given_up in ([], [(run, attempt + 1)], [("starter-2", attempt)]):
        with pytest.raises(InvalidInput, match=r'^run "starter-1" is running, so there is nothing to resume$'):
            store.queue.put(run, given_up)
    store.queue.put(run, [(run, attempt)])
    assert (store.run(run).state, next_id(store)) == ("queued", run)


@pytest.mark.parametrize(("request_", "state"), [("stop", "stopped"), ("pause", "paused")])
def test_a_process_that_was_given_up_is_asked_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch, request_: Request, state: str
) -> None:
    new_run(store)
    run, attempt = on_another_host(store, monkeypatch)
    assert store.queue.ask(run, request_, given_up=[(run, attempt + 1)]) == "asked"
    assert store.queue.ask(run, request_, given_up=[(run, attempt)]) == "done"
    left = store.run(run)
    assert (left.state, left.queued, next_id(store)) == (state, None, None)
    assert left.message == "Its process, on another host, shows no sign of life."
    assert store.queue.request(run, attempt) == request_  # should it live after all
    again = store.begin_attempt(run, {}, seen=left)
    assert store.queue.request(run, again) is None


def test_a_worker_that_gives_up_a_process_asks_it_all_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    new_run(store)
    run, attempt = on_another_host(store, monkeypatch)
    store.queue.ask(run, "pause")
    assert store.queue.next(given_up=[(run, attempt)]) is None
    assert (store.run(run).state, store.queue.request(run, attempt)) == ("paused", "pause")


def test_a_host_that_is_renamed_still_tells_dead_from_living(
    store: Store, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    if Owner.this_process().place is None:
        pytest.skip("this system knows a host by nothing but its name")
    run = new_run(store)
    process = another("train", run)
    monkeypatch.setattr("socket.gethostname", lambda: "renamed")
    assert (store.run(run).state, store.queue.beats_elsewhere()) == ("running", {})
    with pytest.raises(TakenUp, match=f"is being trained by process {process.pid}; stop that one first"):
        store.begin_attempt(run, {})
    process.kill()
    assert (store.run(run).state, next_id(store)) == ("interrupted", run)
    assert store.queue.ask(run, "stop") == "done"


def test_who_has_claimed_a_run_goes_on_although_its_host_is_renamed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    if Owner.this_process().place is None:
        pytest.skip("this system knows a host by nothing but its name")
    new_run(store)
    run, attempt = claim(store)
    monkeypatch.setattr("socket.gethostname", lambda: "renamed")
    assert store.begin_attempt(run, {"threads": 2}, seen=store.run(run), by_worker=True) == attempt


def test_who_works_is_remembered_whole(store: Store) -> None:
    new_run(store)
    run, _ = claim(store)
    store.queue.register(threads=1)
    this = Owner.this_process()
    assert [attempt.owner for attempt in store.run(run).attempts] == [this]
    assert [worker.owner for worker in store.queue.workers()] == [this]


def test_runs_that_are_passed_over_wait_for_others(store: Store) -> None:
    first, second = new_run(store), new_run(store)
    found = store.queue.next(passed_over={first})
    assert found is not None
    assert found.id == second
    assert store.queue.next(passed_over={first, second}) is None
    assert next_id(store) == first


def test_a_deleted_run_is_in_no_queue(store: Store) -> None:
    run, other = new_run(store), new_run(store)
    store.trash.delete(run)
    assert next_id(store) == other


def test_workers_come_report_and_go(store: Store) -> None:
    assert store.queue.workers() == []
    name = store.queue.register(threads=2)
    (worker,) = store.queue.workers()
    assert (worker.id, worker.owner.pid, worker.threads, worker.run, worker.beats) == (name, os.getpid(), 2, None, 0)
    store.queue.report(name, "starter-1")
    (worker,) = store.queue.workers()
    assert (worker.run, worker.beats) == ("starter-1", 1)
    assert store.queue.asked_to_end(name) is False
    assert [each.id for each in store.queue.stop_workers()] == [name]
    assert store.queue.asked_to_end(name) is True
    later = store.queue.register(threads=1)
    assert store.queue.asked_to_end(later) is False
    store.queue.unregister(name)
    assert [each.id for each in store.queue.workers()] == [later]


def test_workers_that_were_killed_are_told_apart_and_forgotten(store: Store, another: Another) -> None:
    process = another("worker", "starter-1")
    (worker,) = store.queue.workers()
    assert (worker.owner.pid, worker.threads, worker.run, worker.owner.alive()) == (process.pid, 3, "starter-1", True)
    process.kill()
    (worker,) = store.queue.workers()
    assert worker.owner.alive() is False
    assert store.queue.stop_workers() == []
    name = store.queue.register(threads=1)
    assert [each.id for each in store.queue.workers()] == [name]
