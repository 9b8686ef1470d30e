"""How a run stands, in figures and words: where it is, how long it may take, its place in the queue, what it waits for.

Pure functions of what the store and the spec say; nothing here reads anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from fittingroom.measure.patience import EarlyStopping
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import RunSpec
from fittingroom.spec.train import TrainSpec
from fittingroom.store import ProgressRow, Request, RunDetails, RunSummary

OPEN = {"queued", "running", "interrupted"}
"""States that change without anybody asking: a worker takes up what is queued or was left."""


@dataclass(frozen=True)
class Stage:
    """The training of a run that is under way, or was the last: one of its phases, or the run proper."""

    number: int
    """Counted from 0, as ``RunSpec.stages``."""
    train: TrainSpec
    phase: str | None
    epochs: tuple[EpochMetrics, ...]
    """Done in it."""
    first: int
    """Epochs done before it, by the run's numbers."""


@dataclass(frozen=True)
class Outlook:
    """How far a run is and how long it may still take."""

    done: float
    """Epochs, by the run's numbers, with the fraction of the present one."""
    spent: float
    """Seconds of training and validation, those of the present epoch estimated."""
    left: float | None
    """Seconds; None where nothing is known yet."""
    at_most: bool
    """Whether early stopping may end it sooner."""

    @property
    def share(self) -> float | None:
        """Of the time, from 0 to 1; None where what is left is not known."""
        if self.left is None:
            return None
        return self.spent / (self.spent + self.left) if self.spent + self.left > 0 else 0.0


def stage_of(run: RunDetails, spec: RunSpec) -> Stage:
    """Where the run is in its phases. A phase whose epochs are all done is over."""
    groups = [tuple(members) for _, members in groupby(run.epochs, key=lambda epoch: epoch.phase)]
    stages = spec.stages
    number = min(max(len(groups) - 1, 0), len(stages) - 1)
    epochs = groups[number] if groups else ()
    first = epochs[0].epoch - 1 if epochs else begun_at(run)
    over = bool(epochs) and is_over(stages[number].train, epochs)
    if over and number + 1 < len(stages) and run.state not in {"finished"}:
        number, first, epochs = number + 1, epochs[-1].epoch, ()
    phase = spec.phases[number].name if number < len(spec.phases) else None
    return Stage(number, stages[number].train, phase, epochs, first)


def begun_at(run: RunDetails) -> int:
    """The epochs from which the numbers of a run count on: those of the run that it continues."""
    after = run.lineage.get("epoch") if run.lineage.get("kind") == "continue" else 0
    return after if isinstance(after, int) else 0


def is_over(train: TrainSpec, epochs: Sequence[EpochMetrics]) -> bool:
    """Whether a phase has had all of its epochs, its time or its patience."""
    if train.budget_seconds is not None:
        cut = (epochs[-1].images or 0) < (epochs[0].images or 0)  # the time was used up within an epoch
        used = cut or sum(epoch.seconds for epoch in epochs) >= 0.97 * train.budget_seconds
    else:
        used = len(epochs) >= train.epochs
    stopping = patience_of(train, epochs)
    return used or (stopping is not None and stopping.exhausted)


def patience_of(train: TrainSpec, epochs: Sequence[EpochMetrics]) -> EarlyStopping | None:
    """Early stopping as it stands after these epochs; None where it is not wanted."""
    if train.early_stop is None:
        return None
    stopping = EarlyStopping(train.early_stop)
    for epoch in epochs:
        stopping.saw(epoch)
    return stopping


