"""Data sets that can be downloaded: where from, what the files must be, and how they are read.

Nothing is downloaded unless somebody asks for it by name (``downloading``). Sizes and SHA-256 sums are those that
TensorFlow Datasets publishes (github.com/tensorflow/datasets, ``url_checksums/mnist.txt``, ``kmnist.txt``,
``emnist.txt``, ``cifar10.txt``); torchvision's ``datasets/mnist.py`` has the second address of MNIST. EMNIST's file
has moved since: torchvision gave one MD5 for it at its old address, and others give the same at the new one.
"""

from __future__ import annotations

import gzip
import math
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.incoming import Incoming
from fittingroom.errors import InvalidData

Read = Callable[["Remote", Path], Incoming]
BLOCK = 2_000  # images decoded together: 1.5 MB


@dataclass(frozen=True)
class RemoteFile:
    """One file as it was published."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Remote:
    """One data set that can be downloaded."""

    name: str
    class_names: tuple[str, ...]
    training: int
    test: int
    shape: tuple[int, int, int]
    """(height, width, channels)"""
    addresses: tuple[str, ...]
    """Folders with the same files, in the order in which they are tried."""
    files: tuple[RemoteFile, ...]
    about: str
    """Who made it, and its licence."""
    read: Read
    """The data set in a folder with these files; raises InvalidData."""

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def images(self) -> int:
        return self.training + self.test

    @property
    def origin(self) -> str:
        names = ", ".join(file.name for file in self.files)
        return f"{self.about}; downloaded from {self.addresses[0]} ({names}), SHA-256 as published"


def _read_idx(remote: Remote, folder: Path) -> Incoming:
    """Four files, as those of MNIST."""

    def opened(file: int) -> Callable[[], IO[bytes]]:
        return lambda: (folder / remote.files[file].name).open("rb")

    return _incoming(remote, folder, (opened(0), opened(2)), (opened(1), opened(3)))


def _read_emnist(remote: Remote, folder: Path) -> Incoming:
    """Members of one archive; columns and rows of the images are exchanged there."""
    archive = folder / remote.files[0].name

    def opened(part: str, kind: str) -> Callable[[], IO[bytes]]:
        return lambda: zipfile.ZipFile(archive).open(f"gzip/emnist-balanced-{part}-{kind}-ubyte.gz")

    images = opened("train", "images-idx3"), opened("test", "images-idx3")
    labels = opened("train", "labels-idx1"), opened("test", "labels-idx1")
    return _incoming(remote, folder, images, labels, turned=True)


Opened = tuple[Callable[[], IO[bytes]], Callable[[], IO[bytes]]]
"""A training and a test file, each to be opened when it is read."""


def _incoming(remote: Remote, folder: Path, images: Opened, labels: Opened, *, turned: bool = False) -> Incoming:
    numbers = remote.training, remote.test
    height, width, _ = remote.shape

    def blocks() -> Iterator[NDArray[np.uint8]]:
        for opened, number in zip(images, numbers, strict=True):
            with _told(folder), opened() as file:
                for values in _unpacked(file, (number, height, width), BLOCK * height * width):
                    block = values.reshape(-1, height, width, 1)
                    yield np.ascontiguousarray(block.transpose(0, 2, 1, 3)) if turned else block

    answers = []
    for opened, number in zip(labels, numbers, strict=True):
        with _told(folder), opened() as file:
            answers += list(_unpacked(file, (number,), number))
    return _whole(remote, np.concatenate(answers).astype(np.int64), blocks())


def _unpacked(file: IO[bytes], shape: tuple[int, ...], step: int) -> Iterator[NDArray[np.uint8]]:
    """The values in a gzipped IDX file, ``step`` at a time; ValueError and OSError unless it has exactly this shape."""
    with gzip.open(file) as stream:
        header = bytes((0, 0, 8, len(shape))) + np.array(shape, ">u4").tobytes()
        if stream.read(len(header)) != header:
            raise ValueError("it has another header")
        left = math.prod(shape)
        while left:
            values = stream.read(min(step, left))
            if not values:
                raise ValueError("it is too short")
            left -= len(values)
            yield np.frombuffer(values, np.uint8)


def _read_cifar(remote: Remote, folder: Path) -> Incoming:
    """One archive with records of a label and three planes of 32×32, first the training and then the test images."""
    height, width, channels = remote.shape
    size = 1 + height * width * channels
    members = [f"cifar-10-batches-bin/{name}.bin" for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")]
    with _told(folder), tarfile.open(folder / remote.files[0].name) as archive:
        records = []
        for member in members:
            file = archive.extractfile(member)
            records.append(np.frombuffer(file.read() if file else b"", np.uint8).reshape(-1, size))
    images = [part[:, 1:].reshape(-1, channels, height, width).transpose(0, 2, 3, 1) for part in records]
    labels = np.concatenate([part[:, 0] for part in records]).astype(np.int64)
    return _whole(remote, labels, (np.ascontiguousarray(part) for part in images))


def _whole(remote: Remote, labels: NDArray[np.int64], blocks: Iterator[NDArray[np.uint8]]) -> Incoming:
    if len(labels) != remote.images:
        raise InvalidData(f"the files of {remote.name} hold {len(labels):,} labels, not {remote.images:,}")
    return Incoming(remote.class_names, labels, remote.shape, blocks, remote.training, remote.origin)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, ValueError, KeyError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
        raise InvalidData(
            f"what was downloaded to {folder} cannot be read: {error}; remove that folder and download it again"
        ) from error


def _four(*files: tuple[int, str]) -> tuple[RemoteFile, ...]:
    names = "train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"
    return tuple(RemoteFile(f"{name}-ubyte.gz", *file) for name, file in zip(names, files, strict=True))


REMOTE: dict[str, Remote] = {
    remote.name: remote
    for remote in (
        Remote(
            name="mnist",
            class_names=tuple("0123456789"),
            training=60_000,
            test=10_000,
            shape=(28, 28, 1),
            addresses=(
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
            ),
            files=_four(
                (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
                (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
                (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
                (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
            ),
            about="MNIST by Yann LeCun and Corinna Cortes, CC BY-SA 3.0",
            read=_read_idx,
        ),
        Remote(
            name="kmnist",
            class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
            training=60_000,
            test=10_000,
            shape=(28, 28, 1),
            addresses=("https://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
            files=_four(
                (18_165_135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
                (29_497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
                (3_041_136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
                (5_120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
            ),
            about="Kuzushiji-MNIST by ROIS-DS Center for Open Data in the Humanities, 2018, CC BY-SA 4.0",
            read=_read_idx,
        ),
        Remote(
            name="emnist",
            class_names=tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
            training=112_800,
            test=18_800,
            shape=(28, 28, 1),
            addresses=(
                "https://biometrics.nist.gov/cs_links/EMNIST/",
                "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/",
            ),
            files=(
                RemoteFile(
                    "gzip.zip", 561_753_746, "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e"
                ),
            ),
            about="EMNIST Balanced by Cohen, Afshar, Tapson and van Schaik, 2017, of NIST's Special Database 19",
            read=_read_emnist,
        ),
        Remote(
            name="cifar-10",
            class_names=(
                "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
            ),
            training=50_000,
            test=10_000,
            shape=(32, 32, 3),
            addresses=("https://www.cs.toronto.edu/~kriz/",),
            files=(
                RemoteFile(
                    "cifar-10-binary.tar.gz",
                    170_052_171,
                    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                ),
            ),
            about="CIFAR-10 by Alex Krizhevsky, Vinod Nair and Geoffrey Hinton, 2009, which states no licence",
            read=_read_cifar,
        ),
    )
}  # fmt: skip
