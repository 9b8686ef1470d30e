"""A run at one moment, as its page shows it: figures and words as text, curves as numbers."""

from __future__ import annotations

import contextlib
import math
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from fittingroom.data.splits import images_of_share
from fittingroom.errors import NotFound
from fittingroom.measure.history import History
from fittingroom.queue.history import history_of
from fittingroom.queue.stored import spec_of
from fittingroom.spec.division import GIVEN
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import RunSpec
from fittingroom.store import DataRecord, ProgressRow, Request, RunDetails, StaleAttempt, Store
from fittingroom.web import figures
from fittingroom.web.standing import Outlook, Stage, actions, outlook, stage_of, state_text
from fittingroom.web.words import said_of


@dataclass(frozen=True)
class Cursor:
    """What a page has of a run."""

    attempt: int = -1
    epoch: int = 0
    step: int = 0
    state: str = ""
    words: int = 0
    """A checksum of what is said of it: its place in the queue changes without it."""

    @classmethod
    def read(cls, values: object) -> Cursor:
        """From what a browser sent; anything else is the very beginning."""
        given = values if isinstance(values, dict) else {}
        numbers = {key: given.get(key, 0 if key == "words" else None) for key in ("attempt", "epoch", "step", "words")}
        if not all(isinstance(number, int) for number in numbers.values()) or not isinstance(given.get("state"), str):
            return cls()
        return cls(**{key: int(number or 0) for key, number in numbers.items()}, state=given["state"])


