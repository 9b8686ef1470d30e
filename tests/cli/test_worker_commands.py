"""The queue from the command line: leave runs to workers, be one, stop them, stop runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fittingroom.store import Store
from fittingroom.workspace import Workspace

Command = Callable[..., Any]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Core slots that no other test uses."""
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def as_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests keeps the priority."""
    monkeypatch.setattr("fittingroom.engine.worker.lower_priority", lambda: None)


def test_runs_are_left_to_workers(fittingroom: Command, spec_file: Path) -> None:
    left = fittingroom("train", spec_file, "--queue")
    assert (left.status, left.err) == (0, "")
    assert left.out == "three-stripes-1 is in the queue. No worker is there; start one with: fittingroom worker\n"
    assert fittingroom("train", spec_file, "--queue", "--json", "--seed", 3).json == {
        "run": "three-stripes-2", "state": "queued", "workers": 0,
    }  # fmt: skip
    states = [run["state"] for run in fittingroom("runs", "list", "--json").json]
    assert states == ["queued", "queued"]
    wrong = fittingroom("train", spec_file, "--queue", "--threads", 2)
    assert (wrong.status, wrong.out) == (2, "")
    assert wrong.err == "error: --threads 2 is for the worker to say, not with --queue; leave it out\n"
    wrong = fittingroom("train", spec_file, "--queue", "--set", "network.max_pool_1.size=20")
    assert wrong.status == 2
    assert "cannot be trained on" in wrong.err
    assert len(fittingroom("runs", "list", "--json").json) == 2


@pytest.mark.usefixtures("as_a_worker")
def test_a_worker_tells_what_it_does_in_lines(fittingroom: Command, spec_file: Path) -> None:
    fittingroom("train", spec_file, "--queue", "--set", "train.epochs=2")
    worked = fittingroom("worker", "--idle", 0, "--threads", 1)
    assert (worked.status, worked.err) == (0, "")
    lines = worked.out.splitlines()
    assert lines[0].endswith("waits for runs, with 1 thread")
    assert lines[1] == "three-stripes-1: begins"
    assert lines[2].startswith("three-stripes-1: finished, ")
    assert lines[2].endswith(" %, All 2 epochs done.")
    assert lines[3] == "worker: no run has come for 0 seconds"
    fittingroom("runs", "restart", "last", "--queue")
    worked = fittingroom("worker", "--idle", 0, "--threads", 1, "--json")
    events = [json.loads(line) for line in worked.out.splitlines()]
    assert [event["event"] for event in events] == ["ready", "began", "ended", "leaving"]
    assert (events[2]["run"], events[2]["state"]) == ("three-stripes-2", "finished")
    shown = fittingroom("runs", "show", "last", "--json").json
    assert shown["lineage"] == {"kind": "restart", "from": "three-stripes-1", "threads": 1}
    assert shown["weights"] == fittingroom("runs", "show", "three-stripes-1", "--json").json["weights"] | {
        kind: {**files, "path": files["path"].replace("stripes-1", "stripes-2")}
        for kind, files in fittingroom("runs", "show", "three-stripes-1", "--json").json["weights"].items()
    }


def test_waiting_runs_are_stopped_paused_and_put_back(fittingroom: Command, spec_file: Path) -> None:
    fittingroom("train", spec_file, "--queue")
    paused = fittingroom("runs", "pause", "last")
    assert paused.out == (
        "three-stripes-1 is paused. Taken out of the queue. Go on with: fittingroom runs resume three-stripes-1\n"
    )
    again = fittingroom("runs", "resume", "last", "--queue", "--json")
    assert again.json == {"run": "three-stripes-1", "state": "queued", "workers": 0}
    stopped = fittingroom("runs", "stop", "last", "--json")
    assert stopped.json == {"run": "three-stripes-1", "state": "stopped", "message": "Taken out of the queue."}
    wrong = fittingroom("runs", "stop", "last")
    assert (wrong.status, wrong.out) == (2, "")
    assert wrong.err == 'error: run "three-stripes-1" is stopped, so there is nothing to stop\n'


def test_without_workers_there_is_nothing_to_stop(fittingroom: Command) -> None:
    assert fittingroom("worker", "list").out == "No worker is there; start one with: fittingroom worker\n"
    assert fittingroom("worker", "list", "--json").json == []
    assert fittingroom("worker", "stop").out == "No worker is there, so there is nothing to stop.\n"
    assert fittingroom("worker", "stop", "--json").json == []


def test_a_real_worker_is_listed_trains_and_is_stopped(
    fittingroom: Command, spec_file: Path, own_workspace: Workspace
) -> None:
    fittingroom("train", spec_file, "--queue", "--set", "train.epochs=1000")
    command = [sys.executable, "-m", "fittingroom", "worker", "--threads", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert "waits for runs, with 1 thread" in process.stdout.readline()
            assert process.stdout.readline() == "three-stripes-1: begins\n"
            (worker,) = fittingroom("worker", "list", "--json").json
            assert (worker["process"], worker["threads"], worker["run"]) == (process.pid, 1, "three-stripes-1")
            listed = fittingroom("worker", "list").out
            assert f" {process.pid} " in listed
            assert "three-stripes-1" in listed
            assert fittingroom("train", spec_file, "--queue").out == (
                "three-stripes-2 is in the queue; 1 worker is there.\n"
            )
            stopped = fittingroom("runs", "stop", "three-stripes-1")
            assert stopped.out.startswith("three-stripes-1 is stopped. Stopped on request during epoch ")
            assert process.stdout.readline().startswith("three-stripes-1: stopped, ")
            assert fittingroom("worker", "stop").out == "1 worker is gone; what they trained is back in the queue.\n"
            said, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    assert said.splitlines()[-1] == "worker: asked to end"
    with Store.open(own_workspace.database) as store:
        assert store.run("three-stripes-1").state == "stopped"
        assert store.run("three-stripes-2").state in {"queued", "finished"}
        assert store.queue.workers() == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to catch")
def test_a_signal_hands_the_run_back_and_ends_the_worker(
    fittingroom: Command, spec_file: Path, own_workspace: Workspace
) -> None:
    fittingroom("train", spec_file, "--queue", "--set", "train.epochs=1000")
    command = [sys.executable, "-m", "fittingroom", "worker", "--threads", "1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert json.loads(process.stdout.readline())["event"] == "ready"
            assert json.loads(process.stdout.readline())["event"] == "began"
            process.send_signal(signal.SIGTERM)
            said, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    ended, leaving = map(json.loads, said.splitlines())
    assert (ended["event"], ended["state"], leaving["message"]) == ("ended", "queued", "asked to end")
    with Store.open(own_workspace.database) as store:
        run = store.run("three-stripes-1")
        assert (run.state, len(run.attempts)) == ("queued", 1)
        assert store.queue.workers() == []
