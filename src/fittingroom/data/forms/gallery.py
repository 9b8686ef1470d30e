"""Image files with their classes, wherever they lie: what folders, archives and lists of files come to.

Images have 1 channel if all of them are grey, else 3. Nothing is skipped silently: a file that should be an image and
is not refuses them all, with all such files gathered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittingroom.data import framing, grouping, pictures
from fittingroom.data.incoming import (
    CLASSES_SHOWN,
    FILES_TOLD,
    LARGEST_SHOWN,
    Exemplars,
    Incoming,
    Preview,
    Progress,
    cannot_be_read,
    different_sizes,
    exemplars_each,
)
from fittingroom.data.naming import shown
from fittingroom.data.wanted import Size, Wanted
from fittingroom.errors import InvalidData


@dataclass(frozen=True, eq=False)
class Gallery:
    """The files of a data set, training images before test images."""

    path: Path
    """What people gave."""
    kind: str
    class_names: tuple[str, ...]
    labels: NDArray[np.int64]
    """(N,): positions in ``class_names``."""
    name: Callable[[int], str]
    """How file number i is called, for people: its path within the folder, archive or list."""
    content: Callable[[int], pictures.File]
    """File number i itself; raises Unreadable."""
    test_start: int | None
    remarks: tuple[str, ...] = ()
    """What was joined or left out, in words."""
    name_problems: tuple[str, ...] = ()
    folders: Sequence[str | None] = ()
    """For each file the folder that it lies in below its class, where folders are groups; None without one."""
    column: Sequence[str | None] | None = None
    """For each file what the column that names groups says; None where no such column is meant."""
    validation: NDArray[np.int64] | None = None
    """Of the files that are named for validation; None when there are none."""

    def groups(self, wanted: Wanted) -> NDArray[np.int64] | None:
        """What must not be divided, as ``wanted`` tells it; raises InvalidInput and InvalidData."""
        if wanted.groups is None:
            return None
        if self.column is not None:
            return grouping.numbered(self.column)
        if wanted.groups == grouping.BY_FOLDER:
            return grouping.by_folder(self.folders, [self.name(0)])
        return grouping.by_pattern(wanted.groups, [self.name(index) for index in range(len(self))])

    def __len__(self) -> int:
        return len(self.labels)


def read(gallery: Gallery, wanted: Wanted) -> Incoming:
    """The images, all brought to what is wanted.

    Raises InvalidData, also while the blocks are taken: for images of different sizes when no size is wanted, and for
    files that cannot be read (all of them gathered).
    """
    groups = gallery.groups(wanted)
    headers, bad = _headers(gallery)
    shape = wanted.size or _common_size(gallery, headers, bad)
    channels = _channels(headers, wanted)
    told = [
        f"{gallery.kind} {shown(gallery.path)}",
        *_remarks(gallery, groups, wanted),
        *_told(headers, channels, wanted),
    ]
    return Incoming(
        class_names=gallery.class_names,
        labels=gallery.labels,
        image_shape=(*shape, channels),
        blocks=_blocks(gallery, channels, wanted, shape),
        test_start=gallery.test_start,
        origin="; ".join(told),
        groups=groups,
        validation=gallery.validation,
    )


def preview(gallery: Gallery, wanted: Wanted, progress: Progress) -> Preview:
    """What ``read`` would make of them, by their headers; unreadable files and different sizes are told, not refused.

    ``progress`` is called with the number of files looked at, and of all; what it raises ends the looking.
    Raises InvalidData where no file is readable.
    """
    groups = gallery.groups(wanted)
    headers, bad = _headers(gallery, progress)
    gallery = replace(gallery, remarks=_remarks(gallery, groups, wanted))
    return _understood(gallery, wanted, headers, bad)


def _understood(gallery: Gallery, wanted: Wanted, headers: Counter[pictures.Header], bad: list[str]) -> Preview:
    """What the headers come to."""
    channels = _channels(headers, wanted)
    split = len(gallery) if gallery.test_start is None else gallery.test_start
    return Preview(
        path=gallery.path,
        kind=gallery.kind,
        wanted=wanted,
        class_names=gallery.class_names,
        training=_per_class(gallery, slice(0, split)),
        test=None if gallery.test_start is None else _per_class(gallery, slice(split, None)),
        sizes=tuple(_sizes(headers)),
        channels=channels,
        remarks=gallery.remarks,
        conversions=tuple(_told(headers, channels, wanted)),
        name_problems=gallery.name_problems,
        unreadable=tuple(bad),
        files=tuple(gallery.name(index) for index in range(min(FILES_TOLD, len(gallery)))),
        exemplars=lambda: _exemplars(gallery, channels, wanted),
        again=lambda other: _understood(
            gallery, replace(other, groups=wanted.groups, label=wanted.label), headers, bad
        ),
    )


def _remarks(gallery: Gallery, groups: NDArray[np.int64] | None, wanted: Wanted) -> tuple[str, ...]:
    if groups is None or wanted.groups is None:
        return gallery.remarks
    return (*gallery.remarks, grouping.told(groups, wanted.groups))


def _headers(
    gallery: Gallery, progress: Progress = lambda done, files: None
) -> tuple[Counter[pictures.Header], list[str]]:
    """What the readable files say about themselves, how often each, and what is wrong with the others."""
    headers: Counter[pictures.Header] = Counter()
    bad = []
    for index in range(len(gallery)):
        progress(index, len(gallery))
        try:
            headers[pictures.header(gallery.content(index))] += 1
        except pictures.Unreadable as error:
            bad.append(f"{gallery.name(index)} {error}")
    if not headers:
        raise InvalidData(cannot_be_read(gallery.path, bad, len(gallery)))
    return headers, bad


def _common_size(gallery: Gallery, headers: Counter[pictures.Header], bad: list[str]) -> Size:
    """Height and width of all images; raises InvalidData when they differ."""
    sizes = _sizes(headers)
    if len(sizes) > 1:
        besides = f"\nBesides, {cannot_be_read(gallery.path, bad, len(gallery))}" if bad else ""
        raise InvalidData(different_sizes(gallery.path, sizes) + besides)
    return sizes[0][0]


def _sizes(headers: Counter[pictures.Header]) -> list[tuple[Size, int]]:
    """Each (height, width) with its number of images, most frequent first."""
    sizes: Counter[Size] = Counter()
    for header, number in headers.items():
        sizes[header.height, header.width] += number
    return sizes.most_common()


def _channels(headers: Counter[pictures.Header], wanted: Wanted) -> int:
    return wanted.channels or (1 if all(header.is_grey for header in headers) else 3)


def _per_class(gallery: Gallery, part: slice) -> tuple[int, ...]:
    return tuple(np.bincount(gallery.labels[part], minlength=len(gallery.class_names)).tolist())


def _blocks(gallery: Gallery, channels: int, wanted: Wanted, shape: Size) -> Iterator[NDArray[np.uint8]]:
    """Decode one file after another; InvalidData at the end with everything that is wrong with them."""
    bad: list[str] = []
    for index in range(len(gallery)):
        try:
            image_HWC = _pixels(gallery, index, channels, wanted)
            if image_HWC.shape[:2] != shape:
                height, width = image_HWC.shape[:2]
                raise pictures.Unreadable(f"says it is {shape[0]}×{shape[1]} but turns out to be {height}×{width}")
        except pictures.Unreadable as error:
            bad.append(f"{gallery.name(index)} {error}")
        else:
            yield image_HWC[np.newaxis]
    if bad:
        raise InvalidData(cannot_be_read(gallery.path, bad, len(gallery)))


def _pixels(gallery: Gallery, index: int, channels: int, wanted: Wanted) -> NDArray[np.uint8]:
    return pictures.pixels(gallery.content(index), grey=channels == 1, size=wanted.size, fit=wanted.fit)


def _exemplars(gallery: Gallery, channels: int, wanted: Wanted) -> Exemplars:
    """The first readable training images of each class."""
    training = gallery.labels[: gallery.test_start]
    classes, each = [], exemplars_each(len(gallery.class_names))
    for label in range(min(len(gallery.class_names), CLASSES_SHOWN)):
        images = []
        for index in np.flatnonzero(training == label)[:each].tolist():
            try:
                images.append(framing.small(_pixels(gallery, index, channels, wanted), LARGEST_SHOWN))
            except pictures.Unreadable:
                continue  # told with the others, or gone since
        classes.append(tuple(images))
    return tuple(classes)


def _told(headers: Counter[pictures.Header], channels: int, wanted: Wanted) -> Sequence[str]:
    """What is done to the pixels, with numbers of images."""
    conversions: Counter[str] = Counter()
    for header, number in headers.items():
        for conversion in header.conversions:
            conversions[conversion] += number
        if header.is_grey and channels == 3:
            conversions["grey repeated in 3 channels"] += number
        if not header.is_grey and channels == 1:
            conversions["colour made grey"] += number
    of = headers.total()
    counted = [f"{conversion} in {number:,} of {of:,} images" for conversion, number in sorted(conversions.items())]
    return [*counted, *framing.told(wanted)]
