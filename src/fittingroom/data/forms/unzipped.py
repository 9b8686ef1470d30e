"""Files that may be gzipped, which is told by their content and not by their names; arrays in streams of bytes."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.naming import shown
from fittingroom.errors import InvalidData


def entries_of(
    stream: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...], step: int, torn: Callable[[int], Exception]
) -> Iterator[NDArray[Any]]:
    """The entries of an array as its bytes come, ``step`` at a time; ``shape`` is (entries, …), C order.

    Raises what ``torn`` makes of the number of whole entries where the bytes end too early.
    """
    number, *one = shape
    size = math.prod(one) * dtype.itemsize
    for start in range(0, number if size else 0, step):
        count = min(step, number - start)
        data = stream.read(count * size)
        if len(data) < count * size:
            raise torn(start + len(data) // size)
        yield np.frombuffer(data, dtype).reshape(count, *one)


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
