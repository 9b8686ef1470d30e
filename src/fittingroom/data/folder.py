"""Importer of image folders: one folder for each class.

    PATH/CLASS/IMAGE.png                                     no test part, or
    PATH/train/CLASS/IMAGE.png, PATH/test/CLASS/IMAGE.png    an official test part

``training`` and ``testing`` will do as well; a folder ``val``, ``valid`` or ``validation`` joins the training images.
Classes and files are in natural order (2 before 10). Hidden files are passed over, and files that are no images
counted. Images have 1 channel if all of them are grey, else 3. Nothing is skipped silently: a file that should be an
image and is not refuses the folder, with all such files gathered.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fittingroom.data import pictures
from fittingroom.data.incoming import Incoming, Preview, Progress
from fittingroom.errors import InvalidData

TRAINING = {"train", "training"}
VALIDATION = {"val", "valid", "validation"}
TEST = {"test", "testing"}
LITTER = {"thumbs.db", "desktop.ini", "__macosx"}
TOLD = 10
LAYOUT = "expected are PATH/CLASS/IMAGE.png, or PATH/train/CLASS/IMAGE.png and PATH/test/CLASS/IMAGE.png"


class _ClassFolder(NamedTuple):
    name: str
    path: Path
    is_test: bool
    images: list[Path]


@dataclass
class _Listing:
    """The files of an image folder, sorted: training images before test images, then by class and name."""

    root: Path
    class_names: list[str] = field(default_factory=list)
    training: list[tuple[int, Path]] = field(default_factory=list)
    test: list[tuple[int, Path]] = field(default_factory=list)
    has_test: bool = False
    notes: list[str] = field(default_factory=list)
    """What was joined or left out, in words."""

    @property
    def files(self) -> list[Path]:
        return [path for _, path in self.training + self.test]


def stamp(path: Path) -> str:
    """Changes whenever an image file in the folder is added, removed, renamed or written: 32 hexadecimal digits.

    Raises InvalidData where ``read`` would refuse the folders, without opening any image.
    """
    listing = _listed(path)
    digest = hashlib.blake2b(digest_size=16)
    for file in listing.files:
        try:
            stat = file.stat()
            seen = (stat.st_size, stat.st_mtime_ns)
        except OSError:  # a broken link: ``read`` tells it with all other faults
            seen = (-1, -1)
        digest.update(repr((str(file.relative_to(path)), *seen)).encode())
    return digest.hexdigest()


def read(path: Path, size: tuple[int, int] | None = None) -> Incoming:
    """The images in a folder, all brought to ``size`` (height, width) if it is given.

    Raises InvalidData, also while the blocks are taken: for folders that are not laid out as above, for images of
    different sizes when no ``size`` is given, and for files that cannot be read (all of them gathered).
    """
    listing = _listed(path)
    headers, bad = _headers(listing)
    shape = size or _common_size(listing, headers, bad)
    is_grey = all(header.is_grey for header in headers)
    labels = [label for label, _ in listing.training + listing.test]
    return Incoming(
        class_names=tuple(listing.class_names),
        labels=np.array(labels, np.int64),
        image_shape=(*shape, 1 if is_grey else 3),
        blocks=_blocks(listing, is_grey, size, shape),
        test_start=len(listing.training) if listing.has_test else None,
        origin="; ".join([f"image folder {shown(path)}", *listing.notes, *_told(headers, is_grey, size)]),
    )


def preview(path: Path, size: tuple[int, int] | None = None, progress: Progress = lambda done, files: None) -> Preview:
    """What ``read`` would make of a folder; files that cannot be read and different sizes are told, not refused.

    ``progress`` is called with the number of files looked at, and of all; what it raises ends the looking.
    Raises InvalidData for folders that are not laid out as above, or hold no readable image.
    """
    listing = _listed(path)
    headers, bad = _headers(listing, progress)
    is_grey = all(header.is_grey for header in headers)
    return Preview(
        path=path,
        class_names=tuple(listing.class_names),
        training=_per_class(listing.training, len(listing.class_names)),
        test=_per_class(listing.test, len(listing.class_names)) if listing.has_test else None,
        sizes=tuple(_sizes(headers)),
        channels=1 if is_grey else 3,
        notes=(*listing.notes, *_told(headers, is_grey, size)),
        unreadable=tuple(bad),
    )


def shown(path: Path) -> str:
    """A path or file name as text that can be printed anywhere, whatever bytes it has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _listed(root: Path) -> _Listing:
    """Find the class folders and image files; raises InvalidData for a layout that cannot be a data set."""
    parts, other = _parts(root)
    found: list[_ClassFolder] = []
    for part, is_test in parts:
        folders, files = _entries(part)
        other += len(files) if part != root else 0
        for folder in folders:
            inside, entries = _entries(folder)
            images = [file for file in entries if file.suffix.lower() in pictures.SUFFIXES]
            other += len(inside) + len(entries) - len(images)
            found.append(_ClassFolder(shown(Path(folder.name)), folder, is_test, images))
    _check_layout(root, parts, found)
    listing = _Listing(root, has_test=any(is_test for _, is_test in parts))
    listing.class_names = sorted({place.name for place in found}, key=natural)
    number = {name: label for label, name in enumerate(listing.class_names)}
    for label, place in sorted(((number[place.name], place) for place in found), key=lambda pair: pair[0]):
        (listing.test if place.is_test else listing.training).extend((label, image) for image in place.images)
    joined = [shown(Path(part.name)) for part, _ in parts if part.name.casefold() in VALIDATION and part != root]
    listing.notes += [f'folder "{name}" joined the training images' for name in joined]
    listing.notes += [f"{other:,} other files or folders left out"] if other else []
    return listing


