"""Same spec, same plan: the same weights to the last bit, in any process, and from any checkpoint."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import fittingroom as fr
from fittingroom.engine.checkpoint import Checkpoint, checkpoint_bytes
from fittingroom.engine.loop import Stop, Training, train
from fittingroom.engine.prepare import PreparedRun
from fittingroom.errors import WorkspaceError
from fittingroom.spec.events import EpochEnded

Prepare = Callable[..., PreparedRun]
AUGMENT = (fr.Rotation(10), fr.Shift(0.1), fr.Mirror(), fr.Noise(0.1), fr.Erasing())
NETWORK = (
    fr.Residual(6, stride=2), fr.SeparableConv(8, 3), fr.Dropout(0.3), fr.GlobalPool(), fr.Dropout(0.1), fr.Classify(),
)  # fmt: skip


def digest(run: Training) -> str:
    whole = hashlib.sha256()
    for name, weight in run.network.weights().items():
        whole.update(name.encode() + weight.detach().contiguous().numpy().tobytes())
    return whole.hexdigest()


def trained(run: Training) -> tuple[str, list[Any]]:
    events = [event for event in train(run) if isinstance(event, EpochEnded)]
    curves = [
        (event.metrics.train_loss, event.metrics.validation_loss, event.metrics.validation_accuracy) for event in events
    ]
    return digest(run), curves


def test_two_processes_train_the_same_weights(prepare: Prepare, tmp_path: Path) -> None:
    spec = prepare(NETWORK, augment=AUGMENT, epochs=2, seed=11).spec
    program = """
import json, sys
import numpy, torch
numpy.random.seed(int(sys.argv[2])), torch.manual_seed(int(sys.argv[2]))
import fittingroom as fr
run = fr.train(sys.argv[1], show=False)
print(json.dumps({kind: artifact.sha256 for kind, artifact in run.details.artifacts.items()}))
"""
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(spec.to_json()), encoding="utf-8")
    outputs = [
        subprocess.run([sys.executable, "-c", program, str(file), seed], capture_output=True, text=True, check=True)
        for seed in ("1", "2")
    ]
    first, second = (json.loads(output.stdout.splitlines()[-1]) for output in outputs)
    assert first == second
    assert set(first) == {"best", "last", "predictions"}


def test_nothing_but_the_seed_changes_the_weights(prepare: Prepare) -> None:
    first = trained(prepare(NETWORK, augment=AUGMENT, epochs=1, seed=1).training)
    torch.manual_seed(99)
    np.random.default_rng(99).random(5)
    torch.rand(7)
    assert trained(prepare(NETWORK, augment=AUGMENT, epochs=1, seed=1).training) == first
    assert trained(prepare(NETWORK, augment=AUGMENT, epochs=1, seed=2).training)[0] != first[0]


@pytest.mark.parametrize(
    "optimizer",
    [fr.Sgd(0.05, momentum=0.9, nesterov=True), fr.Adam(), fr.AdamW(), fr.Adadelta(1.0), fr.RmsProp(), fr.Muon()],
)
def test_a_training_left_at_any_step_goes_on_to_the_same_weights(
    prepare: Prepare, tmp_path: Path, optimizer: Any
) -> None:
    settings = {
        "augment": AUGMENT, "epochs": 3, "optimizer": optimizer, "schedule": fr.OneCycle(),
        "early_stop": fr.EarlyStop(patience=2),
    }  # fmt: skip
    undisturbed = prepare(NETWORK, **settings).training
    expected = trained(undisturbed)
    for stop_after in (4, 7, 12):
        left = prepare(NETWORK, **settings).training
        steps = iter(range(1, 100))
        asks: Stop = lambda: "stopped" if next(steps) == stop_after else None  # noqa: B023, E731
        before = [event for event in train(left, asks) if isinstance(event, EpochEnded)]
        file = tmp_path / f"{stop_after}.safetensors"
        file.write_bytes(checkpoint_bytes(left))
        resumed = prepare(NETWORK, **settings).training
        Checkpoint.read(file).restore(resumed)
        weights, curves = trained(resumed)
        assert weights == expected[0]
        assert curves == expected[1][len(before) :]
        assert (resumed.best.epoch, resumed.best.value) == (undisturbed.best.epoch, undisturbed.best.value)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "last.safetensors"
    file.write_bytes(b"not a checkpoint")
    with pytest.raises(WorkspaceError, match=r"^cannot read the checkpoint .*last\.safetensors"):
        Checkpoint.read(file)
