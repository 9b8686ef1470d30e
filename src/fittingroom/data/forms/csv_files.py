"""Importer of CSV files: tables of pixels (``csv_pixels``) or lists of image files (``file_list``), told by their rows.

A folder may hold one file, or several with ``train`` and ``test`` in their names.
"""

from __future__ import annotations

import re
from pathlib import Path

from fittingroom.data.forms import csv_pixels, file_list, json_items, rows
from fittingroom.data.incoming import Incoming, Preview, Progress
from fittingroom.data.naming import first, shown
from fittingroom.data.wanted import AS_IT_IS, Wanted
from fittingroom.errors import InvalidData

TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
LISTS = json_items.SUFFIXES
PIXEL = re.compile(r"(?i)(pixel|px|p)?[ _-]?\d+(x\d+)?")
"""Names of columns that tell no class."""
MOST_COLUMNS = 100


def fits_folder(path: Path) -> bool:
    """Whether a folder holds such files, and no folders of images beside more than one of them could be in."""
    try:
        if not path.is_dir() or not any(rows.pair(path, TABLES + LISTS)):
            return False
        folders = [entry for entry in path.iterdir() if entry.is_dir() and entry.name[0] != "."]
        return not folders or (len(folders) == 1 and not any(entry.is_dir() for entry in folders[0].iterdir()))
    except OSError:
        return False


def read(path: Path, wanted: Wanted = AS_IT_IS) -> Incoming:
    """The images in tables or lists, all brought to what is wanted; raises InvalidData, also while they are taken."""
    training, test, are_lists = _files(path)
    if are_lists:
        return file_list.read(training, test, path, wanted)
    return csv_pixels.read(training, test, path, wanted)


def preview(path: Path, wanted: Wanted, progress: Progress) -> Preview:
    """What ``read`` would make of them."""
    training, test, are_lists = _files(path)
    if are_lists:
        return file_list.preview(training, test, path, wanted, progress)
    return csv_pixels.preview(training, test, path, wanted, progress)


def files(path: Path) -> list[Path]:
    """What is read: tables or lists, and the files that lists name; raises InvalidData."""
    training, test, are_lists = _files(path)
    return training + test + (file_list.files(training, test, path) if are_lists else [])


def columns(path: Path) -> tuple[str, ...]:
    """Names of the columns that could tell the class, the first few; none for JSON and for tables without names.

    Raises InvalidData.
    """
    training, _, _ = _files(path)
    if training[0].name.lower().endswith(LISTS):
        return ()
    header = rows.table(training[0]).header or ()
    return tuple(name for name in header if not PIXEL.fullmatch(name))[:MOST_COLUMNS]


def _files(path: Path) -> tuple[list[Path], list[Path], bool]:
    """Training and test files, and whether they are lists."""
    training, test = rows.pair(path, TABLES + LISTS) if path.is_dir() else ([path], [])
    names = [shown(Path(file.name)) for file in training + test]
    if len(training) != 1 or len(test) > 1:
        raise InvalidData(
            f"{shown(path)} should hold one table of training images and at most one of test images (with test in its "
            f"name), and holds {first(names)}; give the path of one of these files, or leave only one pair"
        )
    kinds = {_is_list(file) for file in training + test}
    if len(kinds) > 1:
        raise InvalidData(f"{shown(path)} mixes tables of pixels and lists of files: {first(names)}; give one kind")
    return training, test, kinds.pop()


def _is_list(file: Path) -> bool:
    return file.name.lower().endswith(LISTS) or file_list.is_list(rows.table(file))
