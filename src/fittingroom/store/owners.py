"""Which process works on a run, and whether it still lives."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

SAME_START_SECONDS = 2.0
"""Two readings of one process's start time differ by less: the system's boot time is estimated anew each time."""


@dataclass(frozen=True)
class Owner:
    """A process: its host, its number there, and when it started, because numbers are used again."""

    host: str
    pid: int
    started: float
    """Seconds since 1970, as the operating system tells it."""

    @classmethod
    def this_process(cls) -> Owner:
        import psutil  # 10 ms, and only who works on a run, or asks about a running one, needs it

        return cls(socket.gethostname(), os.getpid(), psutil.Process().create_time())

    def alive(self) -> bool | None:
        """Whether the process still runs; None where it cannot be known: on another host."""
        if self.host != socket.gethostname():
            return None
        import psutil

        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return bool(abs(process.create_time() - self.started) < SAME_START_SECONDS)
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True
