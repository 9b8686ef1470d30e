"""Live updates: one tailer for each watched run reads the store, and every page that watches gets what is new to it.

A page says what it has (a cursor); it gets the points after that, at most a few times a second, and nothing while
nothing happens. After a lost connection it says so again, and nothing is missing or doubled. A page that is slow gets
the newest state instead of a queue of old ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fittingroom.errors import NotFound, WorkspaceError
from fittingroom.store import Store
from fittingroom.web.site import off_loop
from fittingroom.web.snapshot import Cursor, Snapshot, read
from fittingroom.web.standing import OPEN

SECONDS_BETWEEN_READINGS = 0.2
SECONDS_WHEN_QUIET = 1.0
MOST_OF_THE_TIME = 0.1
"""Share of the time that a tailer may read: a run of thousands of epochs is read more rarely, and its training not held
up."""


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
            tailer = self._tailers.get(run)  # of whoever has come meanwhile
            if tailer is None:
                tailer = self._tailers[run] = Tailer(self._store, first)
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
        pause = 0.0
        while True:
            quiet = self.snapshot.run.state not in OPEN
            await asyncio.sleep(max(pause, SECONDS_WHEN_QUIET if quiet else SECONDS_BETWEEN_READINGS))
            before, began = self.snapshot, time.perf_counter()
            try:
                self.snapshot = await off_loop(partial(read, self._store, before.run.id, before))
            except NotFound:
                self.gone = True
            except WorkspaceError:
                continue  # locked, or away, for a while: what people see stays
            pause = (1 / MOST_OF_THE_TIME - 1) * (time.perf_counter() - began)
            if self.gone or self.snapshot.cursor != before.cursor:
                self._news.set()
                self._news = asyncio.Event()
            if self.gone:
                return
