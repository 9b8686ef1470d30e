"""How long data takes to open, split and summarize: ``python benchmarks/data_opening.py``.

Goals: Fashion-MNIST opens in under a second after the first time; splitting 70,000 images takes well under half a
second. Each figure is the median of several repeats in one process; the first opening decodes into an empty cache.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

PICTURES = 2000


def seconds(action: Callable[[], object], repeats: int) -> float:
    """Median time of an action."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def make_pictures(folder: Path) -> None:
    """A folder of small grey PNG files in four classes."""
    generator = np.random.default_rng(0)
    for number in range(PICTURES):
        place = folder / str(number % 4) / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (28, 28), dtype=np.uint8)).save(place)


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["FITTINGROOM_CACHE"] = f"{temporary}/cache"
        from fittingroom.data.sources import load

        print(f"Fashion-MNIST, first opening   {1000 * seconds(lambda: load('fashion-mnist'), 1):8.1f} ms")
        print(f"Fashion-MNIST, later openings  {1000 * seconds(lambda: load('fashion-mnist'), 20):8.1f} ms")
        data = load("fashion-mnist")
        print(f"split, 5,000 for validation    {1000 * seconds(lambda: data.split(5000, 0), 5):8.1f} ms")
        training = data.split(5000, 0).train
        print(f"mean and spread of 55,000      {1000 * seconds(lambda: data.statistics(training), 5):8.1f} ms")
        pictures = Path(temporary) / "pictures"
        make_pictures(pictures)
        print(f"{PICTURES:,} PNG files, first opening {1000 * seconds(lambda: load(pictures), 1):8.1f} ms")
        print(f"{PICTURES:,} PNG files, again         {1000 * seconds(lambda: load(pictures), 5):8.1f} ms")


if __name__ == "__main__":
    main()
