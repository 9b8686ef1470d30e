"""How long an epoch will take is told from a few steps, and nothing else notices that they were taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

import fittingroom as fr
from fittingroom.engine import loop, timing
from fittingroom.engine.loop import Training
from fittingroom.engine.prepare import PreparedRun
from fittingroom.engine.timing import time_training
from fittingroom.queue.timing import Timing
from fittingroom.spec.run import RunSpec
from fittingroom.spec.start import Phase, Start
from fittingroom.spec.train import TrainSpec
from fittingroom.workspace import Workspace

Prepare = Callable[..., PreparedRun]
STEP = 0.02


def told_of(spec: RunSpec, workspace: Workspace) -> list[Timing]:
    """What the timing tells in the end, with one thread."""
    steps = time_training(spec, workspace, 1)
    shares = []
    while True:
        try:
            shares.append(next(steps))
        except StopIteration as end:
            assert all(0 <= done <= total for done, total in shares)
            assert shares == sorted(shares)
            found: list[Timing] = end.value
            return found


@pytest.fixture
def slow_steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every step takes 20 ms and does nothing; the sizes of their batches."""
    sizes: list[int] = []

    def step(run: Training, images_NCHW: Any, labels_N: Any, learning_rate: float) -> None:
        time.sleep(STEP)
        run.sums.images += len(labels_N)
        sizes.append(len(labels_N))

    monkeypatch.setattr(loop, "train_step", step)
    monkeypatch.setattr(timing, "SECONDS_TIMED", 0.2)
    return sizes


def test_an_epoch_is_as_many_steps_as_its_images_need(
    prepare: Prepare, own_workspace: Workspace, slow_steps: list[int]
) -> None:
    (told,) = told_of(prepare(batch_size=32).spec, own_workspace)
    assert (told.images, told.batch_size, told.threads, told.device, told.phase) == (210, 32, 1, "cpu", None)
    assert STEP * 210 / 32 <= told.epoch - told.validation <= 2 * STEP * 210 / 32
    assert told.shortest <= told.epoch <= told.longest
    assert 0 < told.validation < STEP * 210 / 32
    # six whole batches an epoch and the 18 images that are left, which are not timed; five steps to warm up
    whole = slow_steps.count(32)
    assert set(slow_steps) == {32, 18}
    assert told.steps == whole - 5 >= 2


def test_little_data_is_timed_too(prepare: Prepare, own_workspace: Workspace, slow_steps: list[int]) -> None:
    (told,) = told_of(prepare(batch_size=1000).spec, own_workspace)
    assert told.batch_size == 210
    assert STEP <= told.epoch - told.validation <= 2 * STEP


def test_a_step_that_would_take_too_long_is_timed_with_fewer_images(
    prepare: Prepare, own_workspace: Workspace, slow_steps: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "LONGEST_STEP", 0.0)
    (told,) = told_of(prepare(batch_size=32).spec, own_workspace)
    assert told.batch_size == 2
    assert STEP * 105 <= told.epoch - told.validation <= 2 * STEP * 105
    monkeypatch.setattr(timing, "MOST_SECONDS", 0.0)
    slow_steps.clear()
    (told,) = told_of(prepare(batch_size=32).spec, own_workspace)
    assert (told.steps, len(slow_steps)) == (1, 1)


def test_every_phase_is_timed_whatever_it_starts_from(prepare: Prepare, own_workspace: Workspace) -> None:
    before = Phase(name="pretrain", train=TrainSpec(budget="9s", freeze_up_to="conv_1"))
    spec = replace(prepare(augment=(fr.Noise(0.1),)).spec, phases=(before,), start=Start("no-such-run"))
    pretrain, own = told_of(spec, own_workspace)
    assert (pretrain.phase, own.phase) == ("pretrain", None)
    assert pretrain.epoch > 0 < own.epoch


def test_a_rate_that_breaks_the_training_is_timed_all_the_same(prepare: Prepare, own_workspace: Workspace) -> None:
    (told,) = told_of(prepare(optimizer=fr.Sgd(100.0), network=(fr.Flatten(), fr.Classify())).spec, own_workspace)
    assert told.steps > 0


def test_nothing_else_notices(prepare: Prepare, own_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = prepare().spec
    monkeypatch.setattr(timing, "SECONDS_TIMED", 0.05)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    for _ in time_training(spec, own_workspace, threads + 1):
        assert torch.get_num_threads() == threads  # whoever is answered meanwhile has one thread
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert not own_workspace.database.exists()
    assert not own_workspace.runs.exists()
