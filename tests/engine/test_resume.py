"""A run that is killed at any instant, as often as one likes, ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fittingroom as fr
from fittingroom.engine.prepare import PreparedRun, prepare_run
from fittingroom.engine.resume import prepare_restart, prepare_resume
from fittingroom.engine.run import execute
from fittingroom.errors import InvalidInput
from fittingroom.spec.events import EpochMetrics
from fittingroom.store import RunDetails, RunSummary, Store
from fittingroom.workspace import Workspace

Prepare = Callable[..., PreparedRun]
NETWORK = (fr.Residual(4, stride=2), fr.Dropout(0.3), fr.GlobalPool(), fr.Classify())
KINDS: dict[str, dict[str, Any]] = {
    "augmentation, momentum, one cycle": {
        "augment": (fr.Rotation(10), fr.Shift(0.1), fr.Noise(0.1)), "optimizer": fr.Sgd(0.05, momentum=0.9),
        "schedule": fr.OneCycle(),
    },
    "adam, cosine, early stopping": {
        "optimizer": fr.Adam(0.01), "schedule": fr.Cosine(), "early_stop": fr.EarlyStop(patience=3),
    },
    "adamw, class weights, clipping": {
        "optimizer": fr.AdamW(0.01), "class_weights": "balanced", "clip_norm": 0.5, "schedule": fr.Step(every=2),
    },
    "adadelta, label smoothing": {"optimizer": fr.Adadelta(1.0), "loss": fr.CrossEntropy(label_smoothing=0.1)},
    "rmsprop, exponential": {"optimizer": fr.RmsProp(0.005), "schedule": fr.Exponential(start_epoch=1)},
    "muon, one cycle": {"optimizer": fr.Muon(0.02), "schedule": fr.OneCycle()},
    "phases, frozen layers": {
        "optimizer": fr.Adam(0.003), "augment": (fr.Noise(0.1),), "keep_checkpoints": 2,
        "phases": (
            fr.Phase("first", fr.TrainSpec(epochs=5, batch_size=16, optimizer=fr.Sgd(0.05, momentum=0.9))),
            fr.Phase("rest", fr.TrainSpec(epochs=4, batch_size=16, freeze_up_to="residual_1")),
        ),
    },
}  # fmt: skip
KILLS = int(os.environ.get("FITTINGROOM_KILLS", "4"))
"""Kills for each kind of run; ``make night`` takes many more."""

TRAIN = """
import sys, torch
torch.set_num_threads(1)
from fittingroom.engine import record, run
record.SECONDS_BETWEEN_CHECKPOINTS = 0.05
from fittingroom.engine.prepare import prepare_run
from fittingroom.engine.resume import prepare_resume
from fittingroom.library.stored import find_run
from fittingroom.workspace import Workspace
place = Workspace.find()
if sys.argv[1] == "resume":
    prepared = prepare_resume(find_run(place, "last"), place)
else:
    from fittingroom.spec.run import load_run_spec
    prepared = prepare_run(load_run_spec(sys.argv[1]), place)
