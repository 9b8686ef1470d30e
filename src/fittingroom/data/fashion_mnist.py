"""Fashion-MNIST: the four official files that are shipped with the package, in IDX format.

Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747. Licence and checksums are in ``builtin/fashion_mnist/LICENSE``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittingroom.data import idx
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
    return np.concatenate(list(_values(file, (number,)))).astype(np.int64)


def _images() -> Iterator[NDArray[np.uint8]]:
    for file, number in (("train-images-idx3-ubyte.gz", TRAINING), ("t10k-images-idx3-ubyte.gz", TEST)):
        for values in _values(file, (number, 28, 28)):
            yield values[..., np.newaxis]


def _values(file: str, shape: tuple[int, ...]) -> Iterator[NDArray[np.uint8]]:
    """The values in a shipped file, block after block; InvalidData unless it is whole and of this shape."""
    try:
        header, blocks = idx.values(FOLDER / file)
        if (header.dtype, header.shape) != (np.dtype(np.uint8), shape):
            raise InvalidData(f"it holds {header.dtype} {header.shape}, not uint8 {shape}")
        for block in blocks:
            yield block.astype(np.uint8, copy=False)
    except InvalidData as error:
        raise InvalidData(
            f"{FOLDER / file}, shipped with Fitting Room, cannot be read: {error}; install Fitting Room again"
        ) from error
