"""The crew: processes that train other runs of a comparison beside the worker that started them.

Each is a worker for that comparison only. It ends by itself when nothing of it is left to take up, and hands its run
back to the queue when the pipe from whoever started it closes: no process is left behind, however that one ends.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress

from fittingroom.queue.together import Comparison, at_once
from fittingroom.store import RunDetails, Store

PATIENCE = 60.0
"""Seconds that a process has for the step at hand and the saving of its weights."""


class Crew:
    """The processes that one worker has started. ``command`` starts one; none are started without it."""

    def __init__(self, command: Sequence[str] | None) -> None:
        self._command = command
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.dismiss()

    def call(self, run: RunDetails, store: Store, cores: int, threads: int) -> None:
        """Have as many at work beside a run, which the worker itself trains, as its comparison allows."""
        comparison = Comparison.of(run.lineage)
        if comparison is None or self._command is None:
            return
        others = store.comparisons.runs(comparison.id)
        open_runs = 1 + sum(other.queued is not None and other.id != run.id for other in others)
        wanted = at_once(open_runs, cores, threads) - 1
        for _ in range(wanted - self.living()):
            command = [*self._command, "--comparison", comparison.id]
            with suppress(OSError):  # no memory, too many processes: then fewer go on at once
                self._started.append(subprocess.Popen(command, stdin=subprocess.PIPE))

    def living(self) -> int:
        """How many are at work."""
        for process in [process for process in self._started if process.poll() is not None]:
            self._started.remove(process)
            _close_input(process)
        return len(self._started)

    def dismiss(self) -> None:
        """Let all of them hand back what they train, and wait for that."""
        for process in self._started:
            _close_input(process)
        for process in self._started:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()  # its run reads as interrupted, which any worker takes up
                process.wait()


def _close_input(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
