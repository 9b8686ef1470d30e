"""A worker: a process that executes queued runs, one after the other, until there are none or it is asked to end.

    find the run that has waited longest  →  take its cores  →  claim it  →  prepare  →  train  →  look again

The runs of a comparison share the cores as it is quickest for all of them: their first one is measured, and where
several are to go on at once, the worker starts as many processes beside itself (its crew).
Only who holds the cores claims, and only one of those who claim gets it (``Store.begin_attempt``). What goes wrong
with a run is the run's: it is stored as failed, and the worker goes on. What is wrong with the machine is not: a run
for a device that is not there waits for another worker, and a full disk ends the worker, its run back in the queue.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import psutil
import torch

from fittingroom.engine.attendance import attendance, listening
from fittingroom.engine.cores import core_slots, machine_cores
from fittingroom.engine.crew import Crew
from fittingroom.engine.loop import Stop
from fittingroom.engine.plan import choose_device
from fittingroom.engine.pruning import Pruning
from fittingroom.engine.resume import prepare_resume
from fittingroom.engine.run import execute
from fittingroom.engine.together import agree, waits_for_a_choice
from fittingroom.errors import (
    FittingRoomError,
    InvalidInput,
    NotFound,
    WorkspaceBusy,
    WorkspaceError,
    WorkspaceUnusable,
)
from fittingroom.queue.stored import spec_of
from fittingroom.queue.studies import go_on_searching
from fittingroom.queue.watch import Watch
from fittingroom.spec.events import StopReason
from fittingroom.spec.mistakes import many
from fittingroom.store import EndState, RunDetails, StaleAttempt, Store, TakenUp
from fittingroom.workspace import Workspace

Answer = TypeVar("Answer")
SECONDS_BETWEEN_LOOKS = 0.5
LOWER_PRIORITY = 10
"""The niceness of workers, so that a page or an editor beside them stays quick."""


@dataclass(frozen=True)
class Said:
    """What a worker tells whoever started it."""

    event: Literal["ready", "shares", "waiting", "began", "note", "ended", "leaving"]
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
    comparison: str | None = None,
    helper: Sequence[str] | None = None,
) -> None:
    """Execute queued runs; returns after ``idle`` seconds without one, or when it is asked to end.

    ``threads``: CPU threads to train with, where a run does not say; as many as torch takes unless given.
    ``comparison``: whose runs only it executes. ``helper``: a command that starts such a worker; without it, one run
    is trained at a time. When ``stop`` answers, or ``fittingroom worker stop`` asks, the run in hand goes back to the
    queue with its last step saved. Raises WorkspaceError when the workspace cannot be used at all, or no longer; the
    run in hand goes back too.
    """
    lower_priority()
    workspace.create()
    with patiently(lambda: Store.open(workspace.database)) as store:
        worker = Worker(workspace, store, threads, tell, comparison, Crew(helper))
        try:
            with listening(worker.is_asked_to_end, worker.report) as asked, worker.crew:
                worker.loop(idle, lambda: bool(stop()) or bool(asked()))
        finally:
            with suppress(WorkspaceError):  # then the next worker sees that it is dead
                store.queue.unregister(worker.id)


class Worker:
    """One registered worker and what it has in hand."""

    def __init__(
        self, workspace: Workspace, store: Store, threads: int | None, tell: Tell, comparison: str | None, crew: Crew
    ) -> None:
        self.workspace, self.store, self.tell, self.comparison, self.crew = workspace, store, tell, comparison, crew
        every = torch.get_num_threads()
        limited = every if every < machine_cores() else None  # by OMP_NUM_THREADS, or fewer processors than there are
        self.asked, self.threads = threads or limited, threads or every
        self.id = patiently(lambda: store.queue.register(self.threads))
        self.in_hand: str | None = None
        self.left_to_others: set[str] = set()
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
                if self.crew.living():
                    since = time.monotonic()
                elif time.monotonic() - since >= idle:
                    self.tell(Said("leaving", f"no run has come for {idle:g} seconds"))
                    return
                time.sleep(SECONDS_BETWEEN_LOOKS)
        self.tell(Said("leaving", "asked to end"))

    def next(self) -> RunDetails | None:
        """The run that has waited longest, as it is now."""
        given_up = self.watch.given_up(self.store.queue.beats_elsewhere())
        return self.store.queue.next(given_up, self.left_to_others, self.comparison)

    def is_next(self, run: RunDetails) -> bool:
        now = self.next()
        return now is not None and (now.id, now.attempt) == (run.id, run.attempt)

    def attend_to(self, run: RunDetails, ends: Callable[[], bool]) -> None:
        """Take the cores that a run needs, and then the run, unless somebody else has it by then.

        The first of a comparison is measured instead; it is the next to be found again.
        """
        try:
            threads, device = self.threads_for(run), device_for(run)
        except InvalidInput as error:
            self.left_to_others.add(run.id)
            self.tell(Said("note", f"is left to other workers: {error}", run.id))
            return

        def waiting(free: int) -> None:
            wanted = many(threads, "core") if device == "cpu" else "the GPU and a core"
            self.tell(Said("waiting", f"waits for {wanted} ({free} free)", run.id))

        until = self.until_gone(run, ends)
        if waits_for_a_choice(run):
            asked = self.asked if device == "cpu" else threads
            if agreed := agree(run, self.store, self.workspace, waiting, until, asked):
                self.tell(Said("shares", str(agreed), run.id))
            return
        with core_slots(threads, waiting, until, device=device) as held:
            if held and self.is_next(run):
                if device == "cpu":
                    self.crew.call(run, self.store, machine_cores(), threads)
                self.take_up(run, lambda: "handed_back" if ends() else None)

    def threads_for(self, run: RunDetails) -> int:
        """As its plan has it, else as was wished for when it was put into the queue, else this worker's."""
        return self.fixed_threads(run) or self.threads

    def fixed_threads(self, run: RunDetails) -> int | None:
        """Those that were chosen or asked for before; None where a trial may find that fewer than all are faster."""
        wished = run.lineage.get("threads")
        return (run.plan or {}).get("threads") or (wished if isinstance(wished, int) else self.asked)

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
        plan, done = run.plan or {}, run.epochs_done
        try:
            attempt = self.store.begin_attempt(run.id, plan, after_epoch=done, seen=run, by_worker=True)
        except (TakenUp, NotFound):
            return
        self.hold(run.id)
        self.tell(Said("began", how_it_begins(run), run.id))
        try:
            self.train(run.id, attempt, stop)
        except StaleAttempt:
            pass  # another host has given this one up, and trains it now
        except WorkspaceBusy as error:
            self.settle(run.id, attempt, "queued", f"Handed back to the queue: {error}")
        except (WorkspaceUnusable, KeyboardInterrupt) as error:
            self.settle(run.id, attempt, "queued", f"Handed back to the queue: {error or 'interrupted'}")
            raise
        except Exception as error:
            explained = isinstance(error, FittingRoomError)
            if not explained:
                traceback.print_exception(error)
            self.settle(run.id, attempt, "failed", f"{error}" if explained else f"{type(error).__name__}: {error}")
        finally:
            self.hold(None)
            self.tell_end(run.id)
            self.search_on(run)

    def hold(self, run: str | None) -> None:
        """Have a run in hand, or nothing; others may see it."""
        self.in_hand = run
        with suppress(WorkspaceError):  # it is reported every few seconds anyway
            self.report()

    def train(self, run: str, attempt: int, stop: Stop) -> None:
        """Prepare a claimed run and execute it. Users may ask for its end all the while."""
        with attendance(self.store, run, attempt):
            claimed = replace(patiently(lambda: self.store.run(run)), state="interrupted")  # until it is trained
            fewer = self.fixed_threads(claimed) is None
            prepared = prepare_resume(claimed, self.workspace, threads=self.threads_for(claimed), fewer=fewer)
        if prepared.departures:
            departures = "; ".join(prepared.departures)
            self.tell(Said("note", f"not bit-identical to an undisturbed run, because of: {departures}", run))
        pruning = Pruning.of(self.store, claimed, prepared.spec)
        if pruning:
            execute(prepared, pruning.hear, pruning.stop(stop), by_worker=True)
        else:
            execute(prepared, stop=stop, by_worker=True)

    def settle(self, run: str, attempt: int, state: EndState, message: str) -> None:
        """Store how a training broke, where it could not do so itself, or took a fault of the machine for its own."""
        unsettled = {"running", "failed"} if state == "queued" else {"running"}

        def write() -> None:
            details = self.store.run(run)
            if details.attempt == attempt and details.state in unsettled:
                self.store.end(run, attempt, state, message=message)

        with suppress(NotFound, StaleAttempt, WorkspaceUnusable):  # in a broken database it reads as interrupted
            patiently(write)

    def search_on(self, run: RunDetails) -> None:
        """Put what the search of a study tries next into the queue, once all that it has tried has ended."""
        place = run.lineage.get("study")
        if isinstance(place, dict):
            try:
                patiently(lambda: go_on_searching(str(place["id"]), self.workspace))
            except FittingRoomError as error:
                self.tell(Said("note", f"the search of {place['id']} does not go on: {error}", run.id))

    def tell_end(self, run: str) -> None:
        with suppress(WorkspaceUnusable):
            try:
                details = patiently(lambda: self.store.run(run))
            except NotFound:
                self.tell(Said("ended", "was deleted", run))
                return
            accuracy = details.validation_accuracy
            self.tell(Said("ended", details.message or "", run, details.state, accuracy))


def device_for(run: RunDetails) -> str:
    """What a run is trained on: the GPU if any of its stages is. Raises InvalidInput if this machine has it not."""
    try:
        stages = spec_of(run).stages
    except InvalidInput:
        return "cpu"  # it fails when it is taken up
    devices = {choose_device(stage.train.device) for stage in stages}
    return next((device for device in devices if device != "cpu"), "cpu")


def how_it_begins(run: RunDetails) -> str:
    """From where a worker goes on with a run."""
    if "last" in run.artifacts:
        return f"goes on after epoch {run.artifacts['last'].epoch}"
    return "begins again" if run.attempt else "begins"


def lower_priority() -> None:
    """Let whatever people do at this machine go first."""
    process = psutil.Process()
    if sys.platform == "win32":
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        process.nice(max(LOWER_PRIORITY, process.nice()))


def patiently(do: Callable[[], Answer]) -> Answer:
    """Do it as soon as nobody else holds the database."""
    while True:
        with suppress(WorkspaceBusy):
            return do()
        time.sleep(SECONDS_BETWEEN_LOOKS)
