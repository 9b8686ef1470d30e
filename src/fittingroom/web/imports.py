"""Imports, from folders of this machine and from uploads: what was understood of each, and how far it has come."""

from __future__ import annotations

import logging
import re
import secrets
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from starlette.requests import Request

from fittingroom.data.formats import parse_size, stem
from fittingroom.data.incoming import Preview
from fittingroom.data.naming import shown
from fittingroom.data.sources import import_data, names, preview_data
from fittingroom.data.wanted import Size, Wanted
from fittingroom.errors import FittingRoomError, InvalidInput, NotFound
from fittingroom.web.places import Reach
from fittingroom.web.shelf import Recent
from fittingroom.web.site import only_one
from fittingroom.web.uploads import Upload
from fittingroom.workspace import Workspace

KEPT = 200
PATIENCE = 2.0
"""Seconds that a browser waits for what was understood before it is shown how far the looking has come."""
State = Literal["looking", "understood", "running", "done", "failed"]


class Cancelled(Exception):
    """The user does not want it any more."""


@dataclass(frozen=True)
class Wish:
    """What the user asked for, as it was typed."""

    path: str = ""
    name: str = ""
    size: str = ""
    upload: str = ""
    """The upload that is meant, in place of a path."""


@dataclass(frozen=True, eq=False)
class Source:
    """The files that are imported, and what their user knows them by."""

    path: Path
    called: str
    reach: Reach
    """How far links in it may lead."""
    upload: Upload | None = None
    """Whose files they are, for as long as they are needed."""

    @classmethod
    def typed(cls, text: str, reach: Reach) -> Source:
        """A path of this machine."""
        path = reach.find(text)
        return cls(path, shown(path), reach)

    @classmethod
    def uploaded(cls, upload: Upload) -> Source:
        """What a browser has sent; raises InvalidInput while there is more to come."""
        with upload.lock:
            if not upload.is_complete:
                raise InvalidInput(upload.problem or "this upload is not complete; begin it again")
            return cls(upload.root, upload.called, Reach(None), upload)  # there are no links: the server wrote it all

    def told(self, error: FittingRoomError) -> str:
        """An error in words that do not tell where uploads are kept."""
        return str(error) if self.upload is None else str(error).replace(shown(self.path), self.called)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """While it is read; raises FittingRoomError where it must not be, or is not there any more."""
        if self.upload is None:
            yield
            return
        self.upload.use()
        try:
            yield
        finally:
            self.upload.leave()

    def drop(self) -> None:
        """It is not needed any more; folders of users stay as they are."""
        if self.upload is not None:
            self.upload.drop("this upload was imported or given up, and its files are gone; begin it again")


@dataclass(eq=False)
class Import:
    """One folder: looked into first, imported when that is asked for. Threads may share it."""

    wish: Wish
    source: Source
    wanted: Wanted
    name: str
    preview: Preview | None = None
    """What was understood; None before that."""
    taken: bool = False
    """Whether the workspace has a data set of this name."""
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: State = "looking"
    done: int = 0
    """Files looked at, or images read."""
    of: int = 0
    """How many there are; 0 while that is not known."""
    problem: str = ""
    """Why it ended without a data set."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _cancelled: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def understand(cls, wish: Wish, source: Source, workspace: Workspace) -> Import:
        """Look into the files, in a thread; waits a little, so that a few files are understood at once.

        Raises InvalidInput for a size that is none, and for what is found to be wrong meanwhile.
        """
        found = cls(wish, source, Wanted(size=parse_size(wish.size)), wish.name.strip() or proposed_name(source.called))
        found._start(found._look, workspace).join(PATIENCE)
        if found.state == "failed":
            raise InvalidInput(found.problem)
        return found

    @property
    def shape(self) -> Size | None:
        """Height and width that all images will have; None while they differ."""
        return self.wanted.size if self.preview is None else self.preview.size

    @property
    def is_gone(self) -> bool:
        """Whether the files were uploaded, and are not there any more."""
        return self.source.upload is not None and self.source.upload.is_gone

    @property
    def ready(self) -> bool:
        """Whether nothing is known that would make the import fail."""
        understood = self.preview is not None and not self.preview.unreadable
        return understood and self.shape is not None and not self.is_gone

    def begin(self, workspace: Workspace) -> None:
        """Import it in a thread; nothing happens when that goes on or is done already."""
        with self._lock:
            if self.state in {"looking", "running", "done"} or not self.ready or self.preview is None:
                return
            self.state, self.done, self.of, self.problem = "running", 0, self.preview.images, ""
            self._cancelled.clear()
        self._start(self._import, workspace)

    def cancel(self) -> None:
        """End it soon, with nothing left of it."""
        self._cancelled.set()

    def _start(self, work: Callable[[Workspace], State], workspace: Workspace) -> threading.Thread:
        thread = threading.Thread(target=self._work, args=(work, workspace), name=f"import {self.name}", daemon=True)
        thread.start()
        return thread

    def _work(self, work: Callable[[Workspace], State], workspace: Workspace) -> None:
        """Do it, and say how it ended."""
        state: State = "failed"
        problem = ""
        try:
            state = work(workspace)
        except Cancelled:
            self.source.drop()
            problem = "The import was cancelled; nothing of it is left."
        except FittingRoomError as error:
            problem = self.source.told(error)
        except Exception:
            logging.getLogger(__name__).exception("the import of %s failed", self.source.path)
            problem = "The import failed for a reason that was not foreseen; the terminal says more."
        with self._lock:
            self.state, self.problem = state, problem

    def _look(self, workspace: Workspace) -> State:
        source = self.source
        source.reach.check(source.path)
        self.name, preview = preview_data(source.path, self.name, None, self._progress, self.wanted)
        self.taken = any(info.name == self.name for info in names(workspace))
        self.preview = preview
        return "understood"

    def _import(self, workspace: Workspace) -> State:
        source = self.source
        with source.in_use():
            source.reach.check(source.path)  # again: a link may have come since it was understood
            import_data(source.path, workspace, self.name, None, self._progress, source.called, self.wanted)
        source.drop()
        return "done"

    def _progress(self, done: int, of: int = 0) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        self.done, self.of = done, of or self.of


class Imports:
    """The imports of a site; the last few are remembered."""

    def __init__(self) -> None:
        self._recent: Recent[Import] = Recent(KEPT)

    @classmethod
    def of(cls, request: Request) -> Imports:
        """The site's."""
        return only_one(request, cls, cls)

    def add(self, found: Import) -> None:
        self._recent.put(found.id, found)

    def find(self, id: str) -> Import:
        """Raises NotFound, also after the server was restarted."""
        found = self._recent.get(id)
        if found is None:
            raise NotFound("this import is not known any more; begin it again")
        return found


def proposed_name(path: str) -> str:
    """The folder's or file's name, with what a name cannot have left out: ``My photos (2)`` becomes ``My-photos-2``."""
    plain = unicodedata.normalize("NFKD", stem(Path(path))).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._]+", "-", plain).strip("-._")[:64] or "images"
