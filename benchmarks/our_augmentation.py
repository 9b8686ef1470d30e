"""Our side of ``augmentation.py``: images per second of the batch transform that training calls.

    python our_augmentation.py IMAGES.npy compiled|torch SECONDS

``IMAGES.npy`` holds float32 images (N, height, width, channels) on the scale 0..1. Prints JSON.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch

from fittingroom.engine.augment import Means, augment
from fittingroom.engine.plan import reuse_freed_memory
from fittingroom.spec.augment import Mirror, Rotation, Shear, Shift
from side_by_side import versions

BATCH_SIZE = 256
WARM_UP = 20  # batches
OPERATIONS = (
    Rotation(10, border="nearest"),
    Shear(10, border="nearest"),
    Shift(0.08, border="nearest"),
    Mirror(0.5),
)


def main() -> None:
    images_NCHW = torch.from_numpy(np.load(sys.argv[1])).permute(0, 3, 1, 2)
    means: Means = "compiled" if sys.argv[2] == "compiled" else "torch"
    batches = torch.split(images_NCHW, BATCH_SIZE)
    torch.set_num_threads(1)
    reuse_freed_memory()  # in force in every training
    for step in range(WARM_UP):
        augment(batches[step % len(batches)], OPERATIONS, means, seed=0, epoch=0, step=step)
    images, step, start = 0, 0, time.perf_counter()
    while time.perf_counter() - start < float(sys.argv[3]):
        images += len(augment(batches[step % len(batches)], OPERATIONS, means, seed=0, epoch=1, step=step))
        step += 1
    seconds = time.perf_counter() - start
    used = ("fittingroom", "torch", "numpy", *(["numba"] if means == "compiled" else []))
    print(json.dumps({"images_per_second": images / seconds, "versions": versions(*used)}))


if __name__ == "__main__":
    main()
