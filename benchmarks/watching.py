"""A process whose lines of JSON are heard at the moment they come, and the memory that it took. Linux and macOS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from side_by_side import kill_session, last_words

Hear = Callable[[float, dict[str, Any]], bool]
"""Seconds since the process was started, and what it says; True ends it."""


@dataclass(frozen=True)
class Watched:
    """A process that has ended."""

    seconds: float
    peak_memory: int
    """Bytes that it had at once at most; its children's do not count."""


def watch(
    command: Sequence[str | Path], seconds_allowed: float, hear: Hear, environment: Mapping[str, str] | None = None
) -> Watched:
    """Run a process to its end, or until ``hear`` has heard enough; nothing of it is left, whatever happens.

    Raises SystemExit with the process's own last words when it fails or takes longer than it may.
    """
    name = " ".join(str(word) for word in command)
    with tempfile.TemporaryFile() as complaints:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints,
            env={**os.environ, **(environment or {})}, start_new_session=True, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        deadline = threading.Timer(seconds_allowed, kill_session, [process.pid])
        deadline.daemon = True
        enough = False
        try:
            deadline.start()
            for line in process.stdout:
                if enough := hear(time.perf_counter() - start, json.loads(line)):
                    break
        finally:
            if enough or sys.exc_info()[0] is not None:
                kill_session(process.pid)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.perf_counter() - start
            deadline.cancel()
            kill_session(process.pid)
            process.stdout.close()
        if not enough and seconds >= seconds_allowed:
            raise SystemExit(f"stopped after {seconds_allowed:.0f} s, the longest that was allowed: {name}")
        if not enough and process.returncode != 0:
            raise SystemExit(f"{last_words(complaints)}\n\nended with status {process.returncode}: {name}")
        return Watched(seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
