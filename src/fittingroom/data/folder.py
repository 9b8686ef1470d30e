"""Importer of image folders on disk, laid out as ``layout`` tells."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from fittingroom.data import gallery
from fittingroom.data.gallery import Gallery
from fittingroom.data.incoming import Incoming, Preview, Progress
from fittingroom.data.layout import LAYOUT, listed
from fittingroom.data.naming import shown
from fittingroom.data.wanted import AS_IT_IS, Wanted
from fittingroom.errors import InvalidData


def stamp(path: Path) -> str:
    """Changes whenever an image file in the folder is added, removed, renamed or written: 32 hexadecimal digits.

    Raises InvalidData where ``read`` would refuse the folders, without opening any image.
    """
    digest = hashlib.blake2b(digest_size=16)
    for file in listed(path, shown(path), _entries).files:
        try:
            stat = file.stat()
            seen = (stat.st_size, stat.st_mtime_ns)
        except OSError:  # a broken link: ``read`` tells it with all other faults
            seen = (-1, -1)
        digest.update(repr((str(file.relative_to(path)), *seen)).encode())
    return digest.hexdigest()


def read(path: Path, wanted: Wanted = AS_IT_IS) -> Incoming:
    """The images in a folder, all brought to what is wanted.

    Raises InvalidData, also while the blocks are taken: for folders that are not laid out so, for images of
    different sizes when no size is wanted, and for files that cannot be read (all of them gathered).
    """
    return gallery.read(_gallery(path), wanted)


def preview(path: Path, wanted: Wanted, progress: Progress) -> Preview:
    """What ``read`` would make of a folder; files that cannot be read and different sizes are told, not refused.

    ``progress`` is called with the number of files looked at, and of all; what it raises ends the looking.
    Raises InvalidData for folders that are not laid out so, or hold no readable image.
    """
    return gallery.preview(_gallery(path), wanted, progress)


def _gallery(path: Path) -> Gallery:
    listing = listed(path, shown(path), _entries)
    files = listing.files
    return Gallery(
        path=path,
        kind="image folder",
        class_names=tuple(listing.class_names),
        labels=np.array(listing.labels, np.int64),
        name=lambda index: shown(files[index].relative_to(path)),
        content=lambda index: files[index],
        test_start=len(listing.training) if listing.has_test else None,
        remarks=tuple(listing.remarks),
    )


def _entries(folder: Path) -> tuple[list[Path], list[Path]]:
    try:
        entries = list(folder.iterdir())
        folders = {entry for entry in entries if entry.is_dir()}
    except OSError as error:
        raise InvalidData(
            f"{shown(folder)} cannot be read: {error.strerror}; give a folder that you may read. {LAYOUT}"
        ) from error
    return list(folders), [entry for entry in entries if entry not in folders]
