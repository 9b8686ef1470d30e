"""The data sets that can be downloaded: their catalogue, and small stand-ins read from end to end."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import re
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray

from fittingroom.data import downloading, remote
from fittingroom.data.downloading import download, downloadable
from fittingroom.data.remote import REMOTE, Remote, RemoteFile
from fittingroom.data.sources import load, names, remove
from fittingroom.errors import DownloadFailed, InvalidInput, NotFound
from fittingroom.workspace import Workspace

TORCHVISION_CLASSES = {  # torchvision/datasets/mnist.py
    "kmnist": ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
    "mnist": list("0123456789"),
}
TRAINING, TEST = 6, 4


def idx(values: NDArray[np.uint8]) -> bytes:
    head = bytes((0, 0, 8, values.ndim)) + b"".join(side.to_bytes(4, "big") for side in values.shape)
    return gzip.compress(head + values.tobytes(), mtime=0)


@pytest.fixture
def pixels() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (10, 28, 28) and labels (10,) of two classes."""
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (TRAINING + TEST, 28, 28), np.uint8), np.arange(10, dtype=np.uint8) % 2


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """``published("mnist", {"file": b"..."})`` puts a small data set in place of one; returns what is fetched."""

    def publish(name: str, files: dict[str, bytes], **changes: object) -> list[str]:
        fetched: list[str] = []
        described = tuple(RemoteFile(file, len(data), hashlib.sha256(data).hexdigest()) for file, data in files.items())
        small = dataclasses.replace(REMOTE[name], files=described, training=TRAINING, test=TEST, **changes)
        monkeypatch.setitem(remote.REMOTE, name, small)

        def fetch(addresses: list[str], place: Path, size: int, sha256: str, told: Callable[[int], object]) -> None:
            fetched.extend(addresses[:1])
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(files[place.name])
            told(size)

        monkeypatch.setattr(downloading, "fetch", fetch)
        return fetched

    return publish


def four_files(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> dict[str, bytes]:
    return {
        "train-images-idx3-ubyte.gz": idx(images[:TRAINING]),
        "train-labels-idx1-ubyte.gz": idx(labels[:TRAINING]),
        "t10k-images-idx3-ubyte.gz": idx(images[TRAINING:]),
        "t10k-labels-idx1-ubyte.gz": idx(labels[TRAINING:]),
    }


@pytest.mark.parametrize("entry", REMOTE.values(), ids=REMOTE)
def test_every_entry_is_https_with_checksums(entry: Remote) -> None:
    assert all(urlsplit(address).scheme == "https" and address.endswith("/") for address in entry.addresses)
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) and file.bytes > 1000 for file in entry.files)
    assert len({file.sha256 for file in entry.files}) == len(entry.files)
    assert len(set(entry.class_names)) == len(entry.class_names)


def test_the_catalogue_has_the_published_figures() -> None:
    assert {name: (entry.training, entry.test, len(entry.class_names)) for name, entry in REMOTE.items()} == {
        "mnist": (60_000, 10_000, 10),
        "kmnist": (60_000, 10_000, 10),
        "emnist": (112_800, 18_800, 47),
        "cifar-10": (50_000, 10_000, 10),
    }
    for name, classes in TORCHVISION_CLASSES.items():
        assert list(REMOTE[name].class_names) == classes


@pytest.mark.parametrize("name", ["mnist", "kmnist"])
def test_four_idx_files_become_a_data_set(
    name: str,
    pixels: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    published: Callable[..., list[str]],
    workspace: Workspace,
    cache: Path,
) -> None:
    images, labels = pixels
    fetched = published(name, four_files(images, labels))
    told: list[tuple[str, int, int]] = []
    data = download(name, workspace, progress=lambda *news: told.append(news))
    assert np.array_equal(data.images[..., 0], images)
    assert data.labels.tolist() == labels.tolist()
    assert (data.name, data.test_start, data.source) == (name, TRAINING, name)
    assert "SHA-256 as published" in data.origin
    assert len(fetched) == 4
    assert fetched[0] == REMOTE[name].addresses[0] + "train-images-idx3-ubyte.gz"
    assert told[-1] == (f"Preparing {name}", 10, 10)
    assert any(doing == f"Downloading {name}" and done == total for doing, done, total in told)
    assert not (cache / "downloads" / name).exists()
    assert download(name, workspace).fingerprint == data.fingerprint
    assert len(fetched) == 4  # it was there


