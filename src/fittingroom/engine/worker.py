"""A worker: a process that executes queued runs, one after the other, until there are none or it is asked to end.

    find the run that has waited longest  →  take its cores  →  claim it  →  prepare  →  train  →  look again

Only who holds the cores claims, and only one of those who claim gets it (``Store.begin_attempt``). What goes wrong
with a run is the run's: it is stored as failed, and the worker goes on.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import psutil
import torch

from fittingroom.engine.attendance import attendance, listening
from fittingroom.engine.cores import core_slots
from fittingroom.engine.loop import Stop
from fittingroom.engine.plan import choose_device
from fittingroom.engine.resume import prepare_resume
from fittingroom.engine.run import execute
from fittingroom.errors import FittingRoomError, InvalidInput, NotFound, WorkspaceBusy, WorkspaceError
from fittingroom.queue.derive import spec_of
from fittingroom.spec.events import StopReason
from fittingroom.store import RunDetails, StaleAttempt, Store, TakenUp
from fittingroom.workspace import Workspace

Answer = TypeVar("Answer")
SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_WITHOUT_A_BEAT = 60.0
"""How long a process of another host may show no sign of life before its run is taken over."""
LOWER_PRIORITY = 10
"""The niceness of workers, so that a page or an editor beside them stays quick."""


@dataclass(frozen=True)
class Said:
    """What a worker tells whoever started it."""

    event: Literal["ready", "waiting", "began", "note", "ended", "leaving"]
    message: str
    run: str | None = None
    state: str | None = None
    """How the run ended."""
    validation_accuracy: float | None = None


Tell = Callable[[Said], None]


def work(
    workspace: Workspace,
    *,
    threads: int | None = None,
    idle: float = 600.0,
    stop: Callable[[], object] = lambda: None,
    tell: Tell = lambda said: None,
) -> None:
    """Execute queued runs; returns after ``idle`` seconds without one, or when it is asked to end.

    ``threads``: CPU threads to train with, where a run has no plan yet; as many as torch takes unless given. When
    ``stop`` answers, or ``fittingroom worker stop`` asks, the run in hand goes back to the queue with its last step
    saved. Raises WorkspaceError when the workspace cannot be used at all.
    """
    lower_priority()
    workspace.create()
    with patiently(lambda: Store.open(workspace.database)) as store:
        worker = Worker(workspace, store, threads or torch.get_num_threads(), tell)
        try:
            with listening(worker.is_asked_to_end, worker.report) as asked:
                worker.loop(idle, lambda: bool(stop()) or bool(asked()))
        finally:
            with suppress(WorkspaceError):  # then the next worker sees that it is dead
                store.queue.unregister(worker.id)


class Worker:
    """One registered worker and what it has in hand."""

    def __init__(self, workspace: Workspace, store: Store, threads: int, tell: Tell) -> None:
        self.workspace, self.store, self.threads, self.tell = workspace, store, threads, tell
        self.id = patiently(lambda: store.queue.register(threads))
        self.in_hand: str | None = None
        self.watch = Watch()

    def is_asked_to_end(self) -> bool:
        return self.store.queue.asked_to_end(self.id)

    def report(self) -> None:
        self.store.queue.report(self.id, self.in_hand)

    def loop(self, idle: float, ends: Callable[[], bool]) -> None:
        """Until it is to end, or has found nothing to do for so many seconds."""
        self.tell(Said("ready", f"{self.id} waits for runs, with {many(self.threads, 'thread')}"))
        since = time.monotonic()
        while not ends():
            try:
                run = self.next()
                if run is not None:
                    self.attend_to(run, ends)
                    since = time.monotonic()
            except WorkspaceBusy:  # wait, and try again
                run, since = None, time.monotonic()
            if run is None:
                if time.monotonic() - since >= idle:
                    self.tell(Said("leaving", f"no run has come for {idle:g} seconds"))
                    return
                time.sleep(SECONDS_BETWEEN_LOOKS)
        self.tell(Said("leaving", "asked to end"))

    def next(self) -> RunDetails | None:
        """The run that has waited longest, as it is now."""
        return self.store.queue.next(self.watch.given_up(self.store.queue.beats_elsewhere()))

    def is_next(self, run: RunDetails) -> bool:
        now = self.next()
        return now is not None and (now.id, now.attempt) == (run.id, run.attempt)

    def attend_to(self, run: RunDetails, ends: Callable[[], bool]) -> None:
        """Take the cores that a run needs, and then the run, unless somebody else has it by then."""
        threads, device = self.needs(run)

        def waiting(free: int) -> None:
            wanted = many(threads, "core") if device == "cpu" else "the GPU and a core"
            self.tell(Said("waiting", f"waits for {wanted} ({free} free)", run.id))

        with core_slots(threads, waiting, self.until_gone(run, ends), device=device) as held:
            if held and self.is_next(run):
                self.take_up(run, lambda: "handed_back" if ends() else None)

    def needs(self, run: RunDetails) -> tuple[int, str]:
        """Threads and device. A run that cannot tell them will not train for long."""
        threads = (run.plan or {}).get("threads", self.threads)
        try:
            return threads, choose_device(spec_of(run).stages[0].train.device)
        except InvalidInput:
            return 1, "cpu"

    def until_gone(self, run: RunDetails, ends: Callable[[], bool]) -> Stop:
        """A reason to wait for cores no longer: this worker is to end, or somebody else has the run."""
        looked = time.monotonic()

        def stop() -> StopReason | None:
            nonlocal looked
            if time.monotonic() - looked >= SECONDS_BETWEEN_LOOKS:
                looked = time.monotonic()
                if not self.is_next(run):
                    return "handed_back"
            return "handed_back" if ends() else None

        return stop

    def take_up(self, run: RunDetails, stop: Stop) -> None:
        """Claim a run, train it to its end, whatever that is, and tell of it."""
        plan, after = run.plan or {}, run.epochs_done
        try:
            attempt = self.store.begin_attempt(run.id, plan, after_epoch=after, seen=run, by_worker=True)
        except (TakenUp, NotFound):
            return
        self.hold(run.id)
        self.tell(Said("began", f"goes on after epoch {after}" if run.attempt else "begins", run.id))
        try:
            self.train(run.id, attempt, stop)
        except StaleAttempt:
            pass  # another host has given this one up, and trains it now
        except (Exception, KeyboardInterrupt) as error:
            self.settle(run.id, attempt, error)
            if isinstance(error, KeyboardInterrupt):
                raise
        finally:
            self.hold(None)
        self.tell_end(run.id)

    def hold(self, run: str | None) -> None:
        """Have a run in hand, or nothing; others may see it."""
        self.in_hand = run
        with suppress(WorkspaceBusy):  # it is reported every few seconds anyway
            self.report()

    def train(self, run: str, attempt: int, stop: Stop) -> None:
        """Prepare a claimed run and execute it. Users may ask for its end all the while."""
        with attendance(self.store, run, attempt):
            claimed = replace(patiently(lambda: self.store.run(run)), state="interrupted")  # until it is trained
            prepared = prepare_resume(claimed, self.workspace, threads=self.threads)
        if prepared.departures:
            departures = "; ".join(prepared.departures)
            self.tell(Said("note", f"not bit-identical to an undisturbed run, because of: {departures}", run))
        execute(prepared, stop=stop, by_worker=True)

    def settle(self, run: str, attempt: int, error: BaseException) -> None:
        """Store how a training broke, where it could not do so itself: it has failed, or is left to other workers."""
        left = isinstance(error, WorkspaceBusy | KeyboardInterrupt)
        message = str(error) if isinstance(error, FittingRoomError) else f"{type(error).__name__}: {error}"
        if not isinstance(error, FittingRoomError | KeyboardInterrupt):
            traceback.print_exception(error)

        def write() -> None:
            details = self.store.run(run)
            if details.attempt == attempt and details.state == "running":
                self.store.end(run, attempt, "queued" if left else "failed", message=message)
            elif details.attempt == attempt and left and details.state != "queued":
                self.store.queue.put(run)

        with suppress(NotFound, StaleAttempt):
            patiently(write)

    def tell_end(self, run: str) -> None:
        try:
            details = patiently(lambda: self.store.run(run))
        except NotFound:
            self.tell(Said("ended", "was deleted", run))
            return
        accuracy = details.validation_accuracy
        self.tell(Said("ended", details.message or "", run, details.state, accuracy))


class Watch:
    """Processes of other hosts, whose beats this one has seen, by its own clock."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, int], tuple[int, float]] = {}
        """By run and attempt: its beats, and when they were first seen to be so many."""

    def given_up(self, beats: Mapping[tuple[str, int], int]) -> list[tuple[str, int]]:
        """Those whose beats have stood still for too long. ``beats`` are what they are now."""
        now = time.monotonic()
        unseen = (-1, now)
        self.seen = {
            attempt: self.seen[attempt] if self.seen.get(attempt, unseen)[0] == count else (count, now)
            for attempt, count in beats.items()
        }
        return [attempt for attempt, (_, since) in self.seen.items() if now - since >= SECONDS_WITHOUT_A_BEAT]


def lower_priority() -> None:
    """Let whatever people do at this machine go first."""
    process = psutil.Process()
    if sys.platform == "win32":
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        process.nice(max(LOWER_PRIORITY, process.nice()))


def many(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def patiently(do: Callable[[], Answer]) -> Answer:
    """Do it as soon as nobody else holds the database."""
    while True:
        with suppress(WorkspaceBusy):
            return do()
        time.sleep(SECONDS_BETWEEN_LOOKS)
