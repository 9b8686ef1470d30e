"""Runs of a comparison in real processes: at once, to the same weights as alone, whoever is killed."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

import fittingroom as fr
from fittingroom import queue
from fittingroom.engine import together
from fittingroom.engine.cores import machine_cores
from fittingroom.engine.plan import Wanted
from fittingroom.engine.prepare import PreparedRun, prepare_run
from fittingroom.engine.run import execute
from fittingroom.engine.together import agree, measure, waits_for_a_choice
from fittingroom.queue.together import Comparison, Way
from fittingroom.spec.run import RunSpec
from fittingroom.spec.start import Phase
from fittingroom.spec.train import TrainSpec
from fittingroom.store import RunDetails, Store
from fittingroom.workspace import Workspace

Prepare = Callable[..., PreparedRun]
NETWORK = (fr.Residual(4, stride=2), fr.BatchNorm(), fr.Dropout(0.3), fr.GlobalPool(), fr.Classify())
TWO = (Way(2, 1), Way(1, 2))
needs_two_cores = pytest.mark.skipif(machine_cores() < 2, reason="on one core nothing goes on at the same time")


@pytest.fixture
def store(own_workspace: Workspace) -> Iterator[Store]:
    with Store.open(own_workspace.create().database) as store:
        yield store


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of two cores, whatever this one has, where every training is worth a measurement."""
    monkeypatch.setattr(together, "machine_cores", lambda: 2)
    monkeypatch.setattr(together, "WORTH", 0.0)


@pytest.fixture
def worker() -> Iterator[Callable[[], psutil.Popen]]:
    """Start a worker as a user does; whatever of it is still there at the end is killed, by its number."""
    started: list[psutil.Popen] = []

    def start() -> psutil.Popen:
        command = [sys.executable, "-m", "fittingroom", "worker", "--idle", "0"]
        started.append(psutil.Popen(command))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()  # its helpers end by themselves: their pipe is closed


def until(so: Callable[[], object]) -> None:
    limit = time.monotonic() + 150
    while not so():
        assert time.monotonic() < limit
        time.sleep(0.02)


def what_counts(run: RunDetails) -> tuple[Any, ...]:
    files = {kind: (artifact.sha256, artifact.epoch) for kind, artifact in run.artifacts.items()}
    return run.state, run.best_epoch, files, [replace(epoch, seconds=0.0) for epoch in run.epochs]


def long(prepare: Prepare, epochs: int = 20) -> RunSpec:
    return prepare(NETWORK, epochs=epochs, batch_size=16, optimizer=fr.Adam(0.005)).spec


@needs_two_cores
def test_two_at_once_give_the_weights_of_each_alone_also_when_one_is_killed(
    prepare: Prepare, store: Store, own_workspace: Workspace, worker: Callable[[], psutil.Popen]
) -> None:
    spec = long(prepare, 60)  # long enough for the second process to be there before the first run has ended
    alone = [store.run(execute(prepare_run(replace(spec, seed=seed), own_workspace, Wanted(1)))) for seed in range(2)]
    first, second = queue.submit_seeds(spec, 2, own_workspace, threads=1)
    leader = worker()
    until(lambda: all(store.run(run).epochs_done >= 2 for run in (first, second)))
    (helper,) = leader.children()
    owners = {run: store.run(run).attempts[0].owner.pid for run in (first, second)}
    assert set(owners.values()) == {leader.pid, helper.pid}
    assert sum(store.run(run).attempts[0].plan["threads"] for run in (first, second)) == 2 <= machine_cores()
    helper.send_signal(signal.SIGKILL)
    leader.wait(60)
    killed = next(run for run, pid in owners.items() if pid == helper.pid)
    assert [attempt.owner.pid for attempt in store.run(killed).attempts] == [helper.pid, leader.pid]
    assert [what_counts(store.run(run)) for run in (first, second)] == [what_counts(run) for run in alone]


@needs_two_cores
def test_when_the_first_process_is_killed_the_others_leave_nothing_behind(
    prepare: Prepare, store: Store, own_workspace: Workspace, worker: Callable[[], psutil.Popen]
) -> None:
    runs = queue.submit_seeds(long(prepare, 3000), 2, own_workspace, threads=1)
    leader = worker()
    until(lambda: all(store.run(run).epochs_done for run in runs))
    (helper,) = leader.children()
    leader.send_signal(signal.SIGKILL)
    leader.wait(30)
    until(lambda: not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE)
    states = sorted((store.run(run).state, store.run(run).queued is not None) for run in runs)
    assert states == [("interrupted", True), ("queued", True)]
    assert store.queue.next() is not None


def test_steps_are_measured_at_the_same_time(prepare: Prepare, own_workspace: Workspace) -> None:
    measured, others = measure(prepare().spec, own_workspace, TWO)
    assert [(way.threads, way.at_once) for way in measured] == [(2, 1), (1, 2)]
    assert all(0 < (way.seconds or 0) < 60 for way in measured)
    assert 0 <= others <= 1


@pytest.fixture
def first_of_two(prepare: Prepare, store: Store, own_workspace: Workspace) -> RunDetails:
    return store.run(queue.submit_seeds(prepare().spec, 2, own_workspace)[0])


@pytest.fixture
def agreed(store: Store, own_workspace: Workspace, two_cores: None) -> Callable[..., Comparison | None]:
    def make(run: RunDetails, stop: Callable[[], Any] = lambda: None, asked: int | None = None) -> Comparison | None:
        return agree(store.run(run.id), store, own_workspace, lambda free: None, stop, asked)

    return make


