"""Real worker processes on one queue: nothing is trained twice, nothing is lost, whoever is killed and whenever."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psutil
import pytest
import torch

import fittingroom as fr
from fittingroom import queue
from fittingroom.engine import worker as module
from fittingroom.engine.cores import core_slots, machine_cores
from fittingroom.engine.prepare import PreparedRun
from fittingroom.engine.resume import prepare_continue, prepare_fork, prepare_restart
from fittingroom.engine.run import execute
from fittingroom.engine.worker import Said, device_for, work
from fittingroom.errors import InvalidInput, WorkspaceUnusable
from fittingroom.spec.run import RunSpec, changed
from fittingroom.spec.start import Phase
from fittingroom.store import RunDetails, Store
from fittingroom.workspace import Workspace

Prepare = Callable[..., PreparedRun]
Start = Callable[..., "WorkerProcess"]
NETWORK = (fr.Residual(4, stride=2), fr.BatchNorm(), fr.Dropout(0.3), fr.GlobalPool(), fr.Classify())
LONG: dict[str, Any] = {"epochs": 70, "batch_size": 16, "optimizer": fr.Adam(0.005), "augment": (fr.Shift(0.1),)}
"""Seconds long, so that it can be disturbed."""

WORKER = """
import os, signal, sys, torch
torch.set_num_threads(1)
from fittingroom.engine import record, worker
from fittingroom.store import database
from fittingroom.workspace import Workspace
record.SECONDS_BETWEEN_CHECKPOINTS = 0.1
worker.SECONDS_BETWEEN_LOOKS = 0.05
database.BUSY_SECONDS = 0.3
prepare = worker.prepare_resume

def prepare_or_die(run, *arguments, **more):
    if run.name == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    return prepare(run, *arguments, **more)

worker.prepare_resume = prepare_or_die
if int(sys.argv[2]) >= 0:
    execute = worker.execute

    def execute_on_a_full_disk(*arguments, **more):
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
        return execute(*arguments, **more)

    worker.execute = execute_on_a_full_disk
