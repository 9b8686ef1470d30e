"""The other Keras side of ``augmentation.py``: images per second of preprocessing layers in a ``tf.data`` pipeline.

    python keras_layers.py IMAGES.npy SECONDS

``IMAGES.npy`` holds float32 images (N, height, width, channels) on the scale 0..1. Prints JSON. Each layer interpolates
anew; the largest lean of ``RandomShear`` is given as a tangent.
"""

from __future__ import annotations

import json
import math
import sys
import time

import keras
import numpy as np
import tensorflow as tf

BATCH_SIZE = 256
WARM_UP = 4  # batches


def main() -> None:
    images_NHWC = np.load(sys.argv[1])
    layers = keras.Sequential(
        [
            keras.layers.RandomRotation(10 / 360, fill_mode="nearest", seed=0),
            keras.layers.RandomShear(x_factor=math.tan(math.radians(10)), fill_mode="nearest", seed=1),
            keras.layers.RandomTranslation(0.08, 0.08, fill_mode="nearest", seed=2),
            keras.layers.RandomFlip("horizontal", seed=3),
        ]
    )
    stored = tf.data.Dataset.from_tensor_slices(images_NHWC).repeat().batch(BATCH_SIZE, drop_remainder=True)
    batches = iter(stored.map(lambda images: layers(images, training=True)).prefetch(1))
    for _ in range(WARM_UP):
        next(batches)
    images, start = 0, time.perf_counter()
    while time.perf_counter() - start < float(sys.argv[2]):
        images += len(next(batches))
    seconds = time.perf_counter() - start
    versions = f"keras {keras.__version__}, tensorflow {tf.__version__}, numpy {np.__version__}"
    print(json.dumps({"images_per_second": images / seconds, "versions": versions}))


if __name__ == "__main__":
    main()
