"""The curves that a run's own go on from: those of the runs that it continues, and of its phases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fittingroom.measure.history import History, joined as join
from fittingroom.store import RunDetails


def history_of(run: RunDetails, find: Callable[[str], RunDetails | None], *, joined: bool = False) -> History:
    """The run's epochs after those of the runs that it continues, with the boundaries between them.

    ``joined`` also goes back over forks and transfers, whose own epochs began at 1 again: all are numbered through.
    Runs that ``find`` does not find, because they were deleted, are left out, and what came before them.
    """
    kinds = {"continue", "fork", "transfer"} if joined else {"continue"}
    trainings = []
    while True:
        kind, source = run.lineage.get("kind"), run.lineage.get("from")
        trainings.append((f"{kind} of {source}", run))
        parent = find(str(source)) if kind in kinds else None
        if parent is None:
            break
        until = run.lineage["epoch"]
        epochs = tuple(epoch for epoch in parent.epochs if isinstance(until, int) and epoch.epoch <= until)
        run = replace(parent, epochs=epochs)
    trainings[-1] = (trainings[-1][1].id, trainings[-1][1])
    return join((name, run.epochs) for name, run in reversed(trainings))
