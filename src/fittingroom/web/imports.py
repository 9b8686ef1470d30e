"""Imports, from folders of this machine and from uploads: what was understood of each, and how far it has come."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from starlette.requests import Request

from fittingroom.data.formats import proposed_name
from fittingroom.data.incoming import Preview
from fittingroom.data.sources import import_data, names, preview_data
from fittingroom.errors import FittingRoomError, InvalidInput, NotFound
from fittingroom.web.shelf import Recent
from fittingroom.web.site import only_one
from fittingroom.web.tasks import Cancelled
from fittingroom.web.wizard.pictures import Pictures
from fittingroom.web.wizard.plan import Plan
from fittingroom.web.wizard.source import Source
from fittingroom.web.wizard.wish import Wish
from fittingroom.workspace import Workspace

KEPT, KEPT_PICTURES = 32, 8
"""Imports that are remembered, each with what was understood of its files, and those whose exemplars are."""
PATIENCE = 2.0
"""Seconds that a browser waits for what was understood before it is shown how far the looking has come."""
State = Literal["looking", "understood", "running", "done", "failed"]


LOST = NotFound("this import is not known any more: the server was restarted since; begin it again")


@dataclass(eq=False)
class Import:
    """One folder or file: looked into first, imported when that is asked for. Threads may share it."""

    wish: Wish
    source: Source
    name: str
    """That it has, or is proposed to have."""
    preview: Preview | None = None
    """The files as they are; None before that was understood."""
    pictures: Pictures | None = None
    columns: tuple[str, ...] = ()
    """Names of those that could tell the class, where the files have columns."""
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: State = "looking"
    done: int = 0
    """Files looked at, or images read."""
    of: int = 0
    """How many there are; 0 while that is not known."""
    problem: str = ""
    """Why it ended without a data set."""
    cancelled: bool = False
    """Whether that is what the user asked for."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _cancelled: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def understand(cls, wish: Wish, source: Source) -> Import:
        """Look into the files, in a thread; waits a little, so that a few files are understood at once.

        Raises InvalidInput for a wish that none can fulfil, and for what is found to be wrong meanwhile.
        """
        wish.wanted()
        found = cls(wish, source, wish.name.strip() or proposed_name(Path(source.called)))
        found._start(found._look).join(PATIENCE)
        if found.state == "failed":
            raise InvalidInput(found.problem)
        return found

    @property
    def is_gone(self) -> bool:
        """Whether the files were uploaded, and are not there any more."""
        return self.source.upload is not None and self.source.upload.is_gone

    def plan(self, wish: Wish, workspace: Workspace) -> Plan | None:
        """What it would come to by the wish of one page; None before it was understood."""
        if self.preview is None:
            return None
        return Plan.of(wish, self.name, self.preview, [info.name for info in names(workspace)])

    def begin(self, plan: Plan, workspace: Workspace) -> None:
        """Import it in a thread; nothing happens when that goes on or is done already."""
        with self._lock:
            if self.state in {"looking", "running", "done"} or not plan.ready or self.is_gone:
                return
            self.state, self.done, self.of = "running", 0, plan.preview.images
            self.problem, self.cancelled, self.name = "", False, plan.name
            self._cancelled.clear()
        self._start(lambda: self._import(plan, workspace))

    def cancel(self) -> None:
        """End it soon, with nothing left of it."""
        self._cancelled.set()

    def _start(self, work: Callable[[], State]) -> threading.Thread:
        thread = threading.Thread(target=self._work, args=(work,), name=f"import {self.name}", daemon=True)
        thread.start()
        return thread

    def _work(self, work: Callable[[], State]) -> None:
        """Do it, and say how it ended."""
        state: State = "failed"
        problem = ""
        try:
            state = work()
        except Cancelled:
            problem = "The import was cancelled; nothing of it is left."
        except FittingRoomError as error:
            problem = self.source.told(error)
        except Exception:
            logging.getLogger(__name__).exception("the import of %s failed", self.source.path)
            problem = "The import failed for a reason that was not foreseen; the terminal says more."
        with self._lock:
            self.state, self.problem, self.cancelled = state, problem, self._cancelled.is_set()

    def _look(self) -> State:
        source = self.source
        source.reach.check(source.path)
        self.name, preview = preview_data(source.path, self.name, None, self._progress, self.wish.looking)
        self.pictures, self.columns = Pictures(preview), source.columns
        self.preview = preview
        return "understood"

    def _import(self, plan: Plan, workspace: Workspace) -> State:
        source = self.source
        with source.in_use():
            source.reach.check(source.path)  # again: a link may have come since it was understood
            import_data(source.path, workspace, plan.name, None, self._progress, source.called, plan.wanted)
        source.drop()
        self.preview = self.pictures = None  # nobody needs them any more
        return "done"

    def _progress(self, done: int, of: int = 0) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        self.done, self.of = done, of or self.of


class Imports:
    """The imports of a site; the last few are remembered."""

    def __init__(self) -> None:
        self._recent: Recent[Import] = Recent(KEPT)
        self._pictured: deque[Import] = deque()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, request: Request) -> Imports:
        """The site's."""
        return only_one(request, cls, cls)

    def add(self, found: Import) -> None:
        self._recent.put(found.id, found)

    def pictures(self, found: Import) -> Pictures:
        """The exemplars of one import, while others that were looked at long ago let go of theirs.

        Raises NotFound where there are none yet.
        """
        if found.pictures is None:
            raise NotFound("this import has not been understood yet")
        with self._lock:
            if found in self._pictured:
                self._pictured.remove(found)
            self._pictured.append(found)
            older = self._pictured.popleft() if len(self._pictured) > KEPT_PICTURES else None
        if older is not None and older.pictures is not None:
            older.pictures.forget()
        return found.pictures

    def find(self, id: str) -> Import:
        """Raises NotFound, also after the server was restarted."""
        found = self._recent.get(id)
        if found is None:
            raise LOST
        return found
