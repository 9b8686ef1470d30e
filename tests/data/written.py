"""The same small data set written in every form that can be read, by means other than the importers' own."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASSES = ("cat", "dog", "fox")
LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 2, 0, 1, 2])
"""In the order that every form has in common: training images by class, then test images by class."""
TEST_START = 8
IMAGES = np.random.default_rng(7).integers(0, 256, (len(LABELS), 4, 4), dtype=np.uint8)
PARTS = {"train": slice(0, TEST_START), "test": slice(TEST_START, None)}


@dataclass(frozen=True)
class Form:
    """One way to write it."""

    write: Callable[[Path], Path]
    """Writes it into an empty folder, and returns what is to be imported."""
    numbered: bool = False
    """Whether labels are written as numbers, which then name the classes."""
    whole: bool = True
    """Whether the truncation of any file in it has to be noticed."""
    unread: tuple[str, ...] = ()
    """Names of files that are there and not read."""


def pictures(root: Path) -> Path:
    """train/cat/0.png …"""
    for part, which in PARTS.items():
        for index in range(len(LABELS))[which]:
            file = root / "pets" / part / CLASSES[LABELS[index]] / f"{index}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(IMAGES[index]).save(file)
    return root / "pets"


def zipped(root: Path) -> Path:
    folder = pictures(root / "source")
    with zipfile.ZipFile(root / "pets.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder.parent))
    return root / "pets.zip"


def tarred(suffix: str) -> Callable[[Path], Path]:
    def write(root: Path) -> Path:
        with tarfile.open(root / f"pets{suffix}", f"w:{suffix.rpartition('.')[2].replace('tar', '')}") as archive:
            archive.add(pictures(root / "source"), ".")
        return root / f"pets{suffix}"

    return write


def idx(array: NDArray[np.generic]) -> bytes:
    """As the format's page tells: magic number, sides, values."""
    kinds = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
    sides = b"".join(side.to_bytes(4, "big") for side in array.shape)
    kind = kinds[array.dtype.str[1:]]
    return bytes((0, 0, kind, array.ndim)) + sides + array.astype(array.dtype.newbyteorder(">")).tobytes()


def idx_folder(zip_it: bool) -> Callable[[Path], Path]:
    def write(root: Path) -> Path:
        folder = root / "pets"
        folder.mkdir()
        for name, which in (("train", PARTS["train"]), ("t10k", PARTS["test"])):
            for kind, array in (("images-idx3", IMAGES[which]), ("labels-idx1", LABELS[which].astype(np.uint8))):
                data = idx(array)
                file = folder / f"{name}-{kind}-ubyte{'.gz' if zip_it else ''}"
                file.write_bytes(gzip.compress(data, mtime=0) if zip_it else data)
        return folder

    return write


def npz(
    save: Callable[..., None], **changes: Callable[[NDArray[np.generic]], NDArray[np.generic]]
) -> Callable[[Path], Path]:
    def write(root: Path) -> Path:
        arrays = {
            f"{kind}_{part}": array[which]
            for part, which in PARTS.items()
            for kind, array in (("x", IMAGES), ("y", LABELS))
        }
        save(root / "pets.npz", **{key: changes.get(key[0], np.asarray)(array) for key, array in arrays.items()})
        return root / "pets.npz"

    return write


def as_source_b(root: Path) -> Path:
    """Floats 0 to 1, N×H×W×1, one-hot labels."""
    as_floats = npz(np.savez, x=lambda x: x[..., None] / 255, y=lambda y: np.eye(3)[y])  # type: ignore[index,operator]
    return as_floats(root)


def named_npz(root: Path) -> Path:
    parts = {"train": PARTS["train"], "test": PARTS["test"]}
    arrays = {f"{part}_images": IMAGES[which] for part, which in parts.items()}
    arrays |= {f"{part}_labels": LABELS[which] for part, which in parts.items()}
    np.savez(root / "pets.npz", class_names=np.array(CLASSES), **arrays)  # type: ignore[arg-type]
    return root / "pets.npz"


