"""One spec from end to end: what is stored, and what is left when things break."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import fittingroom as fr
from fittingroom.engine import record as record_module
from fittingroom.engine.prepare import PreparedRun
from fittingroom.engine.record import is_out_of_memory
from fittingroom.engine.resume import prepare_resume
from fittingroom.engine.run import execute
from fittingroom.engine.score import classifier_of, open_test_set
from fittingroom.errors import FittingRoomError, InvalidInput, InvalidSpec, TrainingDiverged, WorkspaceError
from fittingroom.queue.stored import validation_of
from fittingroom.spec.events import EpochEnded, Event
from fittingroom.store import RunDetails, Store
from fittingroom.workspace import Workspace

Prepare = Callable[..., PreparedRun]
DEEP = (fr.Flatten(), fr.Dense(20), fr.Dense(20), fr.Classify())


def details_of(run: str, workspace: Workspace) -> RunDetails:
    with Store.open(workspace.database) as store:
        return store.run(run)


def test_a_run_is_stored_whole(prepare: Prepare, own_workspace: Workspace) -> None:
    heard: list[tuple[str, Event]] = []
    prepared = prepare(epochs=4, name="Three stripes")
    run = execute(prepared, lambda run, event: heard.append((run, event)))
    details = details_of(run, own_workspace)
    assert (run, details.name, details.state, details.message) == (
        "three-stripes-1", "Three stripes", "finished", "All 4 epochs done.",
    )  # fmt: skip
    assert {name for name, _ in heard} == {run}
    told = [event.metrics for _, event in heard if isinstance(event, EpochEnded)]
    assert list(details.epochs) == told
    best = min(told, key=lambda metrics: metrics.validation_loss)
    assert (details.best_epoch, details.validation_loss, details.validation_accuracy) == (
        best.epoch, best.validation_loss, best.validation_accuracy,
    )  # fmt: skip
    assert json.loads(details.spec) == prepared.spec.to_json()
    assert details.plan is not None
    assert details.plan["rewrites"] == ["relu after max pool: conv_1 + max_pool_1"]
    assert details.parameters == 1087
    for kind, epoch in {"best": best.epoch, "predictions": best.epoch, "last": 4}.items():
        artifact = details.artifacts[kind]
        content = (own_workspace.root / artifact.path).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (artifact.sha256, artifact.bytes)
        assert artifact.epoch == epoch
    assert sorted(path.name for path in own_workspace.attempt(run, 1).iterdir()) == [
        f"best-{best.epoch}.safetensors", details.artifacts["last"].path.name,
        f"validation-predictions-{best.epoch}.npz",
    ]  # fmt: skip


def test_the_best_weights_are_restored_provably(prepare: Prepare, own_workspace: Workspace) -> None:
    """A rate that ruins the network after its best epoch: the stored classifier still gives that epoch's scores."""
    prepared = prepare(epochs=6, optimizer=fr.Sgd(0.5, momentum=0.9), schedule=fr.Constant(), validation=90)
    details = details_of(execute(prepared), own_workspace)
    best = details.epochs[(details.best_epoch or 0) - 1]
    assert details.best_epoch is not None
    assert details.best_epoch < 6
    assert best.validation_loss < details.epochs[-1].validation_loss
    images, labels = (
        array[prepared.stage.splits.validation] for array in (prepared.stage.data.images, prepared.stage.data.labels)
    )
    probabilities = classifier_of(details, own_workspace).probabilities(images)
    assert (probabilities.argmax(1) == labels).mean() == pytest.approx(best.validation_accuracy)
    loss = -np.log(probabilities[np.arange(len(labels)), labels].astype(np.float64)).mean()
    assert loss == pytest.approx(best.validation_loss, rel=1e-4)
    stored, indices = validation_of(details, own_workspace)
    assert np.array_equal(indices, prepared.stage.splits.validation)
    assert (stored.n, stored.accuracy) == (90, pytest.approx(best.validation_accuracy))
    assert stored.loss == pytest.approx(best.validation_loss, rel=1e-4)


def test_a_diverged_run_is_stored_as_failed_with_its_advice(prepare: Prepare, own_workspace: Workspace) -> None:
    with pytest.raises(TrainingDiverged):
        execute(prepare(DEEP, optimizer=fr.Sgd(100.0, momentum=0.9)))
    details = details_of("last", own_workspace)
    assert details.state == "failed"
    assert details.message is not None
    assert "try train.optimizer.learning_rate=10 " in details.message
    with pytest.raises(InvalidInput, match=r'^run "small-1" has no best weights: it ended \(failed\) before its first'):
        classifier_of(details, own_workspace)


