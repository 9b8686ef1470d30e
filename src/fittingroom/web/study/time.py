"""How long a study will take on this machine, before it starts: a few steps of each of its arms are timed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from starlette.requests import Request

from fittingroom.data.dataset import Dataset
from fittingroom.data.stages import Split, Stage, read_stages
from fittingroom.queue.study_time import Beside, beside
from fittingroom.queue.timing import Timing
from fittingroom.spec.arms import Arm
from fittingroom.spec.data import DataSpec
from fittingroom.spec.mistakes import many
from fittingroom.spec.run import RunSpec
from fittingroom.web.expected import State, Timings, key_of, seconds_of, threads_of
from fittingroom.web.figures import roughly
from fittingroom.web.inference import Inference, Job
from fittingroom.web.shelf import Recent, Shelf
from fittingroom.web.site import Site, off_loop, only_one
from fittingroom.web.study.plan import Plan
from fittingroom.web.waiting import Waiting
from fittingroom.workspace import Workspace

KEPT = 200
MOST_TIMED = 8
"""Different trainings that are timed; what more there are is taken to last as long as these do on average."""


@dataclass(frozen=True)
class ArmTime:
    """What the time of one arm depends on."""

    key: str
    spec: RunSpec


@dataclass(frozen=True)
class StudyTime:
    """What is known of how long it will take."""

    state: State
    headline: str = ""
    details: str = ""
    ask: str = ""
    """The address to ask again."""

    @property
    def key(self) -> str:
        """Short, and another one for another address."""
        return hashlib.sha256(self.ask.encode()).hexdigest()[:8]


def arm_times(
    found: Sequence[Arm], workspace: Workspace, threads: int | None, split: Split = Dataset.divide
) -> list[ArmTime]:
    """Each arm with what its time depends on; reads the data, the same data once."""
    known: dict[DataSpec, Stage] = {}
    times = []
    for arm in found:
        spec = arm.spec
        if spec.phases or spec.data not in known:
            stages = read_stages(spec, workspace, split)
            known[spec.data] = stages[-1]
        else:
            like = known[spec.data]
            stages = (replace(like, spec=replace(spec, data=like.spec.data)),)
        times.append(ArmTime(key_of(stages, threads), spec))
    return times


class ArmTimes:
    """What the times of shipped studies depend on: read once, and one at a time. Lives on the event loop."""

    def __init__(self) -> None:
        self._known: Recent[list[ArmTime]] = Recent(KEPT)
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    def of(cls, request: Request) -> ArmTimes:
        """The site's."""
        return only_one(request, cls, cls)

    async def get(self, key: Hashable, read: Callable[[], list[ArmTime]]) -> list[ArmTime]:
        """What was read by that key, or is read now, in a thread."""
        async with self._one_at_a_time:
            found = self._known.get(key)
            if found is None:
                found = await off_loop(read)
                self._known.put(key, found)
            return found


async def expect_plan(request: Request, plan: Plan, ask: str, *, begin: bool) -> StudyTime:
    """What is known by now of a study that could start; ``ask``: the address to ask again."""
    if plan.problems:
        return StudyTime("none", ask=ask)
    site, shelf, found = Site.of(request), Shelf.of(request), [each.arm for each in plan.arms]
    threads = await off_loop(lambda: threads_of(site.store))
    timed = await off_loop(lambda: arm_times(found, site.workspace, threads, shelf.split))
    return await expect_arms(
        request, timed, plan.study.seeds, threads, ask, begin=begin, count=plan.count, ends_early=plan.ends_early
    )


async def expect_arms(
    request: Request, arms: Sequence[ArmTime], seeds: int, threads: int | None, ask: str, *, begin: bool,
    count: int | None = None, ends_early: bool = False,
) -> StudyTime:  # fmt: skip
    """As ``expect_study``, with what the store knows by now; ``ask``: the address to ask again."""
    store = Site.of(request).store
    waiting = await off_loop(lambda: Waiting.of(store))
    more = await off_loop(lambda: beside(store))
    known = expect_study(arms, seeds, more, waiting, request, threads, begin=begin, count=count, ends_early=ends_early)
    return replace(known, ask=ask)


