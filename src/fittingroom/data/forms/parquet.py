"""Importer of Parquet files and of folders that Hugging Face's ``datasets`` writes, with pyarrow (an extra).

    images.parquet                                                one file; all of it is for training
    FOLDER/…train-00000-of-00002.parquet  …test-….parquet         parts by their names, also in folders below
    FOLDER/train/data-00000-of-00001.arrow  test/…                as ``save_to_disk`` writes them

One column holds image files (bytes, or a record with ``bytes``), another the labels: whole numbers, whose names are
taken from the description that ``datasets`` leaves, or text. Columns with images inside of other records are not read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittingroom.data import pictures
from fittingroom.data.forms import classes, gallery
from fittingroom.data.forms.gallery import Gallery
from fittingroom.data.incoming import Incoming, Preview, Progress
from fittingroom.data.naming import class_problems, first, natural, printable, shown
from fittingroom.data.wanted import AS_IT_IS, Wanted
from fittingroom.errors import InvalidData, InvalidInput

SUFFIXES = (".parquet", ".arrow")
IMAGES = ("image", "img", "images", "picture", "photo", "file")
LABELS = ("label", "labels", "class", "fine_label", "target", "category", "y")
LOOKED_AT = 2_000
ROWS = 256
"""Of an Arrow file, held at once while images are read; a Parquet file has groups of its own."""


@dataclass(frozen=True, eq=False)
class _Shard:
    """One file by its columns."""

    path: Path
    image: str
    labels: NDArray[Any]
    families: list[Any] | None
    """What the column that names groups says of each row; None where there is none."""
    names: list[str] | None
    groups: tuple[int, ...]
    """Rows in each group that is read at once."""
    group: Callable[[int], list[Any]]
    """The images of one group: bytes, or None."""


def fits_folder(path: Path) -> bool:
    """Whether a folder holds such files, directly or in folders below."""
    try:
        return path.is_dir() and (_holds(path) or any(_holds(folder) for folder in path.iterdir() if folder.is_dir()))
    except OSError:
        return False


def _holds(folder: Path) -> bool:
    """Whether such a file is among the first entries; a folder of very many images is not looked through."""
    with os.scandir(folder) as entries:
        return any(entry.name.lower().endswith(SUFFIXES) for entry in islice(entries, LOOKED_AT))


def files(path: Path) -> list[Path]:
    """The files that hold rows, in natural order of their names; those of the cache of ``datasets`` are left out."""
    if not path.is_dir():
        return [path]
    below = [file for depth in ("*", "*/*") for suffix in SUFFIXES for file in path.glob(depth + suffix)]
    kept = [file for file in below if file.is_file() and not file.name.startswith((".", "cache-"))]
    return sorted(kept, key=lambda file: natural(str(file.relative_to(path))))


def read(path: Path, wanted: Wanted = AS_IT_IS) -> Incoming:
    """The images in such files, all brought to what is wanted.

    Raises InvalidData, also while the blocks are taken, and InvalidInput where pyarrow is not installed.
    """
    return gallery.read(_gallery(path, wanted), wanted)


def preview(path: Path, wanted: Wanted, progress: Progress) -> Preview:
    """What ``read`` would make of them; files that cannot be read and different sizes are told, not refused."""
    return gallery.preview(_gallery(path, wanted), wanted, progress)


def _gallery(path: Path, wanted: Wanted) -> Gallery:
    parts: dict[str, list[_Shard]] = {"train": [], "validation": [], "test": []}
    for file in files(path):
        parts[_part(file, path)].append(_shard(file, wanted))
    training = parts["train"] + parts["validation"]
    shards = training + parts["test"]
    if not training:
        raise InvalidData(f"{shown(path)} holds test images only; add files with train in their names")
    rows, told = zip(*(classes.row_of(shard.labels, shown(shard.path)) for shard in shards), strict=True)
    names, labels = classes.numbered(rows, len(training), shown(path), shards[0].names)
    joined = sum(len(shard.labels) for shard in parts["validation"])
    remarks = [f"{joined:,} validation images joined the training images"] if joined else []
    images = _Images(shards)
    return Gallery(
        path=path,
        kind="Parquet or Arrow data",
        class_names=names,
        labels=labels,
        name=images.name,
        content=images.content,
        test_start=sum(len(shard.labels) for shard in training) if parts["test"] else None,
        remarks=(*remarks, *dict.fromkeys(filter(None, told))),
        name_problems=tuple(class_problems(names)),
        column=_families(shards, wanted),
        validation=_validation(parts["train"], joined),
    )


def _families(shards: list[_Shard], wanted: Wanted) -> list[str | None] | None:
    """What the column that names groups says of every row; raises InvalidData where it is missing."""
    if wanted.groups is None:
        return None
    texts: list[str | None] = []
    for shard in shards:
        if shard.families is None:
            raise InvalidData(f'{shown(shard.path)} has no column "{wanted.groups}"; --groups names a column here')
        texts += [None if value is None else str(value) for value in shard.families]
    return texts


def _validation(training: list[_Shard], number: int) -> NDArray[np.int64] | None:
    """Places of the images for validation, which follow those for training."""
    start = sum(len(shard.labels) for shard in training)
    return np.arange(start, start + number) if number else None


def _part(file: Path, root: Path) -> str:
    words = str(file.relative_to(root)).lower() if file != root else ""
    if "test" in words:
        return "test"
    return "validation" if "val" in words else "train"


class _Images:
    """Image after image of all files; the group that was read last is kept, for most are asked for in order."""

    def __init__(self, shards: list[_Shard]) -> None:
        self._places = [(shard, group) for shard in shards for group in range(len(shard.groups))]
        counts = [shard.groups[group] for shard, group in self._places]
        self._ends = np.cumsum(counts)
        self._kept: tuple[int, list[Any]] = (-1, [])

    def name(self, index: int) -> str:
        place, row = self._find(index)
        shard, group = self._places[place]
        return f"row {sum(shard.groups[:group]) + row:,} of {shown(Path(shard.path.name))}"

    def content(self, index: int) -> bytes:
        place, row = self._find(index)
        if self._kept[0] != place:
            shard, group = self._places[place]
            self._kept = place, shard.group(group)
        if row >= len(self._kept[1]):
            raise pictures.Unreadable("is missing: its file announces more rows than it holds")
        found = self._kept[1][row]
        if not isinstance(found, bytes):
            raise pictures.Unreadable("holds no bytes of an image")
        return found

    def _find(self, index: int) -> tuple[int, int]:
        place = int(np.searchsorted(self._ends, index, side="right"))
        return place, index - (int(self._ends[place - 1]) if place else 0)


def _shard(path: Path, wanted: Wanted) -> _Shard:
    """The labels of a file, and how its images are found; raises InvalidData."""
    with _readable(path):
        return _of_parquet(path, wanted) if path.name.lower().endswith(".parquet") else _of_arrow(path, wanted)


def _of_parquet(path: Path, wanted: Wanted) -> _Shard:
    from pyarrow import parquet  # 0.1 s, and an extra

    file = parquet.ParquetFile(path)
    schema = file.schema_arrow
    image, answer = _columns(schema, path, wanted.label)
    labels = np.asarray(file.read(columns=[answer]).column(answer).to_pylist())
    families = None
    if wanted.groups in schema.names:
        families = file.read(columns=[wanted.groups]).column(wanted.groups).to_pylist()
    groups = tuple(file.metadata.row_group(number).num_rows for number in range(file.num_row_groups))
    if sum(groups) != len(labels) or min(groups, default=0) < 0:
        raise InvalidData(f"{shown(path)} announces {sum(groups):,} rows and has {len(labels):,} labels; get it again")

    def group(number: int) -> list[Any]:
        with _readable(path):
            return _bytes(file.read_row_group(number, columns=[image]).column(image))

    return _Shard(path, image, labels, families, _class_names(schema, answer), groups, group)


def _of_arrow(path: Path, wanted: Wanted) -> _Shard:
    import pyarrow  # an extra

    stream = pyarrow.memory_map(str(path))
    table = pyarrow.ipc.open_stream(stream).read_all()
    image, answer = _columns(table.schema, path, wanted.label)
    families = table.column(wanted.groups).to_pylist() if wanted.groups in table.schema.names else None
    number = len(table)
    groups = tuple(min(ROWS, number - start) for start in range(0, number, ROWS))

    def group(which: int) -> list[Any]:
        with _readable(path):
            return _bytes(table.column(image).slice(which * ROWS, ROWS))

    labels = np.asarray(table.column(answer).to_pylist())
    return _Shard(path, image, labels, families, _class_names(table.schema, answer), groups, group)


def _bytes(column: Any) -> list[Any]:
    values = column.to_pylist()
    return [value.get("bytes") if isinstance(value, dict) else value for value in values]


def _columns(schema: Any, path: Path, label: str | None) -> tuple[str, str]:
    """Names of the columns of images and labels."""
    by_name = {name.casefold(): name for name in reversed(schema.names)}
    image = next((by_name[name] for name in IMAGES if name in by_name), None)
    answer = next((by_name[name] for name in ([label.casefold()] if label else LABELS) if name in by_name), None)
    for column, found, known in (("images", image, IMAGES), ("labels", answer, (label,) if label else LABELS)):
        if found is None:
            raise InvalidData(
                f"{shown(path)} has no column of {column}; its columns are "
                f"{first(list(map(printable, schema.names)))}, and known names are {', '.join(map(str, known))}"
            )
    assert image is not None
    assert answer is not None
    return image, answer


def _class_names(schema: Any, column: str) -> list[str] | None:
    """What ``datasets`` has written down about the labels, as far as it can be understood."""
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        names = features[column]["names"]
        return [str(name) for name in names] if isinstance(names, list) else None
    except (KeyError, TypeError, ValueError):
        return None


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Whatever goes wrong with a file is InvalidData; a missing pyarrow is InvalidInput."""
    try:
        yield
    except InvalidData:
        raise
    except ImportError as error:
        raise InvalidInput(
            f'{shown(path)} needs pyarrow to be read, which is not installed; run: pip install "fittingroom[parquet]"'
        ) from error
    except Exception as error:  # pyarrow raises many kinds of errors on damaged files
        reason = printable((str(error).splitlines() or ["?"])[0][:200])
        raise InvalidData(f"{shown(path)} is damaged, or no Parquet or Arrow file ({reason}); get it again") from error