def pixel_tables(name: str, *, header: bool, last: bool, text: bool) -> Callable[[Path], Path]:
    """Tables of pixels in a folder, ``name`` with {} for the part."""

    def write(root: Path) -> Path:
        folder = root / "pets"
        folder.mkdir()
        for part, which in PARTS.items():
            lines = io.StringIO()
            writer = csv.writer(lines)
            names = [f"pixel{number}" for number in range(1, 17)]
            if header:
                writer.writerow([*names, "label"] if last else ["label", *names])
            for image, label in zip(IMAGES[which], LABELS[which], strict=True):
                answer = CLASSES[label] if text else str(label)
                writer.writerow([*image.ravel(), answer] if last else [answer, *image.ravel()])
            data = lines.getvalue().encode()
            (folder / name.format(part)).write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
        return folder

    return write


def listed(name: str) -> Callable[[Path], Path]:
    """A list of the files of an image folder, with a column for the part."""

    def write(root: Path) -> Path:
        folder = pictures(root)
        rows = [
            {"path": str(file.relative_to(root)), "label": file.parent.name, "split": file.parent.parent.name}
            for file in sorted(folder.rglob("*.png"), key=lambda file: int(file.stem))
        ]
        list_file = root / name
        if name.endswith(".csv"):
            text = "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n"
        elif name.endswith(".jsonl"):
            text = "".join(json.dumps(row) + "\n" for row in rows)
        else:
            text = json.dumps(rows)
        list_file.write_text(text)
        return list_file

    return write


def encoded(which: slice) -> list[dict[str, object]]:
    files = []
    for image in IMAGES[which]:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG")
        files.append({"bytes": stream.getvalue(), "path": None})
    return files


def arrow_table(which: slice) -> object:
    """As Hugging Face's ``datasets`` describes images and classes."""
    import pyarrow

    features = {"image": {"_type": "Image"}, "label": {"names": list(CLASSES), "_type": "ClassLabel"}}
    table = pyarrow.table({"image": encoded(which), "label": LABELS[which]})
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def parquet(root: Path) -> Path:
    from pyarrow import parquet

    folder = root / "pets"
    (folder / "data").mkdir(parents=True)
    for part, which in PARTS.items():
        parquet.write_table(arrow_table(which), folder / "data" / f"{part}-00000-of-00001.parquet", row_group_size=3)
    return folder


def saved_to_disk(root: Path) -> Path:
    import pyarrow

    for part, which in PARTS.items():
        folder = root / "pets" / part
        folder.mkdir(parents=True)
        table = arrow_table(which)
        with pyarrow.ipc.new_stream(str(folder / "data-00000-of-00001.arrow"), table.schema) as stream:  # type: ignore[attr-defined]
            stream.write_table(table)
        (folder / "state.json").write_text("{}")
    (root / "pets" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    return root / "pets"


FORMS: dict[str, Form] = {
    "folder": Form(pictures),
    "zip": Form(zipped),
    "tar": Form(tarred(".tar")),
    "tar.gz": Form(tarred(".tar.gz")),
    "tar.xz": Form(tarred(".tar.xz")),
    "IDX": Form(idx_folder(False), numbered=True),
    "IDX gz": Form(idx_folder(True), numbered=True),
    "npz": Form(npz(np.savez), numbered=True),
    "npz compressed": Form(npz(np.savez_compressed), numbered=True),
    "npz of source B": Form(as_source_b, numbered=True),
    "npz channels first": Form(npz(np.savez, x=lambda x: x[:, None]), numbered=True),  # type: ignore[index]
    "npz Fortran": Form(npz(np.savez, x=np.asfortranarray), numbered=True),
    "npz with names": Form(named_npz),
    "CSV of Kaggle": Form(
        pixel_tables("fashion-mnist_{}.csv", header=True, last=False, text=False), numbered=True, whole=False
    ),
    "CSV label last": Form(pixel_tables("{}.csv", header=True, last=True, text=True), whole=False),
    "CSV no header": Form(pixel_tables("{}.csv.gz", header=False, last=False, text=True)),
    "list CSV": Form(listed("pets.csv"), whole=False),
    "list JSON": Form(listed("pets.json")),
    "list JSON lines": Form(listed("pets.jsonl"), whole=False),
}
if importlib.util.find_spec("pyarrow"):  # an extra
    FORMS |= {
        "Parquet": Form(parquet),
        "Hugging Face datasets": Form(saved_to_disk, unread=("state.json", "dataset_dict.json")),
    }