def expect_study(
    arms: Sequence[ArmTime],
    seeds: int,
    more: Beside,
    waiting: Waiting,
    request: Request,
    threads: int | None,
    *,
    begin: bool,
    count: int | None = None,
    ends_early: bool = False,
) -> StudyTime:
    """What is known by now. ``begin``: time the next of what nobody has timed. Lives on the event loop.

    ``count``: of all arms, where some are chosen later; ``ends_early``: whether a search ends runs early.
    """
    if not arms:
        return StudyTime("none")
    timings, specs = Timings.of(request), {arm.key: arm.spec for arm in arms}
    keys = list(specs)[:MOST_TIMED]
    jobs = {key: job for key in keys if (job := timings.known(key)) is not None}
    done = {key: seconds for key, job in jobs.items() if (seconds := _seconds(job, specs[key])) is not None}
    failed = [job.problem for job in jobs.values() if job.state == "failed"]
    if len(done) == len(keys):
        return _told(arms, seeds, done, more, count or len(arms), ends_early=ends_early)
    if failed:
        return StudyTime("failed", details=failed[0])
    if timings.busy or any(job.state == "running" for job in jobs.values()):
        return StudyTime("timing", details=_progress(done, keys))
    if waiting.running:
        return StudyTime("busy", details=waiting.running[0])
    if begin:
        key = next(key for key in keys if key not in done)
        timings.begin(key, specs[key], threads, Inference.of(request))
        return StudyTime("timing", details=_progress(done, keys))
    return StudyTime("waits")


def _seconds(job: Job, spec: RunSpec) -> float | None:
    """Of one run, if nothing stops it early; None while it is not timed."""
    if job.state != "done" or job.result is None:
        return None
    timings = [Timing(**each) for each in job.result.words["timings"]]
    trains = [*(phase.train for phase in spec.phases), spec.train]
    return sum(seconds_of(train, timing) for train, timing in zip(trains, timings, strict=False))


def _progress(done: dict[str, float], keys: Sequence[str]) -> str:
    return f"{len(done)} of {len(keys)}" if len(keys) > 1 else ""


def _told(
    arms: Sequence[ArmTime], seeds: int, done: dict[str, float], more: Beside, count: int, *, ends_early: bool
) -> StudyTime:
    usual = fmean(done.values())
    known = [done.get(arm.key, usual) for arm in arms]
    total = seeds * (sum(known) + (count - len(arms)) * fmean(known) + count * more.run) + more.worker
    early = [
        *(["early stopping"] if any(arm.spec.train.early_stop for arm in arms) else []),
        *(["ending hopeless ones early"] if ends_early else []),
    ]
    low, high = roughly(min(done.values())), roughly(max(done.values()))
    each = f"{low} a run" if low == high else f"{low} to {high} a run"
    details = (
        f"{each[0].upper()}{each[1:]}, one after the other; a few steps of {_which(arms, done, count)} were timed "
        f"here. Reckoned besides: {more}."
    )
    shorter = f"; {' and '.join(early)} make{'s' * (len(early) == 1)} them shorter." if early else "."
    at_most = "At most a" if early or count > len(arms) else "A"
    return StudyTime(
        "known", f"{at_most}bout {roughly(total)}", f"{details} Several runs at once may be quicker{shorter}"
    )


def _which(arms: Sequence[ArmTime], done: dict[str, float], count: int) -> str:
    different = len({arm.key for arm in arms})
    if count > len(arms):
        return (
            f"the first {many(len(arms), 'arm')}" if different == len(done) else f"{many(len(done), 'arm')} of {count}"
        )
    if different == 1:
        return "one arm" if count > 1 else "it"
    return "each arm" if different == len(done) else f"{many(len(done), 'arm')} of {count}"
