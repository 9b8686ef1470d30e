"""Live updates: one tailer for each watched run reads the store, and every page that watches gets what is new to it.

A page says what it has (a cursor); it gets the points after that, at most a few times a second, and nothing while
nothing happens. After a lost connection it says so again, and nothing is missing or doubled. A page that is slow gets
the newest state instead of a queue of old ones.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from fittingroom.errors import NotFound, WorkspaceError
from fittingroom.queue.stored import reading_of
from fittingroom.store import ProgressRow, RunDetails, Store
from fittingroom.web.site import off_loop

SECONDS_BETWEEN_READINGS = 0.2
SECONDS_WHEN_QUIET = 1.0
LIVE = {"queued", "running", "interrupted"}
"""States that change without anybody asking: a worker takes up what is queued or was left."""


@dataclass(frozen=True)
class Cursor:
    """What a page has of a run."""

    attempt: int = -1
    epoch: int = 0
    step: int = 0
    state: str = ""

    @classmethod
    def read(cls, values: object) -> Cursor:
        """From what a browser sent; anything else is the very beginning."""
        given = values if isinstance(values, dict) else {}
        numbers = {key: given.get(key) for key in ("attempt", "epoch", "step")}
        if not all(isinstance(number, int) for number in numbers.values()) or not isinstance(given.get("state"), str):
            return cls()
        return cls(**{key: int(number or 0) for key, number in numbers.items()}, state=given["state"])


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run at one moment."""

    run: RunDetails
    progress: tuple[ProgressRow, ...]
    reading: tuple[str, ...]
    """What its curves say."""

    @property
    def cursor(self) -> Cursor:
        epoch = self.run.epochs[-1].epoch if self.run.epochs else 0
        step = self.progress[-1].step if self.progress else 0
        return Cursor(self.run.attempt, epoch, step, self.run.state)

    def since(self, seen: Cursor) -> dict[str, Any] | None:
        """What is new to somebody who has seen so much; None when nothing is.

        Epochs that were trained again after a kill come again, and the page drops what it has beyond ``epochs_done``.
        """
        if seen == self.cursor:
            return None
        same = seen.attempt == self.run.attempt
        epochs = [epoch for epoch in self.run.epochs if not same or epoch.epoch > seen.epoch]
        progress = [row for row in self.progress if not same or row.step > seen.step]
        return {
            "run": self.run.id,
            "cursor": asdict(self.cursor),
            "whole": not same,
            "state": self.run.state,
            "message": self.run.message,
            "epochs_done": self.run.epochs_done,
            "best_epoch": self.run.best_epoch,
            "reading": self.reading,
            "epochs": [{key: plain(value) for key, value in asdict(epoch).items()} for epoch in epochs],
            "progress": [
                [plain(value) for value in (row.epoch, row.loss, row.accuracy, row.images_per_second)]
                for row in progress
            ],
        }


def plain(value: object) -> object:
    """As JSON has it, which knows no nan and no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Hub:
    """All tailers of a site. Runs on the event loop; only the reading happens in threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tailers: dict[str, Tailer] = {}

    @asynccontextmanager
    async def watching(self, run: str) -> AsyncIterator[Tailer]:
        """The tailer of a run, which ends with its last watcher. Raises NotFound."""
        tailer = self._tailers.get(run)
        if tailer is None:
            first = await off_loop(lambda: read(self._store, run))
            tailer = self._tailers.setdefault(run, Tailer(self._store, first))
        tailer.watchers += 1
        try:
            yield tailer
        finally:
            tailer.watchers -= 1
            if not tailer.watchers:
                tailer.task.cancel()
                self._tailers.pop(run, None)


class Tailer:
    """Reads one run again and again, and wakes those who wait for news of it."""

    def __init__(self, store: Store, first: Snapshot) -> None:
        self._store = store
        self.snapshot = first
        self.gone = False
        self.watchers = 0
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._follow())

    async def news(self, seen: Cursor) -> dict[str, Any] | None:
        """Wait until there is something new to somebody who has seen so much; None when the run was deleted."""
        while not self.gone:
            update = self.snapshot.since(seen)
            if update is not None:
                return update
            await self._news.wait()
        return None

    async def _follow(self) -> None:
        while True:
            quiet = self.snapshot.run.state not in LIVE
            await asyncio.sleep(SECONDS_WHEN_QUIET if quiet else SECONDS_BETWEEN_READINGS)
            before = self.snapshot
            try:
                self.snapshot = await off_loop(partial(read, self._store, before.run.id, before))
            except NotFound:
                self.gone = True
            except WorkspaceError:
                continue  # locked, or away, for a while: what people see stays
            if self.gone or self.snapshot.cursor != before.cursor:
                self._news.set()
                self._news = asyncio.Event()
            if self.gone:
                return


def read(store: Store, run: str, before: Snapshot | None = None) -> Snapshot:
    """The run as it is now; what was read before is not read again where nothing has changed."""
    if before is not None and before.run.state == "running":
        fresh = tuple(store.progress(run, after=before.cursor.step))
        if fresh and fresh[-1].epoch < before.run.epochs_done + 1:  # within the epoch that was known
            return Snapshot(before.run, (*before.progress, *fresh), before.reading)
    details = store.run(run)
    return Snapshot(details, tuple(store.progress(details.id)), tuple(reading_of(details)))
