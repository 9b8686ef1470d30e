"""Files on their way from a browser into a data set: staged in the workspace, within limits, until they are imported.

Each server keeps them in a folder of its own, ``uploads/SERVER``, and holds a lock beside it as long as it lives. What
a killed server left behind has no living lock, and the next server removes it when it starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout
from starlette.requests import HTTPConnection

from fittingroom.errors import InvalidInput, NotFound, WorkspaceUnusable
from fittingroom.web.figures import count, size
from fittingroom.web.filenames import Names
from fittingroom.web.site import off_loop
from fittingroom.workspace import Workspace

USUAL_LIMIT = 2_000_000_000
MOST_FILES = 200_000
LARGEST_IMAGE = 64_000_000
MOST_OPEN = 64
PATIENCE = 3600.0
"""Seconds without a sign of life after which an upload is given up."""


class TooMuch(InvalidInput):
    """More than the limits allow."""


class Elsewhere(InvalidInput):
    """Something that is done just now already, or not yet."""


@dataclass(frozen=True)
class Limits:
    """Of one upload."""

    total: int = USUAL_LIMIT
    """Bytes; 0 where nothing may be uploaded."""
    files: int = MOST_FILES

    @property
    def each(self) -> int:
        """Bytes of an image."""
        return min(self.total, LARGEST_IMAGE)

    def check(self, files: int, total: int) -> None:
        """Raises TooMuch, and InvalidInput where there is nothing."""
        if not self.total:
            raise TooMuch("uploads are switched off; start `fittingroom web` with an --upload-limit to take them")
        if files < 1 or total < 0:
            raise InvalidInput("there is nothing to upload; choose a folder or a file")
        if files > self.files:
            raise TooMuch(f"{count(files)} files are too many; at most {count(self.files)} can be uploaded at once")
        if total > self.total:
            raise TooMuch(
                f"{size(total)} are too much; at most {size(self.total)} can be uploaded at once, unless "
                "`fittingroom web` is started with a larger --upload-limit"
            )


@dataclass(eq=False)
class Upload:
    """One folder, or one file, part after part. Threads may share it: whoever touches its files holds ``lock``."""

    folder: Path
    """Where its files go; exists until it is dropped."""
    limits: Limits
    files: int
    """As they were announced; so many have to come."""
    bytes: int
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    parts: int = 0
    """Parts that have come."""
    files_here: int = 0
    bytes_here: int = 0
    problem: str = ""
    """Why it was refused; its files are gone then."""
    names: Names = field(default_factory=Names)
    lock: threading.RLock = field(default_factory=threading.RLock)
    is_gone: bool = False
    in_use: bool = False
    """Whether it is being received or imported just now."""
    seen: float = field(default_factory=time.monotonic)

    @property
    def is_complete(self) -> bool:
        return not self.is_gone and self.files_here == self.files

    @property
    def root(self) -> Path:
        """What is to be imported: the folder or file that was chosen, or all of it where several were."""
        entries = list(self.folder.iterdir())
        return entries[0] if len(entries) == 1 else self.folder

    @property
    def called(self) -> str:
        """What its user knows it by."""
        return self.root.name if self.root != self.folder else "uploaded images"

    def use(self) -> None:
        """From now until ``leave`` nobody else may; raises Elsewhere, and NotFound where it is gone."""
        with self.lock:
            if self.is_gone:
                raise NotFound(self.problem or "this upload is not known any more; begin it again")
            if self.in_use:
                raise Elsewhere("this upload is in use already; wait until that is done")
            self.in_use = True

    def leave(self) -> None:
        with self.lock:
            self.in_use, self.seen = False, time.monotonic()
            if self.is_gone:  # dropped in the meantime, perhaps with a file open
                shutil.rmtree(self.folder, ignore_errors=True)

    def drop(self, problem: str = "") -> None:
        """Remove its files, whoever is using them."""
        with self.lock:
            self.is_gone, self.problem = True, self.problem or problem
            self.names = Names()
            shutil.rmtree(self.folder, ignore_errors=True)


class Uploads:
    """The uploads of one server."""

    def __init__(self, workspace: Workspace, limits: Limits) -> None:
        self.limits = limits
        self._place = workspace.uploads / secrets.token_hex(8)
        self._held = FileLock(f"{self._place}.lock", thread_local=False)  # every thread of the server holds it
        self._uploads: dict[str, Upload] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, request: HTTPConnection) -> Uploads:
        """The site's."""
        uploads: Uploads = request.app.state.uploads
        return uploads

    def begin(self, files: int, total: int) -> Upload:
        """Take note of what will come. Raises InvalidInput, and WorkspaceUnusable where it has no room."""
        self.limits.check(files, total)
        self.expire()
        with self._lock:
            living = [upload for upload in self._uploads.values() if not upload.is_gone]
            if len(living) >= MOST_OPEN:
                raise Elsewhere(f"{len(living)} uploads are going on; wait until one of them has ended")
            try:
                self._open()
                free = shutil.disk_usage(self._place).free - sum(other.bytes - other.bytes_here for other in living)
                if total > free:
                    raise WorkspaceUnusable(f"the disk of the workspace has {size(max(free, 0))} left; free some space")
                upload = Upload(self._place / secrets.token_hex(8), self.limits, files, total)
                upload.folder.mkdir()
            except OSError as error:
                raise WorkspaceUnusable(
                    f"cannot write to {self._place}: {error.strerror or error}; check that you may write there"
                ) from error
            self._uploads[upload.id] = upload
        return upload

    def find(self, id: str) -> Upload:
        """Raises NotFound, also after the server was restarted."""
        with self._lock:
            upload = self._uploads.get(id)
        if upload is None:
            raise NotFound("this upload is not known any more; begin it again")
        upload.seen = time.monotonic()
        return upload

    def expire(self, patience: float = PATIENCE) -> None:
        """Give up what nobody has asked for in a while."""
        with self._lock:
            silent = [
                upload
                for upload in self._uploads.values()
                if not upload.in_use and time.monotonic() - upload.seen > patience
            ]
            for upload in silent:
                del self._uploads[upload.id]
        for upload in silent:
            upload.drop()

    async def attend(self) -> None:
        """Clean up after servers that were killed; then give up what is silent, again and again, for ever."""
        await off_loop(lambda: sweep(self._place.parent))
        while True:
            await asyncio.sleep(PATIENCE / 6)
            await off_loop(self.expire)

    def close(self) -> None:
        """Remove everything; at the end of the server."""
        with self._lock:
            for upload in self._uploads.values():
                upload.drop("the page was closed while this was uploaded; begin it again")
            shutil.rmtree(self._place, ignore_errors=True)
            self._held.release()
            Path(self._held.lock_file).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self._place.parent.rmdir()  # when no other server needs it

    def _open(self) -> None:
        """The folder of this server, locked before it is there."""
        if not self._held.is_locked:
            self._place.parent.mkdir(parents=True, exist_ok=True)
            self._held.acquire(timeout=10)
            self._place.mkdir(mode=0o700)


def sweep(place: Path) -> None:
    """Remove what servers that were killed left in the folder of uploads; living ones keep theirs."""
    for lock in place.glob("*.lock"):
        with contextlib.suppress(Timeout, OSError), FileLock(lock, timeout=0):
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)
