"""Long work in threads of the page: begun once, watched from any tab, and ended when somebody asks for that.

    task = tasks.begin(("download", "mnist"), lambda tell: download("mnist", workspace, progress=tell))

What takes torch is no such work: the process of ``inference`` does that.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Literal

from starlette.requests import HTTPConnection

from fittingroom.errors import FittingRoomError
from fittingroom.web.shelf import Recent
from fittingroom.web.site import only_one

KEPT = 100
State = Literal["running", "done", "failed", "cancelled"]
Tell = Callable[[str, float, float], None]
"""Told what is being done, how much of it is done, and of how much; raises Cancelled when it is to end."""


class Cancelled(Exception):
    """The user does not want it any more."""


@dataclass(eq=False)
class Task:
    """Long work, and how far it has come. Threads may share it."""

    doing: str = ""
    done: float = 0
    total: float = 0
    """0 while it is not known."""
    state: State = "running"
    problem: str = ""
    """Why it failed."""
    _cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def percent(self) -> float:
        return min(100 * self.done / self.total, 100.0) if self.total else 0.0

    @property
    def ending(self) -> bool:
        """Whether it was cancelled and has not ended yet."""
        return self.state == "running" and self._cancelled.is_set()

    def cancel(self) -> None:
        """End it soon."""
        self._cancelled.set()

    def tell(self, doing: str, done: float, total: float) -> None:
        """Raises Cancelled."""
        if self._cancelled.is_set():
            raise Cancelled
        self.doing, self.done, self.total = doing, done, total


class Tasks:
    """The long work of a site; the last of it is remembered."""

    def __init__(self) -> None:
        self._recent: Recent[Task] = Recent(KEPT)
        self._lock = threading.Lock()

    @classmethod
    def of(cls, request: HTTPConnection) -> Tasks:
        """The site's."""
        return only_one(request, cls, cls)

    def begin(self, key: Hashable, work: Callable[[Tell], object], doing: str = "") -> Task:
        """Begin it in a thread; where it is going on already, nothing happens."""
        with self._lock:
            known = self._recent.get(key)
            if known is not None and known.state == "running":
                return known
            task = Task(doing)
            self._recent.put(key, task)
        threading.Thread(target=_work, args=(task, work), name=str(key), daemon=True).start()
        return task

    def known(self, key: Hashable) -> Task | None:
        """What was begun last by this key, if anything was."""
        return self._recent.get(key)

    def running(self, key: Hashable) -> bool:
        task = self.known(key)
        return task is not None and task.state == "running"


def _work(task: Task, work: Callable[[Tell], object]) -> None:
    """Do it, and say how it ended."""
    state: State = "failed"
    try:
        work(task.tell)
        state = "done"
    except Cancelled:
        state = "cancelled"
    except FittingRoomError as error:
        task.problem = str(error)
    except Exception:
        logging.getLogger(__name__).exception("%s failed", threading.current_thread().name)
        task.problem = "This failed for a reason that was not foreseen; the terminal says more."
    task.state = state
