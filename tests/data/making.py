"""Broken and hostile files, each made by a function that writes it into a folder and returns what is imported."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.data.written import IMAGES, LABELS

Make = Callable[[Path], Path]


def png(pixels: NDArray[np.generic] = IMAGES[0], **how: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", **how)
    return file.getvalue()


def folder(**files: bytes) -> Make:
    """An image folder of two sound classes and what is given: ``cat__9_png`` for cat/9.png."""

    def make(root: Path) -> Path:
        for name, content in {"cat/1.png": png(), "dog/1.png": png()}.items() | files.items():
            file = root / "pets" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return root / "pets"

    return make


def with_file(name: str, content: bytes) -> Make:
    return folder(**{name: content})


def idx_pair(images: bytes, labels: bytes, gz: str = "") -> Make:
    def make(root: Path) -> Path:
        (root / f"train-images-idx3-ubyte{gz}").write_bytes(images)
        (root / f"train-labels-idx1-ubyte{gz}").write_bytes(labels)
        return root / f"train-images-idx3-ubyte{gz}"

    return make


def npz(**arrays: object) -> Make:
    def make(root: Path) -> Path:
        np.savez(root / "pets.npz", **arrays)  # type: ignore[arg-type]
        return root / "pets.npz"

    return make


def file(name: str, content: bytes | str) -> Make:
    def make(root: Path) -> Path:
        (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return root / name

    return make


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> Make:
    def make(root: Path) -> Path:
        with zipfile.ZipFile(root / "pets.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in entries:
                archive.writestr(name, content)
        return root / "pets.zip"

    return make


def tarred(*entries: tuple[str, bytes, bytes]) -> Make:
    """Name, content, kind of member."""

    def make(root: Path) -> Path:
        with tarfile.open(root / "pets.tar", "w") as archive:
            for name, content, kind in entries:
                info = tarfile.TarInfo(name)
                info.type = kind
                info.size = len(content) if kind == tarfile.REGTYPE else 0
                info.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
                archive.addfile(info, io.BytesIO(content))
        return root / "pets.tar"

    return make


def listing(text: str) -> Make:
    def make(root: Path) -> Path:
        folder()(root)
        (root / "secret.png").write_bytes(png())
        (root / "pets" / "way-out.png").symlink_to(root / "secret.png")
        (root / "pets" / "list.csv").write_text(text)
        return root / "pets" / "list.csv"

    return make


def parts(*classes: str) -> Make:
    def make(root: Path) -> Path:
        for name in classes:
            (root / "pets" / name).mkdir(parents=True)
            (root / "pets" / name / "1.png").write_bytes(png())
        return root / "pets"

    return make


def saved(image: Image.Image, form: str, **how: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **how)
    return stream.getvalue()


def stored(*entries: tuple[str, bytes]) -> Make:
    def make(root: Path) -> Path:
        with zipfile.ZipFile(root / "pets.zip", "w") as archive:
            for name, content in entries:
                archive.writestr(name, content)
        return root / "pets.zip"

    return make


def cut(path: Path, at: int | None = None) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 if at is None else at])
    return path


def flipped(path: Path, content: bytes) -> Path:
    """One bit is another, in the middle of what the file holds."""
    whole = bytearray(path.read_bytes())
    whole[whole.index(content) + len(content) // 2] ^= 1
    path.write_bytes(whole)
    return path


def encrypted(path: Path) -> Path:
    """The first member says so."""
    whole = bytearray(path.read_bytes())
    whole[whole.index(b"PK\3\4") + 6] |= 1
    whole[whole.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(whole)
    return path


def in_npz(name: str, content: bytes) -> Make:
    return zipped_as("pets.npz", (name, content), ("y_train.npy", npy(LABELS)))


def zipped_as(file_name: str, *entries: tuple[str, bytes]) -> Make:
    return lambda root: zipped(*entries)(root).rename(root / file_name)


def npy(array: NDArray[np.generic]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def unlike(at: int, value: float) -> NDArray[np.float64]:
    pixels = IMAGES / 255
    pixels[at, 0, 0] = value
    return pixels
