"""Everything that can go wrong for a user, as one tree.

    FittingRoomError                 any error that a message to the user explains in full
    ├── InvalidInput                 what was asked for cannot be done; exit status 2
    │   ├── InvalidSpec              a spec has faults; all of them are listed
    │   ├── InvalidData              images or labels cannot be read as a data set
    │   └── NotFound                 no run, data set, preset or file of that name
    ├── TrainingDiverged             the loss became NaN or infinite; exit status 1
    ├── DownloadFailed               a file cannot be had from the internet; exit status 1
    └── WorkspaceError               the workspace cannot be read or written; exit status 1
        ├── WorkspaceBusy            somebody else holds the database; it may be tried again
        └── WorkspaceUnusable        the disk is full, or the database broken: nothing at all can be done there

Every message says what was wrong, where, with the user's own values, and what to do. Our own bugs are
``assert`` failures and never one of these. This module imports nothing from the package.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple


class Fault(NamedTuple):
    """One thing that is wrong in a spec."""

    path: str
    """Where: ``network[3].units`` or ``train.optimizer.learning_rate``."""
    message: str
    """What is wrong there, with the user's value."""
    fix: str
    """What to do about it, as an imperative phrase."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}; {self.fix}" if self.path else f"{self.message}; {self.fix}"


class FittingRoomError(Exception):
    """An error whose message is meant for the user."""

    exit_status = 1


class InvalidInput(FittingRoomError, ValueError):
    """What was asked for cannot be done as asked."""

    exit_status = 2


class InvalidSpec(InvalidInput):
    """A spec has faults. ``faults`` holds every one of them, not only the first."""

    def __init__(self, faults: Iterable[Fault], title: str = "the spec has faults") -> None:
        self.faults = tuple(faults)
        self.title = title
        super().__init__("\n".join([f"{title}:", *(f"  {fault}" for fault in self.faults)]))

    def __reduce__(self) -> tuple[type[InvalidSpec], tuple[tuple[Fault, ...], str]]:
        """Pickled by its faults: errors cross from worker processes."""
        return type(self), (self.faults, self.title)


class InvalidData(InvalidInput):
    """Images or labels cannot be read as a data set."""


class NotFound(InvalidInput):
    """There is nothing of that name."""


class TrainingDiverged(FittingRoomError):
    """The training loss became NaN or infinite."""


class DownloadFailed(FittingRoomError):
    """A file cannot be had from the internet, or is another one than was published."""


class WorkspaceError(FittingRoomError):
    """The workspace (its folder, files or database) cannot be read or written."""


class WorkspaceBusy(WorkspaceError):
    """Another program holds the database, or its server is away for now: what was asked for may be tried again."""


class WorkspaceUnusable(WorkspaceError):
    """The disk is full, or the database cannot be used: whatever is tried next will fail as well."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean "kernel"?`` when a known word is close to ``word`` (in any case), else the list of known words."""
    names = sorted(known)
    without_case = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.lower(), without_case, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{without_case[close[0]]}"?'
    return f"known are: {', '.join(names)}"
