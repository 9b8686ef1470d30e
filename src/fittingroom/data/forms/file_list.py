"""Importer of lists of image files with their labels: CSV, JSON and JSON lines.

    path,label,split                     {"path": "cats/1.png", "label": "cat"}        one object a line, or
    cats/1.png,cat,train                 [{"path": …, "label": …}, …]                  {"cats/1.png": "cat", …}
    cats/2.png,cat,test

``split`` may be missing; ``val`` joins the training images. Paths are relative to the list. Only files below the list's
own folder are read, whatever the list says, links followed first: a list that comes from elsewhere must not pick files
from this machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fittingroom.data import pictures
from fittingroom.data.forms import classes, gallery, json_items, rows
from fittingroom.data.forms.gallery import Gallery
from fittingroom.data.forms.layout import TEST, TRAINING, VALIDATION
from fittingroom.data.forms.rows import Table
from fittingroom.data.grouping import BY_FOLDER
from fittingroom.data.incoming import Incoming, Preview, Progress
from fittingroom.data.naming import class_problems, first, printable, shown
from fittingroom.data.wanted import AS_IT_IS, Wanted
from fittingroom.errors import InvalidData, InvalidInput

PATHS = {"path", "file", "filename", "file_name", "filepath", "file_path", "image_path", "image", "img", "image_file"}
LABELS = {"label", "labels", "class", "class_name", "category", "target", "y"}
SPLITS = {"split", "part", "subset", "set", "partition", "fold"}


class _Listed(NamedTuple):
    """What lists come to: training images before test images, each by class."""

    root: Path
    files: list[Path]
    class_names: tuple[str, ...]
    labels: NDArray[np.int64]
    test_start: int | None
    remarks: tuple[str, ...]
    validation: NDArray[np.int64] | None
    column: list[str | None] | None
    """What the column that names groups says of each file."""


class Entry(NamedTuple):
    """One image of a list."""

    line: int
    path: str
    label: str
    split: str
    group: str | None
    """What the column that names groups says; None where there is none, "" where it is empty."""


def read(training: list[Path], test: list[Path], path: Path, wanted: Wanted) -> Incoming:
    """The images that lists name, all brought to what is wanted; raises InvalidData, also while they are taken."""
    return gallery.read(_gallery(training, test, path, wanted), wanted)


def preview(training: list[Path], test: list[Path], path: Path, wanted: Wanted, progress: Progress) -> Preview:
    """What ``read`` would make of them; unreadable files and different sizes are told, not refused."""
    return gallery.preview(_gallery(training, test, path, wanted), wanted, progress)


def files(training: list[Path], test: list[Path], path: Path) -> list[Path]:
    """The files that lists name; raises InvalidData for a list that ``read`` refuses."""
    return _read(training, test, path, AS_IT_IS).files


def is_list(table: Table) -> bool:
    """Whether a table names files rather than holding pixels."""
    return _path_column(table) is not None


def _path_column(table: Table) -> int | None:
    at = table.column(PATHS)
    if at is not None and not rows.is_number(table.sample[0][at]):
        return at
    for at, cell in enumerate(table.sample[0]):
        if cell.lower().endswith(tuple(pictures.SUFFIXES)):
            return at
    return None


def _gallery(training: list[Path], test: list[Path], path: Path, wanted: Wanted) -> Gallery:
    found = _read(training, test, path, wanted)
    return Gallery(
        path=path,
        kind="list of images",
        class_names=found.class_names,
        labels=found.labels,
        name=lambda index: shown(found.files[index].relative_to(found.root)),
        content=lambda index: _inside(found.files[index], found.root),
        test_start=found.test_start,
        remarks=found.remarks,
        folders=[_folder(file, found.root) for file in found.files] if wanted.groups == BY_FOLDER else (),
        column=found.column,
        validation=found.validation,
        name_problems=tuple(class_problems(found.class_names)),
    )


def _read(training: list[Path], test: list[Path], path: Path, wanted: Wanted) -> _Listed:
    entries, test_entries, joined = _parts(training, test, wanted)
    where = shown(path)
    if not entries:
        raise InvalidData(f"{where} names no training images; give at least one of each of 2 classes")
    texts = [np.array([entry.label for entry in part]) for part in (entries, test_entries) if part]
    rows_of_labels = [text.astype(np.int64) for text in texts] if all(map(_are_numbers, texts)) else texts
    names, positions = classes.numbered(rows_of_labels, 1, where)
    order = np.argsort(positions[: len(entries)], kind="stable").tolist()
    order += (np.argsort(positions[len(entries) :], kind="stable") + len(entries)).tolist()
    both = entries + test_entries
    named = np.array([entry.split.strip().casefold() in VALIDATION for entry in both])[order]
    root = Path(os.path.realpath(training[0].parent))
    return _Listed(
        root=root,
        files=[_file(root, both[index], training[0]) for index in order],
        class_names=names,
        labels=positions[order],
        test_start=len(entries) if test_entries else None,
        remarks=(f"{joined:,} validation images joined the training images",) if joined else (),
        validation=np.flatnonzero(named) if named.any() else None,
        column=_column([both[index] for index in order], where, wanted),
    )


def _column(entries: list[Entry], where: str, wanted: Wanted) -> list[str | None] | None:
    """What the column that names groups says; raises InvalidData where only some of the images have it."""
    said = sum(entry.group is not None for entry in entries)
    if 0 < said < len(entries):
        raise InvalidData(
            f'{where} says "{wanted.groups}" of {said:,} of its {len(entries):,} images only; say it of all, '
            "and leave it empty where an image belongs to no other"
        )
    return [entry.group or None for entry in entries] if said else None


def _parts(training: list[Path], test: list[Path], wanted: Wanted) -> tuple[list[Entry], list[Entry], int]:
    """Training and test images, and how many of the former are for validation."""
    entries: list[Entry] = []
    test_entries: list[Entry] = []
    joined = 0
    for file in training + test:
        for entry in _entries(file, wanted):
            part = entry.split.strip().casefold()
            if part and part not in TRAINING | VALIDATION | TEST:
                raise InvalidData(
                    f'{shown(file)}, line {entry.line}: "{printable(entry.split[:40])}" is no part of a data set; '
                    "write train, val or test, or leave that column out"
                )
            joined += part in VALIDATION
            (test_entries if part in TEST or (file in test and not part) else entries).append(entry)
    return entries, test_entries, joined


def _are_numbers(texts: NDArray[np.str_]) -> bool:
    return all(re.fullmatch("0|[1-9][0-9]{0,17}", text) for text in texts.tolist())  # "01" is not "1"


def _folder(file: Path, root: Path) -> str | None:
    """The folder that a file lies in; None for those beside the list."""
    return None if file.parent == root else str(file.parent.relative_to(root))


def _file(root: Path, entry: Entry, listing: Path) -> Path:
    """The file that an entry names; raises InvalidData for one that is not below the list's folder."""
    text = entry.path.strip().replace("\\", "/")
    file = root if printable(text) != text else Path(os.path.normpath(root / text))
    if file == root or not file.is_relative_to(root):
        raise InvalidData(
            f'{shown(listing)}, line {entry.line}: "{printable(entry.path[:200])}" is not below '
            f"the folder of the list, {shown(root)}; put the list above its images, with paths such as cats/1.png"
        )
    return file


