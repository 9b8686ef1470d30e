"""One part of an upload, written to its place while it comes.

A part is a request body with any number of files, one after the other: for each a line of JSON, such as
``{"path": "fruit/apple/1.png", "bytes": 812}``, and then its bytes. Nothing of it is ever in memory beyond the block
in hand. It counts when it is complete; whatever goes wrong before leaves none of its files.
"""

from __future__ import annotations

import contextlib
import errno
import json
from pathlib import PurePosixPath
from typing import BinaryIO

from fittingroom.data.formats import loose_suffixes
from fittingroom.errors import InvalidInput, WorkspaceUnusable
from fittingroom.web.figures import size
from fittingroom.web.uploads import Elsewhere, TooMuch, Upload

LONGEST_LINE = 8192
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Intake:
    """The part that an upload is waiting for."""

    def __init__(self, upload: Upload, number: int) -> None:
        """Raises Elsewhere unless it is the next part, and what ``Upload.use`` raises. Has to be closed."""
        upload.use()
        self._upload = upload
        self._written: list[PurePosixPath] = []
        self._bytes = 0
        self._line = bytearray()
        self._file: BinaryIO | None = None
        self._missing = 0
        if number != upload.parts:
            upload.leave()
            raise Elsewhere(f"part {number} of this upload was sent where part {upload.parts} is next")

    def feed(self, block: bytes) -> None:
        """Write the next bytes. Raises InvalidInput for what may not be, and WorkspaceUnusable for a full disk."""
        rest = memoryview(block)
        with self._upload.lock:
            self._still_wanted()
            try:
                while rest:
                    rest = self._head(rest) if self._file is None else self._body(rest, self._file)
            except OSError as error:
                raise WorkspaceUnusable(
                    f"the upload cannot be kept: {error.strerror or error}; "
                    f"{'free some space' if error.errno in FULL else 'check who may write to the workspace'}"
                ) from error

    def complete(self) -> None:
        """There is no more of it; from now on it counts. Raises InvalidInput when it ends in the middle of a file."""
        upload = self._upload
        with upload.lock:
            self._still_wanted()
            if self._file is not None or self._line:
                raise InvalidInput("a part of the upload ends in the middle of a file; begin it again")
            upload.files_here += len(self._written)
            upload.bytes_here += self._bytes
            upload.parts += 1
            self._written = []

    def close(self) -> None:
        """Remove what did not become complete, and let others use the upload."""
        with self._upload.lock:
            if self._file is not None:
                self._file.close()
            for path in self._written:
                with contextlib.suppress(OSError):
                    (self._upload.folder / path).unlink()
            self._upload.names.forget(self._written)
        self._upload.leave()

    def _still_wanted(self) -> None:
        if self._upload.is_gone:
            raise Elsewhere(self._upload.problem or "this upload was cancelled")

    def _head(self, rest: memoryview) -> memoryview:
        """Take in the line before a file; returns what follows."""
        end = bytes(rest[: LONGEST_LINE + 1]).find(b"\n")
        self._line += rest if end < 0 else rest[:end]
        if len(self._line) > LONGEST_LINE or (end < 0 and len(rest) > LONGEST_LINE):
            raise InvalidInput("this is no upload: a line in it is too long")
        if end < 0:
            return rest[:0]
        path, length = _read(bytes(self._line))
        self._line.clear()
        self._begin(path, length)
        return rest[end + 1 :]

    def _begin(self, path: str, length: int) -> None:
        """Make the file, if it may be."""
        upload = self._upload
        most = upload.limits.total if path.lower().endswith(loose_suffixes()) else upload.limits.each
        if length > most:
            raise TooMuch(
                f'the file "{path[:80]}" has {size(length)}, and at most {size(most)} are possible; '
                "leave it out or make it smaller"
            )
        self._bytes += length
        if upload.bytes_here + self._bytes > upload.bytes or upload.files_here + len(self._written) >= upload.files:
            raise TooMuch("more was sent than was announced; begin the upload again")
        name = upload.names.add(path)
        self._written.append(name)
        place = upload.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        self._file, self._missing = place.open("xb"), length
        self._end_if_complete()

    def _body(self, rest: memoryview, file: BinaryIO) -> memoryview:
        """Take in the bytes of a file; returns what follows."""
        taken = rest[: self._missing]
        file.write(taken)
        self._missing -= len(taken)
        self._end_if_complete()
        return rest[len(taken) :]

    def _end_if_complete(self) -> None:
        if self._file is not None and not self._missing:
            self._file.close()
            self._file = None


def _read(line: bytes) -> tuple[str, int]:
    """Path and length that a line tells."""
    try:
        told = json.loads(line)
        path, length = told["path"], told["bytes"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidInput("this is no upload: a line in it names no file") from None
    if not isinstance(path, str) or type(length) is not int or length < 0:
        raise InvalidInput("this is no upload: a line in it names no file")
    return path, length
