"""Imports from folders of this machine: what was understood of each, and how far it has come."""

from __future__ import annotations

import logging
import re
import secrets
import threading
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from starlette.requests import Request

from fittingroom.data.formats import parse_size, stem
from fittingroom.data.incoming import Preview
from fittingroom.data.sources import import_data, names, preview_data
from fittingroom.errors import FittingRoomError, InvalidInput, NotFound
from fittingroom.web.shelf import Recent
from fittingroom.workspace import Workspace

KEPT = 20
Size = tuple[int, int]
State = Literal["understood", "running", "done", "failed"]


class Cancelled(Exception):
    """The user does not want it any more."""


@dataclass(frozen=True)
class Wish:
    """What the user typed, as it was typed."""

    path: str = ""
    name: str = ""
    size: str = ""


@dataclass(eq=False)
class Import:
    """One folder: understood first, imported when that is asked for. Threads may share it."""

    wish: Wish
    name: str
    size: Size | None
    preview: Preview
    taken: bool
    """Whether the workspace has a data set of this name."""
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: State = "understood"
    images: int = 0
    """Read so far."""
    problem: str = ""
    """Why it ended without a data set."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _cancelled: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def understand(cls, wish: Wish, workspace: Workspace) -> Import:
        """Look into the folder. Raises InvalidInput for a path, name or size that will not do."""
        path, size = plain_path(wish.path), parse_size(wish.size)
        name, preview = preview_data(path, wish.name.strip() or proposed_name(path), size)
        return cls(wish, name, size, preview, taken=any(info.name == name for info in names(workspace)))

    @property
    def shape(self) -> Size | None:
        """Height and width that all images will have; None while they differ."""
        if self.size:
            return self.size
        return self.preview.sizes[0][0] if len(self.preview.sizes) == 1 else None

    @property
    def ready(self) -> bool:
        """Whether nothing is known that would make the import fail."""
        return self.shape is not None and not self.preview.unreadable

    def begin(self, workspace: Workspace) -> None:
        """Import it in a thread; nothing happens when that goes on or is done already."""
        with self._lock:
            if self.state in {"running", "done"} or not self.ready:
                return
            self.state, self.images, self.problem = "running", 0, ""
            self._cancelled.clear()
        threading.Thread(target=self._work, args=(workspace,), name=f"import {self.name}", daemon=True).start()

    def cancel(self) -> None:
        """End it soon, with nothing left of it."""
        self._cancelled.set()

    def _work(self, workspace: Workspace) -> None:
        try:
            import_data(self.preview.path, workspace, self.name, self.size, self._progress)
        except Cancelled:
            self._end("failed", "The import was cancelled; nothing of it is left.")
        except FittingRoomError as error:
            self._end("failed", str(error))
        except Exception:
            logging.getLogger(__name__).exception("the import of %s failed", self.preview.path)
            self._end("failed", "The import failed for a reason that was not foreseen; the terminal says more.")
        else:
            self._end("done")

    def _progress(self, images: int) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        self.images = images

    def _end(self, state: State, problem: str = "") -> None:
        with self._lock:
            self.state, self.problem = state, problem


class Imports:
    """The imports of a site; the last few are remembered."""

    def __init__(self) -> None:
        self._recent: Recent[Import] = Recent(KEPT)

    @classmethod
    def of(cls, request: Request) -> Imports:
        """The site's, made when it is first asked for."""
        state = request.app.state
        if not hasattr(state, "imports"):
            state.imports = cls()
        imports: Imports = state.imports
        return imports

    def add(self, found: Import) -> None:
        self._recent.put(found.id, found)

    def find(self, id: str) -> Import:
        """Raises NotFound, also after the server was restarted."""
        found = self._recent.get(id)
        if found is None:
            raise NotFound("this import is not known any more; begin it again")
        return found


def plain_path(text: str) -> str:
    """A path as people paste it: without blanks and quotation marks around it."""
    path = text.strip()
    if len(path) > 1 and path[0] == path[-1] and path[0] in "\"'":
        path = path[1:-1]
    if not path:
        raise InvalidInput("there is no path yet; give the path of a folder of images on this machine")
    return path


def proposed_name(path: str) -> str:
    """The folder's or file's name, with what a name cannot have left out: ``My photos (2)`` becomes ``My-photos-2``."""
    plain = unicodedata.normalize("NFKD", stem(Path(path))).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._]+", "-", plain).strip("-._")[:64] or "images"
