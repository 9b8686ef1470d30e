"""What goes into the store and comes out of it: frozen records of plain Python values.

Times are UTC and timezone-aware. Accuracies are fractions from 0 to 1. Epochs count from 1. The figures of an epoch
are the ``EpochMetrics`` that training itself speaks of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Literal

from fittingroom.errors import FittingRoomError, InvalidInput
from fittingroom.spec.events import EpochMetrics
from fittingroom.store.owners import Owner

EndState = Literal["finished", "stopped", "paused", "failed", "queued"]
"""How an attempt leaves its run; ``queued``: for a worker to go on with."""
RunState = Literal["queued", "running", "paused", "finished", "stopped", "failed", "interrupted"]
Request = Literal["stop", "pause"]
"""What a user asks of the process that trains a run."""
LEFT: dict[Request, EndState] = {"stop": "stopped", "pause": "paused"}
"""How a request leaves its run."""


class StaleAttempt(FittingRoomError):
    """A newer attempt has taken the run over: what this one wanted to record was refused, and nothing changed."""


class TakenUp(InvalidInput):
    """Another process trains the run, or was faster to take it up or to change it; nothing changed."""


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ProgressRow:
    """Where a run stands between two epochs; forgotten when the run ends."""

    step: int
    """Batches trained since the run's beginning."""
    epoch: float
    """Epochs trained, with the fraction of the present one: 2.25."""
    images: int
    """Images trained on since the run's beginning."""
    loss: float
    accuracy: float
    images_per_second: float
    time: datetime = field(default_factory=now)


@dataclass(frozen=True)
class Artifact:
    """A file that a run left in the workspace; one of each kind counts."""

    kind: str
    """``best``, ``last``, ``predictions``, ``phase-1``, ``checkpoint-5``."""
    path: PurePosixPath
    """Relative to the workspace."""
    sha256: str
    bytes: int
    epoch: int | None = None
    """The epoch after which it was written."""


@dataclass(frozen=True)
class AttemptRecord:
    """One process's work on a run, from its beginning or from where an earlier attempt was left."""

    number: int
    owner: Owner
    started: datetime
    ended: datetime | None
    """None while it goes on, and for ever when its process was killed."""
    plan: Mapping[str, Any]
    """How this machine executes the run: precision, layout, threads, versions."""
    beats: int = 0
    """Counts up while its process lives, so that another host can see that it does."""


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """A run as one line of a list. What has not been reached yet is None."""

    id: str
    name: str
    state: RunState
    """``interrupted``: it was running, but no living process works on it."""
    attempt: int
    """Number of the newest attempt; 0 before the first."""
    queued: datetime | None
    """Since when workers take care of it; None when they do not."""
    message: str | None
    """Why it stopped or failed."""
    created: datetime
    spec_id: str
    fingerprint: str
    """Content of the data set."""
    data: str | None
    """Name of the data set, where it was remembered."""
    parameters: int
    epochs_done: int
    best_epoch: int | None
    validation_accuracy: float | None
    """Of the best epoch, as is the loss."""
    validation_loss: float | None
    train_seconds: float
    bytes: int
    """Of the files that count."""
    deleted: datetime | None
    """Since when it lies in the trash; None when it does not."""
    tags: tuple[str, ...] = ()
    """Sorted, as ``words.tag_of`` writes them."""
    note: str = ""
    """What people want to remember of it, in lines."""


@dataclass(frozen=True, kw_only=True)
class RunDetails(RunSummary):
    """Everything that is remembered of a run."""

    spec: str
    """The spec's JSON text, exactly as it was given."""
    lineage: Mapping[str, object]
    """Where it comes from: ``{"kind": "new"}``."""
    attempts: tuple[AttemptRecord, ...]
    epochs: tuple[EpochMetrics, ...]
    artifacts: Mapping[str, Artifact]
    """By kind."""

    @property
    def plan(self) -> Mapping[str, Any] | None:
        """The newest attempt's; None before the first."""
        return self.attempts[-1].plan if self.attempts else None


@dataclass(frozen=True)
class DiskUse:
    """The bytes of the files that count."""

    kept: int
    deleted: int
    """Held by runs in the trash."""


@dataclass(frozen=True)
class WorkerRecord:
    """A process that executes queued runs."""

    id: str
    owner: Owner
    started: datetime
    threads: int
    """CPU threads that it trains with, where a run's plan says nothing else."""
    run: str | None
    """What it trains just now."""
    beats: int


@dataclass(frozen=True)
class DataRecord:
    """A data set that runs have been trained on."""

    fingerprint: str
    name: str
    source: str
    class_names: tuple[str, ...]
    counts: Mapping[str, int]
    """Images in each split."""
    shape: tuple[int, ...]
    """Of one image: channels, height, width."""


@dataclass(frozen=True)
class Score:
    """What a run scores on a sealed test set."""

    run: str
    accuracy: float
    loss: float
    n: int
    """Test images scored."""


@dataclass(frozen=True)
class Opening(Score):
    """A score that was looked at: one run's part in one opening of a test set."""

    fingerprint: str
    """Content of the data set."""
    time: datetime


@dataclass(frozen=True)
class NewRun:
    """A run that is to be remembered."""

    name: str
    spec: str
    """JSON text, kept to the letter."""
    spec_id: str
    """The spec's content id."""
    fingerprint: str
    """The data set's."""
    parameters: int
    lineage: Mapping[str, object] = field(default_factory=lambda: {"kind": "new"})


@dataclass(frozen=True)
class ArmRecord:
    """One variation of a study."""

    key: str
    name: str
    settings: Mapping[str, str]
    """Its value on each axis, as text, by the axis's path."""
    spec: str
    """JSON text of its run with the first seed."""
    fingerprint: str
    """Content of its data set."""
    parameters: int
    images: int
    """That it is validated on."""
    listed: bool = True
    """Whether the study's spec still has it."""


@dataclass(frozen=True)
class NewStudy:
    """A study that is to be remembered, or to go on."""

    name: str
    spec: str
    """JSON text."""
    content: str
    """The spec's content id: a study of the same goes on."""
    family: str
    """What stays the same when values are added: else one of the same goes on."""
    comparison: str
    """The comparison that its runs belong to, if it is new."""
    budget: float | None = None
    """Seconds."""
    priority: int = 0
    """Of its runs in the queue."""


@dataclass(frozen=True, kw_only=True)
class StudyRecord:
    """What is remembered of a study."""

    id: str
    name: str
    spec: str
    content: str
    family: str
    created: datetime
    comparison: str
    budget: float | None
    priority: int
    stopped: datetime | None
    """Since when it is stopped; None when it is not."""
    arms: tuple[ArmRecord, ...]
    """Those that its spec has in the spec's order, then those that it no longer has."""