def test_all_faults_are_told_before_anything_is_stored(prepare: Prepare, own_workspace: Workspace) -> None:
    with pytest.raises(InvalidSpec) as caught:
        prepare(network=(fr.Conv(4, 9), fr.Dense(5)), class_weights=(1.0, 2.0))
    assert [fault.path for fault in caught.value.faults] == ["network", "network[0]", "train.class_weights"]
    assert not own_workspace.root.exists()


def test_checkpoints_are_written_while_it_runs(
    prepare: Prepare, own_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert record_module.SECONDS_BETWEEN_CHECKPOINTS <= 30
    monkeypatch.setattr(record_module, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    epochs = []

    def listen(run: str, event: Event) -> None:
        last = details_of(run, own_workspace).artifacts.get("last")
        epochs.append(last.epoch if last else None)

    execute(prepare(epochs=2), listen)
    assert epochs[-1] == 2
    assert 0 in epochs
    assert 1 in epochs


def test_every_attempt_saves_after_its_first_epoch_whatever_that_was_worth(
    prepare: Prepare, own_workspace: Workspace
) -> None:
    """So that a run that is killed soon after each beginning still comes to its end."""
    kept: list[tuple[int, int]] = []

    def listen(run: str, event: Event) -> None:
        details = details_of(run, own_workspace)
        if isinstance(event, EpochEnded):
            kept.append((details.best_epoch or 0, details.artifacts["last"].epoch or 0))

    no_better = prepare(optimizer=fr.Sgd(1e-12), epochs=4, schedule=fr.Constant())
    execute(no_better, listen, lambda: "stopped" if len(kept) == 2 else None)
    execute(prepare_resume(details_of("last", own_workspace), own_workspace), listen)
    assert kept == [(1, 1), (1, 1), (1, 3), (1, 3)]


def test_a_bug_while_training_is_stored_and_not_hidden(prepare: Prepare, own_workspace: Workspace) -> None:
    def listen(run: str, event: Event) -> None:
        raise RuntimeError("a listener with a bug")

    with pytest.raises(RuntimeError, match="a listener with a bug"):
        execute(prepare(), listen)
    details = details_of("last", own_workspace)
    assert (details.state, details.message) == ("failed", "RuntimeError: a listener with a bug")


def test_running_out_of_memory_says_what_to_change(prepare: Prepare, own_workspace: Workspace) -> None:
    def listen(run: str, event: Event) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried ...")

    with pytest.raises(
        FittingRoomError, match=r"^there is not enough memory to train with 32 images at a time; try train"
    ):
        execute(prepare(), listen)
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("other"))


def test_one_opening_of_the_test_set_scores_several_runs(prepare: Prepare, own_workspace: Workspace) -> None:
    runs = [execute(prepare(epochs=5, seed=seed, optimizer=fr.Adam(0.01))) for seed in (0, 1)]
    with Store.open(own_workspace.database) as store:
        scores = open_test_set([store.run(run) for run in runs], own_workspace, store)
        assert [score.run for score in scores] == runs
        assert {score.openings for score in scores} == {1}
        assert open_test_set([store.run(runs[0])], own_workspace, store)[0].openings == 2
    prepared = prepare()
    images, labels = (
        array[prepared.stage.splits.test] for array in (prepared.stage.data.images, prepared.stage.data.labels)
    )
    for run, score in zip(runs, scores, strict=True):
        own = classifier_of(details_of(run, own_workspace), own_workspace).probabilities(images)
        assert score.evaluation.accuracy == pytest.approx((own.argmax(1) == labels).mean())
        assert (score.evaluation.n, score.evaluation.split) == (60, "test")


def test_damaged_weights_are_noticed(prepare: Prepare, own_workspace: Workspace) -> None:
    details = details_of(execute(prepare(epochs=1)), own_workspace)
    path = own_workspace.root / details.artifacts["best"].path
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(WorkspaceError, match=r"best-1\.safetensors is not what small-1 wrote \(its SHA-256 differs\)"):
        classifier_of(details, own_workspace)
    path.unlink()
    with pytest.raises(WorkspaceError, match=r"best-1\.safetensors is missing, although small-1 wrote it"):
        classifier_of(details, own_workspace)


LONG_RUN = """
import sys
import fittingroom as fr
from fittingroom.engine import record
record.SECONDS_BETWEEN_CHECKPOINTS = 0.3
net = fr.Network([fr.Conv(8, 3, activation="relu"), fr.MaxPool(2), fr.Flatten(), fr.Classify()])
try:
    fr.fit(net, sys.argv[1], epochs=100000, batch_size=8, name="long", validation=60)
except fr.FittingRoomError as error:
    sys.exit(f"told: {error}")
"""


def start_long_run(source: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", LONG_RUN, source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_epochs(workspace: Workspace, epochs: int) -> RunDetails:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if workspace.database.exists():
            with Store.open(workspace.database) as store:
                runs = store.runs(1)
                if runs and runs[0].epochs_done >= epochs and "last" in store.run(runs[0].id).artifacts:
                    return store.run(runs[0].id)
        time.sleep(0.1)
    raise AssertionError(f"no run reached {epochs} epochs in a minute")


def test_a_killed_run_leaves_whole_files_and_reads_as_interrupted(prepare: Prepare, own_workspace: Workspace) -> None:
    process = start_long_run(prepare().stage.data.source)
    try:
        assert wait_for_epochs(own_workspace, 3).state == "running"
    finally:
        process.kill()
        process.communicate(timeout=30)
    details = details_of("last", own_workspace)
    assert details.state == "interrupted"
    assert details.epochs_done >= 3
    assert classifier_of(details, own_workspace).epoch == details.best_epoch
    assert validation_of(details, own_workspace)[0].accuracy == pytest.approx(details.validation_accuracy)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_signal_ends_it_cleanly(prepare: Prepare, own_workspace: Workspace, number: signal.Signals) -> None:
    process = start_long_run(prepare().stage.data.source)
    try:
        wait_for_epochs(own_workspace, 2)
        os.kill(process.pid, number)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, errors) == (0, "")
    details = details_of("last", own_workspace)
    assert details.state == "stopped"
    assert details.message is not None
    assert details.message.startswith("Stopped on request during epoch ")
    assert classifier_of(details, own_workspace).epoch == details.best_epoch


FULL_DISK = """
import resource, sys
import fittingroom as fr
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
net = fr.Network([fr.Flatten(), fr.Dense(5000), fr.Classify()])
try:
    fr.fit(net, sys.argv[1], epochs=2, name="large", validation=60, show=False)
except fr.WorkspaceError as error:
    print(error)
"""


@pytest.mark.parametrize(("limit", "file"), [(1_000_000, "best-1"), (1_500_000, "last-1-0")])
def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    prepare: Prepare, own_workspace: Workspace, limit: int, file: str
) -> None:
    command = [sys.executable, "-c", FULL_DISK, prepare().stage.data.source, str(limit)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    folder = own_workspace.attempt("large-1", 1)
    where = rf"{re.escape(str(folder / file))}(-[0-9a-f]{{8}})?\.safetensors"
    assert re.match(f"cannot write {where}: File too large; free some space or choose", told)
    details = details_of("large-1", own_workspace)
    assert (details.state, details.message, details.epochs) == ("failed", told.strip(), ())
    assert not details.artifacts
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_folders_of_a_lost_database_are_never_written_to(prepare: Prepare, own_workspace: Workspace) -> None:
    first = execute(prepare(epochs=1))
    kept = (own_workspace.attempt(first, 1) / "best-1.safetensors").read_bytes()
    for file in own_workspace.root.glob("fittingroom.sqlite*"):
        file.unlink()
    assert execute(prepare(epochs=1, seed=5)) == "small-2"
    assert (own_workspace.attempt(first, 1) / "best-1.safetensors").read_bytes() == kept


def test_weights_that_a_living_training_has_just_replaced_are_no_damage(
    prepare: Prepare, own_workspace: Workspace
) -> None:
    details = details_of(execute(prepare(epochs=1)), own_workspace)
    (own_workspace.root / details.artifacts["best"].path).unlink()
    with pytest.raises(InvalidInput, match=r"is being trained and has just replaced its best weights; try again$"):
        classifier_of(replace(details, state="running"), own_workspace)


def test_progress_is_written_at_most_five_times_a_second(prepare: Prepare, own_workspace: Workspace) -> None:
    rows: list[int] = []

    def listen(run: str, event: Event) -> None:
        with Store.open(own_workspace.database) as store:
            rows.append(len(store.progress(run)))

    began = time.monotonic()
    run = execute(prepare(epochs=30, network=(fr.Flatten(), fr.Classify())), listen)
    assert 1 <= max(rows) <= 5 * (time.monotonic() - began) + 1
    with Store.open(own_workspace.database) as store:
        assert store.progress(run) == []
