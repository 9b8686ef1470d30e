"""Every path that Fitting Room writes to, in one place: a workspace folder and the cache folder.

The workspace is ``--workspace DIR``, else ``$FITTINGROOM_WORKSPACE``, else the platform's user data folder.
The cache is ``$FITTINGROOM_CACHE``, else the platform's user cache folder; it can be deleted at any time.
Nothing is written anywhere else.
"""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fittingroom.errors import WorkspaceUnusable

APPLICATION = "fittingroom"


@dataclass(frozen=True)
class Workspace:
    """The folder that holds the database, the imported data sets and the runs' artifacts."""

    root: Path

    @classmethod
    def find(cls, chosen: str | os.PathLike[str] | None = None) -> Workspace:
        """The workspace that was chosen, or that the environment names, or the platform's own."""
        place = chosen or os.environ.get("FITTINGROOM_WORKSPACE")
        if place:
            return cls(_absolute(place))
        import platformdirs  # 10 ms, and needed only when nothing else says where

        return cls(Path(platformdirs.user_data_dir(APPLICATION, appauthor=False)))

    @property
    def database(self) -> Path:
        return self.root / "fittingroom.sqlite"

    @property
    def data(self) -> Path:
        """Imported data sets, one folder each."""
        return self.root / "data"

    @property
    def cleaning(self) -> Path:
        """Journals of what was taken out of data sets, one file each."""
        return self.root / "cleaning"

    @property
    def runs(self) -> Path:
        """Artifacts, one folder per run."""
        return self.root / "runs"

    @property
    def drafts(self) -> Path:
        """Specs in the making, one for each browser."""
        return self.root / "drafts"

    @property
    def uploads(self) -> Path:
        """Files that browsers send, until they are imported; one folder for each server that takes them."""
        return self.root / "uploads"

    @property
    def logs(self) -> Path:
        """What workers say that nobody watches."""
        return self.root / "logs"

    def attempt(self, run: str, attempt: int) -> Path:
        """The folder of one attempt at a run: checkpoints, weights, predictions."""
        return self.runs / run / f"attempt-{attempt}"

    def create(self) -> Workspace:
        """Make the folder if it is missing; returns itself."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceUnusable(
                f"cannot create the workspace folder {self.root}: {error.strerror}; "
                "choose another with --workspace or FITTINGROOM_WORKSPACE"
            ) from error
        return self


def cache_folder() -> Path:
    """Where decoded data sets are kept; safe to delete."""
    place = os.environ.get("FITTINGROOM_CACHE")
    if place:
        return _absolute(place)
    import platformdirs

    return Path(platformdirs.user_cache_dir(APPLICATION, appauthor=False))


def _absolute(place: str | os.PathLike[str]) -> Path:
    """With ``~`` replaced, but where there is no such user: ``Path.expanduser`` raises there."""
    return Path(os.path.expanduser(place)).absolute()


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file that is either complete or absent, whatever happens in between.

    ``write`` gets a temporary file beside ``path``, which is flushed to the disk and then renamed.
    Raises WorkspaceUnusable, and leaves an older file of that name as it was, when the disk is full or the
    folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise WorkspaceUnusable(
            f"cannot write {path}: {error.strerror or error}; {_way_out(error)} "
            "or choose another workspace with --workspace"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # renamed by now, or never made: what went wrong before is what to tell
            temporary.unlink()


def _way_out(error: OSError) -> str:
    full = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    return "free some space" if error.errno in full else "check that you may write there"
