"""Folders of the machine that serves the page: which of them a browser may import from, and what is in them."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from fittingroom.data import pictures, sources
from fittingroom.data.formats import file_suffixes, format_of
from fittingroom.data.naming import natural, shown
from fittingroom.errors import InvalidInput, NotFound
from fittingroom.queue.origin import SUFFIX
from fittingroom.web.drafts import Plain
from fittingroom.web.settings import data_sources
from fittingroom.web.site import Site

MOST_SHOWN = 500


@dataclass(frozen=True)
class Reach:
    """How far a browser reaches into the files of this machine."""

    root: Path | None
    """Only what is below it, all links followed; None for whatever the server may read."""

    @property
    def start(self) -> Path:
        """Where looking for a folder begins."""
        return self.root or Path.home()

    def holds(self, path: Path) -> bool:
        """Whether a path without links in it is within reach."""
        return self.root is None or path.is_relative_to(self.root)

    def find(self, text: str) -> Path:
        """The path that was typed; raises InvalidInput where it is none, or leads too far."""
        plain = _plain(text)
        if self.root is None:
            return Path(os.path.expanduser(plain)).absolute()
        path = _resolved(self.root / plain)
        if not self.holds(path):
            raise InvalidInput(f"only folders below {shown(self.root)} can be imported from another machine")
        return path

    def check(self, path: Path) -> None:
        """Raises InvalidInput where a link in a folder, or a file read beside one, leads further than that."""
        if self.root is None:
            return
        if os.path.isfile(path):
            for file in format_of(path).files(path):
                self._check_link(file)
        if not os.path.isdir(path):
            return
        waiting, known = [path], {path}
        while waiting:
            for entry in _entries(waiting.pop()):
                target = self._check_link(Path(entry.path)) if entry.is_symlink() else Path(entry.path)
                if _is_dir(entry) and target not in known:
                    known.add(target)
                    waiting.append(target)

    def _check_link(self, path: Path) -> Path:
        """Where a path leads in the end; raises InvalidInput where that is out of reach."""
        target = _resolved(path)
        if not self.holds(target):
            raise InvalidInput(
                f"{shown(path)} is a link that leads out of {shown(self.root or path)}; put the files themselves there"
            )
        return target


@dataclass(frozen=True)
class Place:
    """One folder as it is shown to choose from."""

    path: Path
    above: tuple[Path, ...]
    """The folders that it is in, as far as the browser reaches, outermost first."""
    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    """Those that are data sets by themselves."""
    images: int
    more: int
    """Folders and files that are not shown."""

    @classmethod
    def at(cls, path: Path, reach: Reach) -> Place:
        """Look into a folder; raises NotFound where there is none, and InvalidInput where it cannot be read."""
        if not os.path.isdir(path):
            raise NotFound(f"there is no folder {shown(path)}; choose another one")
        visible = sorted((entry for entry in _entries(path) if _is_shown(entry)), key=lambda at: natural(at.name))
        folders = [Path(entry.path) for entry in visible if _is_dir(entry)]
        wholes = tuple(file_suffixes())
        files = [Path(entry.path) for entry in visible if wholes and entry.name.lower().endswith(wholes)]
        above = [folder for folder in reversed(path.parents) if reach.holds(folder)]
        more = max(len(folders) - MOST_SHOWN, 0) + max(len(files) - MOST_SHOWN, 0)
        images = sum(entry.name.lower().endswith(tuple(pictures.SUFFIXES)) for entry in visible)
        return cls(path, tuple(above), tuple(folders[:MOST_SHOWN]), tuple(files[:MOST_SHOWN]), images, more)


def reach_of(request: Request) -> Reach | None:
    """Of the browser that asks: everything on this very machine, else what is below the data root; None for nothing."""
    if is_local(request):
        return Reach(None)
    root = Site.of(request).data_root
    return None if root is None else Reach(_resolved(root))


def check_source(request: Request, source: str) -> None:
    """Raises InvalidInput where a data set's source is a path of this machine that the browser may not name."""
    if source.startswith(sources.CACHED) or any(
        source == info.name for info in sources.names(Site.of(request).workspace)
    ):
        return
    reach = reach_of(request)
    if reach is None:
        raise InvalidInput(
            "folders of the server's machine are opened for browsers on that machine only, unless `fittingroom web` "
            "is started with --data-root; choose a data set by its name, or import the folder"
        )
    reach.check(reach.find(os.path.abspath(os.path.expanduser(source))))  # as it will be opened


def check_files(request: Request, before: Plain, after: Plain) -> None:
    """Raises InvalidInput where a setting names a file or folder of this machine that the browser may not name."""
    for source in data_sources(after) - data_sources(before):
        check_source(request, source)
    start, was = (str((spec.get("start") or {}).get("source") or "") for spec in (after, before))
    if not start.endswith(SUFFIX) or start == was:
        return
    reach = reach_of(request)
    if reach is None:
        raise InvalidInput("a file of this machine can be named by a browser on this machine only; choose a run")
    reach.find(os.path.abspath(os.path.expanduser(start)))  # as it will be opened


def is_local(request: Request) -> bool:
    """Whether the browser runs on this very machine, whose files its user may name."""
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _plain(text: str) -> str:
    """A path as people paste it: without blanks and quotation marks around it."""
    path = text.strip()
    if len(path) > 1 and path[0] == path[-1] and path[0] in "\"'":
        path = path[1:-1]
    if not path or "\0" in path:
        raise InvalidInput("there is no path yet; give the path of a folder or file on the server's machine")
    return path


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # too long, or links that lead in a circle
        reason = error.strerror if isinstance(error, OSError) else "its links lead in a circle"
        raise InvalidInput(f"{shown(path)} cannot be followed: {reason}; give another path") from error


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as error:
        raise InvalidInput(
            f"{shown(folder)} cannot be read: {error.strerror}; give a folder that you may read"
        ) from error


def _is_shown(entry: os.DirEntry[str]) -> bool:
    """Hidden entries are not, nor are names that no address can hold."""
    return entry.name[0] != "." and entry.name.isprintable()


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
