"""The files of an import: in a folder of this machine, or uploaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os.path import exists  # which does not raise for names that are too long
from pathlib import Path

from fittingroom.data.formats import format_of
from fittingroom.data.naming import shown
from fittingroom.errors import FittingRoomError, InvalidInput
from fittingroom.web.places import Reach
from fittingroom.web.uploads import Upload


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

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of those that could tell the class; none where there are no columns, or nothing can be read."""
        try:
            self.reach.check(self.path)
            return tuple(format_of(self.path).columns(self.path)) if exists(self.path) else ()
        except FittingRoomError:
            return ()

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
            self.upload.drop("this upload was imported, and its files are gone; begin it again")
