"""The processes behind the page: a worker that waits with torch loaded, so that Start is immediate.

Workers are detached: they outlive the page, and end by themselves when nothing has come for a while.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from pathlib import Path

from fittingroom.errors import WorkspaceError
from fittingroom.store import Store, WorkerRecord
from fittingroom.web.site import off_loop
from fittingroom.workspace import Workspace

SECONDS_BETWEEN_LOOKS = 2.0
IDLE_SECONDS = 600
SHORT_LIFE = 30.0
"""Seconds; a worker that fails sooner would fail again: its disk is full, its database broken."""
MOST_PATIENCE = 300.0


class Workers:
    """Sees to it that a worker is there as long as the page is."""

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self._workspace, self._store = workspace, store
        self._started: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._patience = SECONDS_BETWEEN_LOOKS

    @property
    def log(self) -> Path:
        return self._workspace.logs / "worker.log"

    async def attend(self) -> None:
        """Start a worker whenever none lives; for ever."""
        while True:
            try:
                await off_loop(self.ensure)
            except WorkspaceError:  # locked for a while: look again
                pass
            except OSError as error:  # no room, no rights, too many processes: this too may pass
                logging.getLogger(__name__).warning("no worker can be started: %s", error)
                await asyncio.sleep(SHORT_LIFE)
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def ensure(self) -> None:
        """Start a worker unless one lives, or is just starting; one that dies at once is tried ever more rarely."""
        if self._started is not None and self._started.poll() is None:
            return
        age = time.monotonic() - self._began
        if age < self._patience or self.living():
            return
        failed = self._started is not None and self._started.returncode != 0 and age < self._patience + SHORT_LIFE
        self._patience = min(2 * self._patience, MOST_PATIENCE) if failed else SECONDS_BETWEEN_LOOKS
        self._started, self._began = self._start(), time.monotonic()

    def living(self) -> list[WorkerRecord]:
        return [worker for worker in self._store.queue.workers() if worker.owner.alive()]

    def _start(self) -> subprocess.Popen[bytes]:
        """A worker in a session of its own, so that neither Ctrl-C here nor a closed terminal ends it."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "fittingroom", "worker", "--idle", str(IDLE_SECONDS)]
        command += ["--workspace", str(self._workspace.root)]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
