"""Fashion-MNIST: the four official files that are shipped with the package, in IDX format.

Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747. Licence and checksums are in ``builtin/fashion_mnist/LICENSE``.
"""

from __future__ import annotations

import itertools

import numpy as np

from fittingroom.data import shipped
from fittingroom.data.dataset import DataSetInfo
from fittingroom.data.incoming import Incoming

FOLDER = shipped.FOLDER / "fashion_mnist"
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
    parts = (("train", TRAINING), ("t10k", TEST))
    return Incoming(
        class_names=CLASS_NAMES,
        labels=np.concatenate(
            [shipped.labels(FOLDER / f"{part}-labels-idx1-ubyte.gz", number) for part, number in parts]
        ),
        image_shape=(28, 28, 1),
        blocks=itertools.chain.from_iterable(
            shipped.images(FOLDER / f"{part}-images-idx3-ubyte.gz", number) for part, number in parts
        ),
        test_start=TRAINING,
        origin="Fashion-MNIST by Zalando Research, 2017, MIT licence: the official files, shipped with Fitting Room",
    )
