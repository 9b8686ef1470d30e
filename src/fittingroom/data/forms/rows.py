"""Text files of one row a line (CSV, TSV, JSON lines), plain or gzipped, in blocks of whole lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from fittingroom.data.forms.unzipped import unzipped
from fittingroom.data.naming import natural, printable, shown
from fittingroom.errors import InvalidData

BLOCK = 1 << 22  # bytes of text taken together
LONGEST = 1 << 26  # bytes of one line
MOST_COLUMNS = 1 << 21
DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Table:
    """A text table by its first lines."""

    path: Path
    delimiter: str
    header: tuple[str, ...] | None
    """Names of the columns, without blanks around them; None when the first line is a row already."""
    sample: tuple[tuple[str, ...], ...]
    """The first rows."""

    @property
    def columns(self) -> int:
        return len(self.header or self.sample[0])

    def column(self, names: set[str]) -> int | None:
        """The first column with one of these (lower case) names."""
        for index, name in enumerate(self.header or ()):
            if name.casefold() in names:
                return index
        return None


def table(path: Path) -> Table:
    """Delimiter, header and first rows; the first line is a header unless it looks like the others.

    Raises InvalidData for a file that is no text, or empty.
    """
    block = b"".join(islice(blocks(path), 2))  # a last line without an end is a block of its own
    lines = decoded(block, path).split("\n")[:200]  # str.splitlines would also divide at form feeds
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise InvalidData(f"{shown(path)} is empty; give a table with one row for each image")
    ends = lines[0], lines[-1]  # of both, for commas may be decimal ones below, and names are without
    delimiter = max(DELIMITERS, key=lambda mark: (min(line.count(mark) for line in ends), ends[1].count(mark)))
    split = split_lines(lines, delimiter, path)
    if len(split[0]) > MOST_COLUMNS:
        raise InvalidData(
            f"{shown(path)} has {len(split[0]):,} columns, more than {MOST_COLUMNS:,}; no image is so large"
        )
    has_header = _is_header(split[0], split[1:])
    header = tuple(printable(name.strip()) for name in split[0]) if has_header else None
    sample = tuple(map(tuple, split[1 if has_header else 0 :]))
    if not sample:
        raise InvalidData(f"{shown(path)} has column names and no rows; give one row for each image")
    if header is not None and len(sample[0]) != len(header):
        raise InvalidData(
            f"{shown(path)} names {len(header)} columns and has {len(sample[0])} cells in its first row; "
            "mend or remove that line"
        )
    return Table(path, delimiter, header, sample)


def split_lines(lines: list[str], delimiter: str, path: Path) -> list[list[str]]:
    """Lines as rows of cells; quotation marks around a cell are taken away."""
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error as error:
        raise InvalidData(f"{shown(path)} is no table that can be read ({error}); save it as plain CSV") from error


def blocks(path: Path) -> Iterator[bytes]:
    """The text in blocks of whole lines, ends of lines as ``\\n``, no mark at the beginning; raises InvalidData."""
    rest, first = b"", True
    with unzipped(path) as stream:
        while data := stream.read(BLOCK):
            if first:
                data, first = data.removeprefix(b"\xef\xbb\xbf"), False
            whole, end, rest_of_data = data.rpartition(b"\n")
            if end:
                yield _with_plain_ends(rest + whole + end)
                rest = rest_of_data
            else:
                rest += data
                if len(rest) > LONGEST:
                    raise InvalidData(
                        f"{shown(path)} has a line of more than {LONGEST:,} bytes; give a table of one row a line"
                    )
    if rest.strip():
        yield _with_plain_ends(rest) + b"\n"


def _with_plain_ends(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n") if b"\r" in text else text  # replacing takes long even where there is nothing


def decoded(block: bytes, path: Path) -> str:
    """A block as text; raises InvalidData where it is none."""
    if b"\0" in block:
        raise InvalidData(f"{shown(path)} is no text file (it has zero bytes); save the table as CSV in UTF-8")
    try:
        return block.decode()
    except UnicodeDecodeError as error:
        raise InvalidData(
            f"{shown(path)} is not written in UTF-8 (byte {block[error.start]:#04x} in "
            f'"{printable(block[max(error.start - 20, 0) : error.start].decode("utf-8", "ignore"))}…"); '
            "save it with that encoding"
        ) from error


def pair(folder: Path, suffixes: tuple[str, ...]) -> tuple[list[Path], list[Path]]:
    """Files of training and of test rows at the top of a folder, told by ``train`` and ``test`` in their names."""
    entries = sorted(folder.iterdir(), key=lambda entry: natural(entry.name))
    files = [file for file in entries if file.name.lower().endswith(suffixes) and file.is_file()]
    files = [file for file in files if file.name[0] != "."]
    test = [file for file in files if "test" in file.name.lower()]
    return [file for file in files if file not in test], test


def _is_header(first: list[str], others: list[list[str]]) -> bool:
    """Whether a line holds names: text where the lines below have numbers, or known names where they have none."""
    number_below = [is_number(cell) for cell in others[0]] if others else []
    if any(number_below[1:-1]) or (any(number_below) and len(number_below) < 4):
        return any(below and not is_number(cell) for cell, below in zip(first, number_below, strict=False))
    return (
        len(set(first)) == len(first)
        and all(cell.strip() and not is_number(cell) for cell in first)
        and not any("." in cell or "/" in cell for cell in first)
    )


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
