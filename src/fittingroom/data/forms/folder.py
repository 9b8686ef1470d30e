"""Importer of image folders on disk, laid out as ``layout`` tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fittingroom.data.forms import gallery
from fittingroom.data.forms.gallery import Gallery
from fittingroom.data.forms.layout import LAYOUT, listed
from fittingroom.data.grouping import BY_FOLDER
from fittingroom.data.incoming import Incoming, Preview, Progress
from fittingroom.data.naming import shown
from fittingroom.data.wanted import AS_IT_IS, Wanted
from fittingroom.errors import InvalidData


def files(path: Path) -> list[Path]:
    """The image files in a folder; raises InvalidData where ``read`` would refuse the folders, without opening any."""
    return listed(path, shown(path), _entries).files


def read(path: Path, wanted: Wanted = AS_IT_IS) -> Incoming:
    """The images in a folder, all brought to what is wanted.

    Raises InvalidData, also while the blocks are taken: for folders that are not laid out so, for images of
    different sizes when no size is wanted, and for files that cannot be read (all of them gathered).
    """
    return gallery.read(_gallery(path, wanted), wanted)


def preview(path: Path, wanted: Wanted, progress: Progress) -> Preview:
    """What ``read`` would make of a folder; files that cannot be read and different sizes are told, not refused.

    ``progress`` is called with the number of files looked at, and of all; what it raises ends the looking.
    Raises InvalidData for folders that are not laid out so, or hold no readable image.
    """
    return gallery.preview(_gallery(path, wanted), wanted, progress)


def _gallery(path: Path, wanted: Wanted) -> Gallery:
    by_folder = wanted.groups == BY_FOLDER
    listing = listed(path, shown(path), _entries, by_folder)
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
        folders=listing.folders if by_folder else (),
        validation=np.array(listing.validation, np.int64) if listing.validation else None,
        name_problems=tuple(listing.name_problems),
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