@dataclass(frozen=True, eq=False)
class Background:
    """What does not change while a run goes on."""

    spec: RunSpec
    data: DataRecord | None
    """None where it was deleted from the store by hand, or never written."""
    ancestors: dict[str, RunDetails | None] = field(default_factory=dict)
    """The runs that it continues, as they were first found."""

    @property
    def pool(self) -> int:
        """Images that train or validate; 0 where nobody knows. How many do which, each run says for itself."""
        return self.data.counts["train"] + self.data.counts["validation"] if self.data else 0

    @property
    def held_out(self) -> int:
        """Validation images, with folds about; 0 where nobody knows."""
        amount = self.spec.data.validation
        if self.data and (folds := self.spec.data.folds):
            return round(self.pool / folds)
        if amount == GIVEN:
            return self.data.counts["validation"] if self.data else 0
        return min(amount, self.pool) if isinstance(amount, int) else self.pool and images_of_share(amount, self.pool)

    @property
    def images(self) -> int:
        """Training images of one epoch of the run proper; 0 where nobody knows."""
        return self.pool - self.held_out


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run at one moment."""

    run: RunDetails
    progress: tuple[ProgressRow, ...]
    background: Background
    history: History
    sentences: tuple[str, ...]
    """What there is to say of it, but for its figures."""
    asked: Request | None = None
    """What its process has been asked, and not done yet."""

    @cached_property
    def cursor(self) -> Cursor:
        epoch = self.run.epochs[-1].epoch if self.run.epochs else 0
        step = self.progress[-1].step if self.progress else 0
        said = "\n".join([*self.sentences, str(self.asked), str(self.run.queued)])
        return Cursor(self.run.attempt, epoch, step, self.run.state, zlib.crc32(said.encode()))

    @cached_property
    def stage(self) -> Stage:
        return stage_of(self.run, self.background.spec)

    @cached_property
    def outlook(self) -> Outlook:
        newest = self.progress[-1] if self.progress else None
        return outlook(self.run, self.background.spec, newest, self.background.images)

    def since(self, seen: Cursor) -> dict[str, Any] | None:
        """What is new to somebody who has seen so much; None when nothing is.

        Epochs that were trained again after a kill come again, and the page drops what it has beyond ``epochs_done``.
        """
        if seen == self.cursor:
            return None
        same = seen.attempt == self.run.attempt
        epochs = [epoch for epoch in self.run.epochs if not same or epoch.epoch > seen.epoch]
        progress = [row for row in self.progress if not same or row.step > seen.step]
        before = self.history.epochs[: len(self.history.epochs) - len(self.run.epochs)]
        share = self.outlook.share
        return {
            "run": self.run.id,
            "cursor": asdict(self.cursor),
            "whole": not same,
            "state": self.run.state,
            "actions": actions(self.run, self.background.spec),
            "texts": self.texts(),
            "share": 1.0 if self.run.state == "finished" else share or 0.0,
            "images": self.background.images,
            "epochs_done": self.run.epochs_done,
            "best_epoch": self.run.best_epoch,
            "reading": self.sentences,
            "boundaries": [[boundary.after, boundary.label] for boundary in self.history.boundaries],
            **({} if same else {"before": [as_json(epoch) for epoch in before]}),
            "epochs": [as_json(epoch) for epoch in epochs],
            "progress": [
                [plain(value) for value in (row.epoch, row.loss, row.accuracy, row.images_per_second)]
                for row in progress
            ],
        }

    def texts(self) -> dict[str, str]:
        """The figures of the page, by the name of their place."""
        run, ahead = self.run, self.outlook
        best = next((epoch for epoch in run.epochs if epoch.epoch == run.best_epoch), None)
        shown = best or (run.epochs[-1] if run.epochs else None)
        return {
            "state": state_text(run, self.stage, ahead.done, self.asked),
            "accuracy": figures.percent(finite(shown.validation_accuracy) if shown else None),
            "accuracy-on": figures.margin(shown.validation_accuracy if shown else None, self.background.held_out),
            "loss": figures.loss(finite(shown.validation_loss) if shown else None),
            "loss-on": f"best weights, epoch {best.epoch}" if best else f"epoch {shown.epoch}" if shown else "",
            "spent": figures.duration(ahead.spent),
            **self._speed(),
            **time_texts(run, ahead),
        }

    def _speed(self) -> dict[str, str]:
        """Images a second: of the present epoch, or of all of them with their validation."""
        if self.progress:
            return {"speed": figures.count(self.progress[-1].images_per_second), "speed-on": "training, now"}
        known = [epoch for epoch in self.run.epochs if epoch.images is not None]
        seconds = sum(epoch.seconds for epoch in known)
        if not seconds:
            return {"speed": figures.MISSING, "speed-on": "training"}
        mean = sum(epoch.images or 0 for epoch in known) / seconds
        return {"speed": figures.count(mean), "speed-on": "mean, with validation"}


def time_texts(run: RunDetails, ahead: Outlook) -> dict[str, str]:
    """The time that is left while a run goes on and that can be known, else the time that it took."""
    if run.state == "running" and ahead.left is not None:
        total = f"of about {figures.duration(ahead.spent + ahead.left)}"
        return {
            "time-label": "Left, at most" if ahead.at_most else "Left",
            "time": figures.duration(ahead.left),
            "time-on": f"{total}; it may stop early" if ahead.at_most else total,
        }
    if not ahead.spent:
        return {"time-label": "Time", "time": figures.MISSING, "time-on": ""}
    return {"time-label": "Time", "time": figures.duration(ahead.spent), "time-on": "training and validation"}


def read(store: Store, run: str, before: Snapshot | None = None) -> Snapshot:
    """The run as it is now; what was read before is not read again where nothing has changed. Raises NotFound."""
    if before is not None and before.run.state == "running":
        fresh = tuple(store.progress(run, after=before.cursor.step))
        if fresh and fresh[-1].epoch < before.run.epochs_done + 1:  # within the epoch that was known
            progress = (*before.progress, *fresh)
            return Snapshot(before.run, progress, before.background, before.history, before.sentences, before.asked)
    details = store.run(run)
    background = before.background if before else background_of(details, store)
    asked = asked_of(details, store)
    history = history_of(details, background.ancestors.get)
    sentences = tuple(said_of(details, background.spec, asked, store))
    return Snapshot(details, tuple(store.progress(details.id)), background, history, sentences, asked)


def background_of(run: RunDetails, store: Store) -> Background:
    """What does not change while the run goes on; reads the runs that it continues."""
    data = None
    with contextlib.suppress(NotFound):
        data = store.data_set(run.fingerprint)
    background = Background(spec_of(run), data)

    def find(name: str) -> RunDetails | None:
        background.ancestors[name] = None
        with contextlib.suppress(NotFound):
            background.ancestors[name] = store.run(name)
        return background.ancestors[name]

    history_of(run, find)
    return background


def asked_of(run: RunDetails, store: Store) -> Request | None:
    """What the process that trains the run has been asked."""
    if run.state != "running":
        return None
    with contextlib.suppress(StaleAttempt, NotFound):
        return store.queue.request(run.id, run.attempt)
    return None


def as_json(epoch: EpochMetrics) -> Mapping[str, object]:
    return {key: plain(value) for key, value in asdict(epoch).items()}


def plain(value: object) -> object:
    """As JSON has it, which knows no nan and no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