def measuring(monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float], others: float = 0.0) -> list[int]:
    """Measurements give these seconds; the number of each is added to what is returned."""
    made: list[int] = []

    def give(spec: RunSpec, workspace: Workspace, candidates: Any, stop: Any) -> tuple[list[Way], float]:
        made.append(len(made))
        return [replace(way, seconds=seconds[way.threads]) for way in candidates], others

    monkeypatch.setattr(together, "measure", give)
    return made


def test_what_is_chosen_stands_with_every_run_and_is_not_measured_again(
    first_of_two: RunDetails, store: Store, own_workspace: Workspace, agreed: Any, monkeypatch: pytest.MonkeyPatch,
    prepare: Prepare,
) -> None:  # fmt: skip
    made = measuring(monkeypatch, {2: 0.010, 1: 0.015})
    assert waits_for_a_choice(first_of_two)
    chosen = agreed(first_of_two)
    runs = store.comparisons.runs(chosen.id)
    assert [run.lineage["threads"] for run in runs] == [1, 1]
    assert [Comparison.of(run.lineage) for run in runs] == [chosen] * 2
    assert chosen.measured == (Way(2, 1, 0.010), Way(1, 2, 0.015))
    assert not any(waits_for_a_choice(run) for run in runs)

    again = store.run(queue.submit_seeds(replace(prepare().spec, seed=7), 3, own_workspace)[0])
    assert agreed(again).measured == chosen.measured
    assert made == [0]
    other = store.run(queue.submit_seeds(prepare(batch_size=16).spec, 2, own_workspace)[0])
    assert agreed(other).threads == 1
    assert made == [0, 1]


def test_what_was_measured_beside_other_programs_is_used_once(
    first_of_two: RunDetails, store: Store, own_workspace: Workspace, agreed: Any, monkeypatch: pytest.MonkeyPatch,
    prepare: Prepare,
) -> None:  # fmt: skip
    measuring(monkeypatch, {2: 0.010, 1: 0.030}, others=0.5)
    assert (agreed(first_of_two).threads, agreed(first_of_two).others) == (2, 0.5)
    measuring(monkeypatch, {2: 0.010, 1: 0.011})
    again = store.run(queue.submit_seeds(prepare().spec, 2, own_workspace)[0])
    assert agreed(again).threads == 1


def test_a_file_of_the_cache_that_is_damaged_is_measured_anew(
    first_of_two: RunDetails, store: Store, own_workspace: Workspace, agreed: Any, monkeypatch: pytest.MonkeyPatch,
    prepare: Prepare,
) -> None:  # fmt: skip
    measuring(monkeypatch, {2: 0.010, 1: 0.011})
    agreed(first_of_two)
    (file,) = Path(os.environ["FITTINGROOM_CACHE"], "together").iterdir()
    measuring(monkeypatch, {2: 0.010, 1: 0.030})
    for damaged in (b"", b"[]", b"[3]", b'[{"threads": 1, "at_once": 1}]', b"\xff"):
        file.write_bytes(damaged)
        run = store.run(queue.submit_seeds(prepare().spec, 2, own_workspace)[0])
        assert agreed(run).threads == 2


def test_what_one_of_the_runs_was_begun_with_is_kept(
    first_of_two: RunDetails, store: Store, agreed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    measuring(monkeypatch, {2: 0.010, 1: 0.011})
    _, second = store.comparisons.runs(first_of_two.lineage["comparison"]["id"])  # type: ignore[index]
    store.end(second.id, store.begin_attempt(second.id, {"threads": 2}), "stopped")
    assert agreed(first_of_two).threads == 2


def test_threads_that_a_worker_was_given_are_not_measured(
    first_of_two: RunDetails, agreed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = measuring(monkeypatch, {2: 0.010, 1: 0.011})
    chosen = agreed(first_of_two, asked=2)
    assert (chosen.threads, chosen.measured, made) == (2, (), [])


def test_runs_with_a_time_budget_do_not_share_the_cores(
    prepare: Prepare, store: Store, own_workspace: Workspace, agreed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = measuring(monkeypatch, {2: 0.010, 1: 0.011})
    phases = (Phase(name="before", train=TrainSpec(budget="9s")),)
    for spec in (prepare(budget="9s").spec, replace(prepare().spec, phases=phases)):
        run = store.run(queue.submit_seeds(spec, 2, own_workspace)[0])
        assert (agreed(run).threads, made) == (2, [])


def test_a_spec_that_cannot_be_read_is_the_affair_of_its_training(
    store: Store, agreed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = measuring(monkeypatch, {2: 0.010, 1: 0.011})
    lineage = Comparison.new(2).in_lineage()
    run = store.create_run(
        name="foreign",
        spec='{"shape": "round"}',
        spec_id="",
        fingerprint="",
        parameters=1,
        queued=True,
        lineage=lineage,
    )
    assert (agreed(store.run(run)).threads, made) == (2, [])


@pytest.mark.parametrize("program", ["false", "no-such-program"])
def test_what_cannot_be_measured_takes_all_cores(
    first_of_two: RunDetails, agreed: Any, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """Its processes end at once, or cannot be started."""
    monkeypatch.setattr(sys, "executable", shutil.which(program) or program)
    chosen = agreed(first_of_two)
    assert (chosen.threads, chosen.measured) == (2, ())


def test_a_worker_that_is_to_end_does_not_wait_for_a_measurement(
    first_of_two: RunDetails, store: Store, agreed: Any
) -> None:
    began, answers = time.monotonic(), iter([None, None])
    assert agreed(first_of_two, stop=lambda: next(answers, "handed_back")) is None
    assert time.monotonic() - began < 30
    assert waits_for_a_choice(store.run(first_of_two.id))
