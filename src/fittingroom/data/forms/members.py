"""The files in a zip or tar archive, one at a time and within limits, whatever the archive says of itself."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import struct
import tarfile
import tempfile
import threading
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from fittingroom.data.naming import shown
from fittingroom.data.pictures import Unreadable
from fittingroom.errors import InvalidData, WorkspaceUnusable
from fittingroom.workspace import cache_folder

MOST_FILES = 2_000_000
LARGEST_FILE = 1 << 28
RATIO, FREE, MOST_BYTES = 200, 1 << 30, 200 << 30
"""An archive may unpack to ``RATIO`` times its size, or ``FREE`` bytes if that is more, but not to ``MOST_BYTES``."""
PIECE = 1 << 20
_DAMAGED = (EOFError, LookupError, RuntimeError, ValueError, struct.error, zlib.error, lzma.LZMAError,
            zipfile.BadZipFile, tarfile.TarError)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Members:
    """The regular files of an open archive."""

    names: Iterable[str]
    read: Callable[[str], bytes]
    """The content of a file; raises Unreadable."""
    special: int
    """Links, devices and the like, which are not among the names."""
    repeated: int
    """Files whose name comes again later: the last one counts."""


def opened(path: Path) -> Members:
    """What is in an archive, told by its content and not by its name; raises InvalidData."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise InvalidData(f"{shown(path)} cannot be read: {error.strerror or error}; look who may read it") from error
    try:
        is_zip = zipfile.is_zipfile(file)
        file.seek(0)
        start = file.read(6)
        file.seek(0)
        members = _zip(file, path) if is_zip or start[:2] == b"PK" else _tar(_plain(file, start, path), path)
    except _DAMAGED as error:
        file.close()
        if isinstance(error, InvalidData):
            raise
        if isinstance(error, EOFError):
            raise InvalidData(f"{shown(path)} ends before its end; it is not complete: get it again") from error
        raise InvalidData(
            f"{shown(path)} is no zip or tar archive, or a damaged one ({error}); get it again, "
            "or give the folder itself"
        ) from error
    except OSError as error:
        file.close()
        raise InvalidData(f"{shown(path)} is damaged or cannot be read ({error.strerror or error})") from error
    weakref.finalize(members, file.close)
    return members


def _zip(file: BinaryIO, path: Path) -> Members:
    archive = zipfile.ZipFile(file)
    members: dict[str, zipfile.ZipInfo] = {}
    special = repeated = 0
    _check_count(len(archive.filelist), path)
    for info in archive.filelist:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            special += 1
        elif not info.is_dir() and info.filename.strip("/."):
            name = _plainly(info.filename)
            repeated += name in members
            members[name] = info
    _check_bytes(sum(info.file_size for info in members.values()), path)

    def read(name: str) -> bytes:
        info = members[name]
        if info.flag_bits & 1:
            raise Unreadable("is encrypted")
        try:
            with archive.open(info) as stream:
                return _bounded(stream)
        except Unreadable:
            raise
        except (*_DAMAGED, OSError) as error:
            raise Unreadable(f"is damaged in the archive ({error})") from error

    return Members(members, read, special, repeated)


def _tar(file: BinaryIO, path: Path) -> Members:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    members: dict[str, tuple[int, int]] = {}
    special = repeated = 0
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                archive.members.clear()  # type: ignore[attr-defined]  # it would remember every one of them
                if member.offset_data + member.size > size:
                    raise EOFError
                if member.isreg() and not member.issparse():
                    if member.name.strip("/."):
                        name = _plainly(member.name)
                        repeated += name in members
                        members[name] = (member.offset_data, member.size)
                elif not member.isdir():
                    special += 1
                _check_count(len(members), path)
            file.seek(archive.offset)
            if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # without the mark of the end, more is missing
                raise EOFError
    except BaseException:
        file.close()
        raise
    lock = threading.Lock()  # pictures of it may be asked for beside the import

    def read(name: str) -> bytes:
        offset, length = members[name]
        if length > LARGEST_FILE:
            raise Unreadable(f"has {length:,} bytes, more than {LARGEST_FILE:,}")
        with lock:
            file.seek(offset)
            content = file.read(length)
        if len(content) < length:
            raise Unreadable("is not complete in the archive")
        return content

    found = Members(members, read, special, repeated)
    weakref.finalize(found, file.close)
    return found


def _plain(file: BinaryIO, start: bytes, path: Path) -> BinaryIO:
    """The tar itself: the file, or what it unpacks to, in a file without a name that is gone once it is closed."""
    unpackers: dict[bytes, Callable[[BinaryIO], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]] = {
        b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
        b"BZh": bz2.BZ2File,
        b"\xfd7zXZ\0": lzma.LZMAFile,
    }
    unpack = next((unpack for magic, unpack in unpackers.items() if start.startswith(magic)), None)
    if unpack is None:
        return file
    most = _most_bytes(path)
    plain = _nameless()
    try:
        with unpack(file) as stream:
            length = 0
            while piece := stream.read(PIECE):
                length += len(piece)
                if length > most:
                    _check_bytes(length, path)
                _write(plain, piece)
    except BaseException:
        plain.close()
        raise
    return plain


def _plainly(name: str) -> str:
    """``./a//b`` as ``a/b``; what leads upwards stays."""
    return str(PurePosixPath(name))


def _nameless() -> BinaryIO:
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=cache_folder())
    except OSError as error:
        raise _no_room(error) from error


def _write(file: BinaryIO, piece: bytes) -> None:
    try:
        file.write(piece)
    except OSError as error:
        raise _no_room(error) from error


def _no_room(error: OSError) -> WorkspaceUnusable:
    return WorkspaceUnusable(
        f"cannot unpack an archive in {cache_folder()}: {error.strerror or error}; "
        "free some space or choose another cache folder with FITTINGROOM_CACHE"
    )


def _bounded(stream: IO[bytes]) -> bytes:
    content = stream.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise Unreadable(f"has more than {LARGEST_FILE:,} bytes")
    return content


def _check_count(files: int, path: Path) -> None:
    if files > MOST_FILES:
        raise InvalidData(f"{shown(path)} holds more than {MOST_FILES:,} files; unpack it, and give the folder itself")


def _most_bytes(path: Path) -> int:
    return min(max(RATIO * path.stat().st_size, FREE), MOST_BYTES)


def _check_bytes(count: int, path: Path) -> None:
    most = _most_bytes(path)
    if count > most:
        raise InvalidData(
            f"{shown(path)} unpacks to more than {most:,} bytes ({RATIO} times its size, or {FREE:,}), as an archive "
            "that is made to fill the disk would; unpack it yourself if you trust it, and give the folder"
        )
