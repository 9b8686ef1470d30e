"""How long a training will take on this machine, from a short timing of the very steps that it will take.

The training is prepared as if it were to begin, its own loop takes a few steps, and all of it is thrown away: nothing
is stored, and nothing that is random in a training depends on it, for every draw comes from the seed and its moment.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

import numpy as np
import torch

from fittingroom.engine.busy import Busy
from fittingroom.engine.cores import machine_cores
from fittingroom.engine.desk import Desk
from fittingroom.engine.images import EVALUATION_BATCH, Part
from fittingroom.engine.loop import EpochSums, Training, logits, train_epoch
from fittingroom.engine.pace import VALIDATION_COST, WARM
from fittingroom.engine.plan import Wanted
from fittingroom.engine.prepare import prepare_run, replan
from fittingroom.errors import TrainingDiverged
from fittingroom.queue.timing import Timing
from fittingroom.queue.wire import Message
from fittingroom.spec.run import RunSpec, from_plain
from fittingroom.workspace import Workspace

SECONDS_TIMED = 1.0
"""For the steps; the forward passes that tell what a validation costs take a fraction of it."""
MOST_SECONDS = 3.0
"""For everything but reading the data, if a single step does not take longer."""
SECONDS_BETWEEN_YIELDS = 0.02
"""Whoever else is answered by this process waits no longer, if a single step takes no longer."""
PROBE = 2
"""Images that tell beforehand what a step may cost."""
LONGEST_STEP = 1.0
"""Seconds; where a step would take longer, smaller batches are timed."""
SPREAD = (10, 90)
"""Percentiles of the steps' seconds that give the range."""


Steps = Generator[tuple[int, int], None, list[Timing]]


def time_training(spec: RunSpec, workspace: Workspace, threads: int | None = None, *, fewer: bool = False) -> Steps:
    """Time each training of a run, phases first; raises what ``prepare_run`` raises.

    Long work: yields how much is done, and of how much, and gives the timings in the end. ``threads``: those that it
    will be trained with, as many as torch takes unless given, or ``fewer`` where a trial finds that faster; torch has
    its own again at every yield. What the weights are does not matter, so ``start`` is left aside.
    """
    threads, found = threads or torch.get_num_threads(), []
    wanted = Wanted(threads, fewer=fewer)
    stages = list(_trainings(spec))
    for number, (stage, phase) in enumerate(stages):
        steps, own = _time(stage, phase, workspace, wanted), threads
        while True:
            with _as_in_training(own):
                share = next(steps)
                own = torch.get_num_threads()  # its plan may take fewer
            if isinstance(share, Timing):
                found.append(share)
                break
            yield int(100 * (number + share)), 100 * len(stages)
    return found


def timing(desk: Desk, asked: Message) -> Generator[tuple[int, int], None, Message]:
    """How long the trainings of a ``spec`` will take: ``timings``, phases first.

    With so many ``threads``, else with one for each core, as a worker has them.
    """
    spec = from_plain(asked.words["spec"])
    threads = asked.words.get("threads")
    timings = yield from time_training(spec, desk.workspace, threads or machine_cores(), fewer=not threads)
    return Message({"timings": [asdict(each) for each in timings]})


def _trainings(spec: RunSpec) -> Iterator[tuple[RunSpec, str | None]]:
    """Each training as a run of its own that begins with fresh weights and goes by epochs."""
    names = [*(phase.name for phase in spec.phases), None]
    for stage, name in zip(spec.stages, names, strict=True):
        yield by_epochs(stage), name


def by_epochs(stage: RunSpec) -> RunSpec:
    """A training that begins with fresh weights and has no time budget: its steps are those of ``stage``."""
    return replace(stage, start=None, train=replace(stage.train, budget=None))


def _time(spec: RunSpec, phase: str | None, workspace: Workspace, wanted: Wanted) -> Iterator[float | Timing]:
    """How much of it is done, from 0 to 1, and in the end the timing."""
    run = prepare_run(spec, workspace, replace(wanted, trial=False))
    steps = replan(run, wanted)
    while True:
        try:
            done, of = next(steps)
        except StopIteration as end:
            run = end.value
            break
        yield 0.1 * done / of
    yield 0.1
    training, began, busy = run.training, time.perf_counter(), Busy()
    training.spec = replace(training.spec, batch_size=affordable_batch(training))
    seconds: list[float] = []
    timed, told = 0.0, began
    for taken in step_seconds(training):
        seconds.append(taken)
        timed += taken if len(seconds) > WARM else 0.0
        now = time.perf_counter()
        if timed >= SECONDS_TIMED or now - began >= MOST_SECONDS:
            break
        if now - told >= SECONDS_BETWEEN_YIELDS:
            yield 0.1 + 0.8 * timed / SECONDS_TIMED
            told = time.perf_counter()
    seconds = seconds[WARM:] or seconds[1:] or seconds
    step_images = min(training.spec.batch_size, len(training.training))
    images = sum(min(step_images, len(training.training) - start) for start in training.batches)
    validation = _validation(training, float(np.median(seconds)) / step_images)
    middle, low, high = (
        images / step_images * float(each) + validation
        for each in (np.median(seconds), *np.percentile(seconds, SPREAD))
    )
    yield Timing(
        middle, low, high, validation, len(seconds), step_images, images, run.plan.threads, run.plan.device,
        busy.others(), phase,
    )  # fmt: skip


def step_seconds(run: Training) -> Iterator[float]:
    """Seconds of each step that has a whole batch, epoch after epoch, for ever."""
    whole = max(1, len(run.training) // run.spec.batch_size)
    while True:
        before = time.perf_counter()
        try:
            for _ in train_epoch(run):
                _wait_for(run)
                now = time.perf_counter()
                if run.step <= whole:
                    yield now - before
                before = time.perf_counter()
        except TrainingDiverged:  # which is told when it is trained; a step takes as long with any numbers
            pass
        run.epoch, run.step, run.sums = run.epoch + 1, 0, EpochSums()


def affordable_batch(run: Training) -> int:
    """The training's own, or what fits into the time that one step may take."""
    probe = Part(run.training.data, run.training.indices[:PROBE], run.training.device)
    logits(run.network, probe, run.normalize)
    began = time.perf_counter()
    logits(run.network, probe, run.normalize)
    _wait_for(run)
    of_image = (time.perf_counter() - began) / len(probe) / VALIDATION_COST
    return max(2, min(run.spec.batch_size, int(LONGEST_STEP / of_image))) if run.spec.batch_size > 1 else 1


def _validation(run: Training, trained_image: float) -> float:
    """Seconds for all validation images, from as many as take a fraction of a second, passed forward twice."""
    affordable = int(SECONDS_TIMED / 4 / (trained_image * VALIDATION_COST))
    rows = run.validation.indices[: max(1, min(EVALUATION_BATCH, affordable))]
    part = Part(run.validation.data, rows, run.validation.device)
    taken = []
    for _ in range(2):
        began = time.perf_counter()
        logits(run.network, part, run.normalize)
        _wait_for(run)
        taken.append(time.perf_counter() - began)
    return min(taken) / len(rows) * len(run.validation)


def _wait_for(run: Training) -> None:
    """For what was sent to a GPU; otherwise nothing waits there."""
    if run.training.device == "cuda":
        torch.cuda.synchronize()
    elif run.training.device == "mps":
        torch.mps.synchronize()


@contextmanager
def _as_in_training(threads: int) -> Iterator[None]:
    """With as many threads; afterwards torch's threads and random numbers are as they were before."""
    before = torch.get_num_threads()
    with torch.random.fork_rng():
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
