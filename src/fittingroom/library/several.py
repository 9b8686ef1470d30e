"""Several runs at once: a worker of their own trains them, and whoever asked for them watches until all have ended.

Nothing here trains, and nothing loads torch: a process of its own is started, which starts others where several runs
are to go on at the same time. However one of them dies, its run is taken up again; however this one ends, they hand
back what they train.
"""

from __future__ import annotations

import json
import queue as standard_queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from fittingroom import queue
from fittingroom.errors import FittingRoomError, InvalidInput, NotFound, WorkspaceBusy
from fittingroom.queue.stored import open_store
from fittingroom.spec.events import EpochMetrics, StopReason
from fittingroom.store import ProgressRow, RunDetails, Store
from fittingroom.workspace import Workspace

OPEN = {"queued", "running", "interrupted"}
SECONDS_BETWEEN_LOOKS = 0.25
FRUITLESS = 3
"""Workers in a row that may end although runs wait, and nothing has happened to any of them."""
PATIENCE = 60.0
"""Seconds that the worker has to end."""


@dataclass(frozen=True)
class News:
    """What has happened to a run since it was last looked at."""

    run: RunDetails
    began: bool
    """A process has taken it up."""
    epochs: tuple[EpochMetrics, ...]
    progress: ProgressRow | None
    ended: bool


def train_several(
    runs: Sequence[str],
    workspace: Workspace,
    command: Sequence[str],
    *,
    stop: Callable[[], StopReason | None],
    hear: Callable[[News], None],
    tell: Callable[[str], None],
    more: Callable[[], Iterable[str]] = tuple,
) -> list[RunDetails]:
    """Have queued runs trained to their ends by the worker that ``command`` starts; returns them as they are then.

    ``hear`` is told of every run, ``tell`` what the worker waits for. ``more`` is asked all the while for runs that
    have come since. When ``stop`` answers, all of them are stopped, with their best weights kept. Raises
    FittingRoomError when workers end again and again although runs wait; what waits is stopped then.
    """
    seen = {run: _Seen() for run in runs}
    with open_store(workspace) as store, _worker(command, tell) as worker:
        while True:
            try:
                seen |= {run: _Seen() for run in more() if run not in seen}
                found = _look(seen, store, hear)
            except WorkspaceBusy:  # somebody else holds the database: look again
                continue
            waiting = [run for run in found if run.state in {"queued", "interrupted"}]
            if not any(run.state in OPEN for run in found):
                return found
            if stop():
                _stop(found, store, workspace)
            elif not worker.goes_on(waiting, marks=[(run.state, run.attempt, run.epochs_done) for run in found]):
                _stop(waiting, store, workspace)
                raise FittingRoomError(
                    f"{', '.join(run.id for run in waiting)} could not be trained: {worker.last_words}; what waited is "
                    f"stopped, and goes on with: fittingroom runs resume {waiting[0].id}"
                )
            time.sleep(SECONDS_BETWEEN_LOOKS)


def worker_command(workspace: Workspace, *, as_json: bool, more: Sequence[str]) -> list[str]:
    """The command of another worker for this workspace."""
    command = [sys.executable, "-m", "fittingroom", "worker", "--workspace", str(workspace.root)]
    return [*command, *["--json"] * as_json, *more]


class _Seen:
    """What has been told of a run."""

    def __init__(self) -> None:
        self.run: RunDetails | None = None
        self.attempt, self.epoch, self.step, self.ended = 0, 0, -1, False

    def news(self, run: RunDetails, progress: Sequence[ProgressRow]) -> News:
        """What is new; epochs that are trained again after a kill are told again."""
        self.run = run
        began = run.attempt > self.attempt and bool(run.plan)  # which comes when it is prepared
        if began:
            self.attempt, self.step = run.attempt, -1
            self.epoch = min(self.epoch, run.epochs_done)
        epochs = tuple(epoch for epoch in run.epochs if epoch.epoch > self.epoch)
        self.epoch = max(self.epoch, run.epochs_done)
        newest = progress[-1] if progress and progress[-1].step > self.step else None
        self.step = newest.step if newest else self.step
        ended, self.ended = run.state not in OPEN and not self.ended, run.state not in OPEN
        return News(run, began, epochs, newest, ended)


def _look(seen: dict[str, _Seen], store: Store, hear: Callable[[News], None]) -> list[RunDetails]:
    """The runs as they are now, those left out that were deleted; all that is new is told.

    Of those that wait, or have ended, only the state is read, all at once.
    """
    waiting = {run.id for run in store.queue.managed() if run.state == "queued"}
    found = []
    for name, known in seen.items():
        if known.run is not None and (known.ended or (known.run.state == "queued" and name in waiting)):
            found.append(known.run)
            continue
        with suppress(NotFound):
            news = known.news(store.run(name), store.progress(name, after=max(0, known.step)))
            hear(news)
            found.append(news.run)
    return found


def _stop(runs: Sequence[RunDetails], store: Store, workspace: Workspace) -> None:
    """Ask for the end of every run that has not ended; those that nobody trains are stopped at once."""
    with suppress(WorkspaceBusy):
        store.queue.stop_waiting([run.id for run in runs if run.state == "queued"])
    for run in runs:
        if run.state in {"running", "interrupted"}:
            with suppress(InvalidInput, WorkspaceBusy):  # it has just ended, or is asked at the next look
                queue.stop(run.id, workspace, wait=0)


class _Worker:
    """A worker process, started anew where it has ended although runs wait."""

    def __init__(self, command: Sequence[str], tell: Callable[[str], None]) -> None:
        self._command, self._tell = command, tell
        self._process: subprocess.Popen[str] | None = None
        self._said: standard_queue.SimpleQueue[str] = standard_queue.SimpleQueue()
        self._marks: object = None
        self._fruitless = 0
        self.last_words = "no worker can be started"

    def goes_on(self, waiting: Sequence[RunDetails], marks: object) -> bool:
        """Have a worker while something waits, and tell what it says.

        False where it has ended too often while the ``marks`` of all runs stayed as they were.
        """
        self._hear()
        if marks != self._marks:
            self._marks, self._fruitless = marks, 0
        if not waiting or (self._process is not None and self._process.poll() is None):
            return True
        if self._process is not None and self._process.returncode:
            self.last_words = f"their worker ends by itself, with status {self._process.returncode}"
        self._fruitless += 1
        if self._fruitless > FRUITLESS:
            return False
        self.end()
        self._process = self._start()
        return True

    def end(self) -> None:
        """Let the worker, if there is one, hand back what it trains, and wait for that."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> subprocess.Popen[str]:
        """In a session of its own, so that Ctrl-C asks only this process, which then stops the runs."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)

        def listen() -> None:
            assert process.stdout is not None
            with process.stdout as lines:
                for line in lines:
                    self._said.put(line)

        threading.Thread(target=listen, name="worker", daemon=True).start()
        return process

    def _hear(self) -> None:
        while not self._said.empty():
            with suppress(ValueError, KeyError, TypeError):  # a line of something that is no worker
                said = json.loads(self._said.get())
                if said["run"] and said["event"] in {"waiting", "note"}:
                    self.last_words = f"{said['run']} {said['message']}"
                    self._tell(self.last_words)


@contextmanager
def _worker(command: Sequence[str], tell: Callable[[str], None]) -> Iterator[_Worker]:
    worker = _Worker(command, tell)
    try:
        yield worker
    finally:
        worker.end()
