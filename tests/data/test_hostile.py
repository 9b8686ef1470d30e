"""Broken and hostile input: what each is told, or how it is converted; nothing is left of it in either case."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittingroom.data.forms import members
from fittingroom.data.sources import import_data, preview_data
from fittingroom.data.wanted import Wanted
from fittingroom.errors import InvalidData, InvalidInput, WorkspaceUnusable
from fittingroom.workspace import Workspace
from tests.data.making import (
    Make,
    cut,
    encrypted,
    file,
    flipped,
    folder,
    idx_pair,
    in_npz,
    listing,
    npy,
    npz,
    parts,
    png,
    saved,
    stored,
    tarred,
    unlike,
    with_file,
    zipped,
)
from tests.data.written import IMAGES, LABELS, idx

GOOD = (("cat/1.png", png()), ("dog/1.png", png()))
U8 = LABELS.astype(np.uint8)
PIXELS = "\n".join(f"{label},{','.join(map(str, image.ravel()))}" for image, label in zip(IMAGES, LABELS, strict=True))
LINK = zipfile.ZipInfo("cat/link.png")
LINK.external_attr = 0o120777 << 16
BOMB = png(np.zeros((10_000, 10_000), np.uint8))

REFUSED: dict[str, tuple[Make, str]] = {
    "empty file as an image": (
        with_file("cat/2.png", b""),
        r"1 of 3 image files in .*pets cannot be read.*\n  cat/2.png is empty",
    ),
    "text as an image": (with_file("cat/2.png", b"no picture"), "cat/2.png is none of PNG, JPEG"),
    "truncated image": (with_file("cat/2.png", png()[:50]), "cat/2.png is damaged"),
    "decompression bomb": (
        with_file("cat/2.png", BOMB),
        "cat/2.png has more than 89,478,485 pixels, as a decompression bomb",
    ),
    "floating-point image": (
        with_file("cat/2.tif", saved(Image.new("F", (4, 4)), "TIFF")),
        "cat/2.tif has floating-point pixels; save it with 8 bits",
    ),
    "image of 32 bits": (
        with_file("cat/2.tif", saved(Image.new("I", (4, 4), 70_000), "TIFF")),
        "cat/2.tif has pixels from 70000 to 70000; save it with 8 or 16 bits",
    ),
    "empty class": (
        lambda root: (folder()(root), (root / "pets" / "fox").mkdir())[0],
        "has folders without images: fox; fill or remove each",
    ),
    "one class": (
        lambda root: (folder()(root), shutil.rmtree(root / "pets" / "dog"))[0],
        r"has one class \(cat\), and a classifier needs at least 2",
    ),
    "class in the test part only": (
        parts("train/cat", "train/dog", "test/cat", "test/fox"),
        "has classes with test images only: fox; add training images",
    ),
    "a class is a file": (
        lambda root: (
            folder()(root),
            (root / "pets" / "dog" / "1.png").rename(root / "1.png"),
            (root / "pets" / "dog").rmdir(),
            (root / "1.png").rename(root / "pets" / "dog"),
        )[0],
        r"has one class \(cat\)",
    ),
    "a broken link as an image": (
        lambda root: (folder()(root), (root / "pets" / "cat" / "2.png").symlink_to("nowhere"))[0],
        r"cat/2.png is no regular file \(a broken link, or no file at all\)",
    ),
    "IDX: wrong magic": (
        idx_pair(b"PK\3\4" + bytes(99), idx(U8)),
        "train-images-idx3-ubyte is no IDX file: it begins with the bytes 50 4b 03 04",
    ),
    "IDX: empty": (idx_pair(b"", idx(U8)), r"is no IDX file: it begins with the bytes \(none\)"),
    "IDX: truncated": (
        idx_pair(idx(IMAGES)[:-3], idx(U8)),
        "should hold 11 entries of 16 bytes and ends after 10; it is not complete",
    ),
    "IDX: truncated gz": (
        idx_pair(gzip.compress(idx(IMAGES))[:-30], gzip.compress(idx(U8)), ".gz"),
        "train-images-idx3-ubyte.gz ends in the middle of its gzip data",
    ),
    "IDX: damaged gz": (
        idx_pair(gzip.compress(idx(IMAGES))[:-8] + bytes(8), gzip.compress(idx(U8)), ".gz"),
        r"train-images-idx3-ubyte.gz is damaged \(CRC check failed",
    ),
    "IDX: too long": (
        idx_pair(idx(IMAGES) + b"more", idx(U8)),
        "holds more than the 11 entries of 16 bytes that it announces",
    ),
    "IDX: labels missing": (
        file("train-images-idx3-ubyte", idx(IMAGES)),
        "there are no labels for .*; put train-labels-idx1-ubyte, plain or gzipped, beside it",
    ),
    "IDX: too few labels": (
        idx_pair(idx(IMAGES), idx(U8[:-1])),
        "has 11 images but .*train-labels-idx1-ubyte 10 labels; give one label for each image",
    ),
    "IDX: labels and images exchanged": (
        idx_pair(idx(U8), idx(IMAGES)),
        r"says that it has the shape \(11, 4, 4\); labels are one number",
    ),
    "IDX: a side of 0": (
        idx_pair(idx(np.zeros((11, 0, 4), np.uint8)), idx(U8)),
        r"has shape \(11, 0, 4\), so there are no images",
    ),
    "IDX: announces a bomb": (
        idx_pair(b"\0\0\x08\x03" + b"\0\0\0\x0b" + b"\xff" * 8, idx(U8)),
        "says that it holds 11 images of 4294967295×4294967295",
    ),
    "IDX: announces too many": (
        idx_pair(b"\0\0\x08\x03" + b"\xff" * 4 + b"\0\0\0\x04" * 2, b"\0\0\x08\x01" + b"\xff" * 4),
        "look whether images and labels have been exchanged",
    ),
    "npz: no archive": (
        file("pets.npz", b"nothing"),
        r"pets.npz is no npz file, or a damaged one \(File is not a zip file\); write it again",
    ),
    "npz: truncated": (
        lambda root: cut(npz(x_train=IMAGES, y_train=LABELS)(root)),
        "pets.npz is no npz file, or a damaged one",
    ),
    "npz: a flipped bit": (
        lambda root: flipped(npz(x_train=IMAGES, y_train=LABELS)(root), IMAGES.tobytes()),
        r"damaged one \(Bad CRC-32 for file 'x_train.npy'\)",
    ),
    "npz: objects": (
        npz(x_train=np.array([{}] * 11, object), y_train=LABELS),
        '"x_train" in .* holds Python objects, which are not opened because they could run any program',
    ),
    "npz: no images": (
        npz(x_train=IMAGES[:0], y_train=LABELS[:0]),
        r'"x_train" of .*pets.npz has shape \(0, 4, 4\), so there are no images; give at least one',
    ),
    "npz: NaN": (
        npz(x_train=unlike(7, np.nan), y_train=LABELS),
        r"values that are NaN or infinite, first in image 7 \(counted from 0\); replace them",
    ),
    "npz: infinite": (npz(x_train=unlike(3, np.inf), y_train=LABELS), "NaN or infinite, first in image 3"),
    "npz: normalized": (
        npz(x_train=unlike(0, -0.5), y_train=LABELS),
        r"values from -0.5 to 0.996078, which are no grey levels; give .* \(from −1 to 1: add 1 and halve\)",
    ),
    "npz: large numbers": (
        npz(x_train=IMAGES.astype(np.int32) * 9, y_train=LABELS),
        "int32 values from .* which are no grey levels",
    ),
    "npz: complex": (
        npz(x_train=IMAGES.astype(complex), y_train=LABELS),
        "holds complex128 values; give 8-bit values, or floats 0 to 1",
    ),
    "npz: other names": (npz(a=IMAGES, b=LABELS), r"holds a \(11, 4, 4\), b \(11,\); expected are x_train and y_train"),
    "npz: no labels": (npz(x_train=IMAGES), r"holds x_train \(11, 4, 4\); expected are x_train and y_train"),
    "npz: too few labels": (
        npz(x_train=IMAGES, y_train=LABELS[:-1]),
        r'"x_train" of .*pets.npz has 11 images but "y_train" of .* 10 labels',
    ),
    "npz: flat images": (
        npz(x_train=IMAGES.reshape(11, 16), y_train=LABELS),
        r"has shape \(11, 16\), which are no images; give N×height×width",
    ),
    "npz: parts of two shapes": (
        npz(x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:, :3], y_test=LABELS),
        r"has images of 4×4×1 but .* of 3×4×1 .*; bring them to one shape",
    ),
    "npz: labels that are measurements": (
        npz(x_train=IMAGES, y_train=LABELS + 0.5),
        "has the label 0.5 for image 0; give whole numbers or class names",
    ),
    "npz: no one-hot rows": (npz(x_train=IMAGES, y_train=np.eye(3)[LABELS] / 2), "row 0 is no one-hot row"),
    "npz: one class": (
        npz(x_train=IMAGES, y_train=LABELS * 0),
        r'has one class \("0"\), and a classifier needs at least 2',
    ),
    "npz: a class without training images": (
        npz(x_train=IMAGES[:8], y_train=LABELS[:8], x_test=IMAGES[8:], y_test=LABELS[8:] + 1),
        'has no training images of "3"',
    ),
    "npz: names for other classes": (
        npz(x_train=IMAGES, y_train=LABELS, class_names=np.array(["cat", "dog"])),
        "has labels from 0 to 2, but 2 class names, which have the labels 0 to 1",
    ),
    "npz: a name twice": (
        npz(x_train=IMAGES, y_train=LABELS, class_names=np.array(["cat", "dog", "cat"])),
        'has two classes called "cat"',
    ),
    "npz: an empty name": (
        npz(x_train=IMAGES, y_train=LABELS, class_names=np.array(["cat", " ", "fox"])),
        "has no name for class 1, counted from 0; name every class",
    ),
    "npz: too many classes": (
        npz(x_train=np.zeros((10_001, 1, 1), np.uint8), y_train=np.arange(10_001)),
        "has 10,001 different labels, such as 0, 1, 2; these are no classes",
    ),
    "npz: a header that runs code": (
        in_npz("x_train.npy", b"\x93NUMPY\x01\x00\x20\x00__import__('os').abort()        \n"),
        '"x_train" in .* is damaged',
    ),
    "npz: a header of lies": (
        in_npz("x_train.npy", npy(IMAGES).replace(b"(11, 4, 4)", b"(99, 4, 4)")),
        r"99 images but|ends after 11; it is not complete",
    ),
    "CSV: empty": (file("pets.csv", ""), "pets.csv is empty; give a table with one row for each image"),
    "CSV: no text": (file("pets.csv", b"\0\1\2,\xff\n" * 9), r"pets.csv is no text file \(it has zero bytes\)"),
    "CSV: another encoding": (
        file("pets.csv", "label,a,b,c,d\nKätzchen,1,2,3,4\n".encode("latin-1")),
        r'is not written in UTF-8 \(byte 0xe4 in "label,a,b,c,d\\nK…"\); save it',
    ),
    "CSV: a short row": (
        file("pets.csv", PIXELS.rsplit(",", 1)[0]),
        "pets.csv, line 11: 15 pixels, where 16 are expected; mend or remove that line",
    ),
    "CSV: a word among the pixels": (
        file("pets.csv", PIXELS.replace(f",{IMAGES[4, 1, 1]},", ",many,", 1)),
        'line [0-9]+: "many" is no number',
    ),
    "CSV: too large a value": (
        file("pets.csv", PIXELS + "\n1" + ",256" * 16),
        "line 12: the value 256 is no grey level",
    ),
    "CSV: labels of very many digits": (
        file("pets.csv", "\n".join("9" * 40 + ",1,2,3,4" for _ in range(5))),
        'has one class \\("9{40}"\\)',
    ),
    "npz: labels beyond all numbers": (
        npz(images=IMAGES, labels=LABELS * 1e300),
        "has the label .*e[+]300 for image 3; give whole numbers or class names",
    ),
    "CSV: decimal commas": (
        file("pets.csv", "label;a;b;c;d\ncat;0,1;0,2;0,3;0,4\ndog;0,1;0,2;0,3;0,5\n"),
        'pets.csv, line 2: "0,1" is no number; mend or remove that line',
    ),
    "CSV: no square": (
        file("pets.csv", "\n".join(f"{n % 2},1,2,3,4,5" for n in range(9))),
        "has 5 columns beside the label, which are no square image",
    ),
    "CSV: a form feed in a line": (
        file("pets.csv", "label,a,b\fc,d\x1ce,f\n"),
        "pets.csv has column names and no rows; give one row for each image",
    ),
    "CSV: names only": (
        file("pets.csv", "label,pixel1,pixel2,pixel3,pixel4\n"),
        "pets.csv has column names and no rows; give one row for each image",
    ),
    "list: a file that is not there": (
        listing("path,label\ncat/1.png,cat\ndog/2.png,dog\n"),
        "1 of 2 image files in .*list.csv cannot be read.*\n  dog/2.png is no regular file",
    ),
    "list: leads upwards": (
        listing("path,label\ncat/1.png,cat\n../secret.png,dog\n"),
        'list.csv, line .*"../secret.png" is not below the folder of the list',
    ),
    "list: an absolute path": (
        listing("path,label\ncat/1.png,cat\n/etc/passwd,dog\n"),
        '"/etc/passwd" is not below the folder of the list',
    ),
    "list: a link that leads out": (
        listing("path,label\ncat/1.png,cat\nway-out.png,dog\n"),
        "way-out.png is a link that leads out of the folder of the list",
    ),
    "list: no label": (
        listing("path,label\ncat/1.png,cat\ndog/1.png,\n"),
        "list.csv has no label for image 1; give every image a class",
    ),
    "list: no column of labels": (
        listing("path,what,when\ncat/1.png,cat,1\ndog/1.png,dog,1\n"),
        'has no column "label"; its columns are path, what, when: name it so',
    ),
    "list: a part that is none": (
        listing("path,label,split\ncat/1.png,cat,train\ndog/1.png,dog,later\n"),
        'line 3: "later" is no part of a data set; write train, val or test',
    ),
    "list: a short first row": (
        listing("path,label,split\ncat/1.png,cat\n"),
        r"list\.csv names 3 columns and has 2 cells in its first row; mend or remove that line",
    ),
    "list: a short row": (
        listing("path,label,split\ncat/1.png,cat,train\ndog/1.png,dog\n"),
        "line 3: 2 cells, where 3 are expected",
    ),
    "JSON: broken": (file("pets.json", '[{"path": "a.png", '), "pets.json is no valid JSON: .*; mend it there"),
    "JSON: a broken line": (
        file("pets.jsonl", '{"path": "a.png", "label": "cat"}\n\n{"path": "b.png", \n'),
        "pets.jsonl, line 3, is no valid JSON: .* at column 19; mend it there",
    ),
    "JSON: something else": (
        file("pets.json", "[1, 2, 3]"),
        'pets.json, entry 1: expected is {"path": "cats/1.png", "label": "cat"}',
    ),
    "JSON: nested": (file("pets.json", "[" * 200_000), "pets.json is no valid JSON"),
    "zip: no archive": (file("pets.zip", b"nothing at all"), "pets.zip is no zip or tar archive, or a damaged one"),
    "zip: truncated": (lambda root: cut(zipped(*GOOD)(root)), "pets.zip is no zip or tar archive, or a damaged one"),
    "zip: traversal": (
        zipped(*GOOD, ("cat/../../../etc/cron.d/evil.png", png())),
        r'holds the name "cat/\.\./\.\./\.\./etc/cron.d/evil.png", which leads out of the archive',
    ),
    "zip: absolute name": (zipped(*GOOD, ("/etc/evil.png", png())), 'holds the name "/etc/evil.png"'),
    "zip: Windows name": (zipped(*GOOD, ("C:/evil/1.png", png())), 'holds the name "C:/evil/1.png"'),
    "zip: a damaged member": (
        lambda root: flipped(stored(*GOOD)(root), png()),
        r"cat/1.png is damaged in the archive \(Bad CRC-32",
    ),
    "zip: encrypted": (lambda root: encrypted(stored(*GOOD)(root)), "cat/1.png is encrypted"),
    "zip: no class folders": (
        zipped(("1.png", png()), ("2.png", png())),
        "pets.zip holds no class folders, but 2 image files",
    ),
    "tar: traversal": (
        tarred(("cat/1.png", png(), tarfile.REGTYPE), ("../dog/1.png", png(), tarfile.REGTYPE)),
        r'holds the name "\.\./dog/1.png"',
    ),
    "tar: truncated": (
        lambda root: cut(tarred(*((n, c, tarfile.REGTYPE) for n, c in GOOD))(root), 1536),
        "pets.tar ends before its end; it is not complete",
    ),
    "nothing known": (
        file("pets.txt", b"hello"),
        r"pets.txt is nothing that can be read; what can be: folder of images, archive of such a folder \(.zip",
    ),
}

TAKEN: dict[str, tuple[Make, str]] = {
    "CMYK": (
        with_file("cat/2.jpg", saved(Image.new("CMYK", (4, 4)), "JPEG")),
        "CMYK converted to RGB in 1 of 3 images",
    ),
    "16 bits": (
        with_file("cat/2.png", png(IMAGES[0].astype(np.uint16) * 257)),
        "16-bit grey divided by 257 in 1 of 3 images",
    ),
    "transparent": (
        with_file("cat/2.png", saved(Image.new("LA", (4, 4)), "PNG")),
        "transparent areas made white in 1 of 3 images",
    ),
    "animated": (
        with_file(
            "cat/2.gif", saved(Image.new("L", (4, 4)), "GIF", save_all=True, append_images=[Image.new("L", (4, 4), 9)])
        ),
        "first frame taken in 1 of 3 images",
    ),
    "turned by EXIF": (
        with_file(
            "cat/2.jpg",
            saved(
                Image.new("L", (4, 4)), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
            ),
        ),
        "turned upright as EXIF says in 1 of 3 images",
    ),
    "wrong extension of an image": (
        with_file("cat/2.png", saved(Image.new("L", (4, 4)), "BMP")),
        "image folder .*pets$",
    ),
    "other files": (folder(**{"cat/notes.txt": b"x", "readme.md": b"x"}), "2 other files or folders left out"),
    "link to an image": (
        lambda root: (folder()(root), (root / "pets" / "cat" / "2.png").symlink_to("1.png"))[0],
        "image folder .*pets$",
    ),
    "gz that is none": (idx_pair(idx(IMAGES), idx(U8), ".gz"), "IDX file .*ubyte.gz$"),
    "gz without the ending": (idx_pair(gzip.compress(idx(IMAGES)), idx(U8)), "IDX file .*ubyte$"),
    "IDX of floats": (
        idx_pair(idx((IMAGES / 255).astype(np.float32)), idx(U8)),
        "floats 0 to 1 were rounded to 256 levels",
    ),
    "true and false": (npz(images=IMAGES > 99, labels=LABELS), "true and false made 255 and 0"),
    "whole numbers": (
        npz(images=IMAGES.astype(np.int64), labels=LABELS),
        "int64 values from [0-9]+ to [0-9]+ kept as 8 bits",
    ),
    "zeros and ones": (
        npz(images=(IMAGES > 99).astype(np.int64), labels=LABELS),
        "int64 values from 0 to 1 kept as 8 bits, which is nearly black, for white is 255",
    ),
    "16-bit array": (npz(images=IMAGES.astype(np.uint16) * 257, labels=LABELS), "16-bit values divided by 257"),
    "labels of N×1": (npz(train_images=IMAGES, train_labels=LABELS[:, None]), "npz file .*pets.npz$"),
    "a validation part": (
        npz(train_images=IMAGES, train_labels=LABELS, val_images=IMAGES, val_labels=LABELS),
        '"val_images" joined the training images',
    ),
    "other arrays": (npz(x=IMAGES, y=LABELS, notes=np.zeros(3)), "other arrays left out: notes"),
    "zip of another name": (lambda root: zipped(*GOOD)(root).rename(root / "pets.tar"), "archive .*pets.tar$"),
    "zip with a link": (zipped(*GOOD, (LINK, b"/etc/passwd")), "1 links or special files left out"),
    "tar with links and devices": (
        tarred(
            *((name, content, tarfile.REGTYPE) for name, content in GOOD),
            ("cat/a.png", b"", tarfile.SYMTYPE),
            ("cat/b.png", b"", tarfile.LNKTYPE),
            ("cat/c.png", b"", tarfile.CHRTYPE),
            ("cat/d.png", b"", tarfile.FIFOTYPE),
        ),
        "4 links or special files left out",
    ),
    "tar with a name twice": (
        tarred(*((name, content, tarfile.REGTYPE) for name, content in (*GOOD, GOOD[0]))),
        "1 files come twice, the last one counts",
    ),
    "zip of a Mac": (zipped(*GOOD, ("__MACOSX/cat/._1.png", b"x"), (".DS_Store", b"x")), "archive .*pets.zip$"),
    "CSV with a counter": (
        file("pets.csv", ",label,a,b,c,d\n" + "\n".join(f"{n},{n % 2},1,2,3,{n}" for n in range(5))),
        "columns left out: ''",
    ),
    "CSV with quotation marks and semicolons": (
        file("pets.csv", "\r\n".join(f'"{n % 2}";"1";"2";"3";"{n}"' for n in range(5))),
        "labels taken from the first column",
    ),
    "CSV of floats": (
        file("pets.csv", "label,a,b,c,d\n" + "\n".join(f"{n % 2},0.5,0.25,1.0,0" for n in range(5))),
        "floats 0 to 1 were rounded to 256 levels",
    ),
    "CSV with a mark at the beginning": (
        file("pets.csv", "\ufefflabel,a,b,c,d\n" + "\n".join(f"{n % 2},1,2,3,{n}" for n in range(5))),
        "CSV of pixels .*pets.csv$",
    ),
    "list of a mapping": (
        lambda root: (
            folder()(root),
            (root / "pets" / "list.json").write_text('{"cat/1.png": "cat", "dog/1.png": "dog"}'),
            root / "pets" / "list.json",
        )[2],
        "list of images .*list.json$",
    ),
    "list without names": (listing("cat/1.png,cat\ndog/1.png,dog\n"), "list of images .*list.csv$"),
}


def nothing_is_left(workspace: Workspace) -> bool:
    return not workspace.data.exists() or list(workspace.data.iterdir()) == []


def tree(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_read_is_told_with_file_and_fix(what: str, source: Path, workspace: Workspace) -> None:
    make, told = REFUSED[what]
    path = make(source)
    before = tree(source)
    with pytest.raises(InvalidData, match=told):
        import_data(path, workspace, "pets")
    assert nothing_is_left(workspace)
    assert tree(source) == before
    try:
        faults = preview_data(path, "pets")[1].faults
    except InvalidData as error:
        faults = (str(error),)
    assert faults or what in BEHIND_THE_HEADER, "a preview says so too"


BEHIND_THE_HEADER = {"truncated image", "image of 32 bits", "zip: a damaged member"}
"""Where a preview, which does not decode every image, sees nothing wrong yet."""


@pytest.mark.parametrize("what", TAKEN)
def test_what_is_converted_is_told(what: str, source: Path, workspace: Workspace) -> None:
    make, told = TAKEN[what]
    path = make(source)
    preview = preview_data(path, "pets")[1]
    data = import_data(path, workspace, "pets")
    assert re.search(told, data.origin)
    assert preview.images == len(data)
    assert preview.faults == ()


def test_names_of_any_script_are_kept_and_odd_ones_told(source: Path, workspace: Workspace) -> None:
    classes = ("Äpfel", "äpfel", "кошка", "犬", "a\x1b[31m", " b", "é", "e\u0301")
    for name in classes:
        (source / "pets" / name).mkdir(parents=True)
        (source / "pets" / name / "😀.png").write_bytes(png())
    (source / "pets" / "犬" / os.fsdecode(b"\xff.png")).write_bytes(png())
    preview = preview_data(source / "pets")[1]
    data = import_data(source / "pets", workspace)
    assert set(data.class_names) == {"Äpfel", "äpfel", "кошка", "犬", "a\\x1b[31m", " b", "é", "e\u0301"}
    assert data.class_names == preview.class_names
    told = "\n".join(preview.name_problems)
    assert 'classes "Äpfel" and "äpfel" differ in upper and lower case only' in told
    assert "look alike: they are written with different Unicode characters" in told
    assert 'begin or end with a blank: " b"' in told
    assert "characters that cannot be printed, which are spelled out" in told


def test_zip_bombs_are_refused_before_they_unfold(
    source: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "FREE", 1 << 20)
    path = zipped(*GOOD, ("cat/2.png", bytes(1 << 25)))(source)
    assert path.stat().st_size < 40_000
    with pytest.raises(InvalidData, match=r"pets.zip unpacks to more than [0-9,]+ bytes .* made to fill the disk"):
        import_data(path, workspace)
    unpacked = tarred(("cat/1.png", bytes(1 << 25), tarfile.REGTYPE))(source)
    bomb = source / "pets.tar.gz"
    bomb.write_bytes(gzip.compress(unpacked.read_bytes()))
    with pytest.raises(InvalidData, match=r"pets.tar.gz unpacks to more than [0-9,]+ bytes"):
        import_data(bomb, workspace)
    monkeypatch.setattr(members, "LARGEST_FILE", 1 << 10)
    path = zipped(*GOOD, ("cat/2.png", bytes(1 << 11)))(source)
    with pytest.raises(InvalidData, match=r"cat/2\.png has more than 1,024 bytes"):
        import_data(path, workspace)
    monkeypatch.setattr(members, "MOST_FILES", 2)
    with pytest.raises(InvalidData, match="holds more than 2 files; unpack it, and give the folder itself"):
        import_data(path, workspace)
    assert nothing_is_left(workspace)


def test_a_zip_that_lies_about_sizes_is_read_within_limits(
    source: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(*GOOD, ("cat/2.png", bytes(1 << 22)))(source)
    whole = path.read_bytes().replace((1 << 22).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    path.write_bytes(whole)
    with pytest.raises(InvalidData, match=r"cat/2\.png"):
        import_data(path, workspace)
    assert nothing_is_left(workspace)


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(
    source: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = npz(x_train=IMAGES, y_train=LABELS)(source)
    usage = shutil.disk_usage(source)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
    with pytest.raises(WorkspaceUnusable, match=r"data set pets needs 176 bytes in .*, where 100 are free; free some"):
        import_data(path, workspace)
    assert nothing_is_left(workspace)


def test_a_disk_that_is_full_in_the_middle_leaves_nothing(source: Path, workspace: Workspace) -> None:
    """With a limit on the size of files in place of a full disk; both fail as writing goes on."""
    path = npz(x_train=np.repeat(IMAGES, 2_000, axis=0), y_train=np.repeat(LABELS, 2_000))(source)
    script = (
        "import resource, signal, sys\n"
        "from fittingroom.data.sources import import_data\n"
        "from fittingroom.errors import WorkspaceError\n"
        "from fittingroom.workspace import Workspace\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    import_data(sys.argv[1], Workspace.find())\n"
        "except WorkspaceError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert "cannot prepare data set pets in" in done.stdout
    assert "free some space or choose another workspace" in done.stdout
    assert nothing_is_left(workspace)


def test_classes_whose_numbers_begin_with_zeros_stay_apart(source: Path) -> None:
    path = listing("path,label\ncat/1.png,1\ndog/1.png,01\n")(source)
    assert set(preview_data(path)[1].class_names) == {"01", "1"}


def test_a_column_that_a_list_does_not_have_is_told_by_its_name(source: Path) -> None:
    path = listing("path,label,film\ncat/1.png,cat,1\ndog/1.png,dog,2\n")(source)
    with pytest.raises(InvalidData, match='has no column "kind"; its columns are path, label, film'):
        preview_data(path, wanted=Wanted(label="kind"))
    with pytest.raises(
        InvalidInput, match='no column "person" that could tell groups; its columns are path, label, film'
    ):
        preview_data(path, wanted=Wanted(groups="person"))


def test_a_label_that_is_missing_in_parquet_is_told_with_its_image(source: Path, workspace: Workspace) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow
    import pyarrow.parquet

    images = [{"bytes": png(), "path": None}] * 4
    for labels in ([0, 1, None, 1], ["cat", "dog", None, "dog"]):
        pyarrow.parquet.write_table(pyarrow.table({"image": images, "label": labels}), source / "pets.parquet")
        with pytest.raises(InvalidData, match=r"pets.parquet has no label for image 2; give every image a class"):
            import_data(source / "pets.parquet", workspace)