def test_emnist_is_turned_upright(
    pixels: tuple[NDArray[np.uint8], NDArray[np.uint8]], published: Callable[..., list[str]], workspace: Workspace
) -> None:
    images, labels = pixels
    turned = np.ascontiguousarray(images.transpose(0, 2, 1))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for member, content in four_files(turned, labels).items():
            part = "train" if member.startswith("train") else "test"
            kind = member.removeprefix("train-").removeprefix("t10k-")
            archive.writestr(f"gzip/emnist-balanced-{part}-{kind}", content)
    published("emnist", {"gzip.zip": file.getvalue()})
    data = download("emnist", workspace)
    assert np.array_equal(data.images[..., 0], images)
    assert data.labels.tolist() == labels.tolist()
    assert data.class_names[10:12] == ("A", "B")


def test_cifar_has_planes_of_red_green_and_blue(published: Callable[..., list[str]], workspace: Workspace) -> None:
    images = np.random.default_rng(0).integers(0, 256, (TRAINING + TEST, 32, 32, 3), np.uint8)
    labels = np.arange(10, dtype=np.uint8)
    records = [bytes([label]) + image.transpose(2, 0, 1).tobytes() for label, image in zip(labels, images, strict=True)]
    members = {f"data_batch_{i}.bin": records[i - 1 : i] for i in range(1, 5)}
    members |= {"data_batch_5.bin": records[4:6], "test_batch.bin": records[6:]}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for member, content in members.items():
            about = tarfile.TarInfo(f"cifar-10-batches-bin/{member}")
            about.size = len(b"".join(content))
            archive.addfile(about, io.BytesIO(b"".join(content)))
    published("cifar-10", {"cifar-10-binary.tar.gz": file.getvalue()})
    data = download("cifar-10", workspace)
    assert np.array_equal(data.images, images)
    assert data.labels.tolist() == labels.tolist()
    assert data.test_start == TRAINING


def test_what_is_not_here_says_how_to_get_it(workspace: Workspace) -> None:
    with pytest.raises(NotFound) as missing:
        load("mnist", workspace)
    assert str(missing.value) == (
        'the data set "mnist" is not here yet: "fittingroom data download mnist" gets it, in Python '
        'fittingroom.download("mnist"): 12 MB from storage.googleapis.com'
    )
    with pytest.raises(NotFound, match='did you mean "cifar-10"'):
        load("cifar10", workspace)


def test_the_list_tells_those_that_can_be_downloaded(
    pixels: tuple[NDArray[np.uint8], NDArray[np.uint8]], published: Callable[..., list[str]], workspace: Workspace
) -> None:
    published("mnist", four_files(*pixels))
    assert [(info.name, info.kind) for info in downloadable(workspace)] == [
        (name, "downloadable") for name in ("mnist", "kmnist", "emnist", "cifar-10")
    ]
    download("mnist", workspace)
    assert "mnist" not in [info.name for info in downloadable(workspace)]
    assert [info.kind for info in names(workspace) if info.name == "mnist"] == ["imported"]
    remove("mnist", workspace)
    assert "mnist" in [info.name for info in downloadable(workspace)]


def test_names_that_cannot_be_had_are_told(
    pixels: tuple[NDArray[np.uint8], NDArray[np.uint8]], published: Callable[..., list[str]], workspace: Workspace
) -> None:
    fetched = published("mnist", four_files(*pixels))
    with pytest.raises(NotFound, match='"minst" cannot be downloaded; did you mean "mnist"'):
        download("minst", workspace)
    with pytest.raises(InvalidInput, match='"mnist-10k" is built in: there is nothing to download'):
        download("mnist-10k", workspace)
    download("mnist", workspace, called="digits")
    shutil.move(workspace.data / "digits", workspace.data / "mnist")
    published("mnist", four_files(*pixels), about="another")
    with pytest.raises(InvalidInput, match='already has a data set "mnist" with other content'):
        download("mnist", workspace)
    assert len(fetched) == 4


def test_nothing_is_left_in_the_workspace_when_it_fails(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = dataclasses.replace(REMOTE["mnist"], addresses=("http://127.0.0.1:9/",))
    monkeypatch.setitem(remote.REMOTE, "mnist", nowhere)
    with pytest.raises(DownloadFailed, match=r"train-images-idx3-ubyte\.gz cannot be downloaded"):
        download("mnist", workspace)
    assert [info.name for info in names(workspace)] == ["fashion-mnist", "mnist-10k"]
