"""Fashion-MNIST as shipped: the official files, decoded as an independent reader decodes them."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fittingroom.data import fashion_mnist
from fittingroom.data.dataset import Dataset
from fittingroom.data.forms import unzipped
from fittingroom.data.sources import load
from fittingroom.errors import InvalidData

PUBLISHED_MD5 = {  # README of github.com/zalandoresearch/fashion-mnist
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


def official(part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The reader that Zalando publishes (utils/mnist_reader.py), in short."""
    images = gzip.decompress((fashion_mnist.FOLDER / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((fashion_mnist.FOLDER / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    answers = np.frombuffer(labels, np.uint8, offset=8)
    return np.frombuffer(images, np.uint8, offset=16).reshape(len(answers), 28, 28), answers


@pytest.mark.parametrize("name", PUBLISHED_MD5)
def test_the_shipped_files_have_the_published_checksums(name: str) -> None:
    assert hashlib.md5((fashion_mnist.FOLDER / name).read_bytes()).hexdigest() == PUBLISHED_MD5[name]


def test_the_licence_is_shipped_beside_the_files() -> None:
    text = (fashion_mnist.FOLDER / "LICENSE").read_text(encoding="utf-8")
    assert "The MIT License" in text
    assert "2017 Zalando SE" in text


def test_every_pixel_and_label_is_the_official_one(fashion: Dataset) -> None:
    (train_images, train_labels), (test_images, test_labels) = official("train"), official("t10k")
    assert fashion.images.shape == (70_000, 28, 28, 1)
    assert fashion.images.dtype == np.uint8
    assert fashion.labels.dtype == np.int64
    assert np.array_equal(fashion.images[:60_000, :, :, 0], train_images)
    assert np.array_equal(fashion.images[60_000:, :, :, 0], test_images)
    assert np.array_equal(fashion.labels, np.concatenate([train_labels, test_labels]))
    assert fashion.class_names == tuple(NAMES)
    assert (fashion.has_test, fashion.test_start) == (True, 60_000)
    assert (fashion.channels, fashion.height, fashion.width) == (1, 28, 28)


def test_the_fingerprint_covers_images_labels_names_and_parts(fashion: Dataset) -> None:
    parts = official("train"), official("t10k")
    about = {"class_names": NAMES, "shape": [70_000, 28, 28, 1], "test_start": 60_000}
    digest = hashlib.sha256(json.dumps(about).encode())
    for _, labels in parts:
        digest.update(labels.astype("<i8").tobytes())
    for images, _ in parts:
        digest.update(images.tobytes())
    assert fashion.fingerprint == digest.hexdigest() == fashion_mnist.INFO.fingerprint


def test_mean_and_spread_are_the_published_ones(fashion: Dataset) -> None:
    statistics = fashion.statistics(np.arange(60_000))
    assert statistics.mean == pytest.approx([0.2860], abs=5e-5)  # known to every user of torchvision
    assert statistics.spread == pytest.approx([0.3530], abs=5e-5)


def test_the_second_opening_decodes_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load("fashion-mnist")
    monkeypatch.setattr(unzipped.gzip, "open", lambda *_, **__: pytest.fail("decoded again"))
    assert load("fashion-mnist").fingerprint == first.fingerprint


def test_a_damaged_installation_is_told(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PUBLISHED_MD5:
        (tmp_path / name).write_bytes((fashion_mnist.FOLDER / name).read_bytes())
    images = tmp_path / "t10k-images-idx3-ubyte.gz"
    images.write_bytes(images.read_bytes()[:-1000])
    monkeypatch.setattr(fashion_mnist, "FOLDER", tmp_path)
    with pytest.raises(InvalidData) as refused:
        load("fashion-mnist")
    assert str(refused.value).startswith(f"{images}, shipped with Fitting Room, cannot be read: ")
    assert str(refused.value).endswith("; install Fitting Room again")
    assert list((cache / "data").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no gzip", "begins with the bytes 6e 6f 20 67"),
        (gzip.compress(b"\0\0\x08\x01" + bytes(5), mtime=0), r"it holds uint8 \(0,\), not uint8 \(60000,\)"),
        (
            gzip.compress(b"\0\0\x08\x01" + (60_000).to_bytes(4, "big") + bytes(10), mtime=0),
            "ends after 10; it is not complete",
        ),
    ],
    ids=["no gzip", "another header", "too short"],
)
def test_foreign_files_in_place_of_the_shipped_ones_are_told(
    content: bytes, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(content)
    monkeypatch.setattr(fashion_mnist, "FOLDER", tmp_path)
    with pytest.raises(InvalidData, match=reason):
        fashion_mnist.read()
