"""Which process works on a run, and whether it still lives."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

SAME_START_SECONDS = 2.0
"""Two readings of one process's start time since 1970 differ by less, as long as nobody sets the clock."""


@dataclass(frozen=True)
class Owner:
    """A process: where it runs, its number there, and when it started, because numbers are used again."""

    host: str
    """The name for people. It can change while the process runs, and other machines may have the same."""
    pid: int
    started: float
    """Seconds, as ``start_of`` tells them."""
    place: str | None = None
    """Where the number counts, as ``place_here`` tells it; None where the name of the host has to do."""

    @classmethod
    def this_process(cls) -> Owner:
        return cls(socket.gethostname(), os.getpid(), _own_start(os.getpid()), place_here())

    def is_this_process(self) -> bool:
        """Whether it is the one that asks, whatever its host was called then."""
        this = Owner.this_process()
        return self._whereabouts() == "here" and (self.pid, self.started) == (this.pid, this.started)

    def alive(self) -> bool | None:
        """Whether the process still runs; None where it cannot be known: on another host, in another container."""
        match self._whereabouts():
            case "elsewhere":
                return None
            case "gone":
                return False
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

    def _whereabouts(self) -> Literal["here", "gone", "elsewhere"]:
        """Where its number is to be looked up; ``gone``: this machine has been started anew since.

        Machines may be copies of each other and share an id, so its name has to be the same as well to say "gone".
        """
        here, same_name = place_here(), self.host == socket.gethostname()
        if self.place is None or here is None:
            return "here" if same_name else "elsewhere"
        if self.place == here:
            return "here"
        (machine, boot, _), (this_machine, this_boot, _) = self.place.split("/"), here.split("/")
        return "gone" if same_name and machine == this_machine and boot != this_boot else "elsewhere"


@cache
def place_here() -> str | None:
    """Where the number of this process counts: its machine, that machine's last start, and the container in it.

    None where the system does not tell, as only Linux does. None of it changes with the name of the host.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        numbers = os.readlink("/proc/self/ns/pid")  # every container counts its processes anew
    except OSError:
        return None
    return f"{_machine()}/{boot}/{numbers}"


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


def _machine() -> str:
    """The machine's id; hashed, as machine-id(5) asks of programs that show it. Empty where it has none."""
    try:
        own = Path("/etc/machine-id").read_bytes().strip()
    except OSError:
        return ""
    return hashlib.sha256(b"fittingroom " + own).hexdigest()[:12] if own else ""


@cache
def _own_start(pid: int) -> float:
    return start_of(pid)
