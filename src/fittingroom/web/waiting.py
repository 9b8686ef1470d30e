"""What the cores are busy with: the run that is being trained, and those that wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fittingroom.spec.mistakes import many
from fittingroom.store import Store

NEWEST_RUNS = 200


@dataclass(frozen=True)
class Waiting:
    """The runs that a new one would wait for, by their ids."""

    running: Sequence[str]
    queued: Sequence[str]

    @classmethod
    def of(cls, store: Store) -> Waiting:
        """As it is now; reads the database."""
        runs = store.runs(NEWEST_RUNS)[::-1]
        running = [run.id for run in runs if run.state == "running"]
        queued = [run.id for run in runs if run.state == "queued" or (run.state == "interrupted" and run.queued)]
        return cls(running, queued)

    @property
    def busy(self) -> bool:
        return bool(self.running or self.queued)

    @property
    def behind(self) -> str:
        """What the next run comes after: ``1 run waits``; empty where nothing waits."""
        return f"{many(len(self.queued), 'run')} {'wait' if len(self.queued) > 1 else 'waits'}" if self.queued else ""