def outlook(run: RunDetails, spec: RunSpec, progress: ProgressRow | None, images: int) -> Outlook:
    """How far it is. ``images``: of one epoch, for the time of the first one, before any has ended."""
    stage = stage_of(run, spec)
    whole = run.epochs_done
    fraction = min(1.0, max(0.0, progress.epoch - whole)) if progress else 0.0
    each = seconds_each(stage, run, progress, images)
    spent = sum(epoch.seconds for epoch in run.epochs)
    if each is None:
        return Outlook(whole + fraction, spent, None, False)
    following = [each_stage.train for each_stage in spec.stages[stage.number + 1 :]]
    here = fraction * each
    own = sum(epoch.seconds for epoch in stage.epochs) + here
    left = remaining(stage.train, len(stage.epochs) + fraction, own, each)
    left += sum(remaining(train, 0.0, 0.0, each) for train in following)
    at_most = any(train.early_stop is not None for train in (stage.train, *following))
    return Outlook(whole + fraction, spent + here, left, at_most)


def seconds_each(stage: Stage, run: RunDetails, progress: ProgressRow | None, images: int) -> float | None:
    """Seconds of one epoch: the mean of the stage's last few, of the run's last few, or by its present speed."""
    known = (stage.epochs or run.epochs)[-5:]
    if stage.train.budget_seconds is not None and stage.epochs:
        known = stage.epochs[:-1][-5:] or known  # the last one may have been cut
    if known:
        return sum(epoch.seconds for epoch in known) / len(known)
    if progress and images and progress.images_per_second > 0:
        return images / progress.images_per_second
    return None


def remaining(train: TrainSpec, epochs: float, seconds: float, each: float) -> float:
    """Seconds left of a training that has had so many epochs, in so many seconds."""
    if train.budget_seconds is not None:
        return max(0.0, train.budget_seconds - seconds)
    return max(0.0, train.epochs - epochs) * each


def state_text(run: RunDetails, stage: Stage, done: float, asked: Request | None) -> str:
    """``running · epoch 3 of 5``; what it has been asked to do comes first."""
    if run.state != "running":
        return run.state
    if asked is not None:
        return "stopping …" if asked == "stop" else "pausing …"
    return f"running · {epoch_text(run, stage, done)}"


def epoch_text(run: RunDetails, stage: Stage, done: float) -> str:
    """The epoch that is under way: ``epoch 3 of 5``, ``phase "pretrain", epoch 1 of 2``."""
    phase = f'phase "{stage.phase}", ' if stage.phase else ""
    number = max(int(done), run.epochs_done) + 1
    if stage.train.budget_seconds is not None:
        return f"{phase}epoch {number}"
    total = stage.first + stage.train.epochs
    return f"{phase}epoch {min(number, total)} of {total}"


def place_text(run: RunSummary, managed: Sequence[RunSummary]) -> str:
    """Where it stands in the queue: ``2nd in the queue, behind mlp-3.``"""
    names = [each.id for each in managed]
    if run.state != "queued" or run.id not in names:
        return ""
    place = names.index(run.id)
    if place == 0:
        return "Next in the queue: it begins as soon as a worker and its cores are free."
    before = managed[place - 1]
    trained = ", which is being trained" if before.state == "running" else ""
    return f"{ordinal(place + 1)} in the queue, behind {before.id}{trained}."


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``11th``."""
    special = {1: "st", 2: "nd", 3: "rd"} if number % 100 not in {11, 12, 13} else {}
    return f"{number}{special.get(number % 10, 'th')}"


def actions(run: RunDetails, spec: RunSpec) -> tuple[str, ...]:
    """What can be done with a run in its state. One that a worker takes up again by itself still goes on.

    ``continue`` needs its last step, with a network that was trained for the run proper; ``fork`` its best weights.
    """
    going_on = run.state in {"queued", "running"} or run.queued is not None
    found = []
    if run.state in OPEN:
        found += ["pause", "stop"]
    if run.state in {"stopped", "paused", "failed", "interrupted"}:
        found.append("resume")
    if not going_on:
        if "last" in run.artifacts and (run.best_epoch is not None or not spec.phases):
            found.append("continue")
        if "best" in run.artifacts:
            found.append("fork")
        found.append("restart")
        if run.state == "finished" and spec.train.budget is not None and not spec.phases:
            found.append("replay")
    if "best" in run.artifacts:
        found.append("results")
    return (*found, "vary")
