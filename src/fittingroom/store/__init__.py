"""What is remembered: runs, attempts, epochs, progress, artifacts, data sets and openings of the test set.

``Store`` is the whole door; what goes in and out are the frozen records of ``records``. SQLAlchemy (0.2 s) is
imported when ``Store`` is first asked for, so that importing this room for its records costs little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fittingroom.store.owners import Owner
from fittingroom.store.records import (
    ArmRecord,
    Artifact,
    AttemptRecord,
    DataRecord,
    DiskUse,
    EndState,
    NewRun,
    NewStudy,
    Opening,
    ProgressRow,
    Request,
    RunDetails,
    RunState,
    RunSummary,
    Score,
    StaleAttempt,
    StudyRecord,
    TakenUp,
    WorkerRecord,
)

if TYPE_CHECKING:
    from fittingroom.store.store import Store

__all__ = [
    "ArmRecord",
    "Artifact",
    "AttemptRecord",
    "DataRecord",
    "DiskUse",
    "EndState",
    "NewRun",
    "NewStudy",
    "Opening",
    "Owner",
    "ProgressRow",
    "Request",
    "RunDetails",
    "RunState",
    "RunSummary",
    "Score",
    "StaleAttempt",
    "Store",
    "StudyRecord",
    "TakenUp",
    "WorkerRecord",
]


def __getattr__(name: str) -> object:
    if name == "Store":
        from fittingroom.store.store import Store

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
