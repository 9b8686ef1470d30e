"""What an epoch of the arms of a study takes here, before any was trained."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import mean

from fittingroom.errors import FittingRoomError
from fittingroom.queue.stored import open_store
from fittingroom.queue.studies import spec_of_study
from fittingroom.queue.study_results import epochs_of
from fittingroom.spec.run import from_plain
from fittingroom.workspace import Workspace

SECONDS = 5.0
"""For all arms; those that are not reached in it are not timed."""
SHARE = 0.1
"""Of the time that the study will take: for the timing of one that is soon done, less."""


@dataclass(frozen=True)
class TimedArms:
    """What short timings have told."""

    epochs: Mapping[str, float]
    """Seconds of an epoch, of the run proper, by the arm's key."""
    others: float = 0.0
    """The largest share of the processors that other programs used meanwhile, from 0 to 1."""


def time_arms(study: str, workspace: Workspace, *, threads: int | None, stop: Callable[[], object]) -> TimedArms:
    """Time as many arms as there is time for.

    None are timed where an epoch of the study was trained, for that tells more.
    """
    with open_store(workspace) as store:
        record = store.studies.study(study)
        if store.studies.epochs(record.id):
            return TimedArms({})
    from fittingroom.engine.timing import time_training  # torch takes seconds

    found: dict[str, float] = {}
    others, began = 0.0, time.monotonic()
    specs = {arm.key: from_plain(json.loads(arm.spec)) for arm in record.arms if arm.listed}
    epochs = spec_of_study(record).seeds * sum(epochs_of(spec) or 0 for spec in specs.values())
    for key, spec in specs.items():
        worth = min(SECONDS, SHARE * mean(found.values()) * epochs) if found else SECONDS
        if time.monotonic() - began >= worth:
            break
        steps = time_training(spec, workspace, threads)
        try:
            while not stop():
                next(steps)
            break
        except StopIteration as end:
            found[key] = end.value[-1].epoch
            others = max(others, *(timing.others for timing in end.value))
        except FittingRoomError:
            continue  # which is told when it is trained
    return TimedArms(found, others)
