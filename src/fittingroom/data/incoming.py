"""What every importer hands over: labels at once, images block after block, so that memory stays bounded.

An importer is a module with functions ``read(...) -> Incoming`` and, where people give files, ``preview(...) ->
Preview``; ``formats`` lists those. It refuses what it cannot read with InvalidData, before it hands over or while its
blocks are taken, and tells in ``origin`` what it converted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Progress = Callable[[int, int], object]
"""Called before each file with the number of those looked at already, and of all."""


@dataclass(frozen=True, eq=False)
class Incoming:
    """A data set on its way in, training images before test images."""

    class_names: tuple[str, ...]
    labels: NDArray[np.int64]
    """(N,): positions in ``class_names``."""
    image_shape: tuple[int, int, int]
    """(height, width, channels) of every image; 1 or 3 channels."""
    blocks: Iterable[NDArray[np.uint8]]
    """Arrays (n, height, width, channels) with N images in all, in the order of ``labels``; taken once."""
    test_start: int | None
    """Images from here on are the official test part; None when there is none."""
    origin: str

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, height, width, channels)"""
        return len(self.labels), *self.image_shape


@dataclass(frozen=True)
class Preview:
    """What files would come to as a data set, told before anything is decoded or written."""

    path: Path
    class_names: tuple[str, ...]
    training: tuple[int, ...]
    """Images for each class; validation folders are joined."""
    test: tuple[int, ...] | None
    """Images of the official test part for each class; None when there is none."""
    sizes: tuple[tuple[tuple[int, int], int], ...]
    """((height, width), number of images) of the readable files, most frequent first."""
    channels: int
    notes: tuple[str, ...]
    """What will be joined, left out and converted, in words."""
    unreadable: tuple[str, ...]
    """Files that have to be replaced or removed before the import, each with its reason."""

    @property
    def images(self) -> int:
        return sum(self.training) + sum(self.test or ())


class Digest:
    """The content of a data set, hashed while its blocks pass by."""

    def __init__(self, incoming: Incoming) -> None:
        self._shape = incoming.shape
        self._hashes: list[bytes] = []
        what = {"class_names": incoming.class_names, "shape": incoming.shape, "test_start": incoming.test_start}
        self._all = hashlib.sha256(json.dumps(what).encode())
        self._all.update(incoming.labels.astype("<i8").tobytes())

    def add(self, block: NDArray[np.uint8]) -> None:
        """Take in the next images: (n, height, width, channels)."""
        assert block.dtype == np.uint8, block.dtype
        assert block.shape[1:] == self._shape[1:], (block.shape, self._shape)
        data = block.tobytes()
        self._all.update(data)
        size = len(data) // len(block)
        self._hashes += [
            hashlib.blake2b(data[start : start + size], digest_size=16).digest() for start in range(0, len(data), size)
        ]

    def fingerprint(self) -> str:
        """SHA-256 over images, labels, class names and official parts, as hexadecimal digits."""
        assert len(self._hashes) == self._shape[0], (len(self._hashes), self._shape)
        return self._all.hexdigest()

    def hashes(self) -> NDArray[np.uint64]:
        """(N, 2): 128 bits for the content of each image."""
        return np.frombuffer(b"".join(self._hashes), "<u8").reshape(-1, 2).astype(np.uint64, copy=False)
