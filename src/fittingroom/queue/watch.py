"""Signs of life of processes on other hosts, watched by one's own clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from fittingroom.store import RunDetails, Store

SECONDS_WITHOUT_A_BEAT = 60.0
"""How long a process of another host may show no sign of life before it is given up."""
SECONDS_BETWEEN_LOOKS = 0.1


class Watch:
    """Processes of other hosts, whose beats this one has seen, by its own clock."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, int], tuple[int, float]] = {}
        """By run and attempt: its beats, and when they were first seen to be so many."""

    def given_up(self, beats: Mapping[tuple[str, int], int]) -> list[tuple[str, int]]:
        """Those whose beats have stood still for too long. ``beats`` are what they are now."""
        now = time.monotonic()
        unseen = (-1, now)
        self.seen = {
            attempt: self.seen[attempt] if self.seen.get(attempt, unseen)[0] == count else (count, now)
            for attempt, count in beats.items()
        }
        return [attempt for attempt, (_, since) in self.seen.items() if now - since >= SECONDS_WITHOUT_A_BEAT]


def looks(
    store: Store, run: str, tell: Callable[[str], object], *, at_least: float = 0.0, at_most: float = math.inf
) -> Iterator[RunDetails]:
    """The run, looked at ten times a second, for so many seconds, and until it is clear whether its process lives.

    That takes time only for a process of another host, and ``tell`` is told so: its first new beat shows that it
    lives. One that shows none is given up, and its run is ``interrupted`` in the last look.
    """
    watch, began, first = Watch(), time.monotonic(), dict[tuple[str, int], int]()
    while True:
        found = store.run(run)
        beats = _beats_elsewhere(found)
        if watch.given_up(beats):
            found, beats = replace(found, state="interrupted"), {}
        yield found
        if beats and not first:
            first = beats
            tell(_waits_for(found))
        seconds, unclear = time.monotonic() - began, beats and beats == first
        if seconds >= at_most or (seconds >= at_least and not unclear):
            return
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _beats_elsewhere(run: RunDetails) -> dict[tuple[str, int], int]:
    """Those of the run's process, if it is at work where nobody here can look."""
    if run.state != "running" or run.attempts[-1].owner.alive() is not None:
        return {}
    return {(run.id, run.attempt): run.attempts[-1].beats}


def _waits_for(run: RunDetails) -> str:
    owner = run.attempts[-1].owner
    return (
        f"{run.id} is being trained by process {owner.pid} on {owner.host}, where this one cannot look; "
        f"waiting for a sign of life, for up to {SECONDS_WITHOUT_A_BEAT:g} seconds"
    )
