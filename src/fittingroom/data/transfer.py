"""Gets one file from the internet: whole, with the checksum that was published, or not at all.

What has come so far is kept beside the file's place under a name with ``.part``, so that another try goes on where
this one ended. Only a file of the right size and SHA-256 gets its name.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from fittingroom.errors import DownloadFailed, WorkspaceUnusable

CHUNK = 1 << 18  # bytes read together
TRIES = 3  # at one address, each going on where the last one ended, as long as something comes
PATIENCE = 30.0  # seconds without a byte
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

Told = Callable[[int], object]
"""Called with the number of bytes that are there."""


class _Cut(Exception):
    """Why an address gave no more: the second half of a sentence that begins with it."""


class _NothingThere(_Cut):
    """The server's file ends before the place where the download should go on: what has come is not of that file."""


def fetch(addresses: Sequence[str], place: Path, size: int, sha256: str, told: Told = lambda done: None) -> None:
    """Get a file of ``size`` bytes from the first address that has it; nothing is done where it is there already.

    What ``told`` raises ends the download, and what has come is kept. Raises DownloadFailed, where no address gives
    the file or it is another one than was published, and WorkspaceUnusable on a full disk.
    """
    with _disk(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        _check_space(place, size - _there(_part(place), size))
    with _alone(place):
        if _is(place, size, sha256):
            told(size)
            return
        part = _part(place)
        if _there(part, size) == size and not _is(part, size, sha256):
            part.unlink()  # whole and wrong: from an earlier try
        reasons = []
        for address in addresses:
            try:
                _complete(address, part, size, told)
            except _Cut as cut:
                reasons.append(f"{address} {cut}")
                continue
            if _is(part, size, sha256):
                part.replace(place)
                return
            part.unlink()
            reasons.append(f"{address} gave another file than was published (its SHA-256 differs); it was deleted")
        kept = part.stat().st_size if part.exists() else 0
        raise DownloadFailed(_explained(place.name, reasons, kept, size))


def _complete(address: str, part: Path, size: int, told: Told) -> None:
    """Go on until the part is whole; raises _Cut when nothing more comes."""
    for _ in range(TRIES):
        before = _there(part, size)
        told(before)
        try:
            if before < size:
                _go_on(address, part, before, size, told)
            return
        except _NothingThere:
            part.unlink(missing_ok=True)
        except _Cut:
            if _there(part, size) <= before:
                raise
    raise _Cut(f"was cut off {TRIES} times")


def _go_on(address: str, part: Path, start: int, size: int, told: Told) -> None:
    """One connection: from byte ``start`` on, or from the beginning where the server cannot do that."""
    with _answered(address, start) as answer:
        goes_on = answer.status == 206 and (answer.headers.get("Content-Range") or "").startswith(f"bytes {start}-")
        done = start if goes_on else 0
        with _disk(part), part.open("ab" if goes_on else "wb") as file:
            while done < size:
                data = _read(answer, min(CHUNK, size - done))
                if not data:
                    raise _Cut(f"was cut off after {done:,} of {size:,} bytes")
                file.write(data)
                done += len(data)
                told(done)


@contextmanager
def _answered(address: str, start: int) -> Iterator[http.client.HTTPResponse]:
    from fittingroom import __version__

    headers = {"User-Agent": f"fittingroom/{__version__}"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        answer = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        error.close()
        kind = _NothingThere if error.code == 416 else _Cut
        raise kind(f"answers {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        reason = getattr(error, "reason", error)
        raise _Cut(f"cannot be reached ({getattr(reason, 'strerror', None) or reason})") from None
    with answer:
        yield answer


def _read(answer: IO[bytes], size: int) -> bytes:
    try:
        return answer.read(size)
    except http.client.IncompleteRead as error:
        return error.partial
    except (OSError, http.client.HTTPException) as error:
        raise _Cut(f"was cut off ({error})") from None


def _there(part: Path, size: int) -> int:
    """Bytes that have come; what is longer than the file can be is no part of it."""
    try:
        done = part.stat().st_size
    except FileNotFoundError:
        return 0
    if done > size:
        part.unlink()
        return 0
    return done


def _is(path: Path, size: int, sha256: str) -> bool:
    if not path.is_file() or path.stat().st_size != size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _part(place: Path) -> Path:
    """Where what has come so far is kept."""
    return place.with_name(place.name + ".part")


def _check_space(place: Path, needed: int) -> None:
    free = shutil.disk_usage(place.parent).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{free / 1e6:,.0f} MB are free and {needed / 1e6:,.0f} MB needed")


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    lock = place.with_name(place.name + ".lock")
    try:
        with FileLock(lock, timeout=0):
            yield
    except Timeout:
        raise DownloadFailed(f"{place.name} is being downloaded by another process; wait for it to end") from None


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        fix = "free some space" if error.errno in FULL else "check that you may write there"
        raise WorkspaceUnusable(
            f"cannot write {path}: {error.strerror or error}; {fix} or choose another cache folder with "
            "FITTINGROOM_CACHE; what has come is kept, and another try goes on from there"
        ) from error


def _explained(name: str, reasons: list[str], kept: int, size: int) -> str:
    hosts = " and ".join(dict.fromkeys(urlsplit(reason.split()[0]).netloc for reason in reasons))
    so_far = f"; {kept:,} of {size:,} bytes are here, and another try goes on from there" if kept else ""
    return (
        f"{name} cannot be downloaded:\n  " + "\n  ".join(reasons) + f"\nSee whether this machine reaches {hosts}, "
        f"and try again{so_far}. Without the internet, mnist-10k and fashion-mnist are built in"
    )
