"""Augmented images per second on one core: our batch transform against Keras' ImageDataGenerator.

    python benchmarks/augmentation.py [--repeats 5] [--quick] [--out FILE.md]

Source B's operations on Fashion-MNIST images (28×28, float32, batches of 256): rotation up to 10°, shear up to 10°,
shifts up to 8 % both ways, mirror; bilinear interpolation, edge pixels repeated. ``our_augmentation.py`` and
``keras_augmentation.py`` take turns as processes bound to the same core; each warms up, then counts the images it
finishes in some seconds. Needs Linux, which can bind a process to a core.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fittingroom.data.sources import load
from fittingroom.workspace import Workspace
from side_by_side import (
    HERE,
    Spread,
    end_on_signals,
    keras_environment,
    keras_python,
    machine,
    options,
    publish,
    run,
    say,
    versions,
)

IMAGES = 4096
START_UP_ALLOWED = 300


def write_images(path: Path, workspace: Workspace) -> None:
    """The first training images of Fashion-MNIST, on the scale 0..1."""
    np.save(path, load("fashion-mnist", workspace).images[:IMAGES].astype(np.float32) / 255)


def measure(command: list[str | Path], seconds: float, environment: Mapping[str, str]) -> dict[str, Any]:
    """What one side says after counting for some seconds."""
    outcome = run([*command, str(seconds)], START_UP_ALLOWED + seconds, environment).outcome
    say(f"{Path(command[1]).stem}: {outcome['images_per_second']:,.0f} images per second")
    return outcome


def bind_to_one_core() -> None:
    """Keep this process, and all that it starts from now on, on one core."""
    if sys.platform != "linux":
        raise SystemExit("this benchmark binds processes to one core, which works on Linux only")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def main() -> None:
    chosen = options(__doc__, repeats=5).parse_args()
    end_on_signals()
    repeats, seconds = (1, 1.0) if chosen.quick else (chosen.repeats, 5.0)
    keras = keras_python(chosen.keras_python)
    bind_to_one_core()
    here = machine()
    pairs = []
    with tempfile.TemporaryDirectory(prefix="augmentation-") as name:
        folder = Path(name)
        os.environ["FITTINGROOM_CACHE"] = str(folder / "cache")
        images = folder / "images.npy"
        write_images(images, Workspace(folder / "workspace"))
        for _ in range(repeats):
            ours = measure([sys.executable, HERE / "our_augmentation.py", images], seconds, {})
            theirs = measure([keras, HERE / "keras_augmentation.py", images], seconds, keras_environment(folder))
            pairs.append((ours, theirs))
    our_rate, their_rate = (
        Spread(tuple(side["images_per_second"] for side in sides)) for sides in zip(*pairs, strict=True)
    )
    ratio = Spread(tuple(ours["images_per_second"] / theirs["images_per_second"] for ours, theirs in pairs))
    publish(
        [
            here,
            "",
            "| augmentation, images per second on one core | Fitting Room | Keras |",
            "|---|---|---|",
            f"| median (range), n = {repeats} | {our_rate.show(',.0f')} | {their_rate.show(',.0f')} |",
            f"| **times as fast as Keras**, pair by pair: median (range) | **{ratio.show('.1f')}** | 1 |",
            f"| versions | {versions('fittingroom', 'torch', 'numpy')} | {theirs['versions']} |",
        ],
        chosen.out,
    )


if __name__ == "__main__":
    main()
