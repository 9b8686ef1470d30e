"""Make a data set of so many images, for ``scaling.py``: ``python many_images.py COUNT`` prints what opens it.

Images of Fashion-MNIST, each repeated as often as need be, shifted and mirrored another way each time. They are kept in
the cache, 784 bytes each; the first 1,000 official test images are their test part.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from numpy.typing import NDArray

import fittingroom as fr

TEST = 1000
SHIFTS = [(rows, columns) for rows in (0, 1, -1, 2, -2) for columns in (0, 1, -1, 2, -2)]
MOST = 2 * len(SHIFTS)
"""Ways to draw an image."""


def many(
    images: NDArray[np.uint8], labels: NDArray[np.int64], count: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """``count`` images (N, height, width, 1) and labels; no two are the same unless two of the given ones are."""
    if count > MOST * len(images):
        raise SystemExit(f"at most {MOST * len(images):,} images can be made")
    made = np.empty((count, *images.shape[1:]), np.uint8)
    for number, start in enumerate(range(0, count, len(images))):
        part = images[: count - start]
        moved = np.roll(part, SHIFTS[number // 2], axis=(1, 2))
        made[start : start + len(part)] = moved[:, :, ::-1] if number % 2 else moved
    return made, np.resize(labels, count)


def main() -> None:
    data = fr.load("fashion-mnist")
    official = data.test_start or 0
    images, labels = many(data.images[:official], data.labels[:official], int(sys.argv[1]))
    test = (data.images[official : official + TEST], data.labels[official : official + TEST])
    made = fr.load(images, labels, class_names=data.class_names, test=test, name=f"{len(images):,} images")
    print(json.dumps({"source": made.source}))


if __name__ == "__main__":
    main()
