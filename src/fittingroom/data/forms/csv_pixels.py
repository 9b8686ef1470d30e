"""Importer of tables of pixels: one row for each image, one column for its label and one for each pixel.

    label,pixel1,pixel2,…,pixel784          Kaggle's form; the label may come last, and the names may be missing
    0,0,0,13,…

The label is the column called label, class, target or y; without names the first column, unless it can only be the
last. Images are square, or as high and wide as names such as ``1x1`` … ``28x28`` say; three times as many columns as a
square needs are colour, with the three values of a pixel side by side.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.forms import rows, stack
from fittingroom.data.forms.rows import Table, is_number
from fittingroom.data.forms.stack import Part, Stack
from fittingroom.data.incoming import Incoming, Preview, Progress
from fittingroom.data.naming import first, printable, shown
from fittingroom.data.wanted import Wanted
from fittingroom.errors import InvalidData

LABEL = {"label", "labels", "class", "target", "y", "digit", "category"}
PASSED_OVER = {"", "id", "index", "unnamed: 0"}
"""Names of columns that count the rows."""


@dataclass(frozen=True)
class _Columns:
    """Which column is what."""

    label: int
    group: int | None
    """The column that names groups."""
    pixels: tuple[int, ...]
    shape: tuple[int, ...]
    """(height, width) or (height, width, 3)."""
    remarks: tuple[str, ...]


def read(training: list[Path], test: list[Path], path: Path, wanted: Wanted) -> Incoming:
    """The images in such tables, all brought to what is wanted; raises InvalidData, also while they are taken."""
    return stack.read(_stack(training, test, path, wanted), wanted)


def preview(training: list[Path], test: list[Path], path: Path, wanted: Wanted, progress: Progress) -> Preview:
    """What ``read`` would make of them; raises InvalidData for all that ``read`` refuses."""
    return stack.preview(_stack(training, test, path, wanted), wanted, progress)


def _stack(training: list[Path], test: list[Path], path: Path, wanted: Wanted) -> Stack:
    columns = _columns(rows.table(training[0]), wanted)
    return Stack(
        path=path,
        kind="CSV of pixels",
        training=tuple(_part(file, wanted) for file in training),
        test=tuple(_part(file, wanted) for file in test),
        remarks=columns.remarks,
    )


def _part(path: Path, wanted: Wanted) -> Part:
    """The labels are read at once, the pixels when they are asked for."""
    table = rows.table(path)
    columns = _columns(table, wanted)
    labels, groups, is_whole = _labels(table, columns)
    return Part(
        where=shown(path),
        shape=(len(labels), *columns.shape),
        dtype=np.dtype(np.uint8 if is_whole else np.float64),
        blocks=lambda: _blocks(table, columns, is_whole),
        labels=labels,
        labels_where=shown(path),
        column=None if columns.group is None else groups,
    )


def _columns(table: Table, wanted: Wanted) -> _Columns:
    where = shown(table.path)
    at = table.column(LABEL) if wanted.label is None else _named(table, wanted.label)
    group = None if wanted.groups is None else _named(table, wanted.groups)
    remarks = []
    if at is None:
        at = _unnamed_label(table)
        remarks.append(f"labels taken from the {'last' if at else 'first'} column")
    names = table.header or ("?",) * table.columns
    counters = [i for i, name in enumerate(names) if name.casefold() in PASSED_OVER and i not in (at, group)]
    if counters:
        remarks.append(f"columns left out: {first([repr(names[i]) for i in counters])}")
    pixels = tuple(i for i in range(table.columns) if i not in (at, group, *counters))
    return _Columns(at, group, pixels, _image_shape([names[i] for i in pixels], where), tuple(remarks))


def _named(table: Table, name: str) -> int:
    at = table.column({name.casefold()})
    if at is None:
        columns = first(table.header or ("no names",))
        raise InvalidData(f'{shown(table.path)} has no column "{name}"; its columns are {columns}')
    return at


def _unnamed_label(table: Table) -> int:
    """First or last column: text is a label, and so is what differs where the other never does."""
    ends = [[row[at] for row in table.sample if row] for at in (0, -1)]
    is_text = [not all(map(is_number, cells)) for cells in ends]
    if is_text[0] != is_text[1]:
        return 0 if is_text[0] else table.columns - 1
    differs = [len(set(cells)) > 1 and not any("." in cell for cell in cells) for cells in ends]
    return table.columns - 1 if differs[1] and not differs[0] else 0


def _image_shape(names: list[str], where: str) -> tuple[int, ...]:
    number = len(names)
    last = re.fullmatch(r"(\d{1,5})x(\d{1,5})", names[-1]) if names else None
    if last and int(last[1]) * int(last[2]) == number:
        return int(last[1]), int(last[2])
    for channels in (1, 3):
        side = math.isqrt(number // channels)
        if number and side * side * channels == number:
            return (side, side) if channels == 1 else (side, side, channels)
    raise InvalidData(
        f"{where} has {number:,} columns beside the label, which are no square image (such as 784 = 28 × 28) and no "
        "three of them; name the pixels 1x1 to HEIGHTxWIDTH, or look whether there are other columns"
    )


def _labels(table: Table, columns: _Columns) -> tuple[NDArray[Any], list[str | None], bool]:
    """The labels and the groups of all rows, and whether all pixels are written as whole numbers."""
    found: list[NDArray[Any]] = []
    is_whole = True
    delimiters = len(columns.pixels) - 1
    groups: list[str | None] = []
    for line, labels, named, pixels in _split(table, columns):
        groups += [name or None for name in named]
        if pixels.count(table.delimiter.encode()) != len(labels) * delimiters:
            raise _fault(table, columns, line, pixels)
        is_whole = is_whole and not pixels.translate(None, b"0123456789\n" + table.delimiter.encode())
        found.append(np.array(labels))
    if not found:
        raise InvalidData(f"{shown(table.path)} has column names and no rows; give one row for each image")
    texts = np.concatenate(found)
    try:
        return texts.astype(np.int64), groups, is_whole
    except (ValueError, OverflowError):  # text, or numbers of very many digits
        return np.char.strip(texts), groups, is_whole


def _blocks(table: Table, columns: _Columns, is_whole: bool) -> Iterator[NDArray[Any]]:
    parse: Callable[[bytes, str], NDArray[Any]] = _whole_numbers if is_whole else _numbers
    number = len(columns.pixels)
    for line, labels, _, pixels in _split(table, columns):
        try:
            values = parse(pixels, table.delimiter)
            if values.size != number * len(labels) or (is_whole and values.max() > 255):
                raise ValueError
        except ValueError:
            raise _fault(table, columns, line, pixels) from None
        yield values.reshape(-1, *columns.shape)


def _split(table: Table, columns: _Columns) -> Iterator[tuple[int, list[str], list[str], bytes]]:
    """Block after block: first line, labels, groups, and the text of its pixels, one line for each row."""
    delimiter, line = table.delimiter.encode(), 1
    ends_only = columns.label in (0, table.columns - 1) and len(columns.pixels) == table.columns - 1
    for index, block in enumerate(rows.blocks(table.path)):
        lines = block.removesuffix(b"\n").split(b"\n")
        count = len(lines)
        if index == 0 and table.header is not None:
            while lines and not lines.pop(0).strip():
                pass
        lines = [one for one in lines if one.strip()]
        if lines and ends_only and b'"' not in block:
            cut = [one.partition(delimiter) if columns.label == 0 else one.rpartition(delimiter)[::-1] for one in lines]
            labels = rows.decoded(b"\n".join(part[0] for part in cut), table.path).split("\n")
            pixels = b"\n".join(part[2] for part in cut) + b"\n"
            yield line, labels, [], pixels
        elif lines:
            cells = rows.split_lines(
                rows.decoded(b"\n".join(lines), table.path).split("\n"), table.delimiter, table.path
            )
            short = next((at for at, row in enumerate(cells) if len(row) != table.columns), None)
            if short is not None:
                raise InvalidData(
                    f"{shown(table.path)} has {len(cells[short])} cells in one of the lines from {line + short} on, "
                    f"where others have {table.columns}; mend or remove that line"
                )
            text = "\n".join(table.delimiter.join(row[i].strip() for i in columns.pixels) for row in cells)
            groups = [] if columns.group is None else [row[columns.group].strip() for row in cells]
            yield line, [row[columns.label].strip() for row in cells], groups, text.encode() + b"\n"
        line += count


def _whole_numbers(text: bytes, delimiter: str) -> NDArray[np.uint8]:
    """Numbers of at most three digits between delimiters and ends of lines, many times faster than NumPy's reader.

    Raises ValueError for anything else, and for lines of different lengths.
    """
    codes = np.frombuffer(text, np.uint8)
    digits = codes - 48  # what is no digit wraps around to more than 9
    ends = np.flatnonzero(digits > 9)
    lengths = np.diff(ends, prepend=-1) - 1
    if not len(ends) or lengths.min() < 1 or lengths.max() > 3:
        raise ValueError
    line_ends = np.flatnonzero(codes[ends] == 10)
    if len(np.unique(np.diff(line_ends, prepend=-1))) > 1:
        raise ValueError
    values = digits[ends - 1].astype(np.uint16)
    two, three = np.flatnonzero(lengths > 1), np.flatnonzero(lengths > 2)
    values[two] += 10 * digits[ends[two] - 2].astype(np.uint16)
    values[three] += 100 * digits[ends[three] - 3].astype(np.uint16)
    if values.max() > 255:
        raise ValueError
    return values.astype(np.uint8)


def _numbers(text: bytes, delimiter: str) -> NDArray[np.float64]:
    lines = text.decode("ascii").removesuffix("\n").split("\n")
    return np.loadtxt(lines, np.float64, delimiter=delimiter, ndmin=2, comments=None)


def _fault(table: Table, columns: _Columns, line: int, pixels: bytes) -> InvalidData:
    """What is wrong in a block, with its line as people count them."""
    number = len(columns.pixels)
    start = line + (line == 1 and table.header is not None)
    for at, text in enumerate(rows.decoded(pixels, table.path).removesuffix("\n").split("\n")):
        cells = text.split(table.delimiter)
        where = f"{shown(table.path)}, line {start + at}"
        if len(cells) != number:
            return InvalidData(f"{where}: {len(cells)} pixels, where {number} are expected; mend or remove that line")
        for cell in cells:
            if not is_number(cell):
                return InvalidData(f'{where}: "{printable(cell[:40])}" is no number; mend or remove that line')
            if "." not in cell and not 0 <= float(cell) <= 255:
                return InvalidData(f"{where}: the value {cell[:40]} is no grey level; give 0 to 255, or floats 0 to 1")
    return InvalidData(f"{shown(table.path)} cannot be read from line {start} on; save it as plain CSV")