def _parts(root: Path) -> tuple[list[tuple[Path, bool]], int]:
    """The folders that hold class folders, and whether each is the test part; then the number of loose files."""
    folders, files = _entries(root)
    if not folders:
        loose = sum(file.suffix.lower() in pictures.SUFFIXES for file in files)
        raise InvalidData(
            f"{shown(root)} holds no class folders{f', but {loose:,} image files' if loose else ''}; {LAYOUT}"
        )
    names = {folder.name.casefold() for folder in folders}
    training = [folder for folder in folders if folder.name.casefold() in TRAINING]
    if names <= TRAINING | VALIDATION | TEST and any(_entries(folder)[0] for folder in training):
        return [(folder, folder.name.casefold() in TEST) for folder in folders], len(files)
    return [(root, False)], len(files)


def _entries(folder: Path) -> tuple[list[Path], list[Path]]:
    """Folders and other entries in a folder, each in natural order; hidden files and litter left out."""
    try:
        entries = [entry for entry in folder.iterdir() if entry.name[0] != "." and entry.name.lower() not in LITTER]
        folders = {entry for entry in entries if entry.is_dir()}
    except OSError as error:
        raise InvalidData(
            f"{shown(folder)} cannot be read: {error.strerror}; give a folder that you may read. {LAYOUT}"
        ) from error
    entries.sort(key=lambda entry: natural(entry.name))
    return [entry for entry in entries if entry in folders], [entry for entry in entries if entry not in folders]


def natural(name: str) -> tuple[list[tuple[str, int]], str]:
    """Sorts "img2" before "img10", and upper case with lower case."""
    pieces = re.findall(r"([^0-9]*)([0-9]*)", name)
    return [(text.casefold(), int(digits or -1)) for text, digits in pieces], name


def _check_layout(root: Path, parts: list[tuple[Path, bool]], found: list[_ClassFolder]) -> None:
    filled = {place.path.parent for place in found}
    empty = [place.path for place in found if not place.images] + [part for part, _ in parts if part not in filled]
    if empty:
        raise InvalidData(
            f"{shown(root)} has folders without images: "
            f"{_first([shown(path.relative_to(root)) for path in empty])}; fill or remove each of them. {LAYOUT}"
        )
    training = {place.name for place in found if not place.is_test}
    test_only = sorted({place.name for place in found} - training, key=natural)
    if test_only:
        raise InvalidData(
            f"{shown(root)} has classes with test images only: {_first(test_only)}; add training images of these "
            "classes or remove them"
        )
    if len(training) < 2:
        raise InvalidData(
            f"{shown(root)} has one class ({_first(sorted(training))}), and a classifier needs at least 2; {LAYOUT}"
        )


