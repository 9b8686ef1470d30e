"""Messages between the page and the process that answers for it, over a pipe: words as JSON, then arrays as they are.

    length of the words (4 bytes) · length of the arrays (8 bytes) · words · bytes of one array after the other

Both ends are this program on this machine, so byte order and number formats are the machine's own.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

HEAD = struct.Struct("<IQ")
Words = Mapping[str, Any]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Message:
    """Something that is asked or answered."""

    words: Words
    """What JSON can say."""
    arrays: Arrays = field(default_factory=dict)
    """Of numbers or truth values, in any shape."""


def to_bytes(message: Message) -> bytes:
    """A message as it goes through the pipe."""
    arrays = {name: np.ascontiguousarray(array) for name, array in message.arrays.items()}
    forms = {name: [array.dtype.str, array.shape] for name, array in arrays.items()}
    words = json.dumps([message.words, forms]).encode()
    content = [array.tobytes() for array in arrays.values()]
    return b"".join([HEAD.pack(len(words), sum(map(len, content))), words, *content])


def from_bytes(words: bytes, content: bytes) -> Message:
    """The message whose words and arrays these are; the arrays cannot be written to."""
    said, forms = json.loads(words)
    arrays, start = {}, 0
    for name, (kind, shape) in forms.items():
        dtype = np.dtype(kind)
        size = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(content, dtype, size, start).reshape(shape)
        start += size * dtype.itemsize
    return Message(said, arrays)


def read(file: BinaryIO) -> Message | None:
    """The next message; None when the other end has gone, also in the middle of one."""
    head = file.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    of_words, of_arrays = HEAD.unpack(head)
    words, content = file.read(of_words), file.read(of_arrays)
    return from_bytes(words, content) if (len(words), len(content)) == (of_words, of_arrays) else None
