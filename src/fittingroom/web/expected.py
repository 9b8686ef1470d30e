"""How long a draft's run will take on this machine: timed by the process that has torch, where the cores are free."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from starlette.requests import Request

from fittingroom.data.stages import Stage
from fittingroom.queue.timing import Timing
from fittingroom.spec.mistakes import many
from fittingroom.spec.run import RunSpec, to_plain
from fittingroom.spec.train import TrainSpec
from fittingroom.store import Store
from fittingroom.web.figures import percent, roughly
from fittingroom.web.inference import Inference, Job
from fittingroom.web.prospect import Prospect
from fittingroom.web.shelf import Recent
from fittingroom.web.site import only_one
from fittingroom.web.waiting import Waiting

State = Literal["none", "waits", "busy", "timing", "known", "failed"]
TIMING = "timing"
KEPT = 100
DISTURBING = 0.15
"""A share of the processors; where other programs use more, a timing tells little."""


@dataclass(frozen=True)
class Expected:
    """What is known of how long a run will take."""

    state: State
    key: str = ""
    """Tells what it depends on: another run with the same takes as long."""
    headline: str = ""
    details: str = ""
    """How it was found."""


class Timings:
    """What has been timed, by what it depends on. Lives on the event loop."""

    def __init__(self) -> None:
        self._jobs: Recent[Job] = Recent(KEPT)
        self._newest: Job | None = None

    @classmethod
    def of(cls, request: Request) -> Timings:
        """The site's."""
        return only_one(request, cls, cls)

    @property
    def busy(self) -> bool:
        """Whether something is being timed just now."""
        return self._newest is not None and self._newest.state == "running"

    def known(self, key: str) -> Job | None:
        return self._jobs.get(key)

    def begin(self, key: str, spec: RunSpec, threads: int | None, inference: Inference) -> Job:
        """Time a run, in place of what was known of it."""
        self._newest = inference.begin(TIMING, {"spec": spec.to_json(), "threads": threads})
        self._jobs.put(key, self._newest)
        return self._newest

    async def make_way(self, inference: Inference) -> None:
        """End a timing that goes on: a training begins now, and needs the cores."""
        if self._newest is not None:
            await inference.cancel(self._newest)


def progress_of(key: str, spec: RunSpec | None, waiting: Waiting, request: Request) -> Expected | None:
    """What is known of a timing that a page waits for, without reading the data; None where it has to be begun."""
    job = Timings.of(request).known(key)
    if job is not None and job.state == "running":
        return Expected("timing", key)
    if job is not None and job.state == "done" and spec is not None:
        return told(job, key, spec)
    return Expected("busy", key) if waiting.running else None


def expect(
    found: Prospect, waiting: Waiting, request: Request, threads: int | None, *, begin: bool, again: bool = False
) -> Expected:
    """What is known by now. ``begin``: time it where nobody has; ``again``: also where somebody has."""
    if found.spec is None or found.transfer is None or not found.ready:
        return Expected("none")
    timings, key = Timings.of(request), key_of(found.stages, threads)
    job = timings.known(key)
    if again and job is not None and job.state != "running":
        job = None
    if job is not None and job.state == "done":
        return told(job, key, found.spec)
    if job is not None and job.state == "failed":
        return Expected("failed", key, details=job.problem)
    if waiting.running and (job is None or job.state != "running"):
        return Expected("busy", key)
    if begin and (job is None or job.state != "running"):
        timings.begin(key, found.spec, threads, Inference.of(request))
        return Expected("timing", key)
    return Expected("timing" if job is not None and job.state == "running" else "waits", key)


def threads_of(store: Store) -> int | None:
    """Those that a worker trains with; None where none is there yet, which will take one for each core."""
    return next((worker.threads for worker in store.queue.workers() if worker.owner.alive()), None)


def key_of(stages: Sequence[Stage], threads: int | None) -> str:
    """A digest of all that the time of an epoch depends on."""

    def about(stage: Stage) -> list[Any]:
        spec, train = stage.spec, stage.spec.train
        plain = to_plain((spec.network, spec.augment, train.optimizer), full=True)
        rest = [train.batch_size, train.device, train.freeze_up_to, train.clip_norm is None]
        plain[2].pop("learning_rate")
        return [stage.data.fingerprint, stage.facts.training_images, stage.facts.validation_images, *plain, *rest]

    content = json.dumps([threads, *map(about, stages)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def told(job: Job, key: str, spec: RunSpec) -> Expected:
    """A timing in words."""
    assert job.result is not None
    timings = [Timing(**each) for each in job.result.words["timings"]]
    last, train = timings[-1], spec.train
    parts = [
        f"{phase.name} {roughly(seconds_of(phase.train, timing))}"
        for phase, timing in zip(spec.phases, timings, strict=False)
    ]
    own = seconds_of(train, last)
    if train.budget_seconds is not None:
        fit = own / last.epoch
        epochs = f"{fit:.0f} epochs" if fit >= 9.5 else many(1, "epoch") if round(fit, 1) == 1 else f"{fit:.1f} epochs"
        headline = f"{roughly(own)}: the budget. About {epochs} fit into it"
    else:
        headline = f"{'at most ' if train.early_stop else ''}about {roughly(own)} for {many(train.epochs, 'epoch')}"
    if parts:
        headline = f"{', '.join(parts)}, then {headline}"
    return Expected("known", key, headline[0].upper() + headline[1:], how(last, train))


def seconds_of(train: TrainSpec, timing: Timing) -> float:
    """Of one training, if nothing stops it early."""
    return train.epochs * timing.epoch if train.budget_seconds is None else train.budget_seconds


def how(timing: Timing, train: TrainSpec) -> str:
    """How a timing was found, and how far to trust it."""
    low, high = roughly(timing.shortest), roughly(timing.longest)
    each = f"{roughly(timing.epoch)} an epoch{f', {low} to {high}' if low != high else ''}"
    smaller = f" of {timing.batch_size} images" if timing.batch_size < min(train.batch_size, timing.images) else ""
    where = many(timing.threads, "thread") if timing.device == "cpu" else timing.device
    told = f"{each[0].upper()}{each[1:]}. Timed here on {where}: {many(timing.steps, 'step')}{smaller}."
    if timing.others > DISTURBING:
        told += f" Other programs used {percent(timing.others, 0)} of the processors meanwhile, so it may be quicker."
    return told
