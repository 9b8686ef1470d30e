"""A time budget: shares from a clock that the test turns, and replays to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import fittingroom as fr
from fittingroom.engine import pace
from fittingroom.engine.checkpoint import Checkpoint, checkpoint_bytes
from fittingroom.engine.loop import train
from fittingroom.engine.pace import Budget
from fittingroom.engine.prepare import PreparedRun
from fittingroom.engine.resume import prepare_continue, prepare_restart, prepare_resume
from fittingroom.engine.run import execute
from fittingroom.errors import InvalidInput
from fittingroom.spec.events import Ended, EpochEnded, Progressed, Started
from fittingroom.store import RunDetails, Store
from fittingroom.workspace import Workspace

Prepare = Callable[..., PreparedRun]


class Clock:
    """Stands still unless it is turned."""

    def __init__(self) -> None:
        self.now = 1000.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def details_of(run: str, workspace: Workspace) -> RunDetails:
    with Store.open(workspace.database) as store:
        return store.run(run)


def test_shares_are_those_of_the_clock_at_the_middle_of_each_step(clock: Clock) -> None:
    budget = Budget(100.0)
    budget.begin()
    for _ in range(5):
        budget.next_share()
        clock.now += 1.0
        budget.stepped(1.0, images=100, validation_images=150)
    assert budget.closing == pytest.approx(0.5)  # 150 images at a third of 10 ms
    assert budget.next_share() == pytest.approx(5.5 / 99.5)
    budget.validated(1.0, saving=0.25)
    clock.now += 2.0
    assert budget.next_share() == pytest.approx(7.5 / 98.75)
    budget.stepped(1.0, images=100, validation_images=150)
    assert budget.closing == 1.25  # what was measured counts, not the guess
    assert budget.trace == sorted(budget.trace)


def test_slow_first_steps_and_one_slow_saving_end_nothing(clock: Clock) -> None:
    budget = Budget(20.0)
    budget.begin()
    for seconds in (3.0, 0.1, 0.1, 0.1, 0.1, 0.1):
        budget.next_share()
        clock.now += seconds
        budget.stepped(seconds, images=16, validation_images=5000)
        assert not budget.over
    assert budget.closing == pytest.approx(5000 / 16 * 0.1 / 3)
    for saving in (0.1, 9.0, 0.1):
        budget.validated(1.0, saving)
    assert budget.closing == pytest.approx(1.1)


def test_it_is_over_when_no_step_fits_in_beside_the_last_validation(clock: Clock) -> None:
    budget = Budget(10.0)
    budget.begin()
    assert not budget.over
    budget.next_share()
    budget.stepped(1.0, images=10, validation_images=0)
    budget.validated(2.0, 0.0)
    clock.now += 7.4
    assert not budget.over
    clock.now += 0.2
    assert budget.over
    budget.ended = True
    budget.validated(0.1, 0.0)  # quicker than was feared: a cut epoch must not be followed by another
    assert budget.over


def test_even_a_hopeless_budget_trains_one_step_at_the_schedule_s_end(clock: Clock) -> None:
    budget = Budget(0.001)
    budget.begin()
    clock.now += 5
    assert not budget.over
    assert budget.next_share() == 1.0
    assert budget.over


def test_pauses_do_not_count(prepare: Prepare, clock: Clock, tmp_path: Path) -> None:
    run = prepare(epochs=99, budget="100s")
    steps = iter(range(1, 1000))

    def stop() -> str | None:
        clock.now += 3.0
        return "paused" if next(steps) == 5 else None

    events = list(train(run.training, stop))  # type: ignore[arg-type]
    assert isinstance(events[-1], Ended)
    file = tmp_path / "last.safetensors"
    file.write_bytes(checkpoint_bytes(run.training))
    clock.now += 10_000.0
    resumed = prepare(epochs=99, budget="100s").training
    Checkpoint.read(file).restore(resumed)
    assert resumed.budget is not None
    assert resumed.budget.spent == pytest.approx(15.0)
    assert resumed.budget.trace == run.training.budget.trace  # type: ignore[union-attr]
    resumed.budget.begin()
    assert resumed.budget.next_share() == pytest.approx(0.15, abs=0.01)


def test_the_schedule_is_laid_over_the_time(prepare: Prepare, clock: Clock) -> None:
    run = prepare(epochs=1, budget="100s", optimizer=fr.Sgd(0.1), schedule=fr.Cosine()).training
    rates = []

    def stop() -> None:
        clock.now += 2.5  # forty steps
        rates.append(run.optimizer.param_groups[0]["lr"])

    events = list(train(run, stop))
    assert len(rates) == len(run.budget.trace) == 40  # type: ignore[union-attr]
    expected = fr.TrainSpec(epochs=1, optimizer=fr.Sgd(0.1), schedule=fr.Cosine())
    assert rates == pytest.approx([expected.learning_rate(share) for share in run.budget.trace])  # type: ignore[union-attr]
    assert rates[-1] < 0.001 < 0.09 < rates[0]
    started = events[0]
    assert isinstance(started, Started)
    assert (started.epochs, started.budget) == (None, 100.0)
    shares = [event.done for event in events if isinstance(event, Progressed)]
    assert shares == sorted(shares)
    assert shares[-1] > 0.8  # at the end of an epoch at the latest
    steps = len(run.batches)
    ended = [event.metrics for event in events if isinstance(event, EpochEnded)]
    assert len(ended) == -(-40 // steps)
    assert ended[-1].images == (40 - (len(ended) - 1) * steps) * 32
    assert events[-1] == Ended(
        "completed", len(ended), f"The budget of 100s is used up, after {40 / steps:.1f} epochs."
    )


def test_a_trace_is_replayed_to_the_last_bit(prepare: Prepare, own_workspace: Workspace) -> None:
    settings = {"augment": (fr.Rotation(10),), "schedule": fr.OneCycle(), "epochs": 1}
    first = details_of(execute(prepare(budget="0.4s", **settings)), own_workspace)
    assert first.state == "finished"
    replayed = details_of(execute(prepare_restart(first, own_workspace, replay=True)), own_workspace)
    assert replayed.lineage == {"kind": "replay", "from": first.id}
    assert [replace(epoch, seconds=0) for epoch in replayed.epochs] == [
        replace(epoch, seconds=0) for epoch in first.epochs
    ]
    for kind in ("best", "predictions"):
        assert replayed.artifacts[kind].sha256 == first.artifacts[kind].sha256
    steps = iter(range(1, 10_000))
    left = execute(
        prepare_restart(first, own_workspace, replay=True), stop=lambda: "stopped" if next(steps) == 5 else None
    )
    execute(prepare_resume(details_of(left, own_workspace), own_workspace))
    resumed = details_of(left, own_workspace)
    assert resumed.artifacts["best"].sha256 == first.artifacts["best"].sha256


def test_a_budget_that_ran_out_just_before_its_process_died_is_validated(
    prepare: Prepare, clock: Clock, tmp_path: Path
) -> None:
    run = prepare(epochs=1, budget="10s").training

    def stop() -> str | None:
        clock.now += 2.0
        return "stopped" if run.over else None

    events = list(train(run, stop))  # type: ignore[arg-type]
    assert isinstance(events[-1], Ended)
    assert (run.step, run.over) == (5, True)
    file = tmp_path / "last.safetensors"
    file.write_bytes(checkpoint_bytes(run))
    resumed = prepare(epochs=1, budget="10s").training
    Checkpoint.read(file).restore(resumed)
    ended = [event for event in train(resumed) if isinstance(event, EpochEnded)]
    assert [each.metrics.images for each in ended] == [160]


def test_no_epoch_follows_one_that_was_cut_also_after_a_kill(prepare: Prepare, clock: Clock, tmp_path: Path) -> None:
    run = prepare(epochs=1, budget="10s").training

    def stop() -> None:
        clock.now += 1.1

    for event in train(run, stop):
        if isinstance(event, EpochEnded) and event.metrics.images != 210:
            file = tmp_path / "last.safetensors"
            file.write_bytes(checkpoint_bytes(run))
            break
    resumed = prepare(epochs=1, budget="10s").training
    Checkpoint.read(file).restore(resumed)
    resumed.budget.spent = 2.0  # type: ignore[union-attr]
    assert [type(event) for event in train(resumed)] == [Started, Ended]


def test_what_cannot_be_replayed_is_told(prepare: Prepare, own_workspace: Workspace) -> None:
    run = details_of(execute(prepare(epochs=1)), own_workspace)
    with pytest.raises(InvalidInput, match=r'^run "small-1" has no time budget .* so there is no trace to replay;'):
        prepare_restart(run, own_workspace, replay=True)


def test_a_run_with_a_budget_is_continued_by_epochs(prepare: Prepare, own_workspace: Workspace) -> None:
    first = details_of(execute(prepare(budget="0.2s", epochs=1)), own_workspace)
    more = prepare_continue(first, own_workspace, epochs=2)
    assert more.training.budget is None
    run = details_of(execute(more), own_workspace)
    assert [epoch.epoch for epoch in run.epochs] == [first.epochs_done + 1, first.epochs_done + 2]