def _inside(file: Path, root: Path) -> Path:
    """The file, unless a link leads out of the folder; raises Unreadable."""
    if not Path(os.path.realpath(file)).is_relative_to(root):
        raise pictures.Unreadable("is a link that leads out of the folder of the list")
    return file


def _entries(path: Path, wanted: Wanted) -> Iterator[Entry]:
    label = wanted.label
    if path.name.lower().endswith(json_items.SUFFIXES):
        yield from _json_entries(path, wanted)
        return
    table = rows.table(path)
    at = {"path": _path_column(table), "split": table.column(SPLITS)}
    at["group"] = None if wanted.groups is None else table.column({wanted.groups.casefold()})
    at["label"] = table.column(LABELS if label is None else {label.casefold()})
    if at["label"] is None and label is None and table.columns == 2:
        at["label"] = 1 - (at["path"] or 0)
    columns = first(table.header or ("none",))
    for column in ("path", "label"):
        if at[column] is None:
            asked = label if column == "label" and label else column
            raise InvalidData(f'{shown(path)} has no column "{asked}"; its columns are {columns}: name it so')
    if wanted.groups not in (None, BY_FOLDER) and at["group"] is None and "(" not in str(wanted.groups):
        asked = f'{shown(path)} has no column "{wanted.groups}" that could tell groups; its columns are {columns}'
        raise InvalidInput(f"{asked}: name one of them, or give a pattern of the paths with one (…) group")
    line = 1
    for index, block in enumerate(rows.blocks(path)):
        lines = rows.decoded(block, path).split("\n")
        for offset, row in enumerate(rows.split_lines(lines, table.delimiter, path)):
            if not row or (index == 0 and offset == 0 and table.header is not None):
                continue
            if len(row) != table.columns:
                raise InvalidData(
                    f"{shown(path)}, line {line + offset}: {len(row)} cells, where {table.columns} are expected; "
                    "mend or remove that line"
                )
            cells = {name: "" if column is None else row[column] for name, column in at.items()}
            group = None if at["group"] is None else cells["group"].strip()
            yield Entry(line + offset, cells["path"], cells["label"].strip(), cells["split"], group)
        line += len(lines) - 1


def _json_entries(path: Path, wanted: Wanted) -> Iterator[Entry]:
    label = wanted.label
    for line, item in json_items.items(path, PATHS):
        if not isinstance(item, dict):
            raise InvalidData(f'{shown(path)}, entry {line}: expected is {{"path": "cats/1.png", "label": "cat"}}')
        by_name = {str(key).casefold(): value for key, value in item.items()}
        cells = []
        for what, keys in (
            ("path", PATHS),
            ("label", LABELS if label is None else {label.casefold()}),
            ("split", SPLITS),
        ):
            values = [by_name[key] for key in by_name if key in keys]
            if (not values and what != "split") or any(not isinstance(value, str | int) for value in values):
                raise InvalidData(
                    f'{shown(path)}, entry {line}: "{what}" is missing or no text; '
                    'expected is {"path": "cats/1.png", "label": "cat"}'
                )
            cells.append(str(values[0]) if values else "")
        group = by_name.get((wanted.groups or "").casefold())
        path_cell, label_cell, split_cell = cells
        yield Entry(line, path_cell, label_cell, split_cell, None if group is None else str(group))
