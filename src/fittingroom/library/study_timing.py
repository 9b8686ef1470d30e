"""What an epoch of the arms of a study takes here, before any was trained."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from fittingroom.errors import FittingRoomError
from fittingroom.queue.stored import open_store
from fittingroom.spec.run import from_plain
from fittingroom.workspace import Workspace

SECONDS = 10.0
"""For all arms; those that are not reached in it are not timed."""


def time_arms(study: str, workspace: Workspace, *, threads: int | None, stop: Callable[[], object]) -> dict[str, float]:
    """Seconds of an epoch (of the run proper) by the arm's key, for as many arms as there is time for.

    None are timed where an epoch of the study was trained, for that tells more.
    """
    with open_store(workspace) as store:
        record = store.studies.study(study)
        if store.studies.epochs(record.id):
            return {}
    from fittingroom.engine.timing import time_training  # torch takes seconds

    found: dict[str, float] = {}
    until = time.monotonic() + SECONDS
    for arm in record.arms:
        if not arm.listed or time.monotonic() >= until:
            continue
        steps = time_training(from_plain(json.loads(arm.spec)), workspace, threads)
        try:
            while not stop():
                next(steps)
            return found
        except StopIteration as end:
            found[arm.key] = end.value[-1].epoch
        except FittingRoomError:
            continue  # which is told when it is trained
    return found
