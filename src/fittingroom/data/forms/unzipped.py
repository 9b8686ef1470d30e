"""Files that may be gzipped, which is told by their content and not by their names."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fittingroom.data.naming import shown
from fittingroom.errors import InvalidData


@contextmanager
def unzipped(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked while they are read; whatever goes wrong is InvalidData."""
    if not path.is_file():
        raise InvalidData(f"{shown(path)} is no regular file (a broken link, or no file at all); give the file itself")
    try:
        with path.open("rb") as file:
            is_zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if is_zipped:
                with gzip.open(file) as stream:
                    yield stream  # type: ignore[misc]
            else:
                yield file
    except EOFError as error:
        raise InvalidData(
            f"{shown(path)} ends in the middle of its gzip data; it is not complete: get it again"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InvalidData(f"{shown(path)} is damaged ({error}); get it again") from error
    except OSError as error:
        raise InvalidData(f"{shown(path)} cannot be read: {error.strerror or error}; look who may read it") from error
