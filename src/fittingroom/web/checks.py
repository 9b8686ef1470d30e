"""Checks of data sets: reports that are kept, and checks that are going on."""

from __future__ import annotations

import asyncio
import time

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request

from fittingroom.data.check.checking import UNSEEN, check, with_labels
from fittingroom.data.check.finding import Report
from fittingroom.data.check.kept import keep_report, kept_report, kept_since
from fittingroom.data.check.looks import Progress
from fittingroom.data.cleaning import states
from fittingroom.data.cuts import Indices
from fittingroom.data.dataset import Dataset
from fittingroom.errors import FittingRoomError
from fittingroom.web.inference import Inference, Job
from fittingroom.web.shelf import Recent
from fittingroom.web.site import Site, only_one
from fittingroom.web.tasks import Cancelled, Task, Tasks, Tell
from fittingroom.workspace import Workspace

KEPT = 64
PATIENCE = 0.2
"""Seconds between two looks at how far the networks have come."""


class Checks:
    """What is known of the data sets of a site. Threads may share it."""

    def __init__(self, workspace: Workspace, tasks: Tasks) -> None:
        self._workspace, self._tasks = workspace, tasks
        self._reports: Recent[tuple[int, Report | None]] = Recent(KEPT)

    @classmethod
    def of(cls, request: Request) -> Checks:
        """The site's."""
        return only_one(request, cls, lambda: cls(Site.of(request).workspace, Tasks.of(request)))

    def task(self, data: Dataset) -> Task | None:
        """The check of a data set that goes on, or ended last."""
        return self._tasks.known(_key(data))

    def report(self, data: Dataset) -> Report | None:
        """The last report on a data set: on it as it is now, or as it was before more images were excluded."""
        for state in states(data, self._workspace):
            if (report := self.exactly(state)) is not None:
                return report
        return None

    def exactly(self, data: Dataset) -> Report | None:
        """The report on a data set as it is now, with the labels where those were checked."""
        since, known = self._reports.get(data.fingerprint) or (-1, None)
        now = kept_since()
        if since != now and (known is None or not with_all(known)):
            kept = (kept_report(data, labels=labels) for labels in (True, False))
            known = next((report for report in kept if report is not None), known)
            self._reports.put(data.fingerprint, (now, known))
        return known

    def begin(self, data: Dataset, inference: Inference) -> Task:
        """Check a data set in the background; asked for twice, it happens once. Called on the event loop."""
        predict = _Networks(data, inference, asyncio.get_running_loop())
        return self._tasks.begin(_key(data), lambda tell: self._work(data, predict, tell), "Looking at the images")

    def _work(self, data: Dataset, networks: _Networks, tell: Tell) -> None:
        """Images first, whose findings can be looked at while networks look at the labels."""
        whole = kept_report(data, labels=True)
        if whole is None:
            images = kept_report(data, labels=False)
            if images is None:
                images = check(data, None, lambda done: tell("Looking at the images", done, 1.0))
                keep_report(data, images, labels=False)
            self._reports.put(data.fingerprint, (kept_since(), images))
            tell("Training small networks that look at the labels", 0.0, 1.0)
            whole = with_labels(
                data, images, networks, lambda done: tell("Training small networks that look at the labels", done, 1.0)
            )
            keep_report(data, whole, labels=True)
        self._reports.put(data.fingerprint, (kept_since(), whole))


def with_all(report: Report) -> bool:
    """Whether everything was looked for, the labels too."""
    return UNSEEN not in report.left_out


class _Networks:
    """What small networks say of images, asked of the process that has torch, from a thread."""

    def __init__(self, data: Dataset, inference: Inference, loop: asyncio.AbstractEventLoop) -> None:
        self._data, self._inference, self._loop = data, inference, loop

    def __call__(self, chosen: Indices, groups: NDArray[np.int64], progress: Progress) -> NDArray[np.floating]:
        job = self._begin(chosen, groups)
        while job.state == "running":
            time.sleep(PATIENCE)
            if self._loop.is_closed():  # the page has ended
                raise Cancelled
            try:
                progress(job.percent / 100)
            except Cancelled:
                asyncio.run_coroutine_threadsafe(self._inference.cancel(job), self._loop).result()
                raise
        if job.result is None:
            raise FittingRoomError(job.problem or "the check of labels was ended; begin it again")
        return job.result.arrays["probabilities_NK"]

    def _begin(self, chosen: Indices, groups: NDArray[np.int64]) -> Job:
        async def begin() -> Job:
            words = {"source": self._data.source, "fingerprint": self._data.fingerprint}
            return self._inference.begin("out of fold", words, {"chosen": chosen, "groups": groups})

        return asyncio.run_coroutine_threadsafe(begin(), self._loop).result()


def _key(data: Dataset) -> tuple[str, str]:
    """Whatever is excluded meanwhile: a check that goes on can still be seen and cancelled."""
    return "check", data.content