print("ready", flush=True)
run.execute(prepared)
print("done", prepared.departures, flush=True)
"""


def details_of(run: str, workspace: Workspace) -> RunDetails:
    with Store.open(workspace.database) as store:
        return store.run(run)


def without_times(epochs: tuple[EpochMetrics, ...]) -> list[EpochMetrics]:
    return [replace(epoch, seconds=0.0) for epoch in epochs]


def what_counts(details: RunDetails) -> tuple[Any, ...]:
    """Everything that must be the same to the last bit: weights, optimizer, predictions, curves, verdicts."""
    files = {kind: (artifact.sha256, artifact.epoch) for kind, artifact in details.artifacts.items()}
    return details.state, details.message, details.best_epoch, files, without_times(details.epochs)


def trained_and_killed(file: Path, lasted: float, chance: random.Random, kills: int, workspace: Workspace) -> int:
    """Train the spec as a new run in processes that are killed at random, so often at most; returns how often."""
    known = {run.id for run in runs_of(workspace)}
    source, killed = str(file), 0
    while True:
        command = [sys.executable, "-c", TRAIN, source]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            if killed < kills:
                time.sleep(chance.uniform(0.02, 0.6 * lasted))
                process.kill()
            said, errors = process.communicate(timeout=60)
        if process.returncode == 0:
            assert said == "done ()\n"
            return killed
        assert errors == ""
        killed += 1
        last = runs_of(workspace)[0]
        if last.id not in known:
            if last.state == "finished":  # killed between its last word and its end
                return killed
            source = "resume"


def runs_of(workspace: Workspace) -> list[RunSummary]:
    with Store.open(workspace.database) as store:
        return store.runs()


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_random_instants_it_ends_as_if_nothing_had_happened(
    prepare: Prepare, own_workspace: Workspace, tmp_path: Path, kind: str
) -> None:
    settings = dict(KINDS[kind])
    phases = settings.pop("phases", ())
    spec = replace(prepare(NETWORK, epochs=12, batch_size=16, **settings).spec, phases=phases)
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(spec.to_json()), encoding="utf-8")
    began = time.monotonic()
    undisturbed = details_of(execute(prepare_run(spec, own_workspace)), own_workspace)
    lasted = time.monotonic() - began
    chance, kills = random.Random(f"kill {kind}"), 0
    while kills < KILLS:
        kills += trained_and_killed(file, lasted, chance, KILLS - kills, own_workspace)
        killed = details_of("last", own_workspace)
        assert what_counts(killed) == what_counts(undisturbed)
        files = {path.name for path in (own_workspace.runs / killed.id).glob("attempt-*/*")}
        assert files == {artifact.path.name for artifact in killed.artifacts.values()}
    print(f"{kind}: {kills} kills, {len(runs_of(own_workspace)) - 1} runs, every one as if undisturbed")


def test_stopped_politely_and_resumed_it_is_the_same_too(prepare: Prepare, own_workspace: Workspace) -> None:
    settings = {"epochs": 4, "augment": (fr.Mirror(),), "schedule": fr.OneCycle()}
    undisturbed = details_of(execute(prepare(NETWORK, **settings)), own_workspace)
    steps = iter(range(1, 100))
    run = execute(prepare(NETWORK, **settings), stop=lambda: "stopped" if next(steps) == 17 else None)
    assert details_of(run, own_workspace).state == "stopped"
    resumed = prepare_resume(details_of(run, own_workspace), own_workspace)
    assert resumed.departures == ()
    assert execute(resumed) == run
    details = details_of(run, own_workspace)
    assert what_counts(details) == what_counts(undisturbed)
    assert [attempt.number for attempt in details.attempts] == [1, 2]


def test_what_could_not_be_kept_is_told(prepare: Prepare, own_workspace: Workspace) -> None:
    steps = iter(range(1, 100))
    run = execute(prepare(epochs=3), stop=lambda: "stopped" if next(steps) == 10 else None)
    details = details_of(run, own_workspace)
    first = details.attempts[0]
    plan = {**first.plan, "processor": "Babbage", "versions": {**first.plan["versions"], "torch": "1.0"}}
    elsewhere = replace(details, attempts=(replace(first, plan=plan),))
    resumed = prepare_resume(elsewhere, own_workspace)
    assert resumed.departures == (
        f"processor {first.plan['processor']}, was Babbage", f"torch {first.plan['versions']['torch']}, was 1.0",
    )  # fmt: skip
    assert resumed.notes[-1].startswith("Not bit-identical to an undisturbed run, because of: processor ")
    execute(resumed)
    assert details_of(run, own_workspace).state == "finished"


def test_a_finished_run_and_a_changed_data_set_are_refused(
    prepare: Prepare, own_workspace: Workspace, stripes: Callable[..., Any]
) -> None:
    run = execute(prepare(epochs=1))
    with pytest.raises(InvalidInput, match=r'^run "small-1" is finished, so there is nothing to resume'):
        prepare_resume(details_of(run, own_workspace), own_workspace)
    stopped = execute(prepare(epochs=5), stop=lambda: "stopped")
    details = replace(details_of(stopped, own_workspace), fingerprint="0" * 64)
    with pytest.raises(InvalidInput, match="has changed since small-2 was trained on it"):
        prepare_resume(details, own_workspace)


def test_a_run_without_a_checkpoint_starts_over(prepare: Prepare, own_workspace: Workspace) -> None:
    undisturbed = details_of(execute(prepare(epochs=2)), own_workspace)

    def listen(run: str, event: object) -> None:
        raise RuntimeError("broken at once")

    with pytest.raises(RuntimeError):
        execute(prepare(epochs=2), listen)
    broken = details_of("last", own_workspace)
    assert (broken.state, broken.artifacts) == ("failed", {})
    execute(prepare_resume(broken, own_workspace))
    assert what_counts(details_of(broken.id, own_workspace)) == what_counts(undisturbed)
    assert np.isfinite(details_of(broken.id, own_workspace).validation_loss or np.nan)


def test_a_restart_is_a_new_run_with_the_same_weights(prepare: Prepare, own_workspace: Workspace) -> None:
    first = details_of(execute(prepare(NETWORK, epochs=2, seed=4)), own_workspace)
    second = details_of(execute(prepare_restart(first, own_workspace)), own_workspace)
    assert (first.id, second.id) == ("small-1", "small-2")
    assert (first.lineage, second.lineage) == ({"kind": "new"}, {"kind": "restart", "from": "small-1"})
    assert what_counts(second) == what_counts(first)
    assert details_of("small-1", own_workspace) == first
    with pytest.raises(InvalidInput, match="has changed since small-1 was trained on it"):
        prepare_restart(replace(first, fingerprint="0" * 64), own_workspace)
