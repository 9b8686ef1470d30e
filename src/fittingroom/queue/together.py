"""How the runs of a comparison share the cores of a machine: the arithmetic, what is remembered of it, and its words.

They are trained one after the other with all cores, or several at once with fewer threads each. Results depend on the
number of threads to the last bit, so one number is chosen for all runs of a comparison; it is in the lineage of each.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from fittingroom.spec.mistakes import many

KEY, THREADS = "comparison", "threads"
"""Where in a lineage it stands that a run belongs to a comparison, and with how many threads it is to be trained."""
DISTURBING = 0.15
"""A share of the processors; where other programs use more, a measurement tells little."""


@dataclass(frozen=True)
class Way:
    """So many processes at the same time, each with so many threads, and what a training step took so."""

    threads: int
    at_once: int
    seconds: float | None = None
    """Of a step, the slowest process's; None where it was not measured."""

    def __str__(self) -> str:
        return f"one after the other with {many(self.threads, 'thread')}" if self.at_once == 1 else self.of_one

    @property
    def of_one(self) -> str:
        """How one of these processes runs."""
        threads = many(self.threads, "thread")
        return f"alone with {threads}" if self.at_once == 1 else f"{self.at_once} at once with {threads} each"


@dataclass(frozen=True)
class Comparison:
    """Runs that were asked for together, and, once it is chosen, how they share the cores."""

    id: str
    runs: int
    """How many were asked for."""
    threads: int | None = None
    """Of every run; None until it is chosen."""
    cores: int | None = None
    """Of the machine where it was chosen; None where the threads were asked for."""
    measured: tuple[Way, ...] = ()
    """Empty where there was nothing to choose."""
    others: float = 0.0
    """The share of the processors that other programs used meanwhile, from 0 to 1."""

    @classmethod
    def new(cls, runs: int, threads: int | None = None) -> Comparison:
        """With an id that no other has."""
        return cls(uuid.uuid4().hex[:12], runs, threads)

    @classmethod
    def of(cls, lineage: Mapping[str, Any]) -> Comparison | None:
        """What a run's lineage says of it; None for a run that belongs to none."""
        found = lineage.get(KEY)
        if found is None:
            return None
        measured = tuple(Way(way["threads"], way["at_once"], way["seconds"]) for way in found.get("measured", ()))
        others = found.get("others", 0.0)
        return cls(found["id"], found["runs"], lineage.get(THREADS), found.get("cores"), measured, others)

    def in_lineage(self) -> dict[str, Any]:
        """What a lineage holds of it."""
        own: dict[str, Any] = {"id": self.id, "runs": self.runs}
        if self.cores is not None:
            own |= {"cores": self.cores, "measured": [asdict(way) for way in self.measured], "others": self.others}
        return {KEY: own} | ({} if self.threads is None else {THREADS: self.threads})

    def sharing(self, cores: int, threads: int, measured: Sequence[Way] = (), others: float = 0.0) -> Comparison:
        """The same with what has been chosen."""
        return replace(self, cores=cores, threads=threads, measured=tuple(measured), others=others)

    def __str__(self) -> str:
        """In a line; empty while nothing is chosen."""
        if self.threads is None or self.cores is None:
            return ""
        chosen = Way(self.threads, at_once(self.runs, self.cores, self.threads))
        told = f"{many(self.runs, 'run')} on {many(self.cores, 'core')}: {chosen}"
        steps = [f"{1000 * way.seconds:.3g} ms {way.of_one}" for way in self.measured if way.seconds is not None]
        told += f". A training step takes {', '.join(steps)}." if steps else "."
        if self.others > DISTURBING:
            told += f" Other programs used {100 * self.others:.0f} % of the processors while this was measured."
        return told


def at_once(runs: int, cores: int, threads: int) -> int:
    """How many of so many runs are trained at the same time, so that processes × threads <= cores."""
    return max(1, min(runs, cores // threads))


def ways(runs: int, cores: int) -> list[Way]:
    """What is worth measuring: all cores for one run, for 2, 4, 8 … at once, for all runs at once; and one each."""
    widths = {width for power in range(cores.bit_length()) if (width := 2**power) <= min(runs, cores)}
    numbers = {cores // width for width in widths} | {cores // min(runs, cores), 1}
    return [Way(threads, at_once(runs, cores, threads)) for threads in sorted(numbers, reverse=True)]


def quickest(runs: int, cores: int, measured: Sequence[Way]) -> Way:
    """The way that has all runs done first; of equal ones, that with more threads, whose first result comes first."""

    def total(way: Way) -> float:
        assert way.seconds is not None
        return math.ceil(runs / at_once(runs, cores, way.threads)) * way.seconds

    return min(measured, key=lambda way: (total(way), -way.threads))
