"""How much a machine does beside what is being measured on it."""

from __future__ import annotations

import os
from collections.abc import Sequence

import psutil


class Busy:
    """How much the machine does beside this process, or some others, from now on."""

    def __init__(self, processes: Sequence[int] = ()) -> None:
        self._processes = [psutil.Process(number) for number in processes or [os.getpid()]]
        self._began = self._now()

    def others(self) -> float:
        """The share of the processors that others used, from 0 to 1."""
        every, idle, own = (now - then for now, then in zip(self._now(), self._began, strict=True))
        return min(1.0, max(0.0, (every - idle - own) / every)) if every else 0.0

    def _now(self) -> tuple[float, float, float]:
        """Processor seconds: all, idle ones, and those of these processes."""
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        every = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)  # which user holds too
        own = [process.cpu_times() for process in self._processes]
        return every, idle, sum(each.user + each.system for each in own)
