"""Names of files that a browser sends: none leads out of its folder, and each can be had on every system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from fittingroom.data.formats import loose_suffixes, member_suffixes
from fittingroom.errors import InvalidInput

LONGEST, LONGEST_PART, DEEPEST = 1024, 200, 8
"""Characters of a path, bytes of each of its parts, and how many of those there may be."""
TOLD = 80
FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]')
"""What file systems refuse, and what lets a name look like another one."""
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
"""What Windows keeps for devices, with any ending."""


class Names:
    """The names in one folder that is on its way: each is checked by itself and against those before it."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: dict[str, str] = {}

    def add(self, path: str) -> PurePosixPath:
        """A name such as ``fruit/apple/1.png`` as a relative path; raises InvalidInput and remembers nothing then."""
        parts = _parts(path)
        folders = ["/".join(parts[: depth + 1]) for depth in range(len(parts) - 1)]
        for folder in folders:
            if self._folders.get(_folded(folder), folder) != folder or _folded(folder) in self._files:
                raise _refused(path, f'"{folder}" is there in another spelling; rename one of the two')
        key = _folded(path)
        if key in self._files or key in self._folders:
            raise _refused(path, "there are two of that name, apart from upper and lower case; rename one of them")
        self._folders |= {_folded(folder): folder for folder in folders}
        self._files.add(key)
        return PurePosixPath(*parts)

    def forget(self, paths: Iterable[PurePosixPath]) -> None:
        """These files are not there after all."""
        self._files -= {_folded(str(path)) for path in paths}


def _parts(path: str) -> list[str]:
    """The parts of a name that will do."""
    try:
        long = len(path) > LONGEST or any(len(part.encode()) > LONGEST_PART for part in path.split("/"))
    except UnicodeEncodeError:
        raise _refused(path, "it is no proper text; rename it") from None
    parts = path.split("/")
    if long or len(parts) > DEEPEST:
        raise _refused(
            path,
            f"it is too long: a name may have {LONGEST_PART} bytes, and {DEEPEST - 1} folders above it; shorten it",
        )
    for part in parts:
        if part in {"", ".", ".."}:
            raise _refused(path, "it does not name a file in the folder that is uploaded")
        if FORBIDDEN.search(part) or part[-1] in ". " or part[0] == " ":
            raise _refused(path, f'"{part}" cannot be a name on every system; use letters, digits, "-" and "_"')
        if RESERVED.fullmatch(part):
            raise _refused(path, f'Windows keeps "{part}" for itself; use another name')
    wanted = member_suffixes() if len(parts) > 1 else loose_suffixes()
    if not parts[-1].lower().endswith(wanted):
        raise _refused(path, "it is none of the files that a data set is made of; leave it out")
    return parts


def _folded(name: str) -> str:
    """Equal for names that some file system takes for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _refused(path: str, reason: str) -> InvalidInput:
    told = path.encode(errors="backslashreplace").decode()
    return InvalidInput(f'the file "{told[:TOLD]}{"…" * (len(told) > TOLD)}" is refused: {reason}')
