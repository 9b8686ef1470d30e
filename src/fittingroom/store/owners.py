"""Which process works on a run, and whether it still lives."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SAME_START_SECONDS = 2.0
"""Two readings of one process's start time since 1970 differ by less, as long as nobody sets the clock."""


@dataclass(frozen=True)
class Owner:
    """A process: its host, its number there, and when it started, because numbers are used again."""

    host: str
    pid: int
    started: float
    """Seconds, as ``start_of`` tells them."""

    @classmethod
    def this_process(cls) -> Owner:
        return cls(socket.gethostname(), os.getpid(), _own_start(os.getpid()))

    def alive(self) -> bool | None:
        """Whether the process still runs; None where it cannot be known: on another host."""
        if self.host != socket.gethostname():
            return None
        import psutil  # 10 ms, and only who works on a run, or asks about a running one, needs it

        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            since_1970 = abs(process.create_time() - self.started) < SAME_START_SECONDS
            return since_1970 or start_of(self.pid) == self.started
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True


def start_of(pid: int) -> float:
    """When a process started, by a clock that nobody can set: on Linux in seconds since the machine started.

    Elsewhere in seconds since 1970, which Windows and macOS keep as they were when the process started. Linux works
    them out anew each time from the present clock, so that every process seems another one when the clock is set.
    """
    import psutil

    if sys.platform != "linux":
        return psutil.Process(pid).create_time()
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        raise psutil.NoSuchProcess(pid) from None
    after_the_name = status.rpartition(b")")[2].split()  # a program's name may hold blanks and brackets
    return int(after_the_name[19]) / os.sysconf("SC_CLK_TCK")


@cache
def _own_start(pid: int) -> float:
    return start_of(pid)
