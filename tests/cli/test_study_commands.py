"""``fittingroom study`` as a user types it, ends it, and kills it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fittingroom.store import Store
from fittingroom.workspace import Workspace

Command = Callable[..., Any]
PLAYED = """
import sys
from fittingroom.spec.events import EpochMetrics
from fittingroom.store import Store
with Store.open(sys.argv[1]) as store:
    for number, run in enumerate([run.id for run in store.queue.managed()]):
        attempt = store.begin_attempt(run, {"threads": 2}, seen=store.run(run), by_worker=True)
        metrics = EpochMetrics(1, 1, 0.5, 0.9, 0.6 + number / 10, 0.01, 2)
        store.record_epoch(run, attempt, metrics, best=True)
        state, message = ("failed", "the loss became nan") if number == 1 else ("finished", "The one epoch is done.")
        store.end(run, attempt, state, message=message)
"""
KILLS = 5


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Core slots that no other test uses."""
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def played(own_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose second run fails, and which trains nothing; nor is anything timed."""
    from fittingroom.library.study_timing import TimedArms

    command = [sys.executable, "-c", PLAYED, str(own_workspace.database)]
    monkeypatch.setattr("fittingroom.cli.studying.worker_command", lambda *_, **__: command)
    monkeypatch.setattr("fittingroom.cli.studying.time_arms", lambda *_, **__: TimedArms({}))


@pytest.fixture
def study_file(spec_file: Path) -> Callable[..., Path]:
    """A study of two learning rates and two seeds on that spec."""

    def write(rates: str = "0.02, 0.002", seeds: int = 2, epochs: int = 6, more: str = "") -> Path:
        file = spec_file.with_name("rates.toml")
        file.write_text(
            f'name = "rates"\nbase = "{spec_file.name}"\nseeds = {seeds}\n'
            f'[vary]\n"train.optimizer.learning_rate" = [{rates}]\n[set]\n"train.epochs" = {epochs}\n{more}\n',
            encoding="utf-8",
        )
        return file

    return write


@pytest.fixture
def begin() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """``begin(file, workspace)``: ``study run`` in a process of its own; what is left of it at the end is killed."""
    begun: list[subprocess.Popen[str]] = []

    def start(file: Path, workspace: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "fittingroom", "study", "run", str(file), "--workspace", str(workspace)]
        pipe = subprocess.PIPE
        process = subprocess.Popen([*command, "--threads", "1", "--json"], stdout=pipe, stderr=pipe, text=True)
        begun.append(process)
        return process

    yield start
    for process in begun:
        kill(process)
        process.communicate()


def kill(process: subprocess.Popen[str]) -> None:
    """A process with everything that it has started, as an out-of-memory killer or a power cut would."""
    if process.poll() is None:
        for each in [*psutil.Process(process.pid).children(recursive=True), process]:
            each.kill()


def progress(workspace: Path) -> tuple[int, set[str]]:
    """How many epochs have been trained, and which runs are trained by an attempt that has not yet ended an epoch."""
    if not Workspace(workspace).database.exists():
        return 0, set()
    with Store.open(Workspace(workspace).database) as store:
        runs = store.runs()
        epochs = {run.id: store.attempts_of_epochs(run.id) for run in runs}
    begun = {run.id for run in runs if run.attempt and run.state not in ("finished", "failed", "stopped")}
    attempts = {run.id: run.attempt for run in runs}
    return sum(map(len, epochs.values())), {run for run in begun if attempts[run] not in epochs[run].values()}


def wait_for_progress(workspace: Path, process: subprocess.Popen[str], caught: set[str]) -> None:
    """Until more epochs are trained, also of those that were ``caught`` before their first one: a run that dies three
    times in a row before that is given up, as it should be.
    """
    (since, _), until = progress(workspace), time.monotonic() + 120
    while process.poll() is None:
        done, fresh = progress(workspace)
        if done > since and not fresh & caught:
            return
        assert time.monotonic() < until
        time.sleep(0.02)


def table(shown: dict[str, Any]) -> list[Any]:
    """What a study has come to, but for the times."""
    return [
        (arm["name"], arm["mean"], [{key: run[key] for key in run if "seconds" not in key} for run in arm["runs"]])
        for arm in shown["arms"]
    ]


def test_a_study_that_is_killed_at_random_moments_comes_to_what_an_undisturbed_one_does(
    study_file: Callable[..., Path], begin: Callable[..., subprocess.Popen[str]], tmp_path: Path, fittingroom: Command
) -> None:
    """The undisturbed one is asked for twice at the same moment: each run is trained once all the same.

    One of its arms diverges, which stops no other.
    """
    optimizer = '"train.optimizer" = { name = "sgd", momentum = 0.99, learning_rate = 0.02 }'
    file, calm, wild = study_file("0.02, 100.0, 0.002", epochs=80, more=optimizer), tmp_path / "calm", tmp_path / "wild"
    both = [begin(file, calm), begin(file, calm)]
    answers = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [1, 1], answers
    undisturbed = json.loads(answers[0][0].splitlines()[-1])
    assert [[run["state"] for run in arm["runs"]] for arm in undisturbed["arms"]] == [
        ["finished"] * 2, ["failed"] * 2, ["finished"] * 2,
    ]  # fmt: skip
    with Store.open(Workspace(calm).database) as store:
        assert [run.attempt for run in store.runs()] == [1] * 6

    draw, caught = random.Random(4), set[str]()
    for _ in range(KILLS):
        process = begin(file, wild)
        wait_for_progress(wild, process, caught)
        time.sleep(0.2 * draw.random())
        kill(process)
        process.communicate(timeout=60)
        caught = progress(wild)[1]
    with Store.open(Workspace(wild).database) as store:
        assert max(run.attempt for run in store.runs()) > 1
        ended = {run.id: run.attempt for run in store.runs() if run.state in ("finished", "failed")}
        assert len(ended) < 6
    process = begin(file, wild)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    assert table(json.loads(out.splitlines()[-1])) == table(undisturbed)
    with Store.open(Workspace(wild).database) as store:
        assert len(store.runs()) == 6
        assert {run: store.run(run).attempt for run in ended} == ended, "what has ended is not trained again"

    tested = fittingroom("test", "rates-1", "--workspace", wild, "--json")
    assert [json.loads(score)["openings"] for score in tested.out.splitlines()] == [1] * 2, (
        "the best arm's runs, at once"
    )
    assert "the test set chooses nothing" in tested.err
    scores = fittingroom("test", "rates-1", "--all-arms", "--workspace", wild, "--json").out.splitlines()
    assert [json.loads(score)["openings"] for score in scores] == [2] * 4, "one opening more for all finished runs"


@pytest.mark.usefixtures("played")
def test_each_run_is_told_as_it_ends_and_the_table_in_the_end(
    fittingroom: Command, study_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    trained = fittingroom("study", "run", study_file(epochs=1))
    assert (trained.status, trained.err) == (1, "")
    lines = trained.out.splitlines()
    assert lines[0] == "Study rates-1 begins: 2 arms, 2 seeds, 4 runs, of which 0 have finished."
    told = sorted(line.split("  ", 1)[1] for line in lines if line[:2] in ("1/", "2/", "3/", "4/"))
    assert told == [
        "learning rate 0.002, seed 0: failed, accuracy 70.00 %, best epoch 1 of 1, 2.0 s. the loss became nan",
        "learning rate 0.002, seed 1: finished, accuracy 90.00 %, best epoch 1 of 1, 2.0 s",
        "learning rate 0.02, seed 0: finished, accuracy 60.00 %, best epoch 1 of 1, 2.0 s",
        "learning rate 0.02, seed 1: finished, accuracy 80.00 %, best epoch 1 of 1, 2.0 s",
    ]
    # of 60 and 80: mean 70, sd 10·√2, 95 % interval 70 ± 12.706·10, cut to what an accuracy can be
    assert " ".join("learning rate 0.02 60.00 % 80.00 % 2 70.00 % 14.14 0.00 to 100.00 235 2.0 s".split()) in [
        " ".join(line.split()) for line in lines
    ]
    assert "4 runs: 1 failed, 3 finished." in lines
    assert any(line.endswith("have one seed in common (difference 10.00 points): nothing can be said, another seed may "
                             "turn it around.") for line in lines)  # fmt: skip


@pytest.mark.usefixtures("played")
def test_only_what_is_new_is_trained(fittingroom: Command, study_file: Callable[..., Path]) -> None:
    fittingroom("study", "run", study_file(epochs=1), "--json")
    more = fittingroom("study", "run", study_file("0.02, 0.002, 0.5", seeds=3, epochs=1), "--json")
    entered, *events, shown = map(json.loads, more.out.splitlines())
    made = ["rates-0-02-3", "rates-0-002-3", "rates-0-5-1", "rates-0-5-2", "rates-0-5-3"]
    assert (entered["study"], entered["new"], sorted(entered["made"])) == ("rates-1", False, sorted(made))
    assert {event["run"] for event in events if event["event"] == "ended"} == set(made)
    assert [arm["n"] + sum(run["state"] == "failed" for run in arm["runs"]) for arm in shown["arms"]] == [3, 3, 3]
    again = fittingroom("study", "run", study_file("0.02, 0.002, 0.5", seeds=3, epochs=1), "--json")
    assert [json.loads(line).get("event") for line in again.out.splitlines()] == ["entered", None]
    assert "event" not in shown
    assert shown["arms"][0]["runs"][0] == {
        "run": "rates-0-02-1", "seed": 0, "state": "finished", "message": "The one epoch is done.",
        "validation_accuracy": 0.6, "validation_loss": 0.9, "train_accuracy": 0.5, "best_epoch": 1,
        "train_seconds": 2.0, "epochs_to_target": None, "seconds_to_target": None,
    }  # fmt: skip


def test_a_study_is_left_listed_stopped_and_deleted(
    fittingroom: Command, study_file: Callable[..., Path], own_workspace: Workspace
) -> None:
    left = fittingroom("study", "run", study_file(), "--seeds", 1, "--set", "train.epochs=3", "--queue",
                       "--priority", 2, "--budget", "2h", "--json").json  # fmt: skip
    assert (left["study"], left["made"], left["workers"]) == ("rates-1", ["rates-0-02-1", "rates-0-002-1"], 0)
    with Store.open(own_workspace.database) as store:
        assert json.loads(store.run("rates-0-02-1").spec)["train"]["epochs"] == 3
        assert (store.studies.study("rates-1").priority, store.studies.study("rates-1").budget) == (2, 7200.0)
    (listed,) = fittingroom("study", "list", "--json").json
    assert (listed["study"], listed["state"], listed["runs"], listed["epochs"]) == ("rates-1", "queued", 2, 6)
    assert "rates-1" in fittingroom("study", "list").out
    assert "0 of 2 runs have finished" in fittingroom("study", "stop", "rates").out
    assert fittingroom("study", "show", "rates-1", "--json").json["states"] == {"stopped": 2}
    assert "Go on with the same" in fittingroom("study", "show", "rates-1").out
    assert fittingroom("test", "rates-1").err.startswith("error: no run of rates-1 has finished")
    assert fittingroom("study", "delete", "rates-1", "--json").json == {"study": "rates-1", "deleted_runs": 2}
    assert fittingroom("study", "list").out.startswith("No studies yet.")
    assert fittingroom("study", "show", "rates-1").status == 2
    assert fittingroom("study", "undelete", "rates-1").out.strip() == "rates-1 is back."
    assert fittingroom("study", "show", "rates-1", "--json").json["states"] == {"stopped": 2}
    assert "there is nothing to bring back" in fittingroom("study", "undelete", "rates-1").err
    assert "study undelete rates-1" in fittingroom("study", "delete", "rates-1").out


def test_what_cannot_be_is_told_and_nothing_is_stored(fittingroom: Command, study_file: Callable[..., Path]) -> None:
    wrong = fittingroom("study", "run", study_file("0.02, -1"))
    assert (wrong.status, wrong.out) == (2, "")
    assert "learning_rate" in wrong.err
    assert fittingroom("study", "run", study_file(), "--small").err.startswith("error: ")
    assert fittingroom("study", "run", study_file(), "--set", "nothing").err.startswith('error: "nothing" sets nothing')
    assert fittingroom("study", "run", "no-such-study").status == 2
    assert "soon" in fittingroom("study", "run", study_file(), "--budget", "soon").err
    assert fittingroom("study", "list", "--json").json == []


def test_shipped_studies_are_listed_and_printed(fittingroom: Command) -> None:
    names = [each["name"] for each in fittingroom("study", "presets", "--json").json]
    assert "a-activations-mlp" in names
    assert fittingroom("study", "presets", "a-activations-mlp").out.startswith("# Source A")
    assert fittingroom("study", "presets", "a-activation-mlp").status == 2