tell = lambda said: print(said.event, said.run or "-", said.state or "-", said.message, flush=True)
worker.work(Workspace.find(), threads=1, idle=float(sys.argv[1]), tell=tell)
"""


class WorkerProcess:
    """A worker in a process of its own."""

    def __init__(self, idle: float, kilobytes: int | None) -> None:
        command = [sys.executable, "-c", WORKER, str(idle), str(-1 if kilobytes is None else kilobytes * 1000)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @property
    def pid(self) -> int:
        return self.process.pid

    def hears(self, event: str) -> list[str]:
        """Wait for the worker to tell of this event; returns its words, none when it has ended."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(event):
                return line.split(maxsplit=3)
        return []

    def ends(self) -> tuple[int, str]:
        """Its exit status and what it complained about."""
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a worker, in whose files there is so much space; those that still run at the end are killed."""
    started: list[WorkerProcess] = []

    def begin(idle: float = 60, kilobytes: int | None = None) -> WorkerProcess:
        started.append(WorkerProcess(idle, kilobytes))
        return started[-1]

    yield begin
    for worker in started:
        worker.process.kill()
        worker.process.communicate()


@pytest.fixture
def store(own_workspace: Workspace) -> Iterator[Store]:
    with Store.open(own_workspace.create().database) as store:
        yield store


@pytest.fixture
def here(own_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Said]]:
    """Be a worker in this very process until there is nothing to do; returns what was told."""
    monkeypatch.setattr(module, "lower_priority", lambda: None)
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LOOKS", 0.02)

    def be(idle: float = 0, told: list[Said] | None = None, **more: Any) -> list[Said]:
        told = [] if told is None else told
        work(own_workspace, threads=1, idle=idle, tell=told.append, **more)
        return told

    return be


def until(so: Callable[[], object]) -> None:
    limit = time.monotonic() + 60
    while not so():
        assert time.monotonic() < limit
        time.sleep(0.01)


def put(store: Store, spec: RunSpec, name: str = "small", **changes: Any) -> str:
    """A queued run, as ``submit`` makes it."""
    data, text = fr.load(spec.data.source), json.dumps(spec.to_json())
    given: dict[str, Any] = {"spec": text, "spec_id": spec.content_id, "fingerprint": data.fingerprint, "parameters": 1}
    return store.create_run(name=name, queued=True, **(given | changes))


def queue_of(store: Store) -> list[str]:
    """The runs that wait, the longest waiting first."""
    waiting = [run for run in store.runs() if run.queued is not None]
    return [run.id for run in sorted(waiting, key=lambda run: (run.queued, run.id))]


def after(steps: int) -> Callable[[], Any]:
    """Stops a training after so many steps."""
    asked = iter([None] * (steps - 1))
    return lambda: next(asked, "stopped")


def what_counts(run: RunDetails) -> tuple[Any, ...]:
    """Everything that must be the same to the last bit: weights, optimizer, predictions, curves, verdicts."""
    files = {kind: (artifact.sha256, artifact.epoch) for kind, artifact in run.artifacts.items()}
    return run.state, run.message, run.best_epoch, files, [replace(epoch, seconds=0.0) for epoch in run.epochs]


@pytest.fixture
def long(prepare: Prepare, store: Store) -> tuple[str, RunDetails]:
    """A long run in the queue, and how it ends when nothing disturbs it."""
    prepared = prepare(NETWORK, **LONG)
    return put(store, prepared.spec), store.run(execute(prepared))


def test_two_workers_train_every_run_once(prepare: Prepare, store: Store, start: Start) -> None:
    runs = [put(store, replace(prepare(epochs=2).spec, seed=seed)) for seed in range(6)]
    workers = [start(idle=0.5), start(idle=0.5)]
    assert [worker.ends() for worker in workers] == [(0, ""), (0, "")]
    for run in runs:
        details = store.run(run)
        assert (details.state, len(details.attempts), details.epochs_done) == ("finished", 1, 2)
        assert details.attempts[0].owner.pid in {worker.pid for worker in workers}
        assert (details.attempts[0].plan["threads"], details.queued) == (1, None)
    assert store.queue.workers() == []


def test_a_killed_worker_is_replaced_by_another(
    store: Store, start: Start, here: Callable[..., list[Said]], long: tuple[str, RunDetails]
) -> None:
    run, undisturbed = long
    killed = start()
    until(lambda: store.run(run).epochs_done >= 3)
    assert here()[-1].message == "no run has come for 0 seconds"  # while its owner lives
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait(timeout=30)
    assert [(said.run, said.state) for said in here() if said.event == "ended"] == [(run, "finished")]
    finished = store.run(run)
    assert [attempt.owner.pid for attempt in finished.attempts] == [killed.pid, os.getpid()]
    assert finished.attempts[0].ended is None
    assert what_counts(finished) == what_counts(undisturbed)


def test_what_users_ask_of_runs_and_workers_changes_no_bit(
    store: Store, own_workspace: Workspace, start: Start, here: Callable[..., list[Said]], long: tuple[str, RunDetails]
) -> None:
    run, undisturbed = long
    worker = start()
    until(lambda: store.run(run).epochs_done >= 2)
    paused = queue.pause(run, own_workspace)
    assert (paused.state, paused.queued) == ("paused", None)
    assert (paused.message or "").startswith("Paused on request during epoch ")
    assert queue.resume(run, own_workspace).state == "queued"
    assert queue.stop(run, own_workspace).state == "stopped"  # waiting or trained again by now
    assert queue.resume(run, own_workspace).state == "queued"
    until(lambda: store.run(run).epochs_done > paused.epochs_done)

    asked, left = queue.stop_workers(own_workspace)
    assert ([each.owner.pid for each in asked], [each.run for each in asked], left) == ([worker.pid], [run], [])
    assert worker.ends() == (0, "")
    handed_back = store.run(run)
    assert handed_back.state == "queued"
    assert (handed_back.message or "").startswith("Handed back to the queue during epoch ")
    assert handed_back.attempts[-1].ended is not None
    assert store.queue.workers() == []
    went_on = [said.message for said in here() if said.event == "began"]
    assert went_on == [f"goes on after epoch {handed_back.artifacts['last'].epoch}"]
    assert what_counts(store.run(run)) == what_counts(undisturbed)


def test_a_run_that_kills_three_workers_is_left_alone(
    prepare: Prepare, store: Store, start: Start, here: Callable[..., list[Said]]
) -> None:
    spec = prepare(epochs=1).spec
    deadly, harmless = put(store, spec, "deadly"), put(store, spec)
    workers = [start() for _ in range(3)]
    assert [worker.ends() for worker in workers] == [(-signal.SIGKILL, "")] * 3
    assert {attempt.owner.pid for attempt in store.run(deadly).attempts} == {worker.pid for worker in workers}
    here()
    left = store.run(deadly)
    assert (left.state, store.run(harmless).state) == ("failed", "finished")
    assert (left.message or "").startswith("3 processes in a row have died while training it")


def test_a_locked_database_is_waited_for(
    store: Store, own_workspace: Workspace, start: Start, prepare: Prepare
) -> None:
    spec = prepare(NETWORK, **{**LONG, "epochs": 20}).spec
    worker = start(idle=1)
    other = sqlite3.connect(own_workspace.database, isolation_level=None)
    first = put(store, spec)
    for so in (lambda: True, lambda: store.run(first).epochs_done >= 2):  # before it is claimed, and in the middle
        until(so)
        other.execute("BEGIN IMMEDIATE")
        time.sleep(1)  # the worker's own patience is 0.3 s here
        other.execute("COMMIT")
    other.close()
    assert worker.ends() == (0, "")
    finished = store.run(first)
    assert (finished.state, len(finished.attempts), finished.epochs_done) == ("finished", 1, 20)


def test_a_worker_claims_nothing_before_it_has_the_cores(
    prepare: Prepare, store: Store, own_workspace: Workspace, start: Start
) -> None:
    spec = prepare(epochs=1).spec
    with core_slots(machine_cores()) as held:
        assert held is True
        worker = start(idle=1)
        withdrawn, run = put(store, spec), put(store, spec)
        assert worker.hears("waiting")[1:] == [withdrawn, "-", "waits for 1 core (0 free)\n"]
        assert queue.stop(withdrawn, own_workspace).message == "Taken out of the queue."
        assert worker.hears("waiting")[1] == run
        assert (store.run(run).state, store.run(run).attempts) == ("queued", ())
        assert psutil.Process(worker.pid).nice() == max(10, psutil.Process().nice())
    assert worker.ends() == (0, "")
    assert (store.run(run).state, store.run(withdrawn).state) == ("finished", "stopped")


def test_what_is_wrong_with_a_run_does_not_end_the_worker(
    prepare: Prepare, store: Store, here: Callable[..., list[Said]]
) -> None:
    good = prepare(epochs=1).spec
    runs = [
        put(store, good, fingerprint="0" * 64),
        put(store, prepare(epochs=2, optimizer=fr.Sgd(100.0)).spec),
        store.create_run(
            name="foreign", spec='{"shape": "round"}', spec_id="", fingerprint="", parameters=1, queued=True
        ),
        put(store, good),
    ]
    told = here()
    ended = [(said.run, said.state) for said in told if said.event == "ended"]
    assert ended == [(runs[0], "failed"), (runs[1], "failed"), (runs[2], "failed"), (runs[3], "finished")]
    changed, diverged, foreign, fine = map(store.run, runs)
    assert "has changed since small-1 was trained on it" in (changed.message or "")
    assert (diverged.message or "").startswith("the training loss became ")
    assert (foreign.message or "").startswith("the stored spec of foreign-1")
    for run in (changed, diverged, foreign, fine):
        assert len(run.attempts) == 1
        assert run.attempts[0].ended is not None
        assert run.queued is None
    assert [said.event for said in told[:1] + told[-1:]] == ["ready", "leaving"]
    assert here()[0].event == "ready"  # and none of them comes back
    assert [len(store.run(run).attempts) for run in runs] == [1, 1, 1, 1]


def test_a_workspace_that_cannot_be_written_fails_no_run(
    prepare: Prepare, store: Store, own_workspace: Workspace, here: Callable[..., list[Said]]
) -> None:
    runs = [put(store, prepare(epochs=1).spec) for _ in range(3)]
    own_workspace.runs.write_text("in the way")
    told: list[Said] = []
    with pytest.raises(WorkspaceUnusable, match=r"^cannot write .*small-1.*; check that you may write there or choose"):
        here(told=told)
    ended = [said for said in told if said.event == "ended"]
    assert [(said.run, said.state) for said in ended] == [(runs[0], "queued")]
    assert ended[0].message.startswith(f"Handed back to the queue: cannot write {own_workspace.runs}")
    assert [store.run(run).state for run in runs] == ["queued"] * 3
    assert [len(store.run(run).attempts) for run in runs] == [1, 0, 0]
    assert store.run(runs[0]).attempts[0].ended is not None  # so it is no death
    assert store.queue.workers() == []
    own_workspace.runs.unlink()
    here()
    assert [store.run(run).state for run in runs] == ["finished"] * 3


@pytest.mark.parametrize(("kilobytes", "left"), [(0, "interrupted"), (200, "queued")])
def test_a_full_disk_fails_no_run(
    prepare: Prepare, store: Store, start: Start, here: Callable[..., list[Said]], kilobytes: int, left: str
) -> None:
    """There is no space for anything, or for the small database only."""
    spec = prepare((fr.Flatten(), fr.Dense(400), fr.Classify()), epochs=2).spec
    runs = [put(store, spec) for _ in range(3)]
    worker = start(kilobytes=kilobytes)
    status, errors = worker.ends()
    assert status == 1
    assert "fittingroom.errors.WorkspaceUnusable" in errors
    assert [store.run(run).state for run in runs] == [left, "queued", "queued"]
    here()
    assert [store.run(run).state for run in runs] == ["finished"] * 3


def test_a_file_of_a_run_that_is_damaged_fails_that_run_only(
    prepare: Prepare, store: Store, own_workspace: Workspace, here: Callable[..., list[Said]]
) -> None:
    damaged = store.run(execute(prepare(epochs=2), stop=after(steps=12)))
    (own_workspace.root / damaged.artifacts["last"].path).write_bytes(b"")
    queue.resume(damaged.id, own_workspace)
    other = put(store, prepare(epochs=1).spec)
    here()
    assert (store.run(damaged.id).state, store.run(other).state) == ("failed", "finished")
    assert "is not what small-1 wrote (its SHA-256 differs)" in (store.run(damaged.id).message or "")


def test_a_run_for_a_device_that_is_not_there_waits_for_another_worker(
    prepare: Prepare, store: Store, here: Callable[..., list[Said]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    spec = prepare(epochs=1).spec
    first, second = (put(store, changed(spec, ["train.device=cuda"])) for _ in range(2))
    fine = put(store, spec)
    told = here()
    for run in (first, second):
        assert (store.run(run).state, store.run(run).attempts) == ("queued", ())
        (note,) = [said for said in told if said.run == run]
        assert note.event == "note"
        assert note.message == (
            'is left to other workers: train.device is "cuda", which this machine does not have; choose auto or cpu'
        )
    assert store.run(fine).state == "finished"
    assert queue_of(store) == [first, second]


def test_a_run_takes_the_gpu_if_any_of_its_stages_wants_it(
    prepare: Prepare, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = changed(prepare(epochs=1).spec, ["train.device=cpu"])
    late = replace(changed(spec, ["train.device=mps"]), phases=(Phase(name="before", train=spec.train),))
    assert [stage.train.device for stage in late.stages] == ["cpu", "mps"]
    plain, phased, foreign = (store.run(put(store, each)) for each in (spec, late, spec))
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    assert (device_for(plain), device_for(phased)) == ("cpu", "mps")
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert device_for(plain) == "cpu"
    with pytest.raises(InvalidInput, match=r'^train.device is "mps", which this machine does not have'):
        device_for(phased)
    assert device_for(replace(foreign, spec='{"shape": "round"}')) == "cpu"


def test_a_worker_tells_where_a_run_is_taken_up(
    prepare: Prepare, store: Store, own_workspace: Workspace, here: Callable[..., list[Said]]
) -> None:
    spec = prepare(epochs=3).spec
    fresh, lost = put(store, spec), put(store, spec)
    store.end(lost, store.begin_attempt(lost, {}, by_worker=True), "queued")
    stopped = execute(prepare(epochs=3), stop=after(steps=9))
    details = store.run(stopped)
    assert (details.artifacts["last"].epoch, details.epochs_done) == (1, 1)
    database = sqlite3.connect(own_workspace.database)
    with database:  # as if it had been killed after its second epoch, before that was saved
        database.execute("UPDATE runs SET epochs_done = 2 WHERE id = ?", [stopped])
    database.close()
    queue.resume(stopped, own_workspace)
    began = {said.run: said.message for said in here() if said.event == "began"}
    assert began == {fresh: "begins", lost: "begins again", stopped: "goes on after epoch 1"}


def test_the_threads_that_a_run_was_queued_with_are_its_own(
    prepare: Prepare, store: Store, here: Callable[..., list[Said]], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[int, str]] = []

    def slots(threads: int, *more: Any, device: str) -> Any:
        taken.append((threads, device))
        return core_slots(threads, *more, device=device)

    monkeypatch.setattr(module, "core_slots", slots)
    spec, before = prepare(epochs=1).spec, torch.get_num_threads()
    runs = [put(store, spec, lineage={"kind": "new", "threads": 2}), put(store, spec)]
    planned = put(store, spec, lineage={"kind": "new", "threads": 2})
    store.end(planned, store.begin_attempt(planned, {"threads": 1}, by_worker=True), "queued")
    here()
    torch.set_num_threads(before)
    assert taken == [(2, "cpu"), (1, "cpu"), (1, "cpu")]
    assert [store.run(run).attempts[-1].plan["threads"] for run in [*runs, planned]] == [2, 1, 1]


def test_what_was_asked_of_a_run_stands_although_its_worker_is_interrupted(
    prepare: Prepare, store: Store, here: Callable[..., list[Said]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = put(store, prepare(epochs=1).spec)

    def interrupted(*_: object, **__: object) -> None:
        store.queue.ask(run, "stop")
        store.end(run, 1, "queued", message="Interrupted at once, between two checkpoints.")
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "execute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        here()
    assert (store.run(run).state, store.run(run).queued) == ("stopped", None)


def test_a_bug_fails_the_run_and_shows_where(
    prepare: Prepare, store: Store, here: Callable[..., list[Said]],
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run = put(store, prepare(epochs=1).spec)

    def broken(*_: object, **__: object) -> None:
        raise AssertionError("impossible")

    monkeypatch.setattr(module, "prepare_resume", broken)
    here()
    assert (store.run(run).state, store.run(run).message) == ("failed", "AssertionError: impossible")
    assert "Traceback" in capsys.readouterr().err


def test_what_was_asked_while_a_run_is_prepared_is_heard(
    prepare: Prepare, store: Store, here: Callable[..., list[Said]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = put(store, prepare(epochs=500).spec)
    original = module.prepare_resume

    def prepare_slowly(*arguments: Any, **more: Any) -> PreparedRun:
        assert store.queue.ask(run, "pause") == "asked"
        return original(*arguments, **more)

    monkeypatch.setattr(module, "prepare_resume", prepare_slowly)
    here()
    assert (store.run(run).state, len(store.run(run).attempts)) == ("paused", 1)


def test_a_process_on_another_host_is_given_up_when_its_beats_stand_still(
    prepare: Prepare, store: Store, here: Callable[..., list[Said]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = put(store, prepare(epochs=1).spec)
    with monkeypatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: "another-host")
        patch.setattr("fittingroom.store.owners.place_here", lambda: None)
        seen = store.queue.next()
        assert seen is not None
        store.begin_attempt(run, {}, seen=seen, by_worker=True)
    here()
    assert (store.run(run).state, len(store.run(run).attempts)) == ("running", 1)
    monkeypatch.setattr("fittingroom.queue.watch.SECONDS_WITHOUT_A_BEAT", 0.2)
    here(idle=1)
    assert (store.run(run).state, len(store.run(run).attempts)) == ("finished", 2)


def test_what_follows_a_run_is_the_same_in_the_queue(
    prepare: Prepare, store: Store, own_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "lower_priority", lambda: None)
    first = store.run(execute(prepare(NETWORK, epochs=2, batch_size=16, budget="0.3s", keep_checkpoints=1)))
    changes = ["train.epochs=2", "train.budget=none", "train.freeze_up_to=batch_norm_1"]
    here = [
        prepare_continue(first, own_workspace, epochs=2),
        prepare_fork(first, own_workspace, overrides=changes, weights=first.epochs_done),
        prepare_restart(first, own_workspace, replay=True),
    ]
    expected = [store.run(execute(prepared)) for prepared in here]
    waiting = [
        queue.submit_continued(first.id, own_workspace, epochs=2),
        queue.submit_forked(first.id, own_workspace, overrides=changes, weights=first.epochs_done),
        queue.submit_again(first.id, own_workspace, replay=True),
    ]
    work(own_workspace, threads=1, idle=0)
    for run, undisturbed in zip(waiting, expected, strict=True):
        queued = store.run(run)
        assert (queued.state, queued.spec) == ("finished", undisturbed.spec)
        assert queued.lineage == {**undisturbed.lineage, "threads": 1}
        assert queued.artifacts["best"].sha256 == undisturbed.artifacts["best"].sha256
