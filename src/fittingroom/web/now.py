"""What the machine is doing now, in a line: for the foot of the rail, on every page, at next to no cost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass

from fittingroom.errors import FittingRoomError
from fittingroom.store import Store
from fittingroom.web.site import off_loop
from fittingroom.web.snapshot import Snapshot, read
from fittingroom.web.standing import epoch_text

SECONDS_BETWEEN_READINGS = 1.5
RECENT = 20
"""Among the newest so many runs, one that is trained without the queue is looked for."""


@dataclass(frozen=True)
class Now:
    """What goes on."""

    run: str | None = None
    """What is trained; None when nothing is."""
    place: str = ""
    """``epoch 3 of 5``, and how many other runs are trained."""
    share: float | None = None
    """Of its time, from 0 to 1; None where that is not known."""
    queued: int = 0


class Watcher:
    """Reads the store at most every second and a half, however many pages ask."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = Now()
        self._read = 0.0
        self._snapshot: Snapshot | None = None
        self._one_at_a_time = asyncio.Lock()

    async def now(self) -> Now:
        """What goes on; what was last known, where the store cannot be read just now."""
        async with self._one_at_a_time:
            if not self._read or time.monotonic() - self._read >= SECONDS_BETWEEN_READINGS:
                with contextlib.suppress(FittingRoomError):  # locked, or away, for a while; or the run is just deleted
                    self._known = await off_loop(self._look)
                self._read = time.monotonic()
            return self._known

    def _look(self) -> Now:
        managed = self._store.queue.managed()
        queued = sum(run.state != "running" for run in managed)
        running = dict.fromkeys(run.id for run in (*managed, *self._store.runs(RECENT)) if run.state == "running")
        if not running:
            self._snapshot = None
            return Now(queued=queued)
        run = next(iter(running))
        before = self._snapshot if self._snapshot and self._snapshot.run.id == run else None
        self._snapshot = found = read(self._store, run, before)
        ahead = found.outlook
        others = f", and {len(running) - 1} more" if len(running) > 1 else ""
        return Now(run, f"{epoch_text(found.run, found.stage, ahead.done)}{others}", ahead.share, queued)