def _headers(
    listing: _Listing, progress: Progress = lambda done, files: None
) -> tuple[list[pictures.Header], list[str]]:
    """What the readable files say about themselves, and what is wrong with the others."""
    headers, bad, files = [], [], listing.files
    for done, file in enumerate(files):
        progress(done, len(files))
        try:
            headers.append(pictures.header(file))
        except pictures.Unreadable as error:
            bad.append(f"{shown(file.relative_to(listing.root))} {error}")
    if not headers:
        raise _unreadable(listing, bad)
    return headers, bad


def _common_size(listing: _Listing, headers: list[pictures.Header], bad: list[str]) -> tuple[int, int]:
    """Height and width of all images; raises InvalidData when they differ."""
    sizes = _sizes(headers)
    (common, _), *rest = sizes
    if rest:
        counts = [f"{number:,} of {height}×{width}" for (height, width), number in sizes]
        besides = f"\nBesides, {_unreadable(listing, bad)}" if bad else ""
        height, width = common
        raise InvalidData(
            f"the images in {shown(listing.root)} have different sizes (height×width): {_first(counts)}; "
            f"import them with one size, such as --size {height}x{width}, in Python size=({height}, {width}): "
            f"each is then scaled to fit and centred on white{besides}"
        )
    return common


def _sizes(headers: list[pictures.Header]) -> list[tuple[tuple[int, int], int]]:
    """Each (height, width) with its number of images, most frequent first."""
    return Counter((header.height, header.width) for header in headers).most_common()


def _per_class(files: list[tuple[int, Path]], classes: int) -> tuple[int, ...]:
    counts = Counter(label for label, _ in files)
    return tuple(counts[label] for label in range(classes))


def _blocks(
    listing: _Listing, is_grey: bool, size: tuple[int, int] | None, shape: tuple[int, int]
) -> Iterator[NDArray[np.uint8]]:
    """Decode one file after another; InvalidData at the end with everything that is wrong with them."""
    bad: list[str] = []
    for file in listing.files:
        try:
            image_HWC = pictures.pixels(file, grey=is_grey, size=size)
            if image_HWC.shape[:2] != shape:
                height, width = image_HWC.shape[:2]
                raise pictures.Unreadable(f"says it is {shape[0]}×{shape[1]} but turns out to be {height}×{width}")
        except pictures.Unreadable as error:
            bad.append(f"{shown(file.relative_to(listing.root))} {error}")
        else:
            yield image_HWC[np.newaxis]
    if bad:
        raise _unreadable(listing, bad)


def _unreadable(listing: _Listing, bad: list[str]) -> InvalidData:
    more = f"\n  … and {len(bad) - TOLD:,} more" if len(bad) > TOLD else ""
    return InvalidData(
        f"{len(bad):,} of {len(listing.files):,} image files in {shown(listing.root)} cannot be read; "
        f"replace or remove them:\n  " + "\n  ".join(bad[:TOLD]) + more
    )


def _told(headers: list[pictures.Header], is_grey: bool, size: tuple[int, int] | None) -> Iterable[str]:
    """What was done to the pixels, with numbers of images."""
    conversions = Counter(conversion for header in headers for conversion in header.conversions)
    grey = sum(header.is_grey for header in headers)
    if grey and not is_grey:
        conversions["grey repeated in 3 channels"] = grey
    for conversion, number in sorted(conversions.items()):
        yield f"{conversion} in {number:,} of {len(headers):,} images"
    if size is not None:
        yield f"scaled to fit {size[0]}×{size[1]} and centred on white"


def _first(names: list[str]) -> str:
    return ", ".join(names[:TOLD]) + (f" and {len(names) - TOLD:,} more" if len(names) > TOLD else "")
