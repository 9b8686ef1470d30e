"""Check a data set: what the command line does, as a function call."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.check.checking import Predict, check
from fittingroom.data.check.finding import Report
from fittingroom.data.check.kept import keep_report, kept_report
from fittingroom.data.check.labels import FOLDS
from fittingroom.data.check.looks import Progress
from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import load
from fittingroom.data.splits import Indices
from fittingroom.engine.cores import core_slots, machine_cores
from fittingroom.engine.out_of_fold import out_of_fold
from fittingroom.engine.plan import Wanted, choose_device
from fittingroom.engine.steps import finish
from fittingroom.workspace import Workspace


def check_data(
    data: Dataset | str | os.PathLike[str],
    *,
    labels: bool = True,
    again: bool = False,
    workspace: str | os.PathLike[str] | None = None,
    progress: Progress = lambda done: None,
    waiting: Callable[[int], None] = lambda free: None,
) -> Report:
    """What is wrong with a data set: copies, contradictions, imbalance, empty, inverted and odd images, wrong labels.

    ``labels``: also train small networks, which takes most of the time, to find labels that are probably wrong: on
    training and validation images only; labels of test images are never used. ``again``: although a report is kept.
    ``progress`` is told the share that is done, from 0 to 1; ``waiting`` how many cores are free, where other trainings
    use them. The same data gives the same report, on one machine. Ctrl-C ends the check, and nothing is left of it.
    """
    data = data if isinstance(data, Dataset) else load(data, Workspace.find(workspace))
    known = None if again else kept_report(data, labels=labels)
    if known is not None:
        return known
    report = check(data, _predictions(data, waiting) if labels else None, progress)
    keep_report(data, report, labels=labels)
    return report


def _predictions(data: Dataset, waiting: Callable[[int], None]) -> Predict:
    """Networks that take the cores of this machine, as any training."""

    def predict(chosen: Indices, groups: NDArray[np.int64], progress: Progress) -> NDArray[np.floating]:
        with core_slots(machine_cores(), waiting, device=choose_device("auto")):
            steps = out_of_fold(data, chosen, groups, FOLDS, Wanted(settled=True))
            return finish(steps, lambda done, total: progress(done / total))

    return predict
