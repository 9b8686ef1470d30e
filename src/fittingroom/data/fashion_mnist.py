"""Fashion-MNIST: the four official files that are shipped with the package, in IDX format.

Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747. Licence and checksums are in ``builtin/fashion_mnist/LICENSE``.
IDX (http://yann.lecun.com/exdb/mnist): two zero bytes, type (8: unsigned byte), number of dimensions, the dimensions
as big-endian 32-bit numbers, then the values.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.dataset import DataSetInfo
from fittingroom.data.incoming import Incoming
from fittingroom.errors import InvalidData

FOLDER = Path(__file__).parent / "builtin" / "fashion_mnist"
CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
TRAINING, TEST = 60_000, 10_000
INFO = DataSetInfo(
    name="fashion-mnist",
    kind="built-in",
    images=TRAINING + TEST,
    classes=len(CLASS_NAMES),
    shape=(1, 28, 28),
    fingerprint="2259729d59964daccc290cdc64484e32882b42e722c0f94fb7775e606a5e80b0",
)
BLOCK = 2_000  # images decoded together: 1.5 MB


def read() -> Incoming:
    """The complete data set: 60,000 training and 10,000 test images."""
    return Incoming(
        class_names=CLASS_NAMES,
        labels=np.concatenate(
            [_labels("train-labels-idx1-ubyte.gz", TRAINING), _labels("t10k-labels-idx1-ubyte.gz", TEST)]
        ),
        image_shape=(28, 28, 1),
        blocks=_images(),
        test_start=TRAINING,
        origin="Fashion-MNIST by Zalando Research, 2017, MIT licence: the official files, shipped with Fitting Room",
    )


def _labels(file: str, number: int) -> NDArray[np.int64]:
    return np.concatenate(list(_values(file, (number,), number))).astype(np.int64)


def _images() -> Iterator[NDArray[np.uint8]]:
    for file, number in (("train-images-idx3-ubyte.gz", TRAINING), ("t10k-images-idx3-ubyte.gz", TEST)):
        for values in _values(file, (number, 28, 28), BLOCK * 28 * 28):
            yield values.reshape(-1, 28, 28, 1)


def _values(file: str, shape: tuple[int, ...], step: int) -> Iterator[NDArray[np.uint8]]:
    """The values in a shipped file, ``step`` at a time; InvalidData unless it is whole and of this shape."""
    try:
        with gzip.open(FOLDER / file) as stream:
            header = bytes((0, 0, 8, len(shape))) + np.array(shape, ">u4").tobytes()
            if stream.read(len(header)) != header:
                raise ValueError("it has another header")
            left = int(np.prod(shape))
            while left:
                values = stream.read(min(step, left))
                if not values:
                    raise ValueError("it is too short")
                left -= len(values)
                yield np.frombuffer(values, np.uint8)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InvalidData(
            f"{FOLDER / file}, shipped with Fitting Room, cannot be read: {error}; install Fitting Room again"
        ) from error
