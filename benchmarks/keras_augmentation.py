"""The Keras side of ``augmentation.py``: images per second of ``ImageDataGenerator.flow``.

    python keras_augmentation.py IMAGES.npy SECONDS

``IMAGES.npy`` holds float32 images (N, height, width, channels) on the scale 0..1. Prints JSON.
"""

from __future__ import annotations

import json
import sys
import time

import keras
import numpy as np
import scipy
from keras.src.legacy.preprocessing.image import ImageDataGenerator

BATCH_SIZE = 256
WARM_UP = 4  # batches


def main() -> None:
    images_NHWC = np.load(sys.argv[1])
    generator = ImageDataGenerator(
        rotation_range=10,
        shear_range=10,
        width_shift_range=0.08,
        height_shift_range=0.08,
        horizontal_flip=True,
        fill_mode="nearest",
    )
    batches = generator.flow(images_NHWC, batch_size=BATCH_SIZE, shuffle=False, seed=0)
    for _ in range(WARM_UP):
        next(batches)
    images, start = 0, time.perf_counter()
    while time.perf_counter() - start < float(sys.argv[2]):
        images += len(next(batches))
    seconds = time.perf_counter() - start
    versions = f"keras {keras.__version__}, scipy {scipy.__version__}, numpy {np.__version__}"
    print(json.dumps({"images_per_second": images / seconds, "versions": versions}))


if __name__ == "__main__":
    main()
