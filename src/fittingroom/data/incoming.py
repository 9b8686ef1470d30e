"""What every importer hands over: labels at once, images block after block, so that memory stays bounded.

An importer is a module with a function ``read(path, wanted) -> Incoming`` and, where people give files,
``preview(path, wanted, progress) -> Preview``; ``formats`` lists those. It refuses what it cannot read with
InvalidData, before it hands over or while its blocks are taken, and tells in ``origin`` what it converted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.naming import TOLD, first, shown
from fittingroom.data.wanted import Size, Wanted

Exemplars = tuple[tuple[NDArray[np.uint8], ...], ...]
"""A few images of each class, (height, width, channels) each."""
EXEMPLARS, CLASSES_SHOWN, LARGEST_SHOWN = 8, 100, 256
"""Of each class, of how many classes, and pixels of the longer side: what exemplars are bounded by."""
FILES_TOLD = 2
"""Names of files that are given as examples."""
MOST_EXEMPLARS = 240
"""Of all classes together: photographs take a tenth of a second each to decode."""
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
    groups: NDArray[np.int64] | None = None
    """(N,): equal for images that no split may divide; negative for an image that is alone. None: no groups."""
    validation: NDArray[np.int64] | None = None
    """Indices of training images that the data itself names for validation; None when it names none."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, height, width, channels)"""
        return len(self.labels), *self.image_shape


@dataclass(frozen=True)
class Preview:
    """What files would come to as a data set, told before anything is written."""

    path: Path
    kind: str
    """The form that they have: "image folder"."""
    wanted: Wanted
    class_names: tuple[str, ...]
    training: tuple[int, ...]
    """Images for each class; validation folders are joined."""
    test: tuple[int, ...] | None
    """Images of the official test part for each class; None when there is none."""
    sizes: tuple[tuple[Size, int], ...]
    """((height, width), number of images) of the readable images as they are now, most frequent first."""
    channels: int
    remarks: tuple[str, ...] = ()
    """What will be joined and left out, in words."""
    conversions: tuple[str, ...] = ()
    """What will be done to pixels and labels, in words."""
    name_problems: tuple[str, ...] = ()
    """Names of files and classes that will make trouble elsewhere; the import takes them as they are."""
    unreadable: tuple[str, ...] = ()
    """Files that have to be replaced or removed before the import, each with its reason."""
    files: tuple[str, ...] = ()
    """Names of the first few image files, as patterns of groups see them; empty where images are no files."""
    exemplars: Callable[[], Exemplars] = field(default=lambda: (), compare=False, repr=False)
    """Decodes a few images of each class, as they would be imported (at most ``LARGEST_SHOWN`` pixels a side)."""
    again: Callable[[Wanted], Preview] | None = field(default=None, compare=False, repr=False)
    """The same files brought to another size, by another policy or to other channels, without looking at them again;
    None where they have to be looked at."""

    @property
    def images(self) -> int:
        return sum(self.training) + sum(self.test or ())

    @property
    def size(self) -> Size | None:
        """Height and width that all images will have; None while they differ."""
        if self.wanted.size is not None:
            return self.wanted.size
        return self.sizes[0][0] if len(self.sizes) == 1 else None

    @property
    def notes(self) -> tuple[str, ...]:
        """All that is good to know of an import that can be done."""
        return self.remarks + self.conversions + self.name_problems

    @property
    def faults(self) -> tuple[str, ...]:
        """Why it cannot be imported as asked; empty when it can."""
        faults = []
        if self.unreadable:
            faults.append(cannot_be_read(self.path, self.unreadable, self.images))
        if self.size is None:
            faults.append(different_sizes(self.path, self.sizes))
        return tuple(faults)


def exemplars_each(classes: int) -> int:
    """How many exemplars each class has where there are so many classes."""
    return max(min(EXEMPLARS, MOST_EXEMPLARS // min(classes, CLASSES_SHOWN)), 2)


def cannot_be_read(path: Path, unreadable: Sequence[str], of: int) -> str:
    """The message for image files that are none."""
    more = f"\n  … and {len(unreadable) - TOLD:,} more" if len(unreadable) > TOLD else ""
    return (
        f"{len(unreadable):,} of {of:,} image files in {shown(path)} cannot be read; replace or remove them:\n  "
        + "\n  ".join(unreadable[:TOLD])
        + more
    )


def different_sizes(path: Path, sizes: Sequence[tuple[Size, int]]) -> str:
    """The message for images of which no one size was asked for."""
    counts = [f"{number:,} of {height}×{width}" for (height, width), number in sizes]
    height, width = sizes[0][0]
    return (
        f"the images in {shown(path)} have different sizes (height×width): {first(counts)}; "
        f"import them with one size, such as --size {height}x{width}, in Python size=({height}, {width}): "
        "each is then scaled to fit and centred on white, unless --fit says crop or stretch"
    )


def numbered_groups(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same groups, numbered in the order in which they come, with a number for each image that is alone."""
    groups = groups.astype(np.int64)
    alone = groups < 0
    groups[alone] = groups.max(initial=0) + 1 + np.arange(int(alone.sum()))
    _, first, which = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[which].astype(np.int64, copy=False)


class Digest:
    """The content of a data set, hashed while its blocks pass by."""

    def __init__(self, incoming: Incoming) -> None:
        self._shape = incoming.shape
        self._hashes = bytearray()
        self.groups = None if incoming.groups is None else numbered_groups(incoming.groups)
        self.validation = None if incoming.validation is None else np.unique(incoming.validation).astype(np.int64)
        _check(incoming, self.validation)
        what: dict[str, object] = {
            "class_names": incoming.class_names,
            "shape": incoming.shape,
            "test_start": incoming.test_start,
        }
        optional = {"groups": self.groups, "validation": self.validation}
        kept = {name: array for name, array in optional.items() if array is not None}
        if kept:  # data without them has the fingerprint that it has always had
            what["beside"] = {name: len(array) for name, array in kept.items()}
        self._all = hashlib.sha256(json.dumps(what).encode())
        for array in (incoming.labels, *kept.values()):
            self._all.update(array.astype("<i8").tobytes())

    def add(self, block: NDArray[np.uint8]) -> None:
        """Take in the next images: (n, height, width, channels)."""
        assert block.dtype == np.uint8, block.dtype
        assert block.shape[1:] == self._shape[1:], (block.shape, self._shape)
        data = block.tobytes()
        self._all.update(data)
        size = len(data) // len(block)
        for start in range(0, len(data), size):
            self._hashes += hashlib.blake2b(data[start : start + size], digest_size=16).digest()

    def fingerprint(self) -> str:
        """SHA-256 over images, labels, class names, official parts and groups, as hexadecimal digits."""
        assert len(self._hashes) == 16 * self._shape[0], (len(self._hashes), self._shape)
        return self._all.hexdigest()

    def hashes(self) -> NDArray[np.uint64]:
        """(N, 2): 128 bits for the content of each image."""
        return np.frombuffer(bytes(self._hashes), "<u8").reshape(-1, 2).astype(np.uint64, copy=False)


def _check(incoming: Incoming, validation: NDArray[np.int64] | None) -> None:
    """Groups and validation images are what an importer says they are; AssertionError is our bug."""
    if incoming.groups is not None:
        assert incoming.groups.shape == incoming.labels.shape, (incoming.groups.shape, incoming.labels.shape)
    if validation is not None:
        end = len(incoming.labels) if incoming.test_start is None else incoming.test_start
        assert len(validation), "no validation images are told as None"
        assert 0 <= validation[0] <= validation[-1] < end, (validation[0], validation[-1], end)
