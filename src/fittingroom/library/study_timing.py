"""What an epoch of the arms of a study takes here, before any was trained."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fittingroom.errors import FittingRoomError
from fittingroom.queue.stored import open_store
from fittingroom.spec.run import from_plain
from fittingroom.workspace import Workspace

SECONDS = 5.0
"""For all arms; those that are not reached in it are not timed."""


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
    others = 0.0
    until = time.monotonic() + SECONDS
    for arm in record.arms:
        if not arm.listed or time.monotonic() >= until:
            continue
        steps = time_training(from_plain(json.loads(arm.spec)), workspace, threads)
        try:
            while not stop():
                next(steps)
            break
        except StopIteration as end:
            found[arm.key] = end.value[-1].epoch
            others = max(others, *(timing.others for timing in end.value))
        except FittingRoomError:
            continue  # which is told when it is trained
    return TimedArms(found, others)
