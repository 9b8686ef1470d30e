"""``train --seeds``: several runs at once, as a user types it, ends it, and kills it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fittingroom.engine.cores import machine_cores
from fittingroom.queue.together import Comparison
from fittingroom.store import Store
from fittingroom.workspace import Workspace

Command = Callable[..., Any]
PLAYED = """
import sys
from fittingroom.spec.events import EpochMetrics
from fittingroom.store import ProgressRow, Store
with Store.open(sys.argv[1]) as store:
    for number, run in enumerate([run.id for run in store.queue.managed()]):
        attempt = store.begin_attempt(run, {"threads": 2}, seen=store.run(run), by_worker=True)
        store.record_progress(run, attempt, ProgressRow(3, 0.5, 96, 0.7, 0.6, 1000.0))
        metrics = EpochMetrics(1, 1, 0.5, 0.9, 0.6 + number / 10, 0.01, 2)
        store.record_epoch(run, attempt, metrics, best=True)
        state, message = ("failed", "the loss became nan") if number == 1 else ("finished", "The one epoch is done.")
        store.end(run, attempt, state, message=message)
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Core slots that no other test uses."""
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def played_worker(own_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose second run fails, and which trains nothing."""
    command = [sys.executable, "-c", PLAYED, str(own_workspace.database)]
    monkeypatch.setattr("fittingroom.cli.several.worker_command", lambda *_, **__: command)


@pytest.fixture
def training(spec_file: Path) -> Iterator[subprocess.Popen[str]]:
    """Two long runs of one thread each, from the moment when both have ended an epoch."""
    command = [sys.executable, "-m", "fittingroom", "train", str(spec_file), "--seeds", "2", "--threads", "1", "--json"]
    process = subprocess.Popen(
        [*command, "--set", "train.epochs=10000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        seen: set[str] = set()
        assert process.stdout is not None
        while len(seen) < min(2, machine_cores()):
            line = json.loads(process.stdout.readline())
            seen |= {line["run"]} if line["event"] == "epochended" else set()
        yield process
    finally:
        process.kill()  # its workers end by themselves: their pipe is closed
        process.communicate()


def states(workspace: Workspace) -> list[str]:
    with Store.open(workspace.database) as store:
        return sorted(run.state for run in store.runs())


def test_seeds_are_left_to_workers_as_one_comparison(
    fittingroom: Command, spec_file: Path, own_workspace: Workspace
) -> None:
    left = fittingroom("train", spec_file, "--seeds", 2, "--seed", 5, "--queue", "--json")
    assert [json.loads(line) for line in left.out.splitlines()] == [
        {"run": f"three-stripes-{number}", "state": "queued", "workers": 0} for number in (1, 2)
    ]
    with Store.open(own_workspace.database) as store:
        runs = [store.run(f"three-stripes-{number}") for number in (1, 2)]
    assert [json.loads(run.spec)["seed"] for run in runs] == [5, 6]
    (comparison,) = {Comparison.of(run.lineage) for run in runs}
    assert comparison is not None
    assert (comparison.runs, comparison.threads) == (2, None)
    alone = fittingroom("train", spec_file, "--seeds", 1, "--queue")
    assert alone.out.startswith("three-stripes-3 is in the queue.")
    assert fittingroom("runs", "show", "last", "--json").json["lineage"] == {"kind": "new"}


@pytest.mark.parametrize("more", [("--seeds", 0), ("--seeds", 101), ("--seeds", 2, "--seed", 2**63 - 1)])
def test_seeds_that_cannot_be_are_refused(fittingroom: Command, spec_file: Path, more: tuple[Any, ...]) -> None:
    wrong = fittingroom("train", spec_file, *more)
    assert (wrong.status, wrong.out) == (2, "")
    assert fittingroom("runs", "list", "--json").json == []


@pytest.mark.usefixtures("played_worker")
def test_what_came_of_each_is_told_and_a_failure_is_the_exit_status(fittingroom: Command, spec_file: Path) -> None:
    trained = fittingroom("train", spec_file, "--seeds", 3, "--seed", 4)
    assert (trained.status, trained.err) == (1, "")
    lines = trained.out.splitlines()
    assert lines[0] == (
        "Runs three-stripes-1, three-stripes-2, three-stripes-3, with the seeds 4 to 6. "
        "How they share the cores is measured first, unless it is known."
    )
    assert "three-stripes-2  epoch 1/6    2.0 s  loss 0.9000  accuracy 70.00 %  best so far" in lines
    assert "three-stripes-2  failed. the loss became nan" in lines
    assert "three-stripes-3  finished. The one epoch is done." in lines
    assert [line.split()[:4] for line in lines[-5:-2]] == [
        ["three-stripes-1", "4", "finished", "60.00"], ["three-stripes-2", "5", "failed", "70.00"],
        ["three-stripes-3", "6", "finished", "80.00"],
    ]  # fmt: skip
    # of 0.6 and 0.8: mean 0.7, standard deviation 0.1 × √2
    assert lines[-2].startswith("Validation accuracy over 2 seeds: mean 70.00 %, standard deviation 14.14 points. ")
    assert lines[-1] == "Go on with: fittingroom runs resume three-stripes-2"


@pytest.mark.usefixtures("played_worker")
def test_json_lines_name_their_runs_and_end_with_a_summary_of_each(fittingroom: Command, spec_file: Path) -> None:
    trained = fittingroom("train", spec_file, "--seeds", 2, "--json")
    assert (trained.status, trained.err) == (1, "")
    *events, first, second = map(json.loads, trained.out.splitlines())
    for number, run in enumerate(["three-stripes-1", "three-stripes-2"]):
        own = [event for event in events if event["run"] == run]
        assert [event["event"] for event in own if event["event"] != "progressed"] == ["started", "epochended", "ended"]
        assert (own[0]["seed"], own[0]["plan"]) == (number, {"threads": 2})
        assert own[1]["metrics"]["validation_accuracy"] == 0.6 + number / 10
    assert (first["run"], first["state"], first["validation_accuracy"]) == ("three-stripes-1", "finished", 0.6)
    assert (second["run"], second["state"], second["message"]) == (
        "three-stripes-2", "failed", "the loss became nan",
    )  # fmt: skip


def test_ctrl_c_stops_all_of_them_with_their_best_weights_kept(
    training: subprocess.Popen[str], own_workspace: Workspace, fittingroom: Command
) -> None:
    workers = psutil.Process(training.pid).children(recursive=True)
    assert len(workers) == min(2, machine_cores())
    training.send_signal(signal.SIGINT)
    out, errors = training.communicate(timeout=60)
    assert (training.returncode, errors) == (0, "")
    assert [json.loads(line)["state"] for line in out.splitlines()[-2:]] == ["stopped", "stopped"]
    assert states(own_workspace) == ["stopped", "stopped"]
    with Store.open(own_workspace.database) as store:
        assert store.queue.workers() == []
        trained = [run for run in (store.run("three-stripes-1"), store.run("three-stripes-2")) if run.attempts]
        assert all({"best", "last"} <= run.artifacts.keys() for run in trained)
    assert not any(worker.is_running() for worker in workers)
    assert fittingroom("runs", "resume", "three-stripes-1", "--queue", "--json").json["state"] == "queued"


def test_when_it_is_killed_its_workers_hand_back_what_they_train(
    training: subprocess.Popen[str], own_workspace: Workspace
) -> None:
    workers = psutil.Process(training.pid).children(recursive=True)
    training.kill()
    until = time.monotonic() + 60
    while any(worker.is_running() for worker in workers):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert states(own_workspace) == ["queued", "queued"]
