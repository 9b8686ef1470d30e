"""Augmented images per second on one core: our batch transform against Keras' ImageDataGenerator and layers.

    python benchmarks/augmentation.py [--repeats 5] [--quick] [--out FILE.md]

Source B's operations on Fashion-MNIST images (28×28, float32, batches of 256): rotation up to 10°, shear up to 10°,
shifts up to 8 % both ways, mirror; bilinear interpolation, edge pixels repeated. ``our_augmentation.py`` (by each means
that there is), ``keras_augmentation.py`` and ``keras_layers.py`` take turns as processes bound to the same core; each
warms up, then counts the images it finishes in some seconds. Needs Linux, which can bind a process to a core.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fittingroom.data.sources import load
from fittingroom.engine.augment import best_means
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
)

IMAGES = 4096
START_UP_ALLOWED = 300
GENERATOR = "Keras, ImageDataGenerator"


def write_images(path: Path, workspace: Workspace) -> None:
    """The first training images of Fashion-MNIST, on the scale 0..1."""
    np.save(path, load("fashion-mnist", workspace).images[:IMAGES].astype(np.float32) / 255)


def measure(command: Sequence[str | Path], seconds: float, environment: Mapping[str, str]) -> dict[str, Any]:
    """What one side says after counting for some seconds."""
    outcome = run([*command, str(seconds)], START_UP_ALLOWED + seconds, environment).outcome
    said = " ".join([Path(command[1]).stem, *map(str, command[3:])])
    say(f"{said}: {outcome['images_per_second']:,.0f} images per second")
    return outcome


def bind_to_one_core() -> None:
    """Keep this process, and all that it starts from now on, on one core."""
    if sys.platform != "linux":
        raise SystemExit("this benchmark binds processes to one core, which works on Linux only")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def main() -> None:
    chosen = options(__doc__, repeats=5).parse_args()
    end_on_signals()
    repeats, seconds = (1, 1.0) if chosen.quick else (chosen.repeats, 3.0)
    keras = keras_python(chosen.keras_python)
    bind_to_one_core()
    here = machine()
    measured: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory(prefix="augmentation-") as name:
        folder = Path(name)
        os.environ["FITTINGROOM_CACHE"] = str(folder / "cache")
        images = folder / "images.npy"
        write_images(images, Workspace(folder / "workspace"))
        theirs = keras_environment(folder)
        sides: dict[str, tuple[list[str | Path], dict[str, str]]] = {
            "Fitting Room, compiled": ([sys.executable, HERE / "our_augmentation.py", images, "compiled"], {}),
            "Fitting Room, torch": ([sys.executable, HERE / "our_augmentation.py", images, "torch"], {}),
            GENERATOR: ([keras, HERE / "keras_augmentation.py", images], theirs),
            "Keras, preprocessing layers": ([keras, HERE / "keras_layers.py", images], theirs),
        }
        if best_means() != "compiled":
            say("Numba is not installed: nothing is compiled")
            del sides["Fitting Room, compiled"]
        for _ in range(repeats):
            for side, (command, environment) in sides.items():
                measured.setdefault(side, []).append(measure(command, seconds, environment))
    publish([here, "", *table(measured, repeats)], chosen.out)


def table(measured: Mapping[str, Sequence[Mapping[str, Any]]], repeats: int) -> list[str]:
    """Rates, and how many times those of ImageDataGenerator they are, turn by turn."""
    rates = {side: [outcome["images_per_second"] for outcome in outcomes] for side, outcomes in measured.items()}
    rows = [
        f"| images per second on one core, n = {repeats} | median (range) | **times ImageDataGenerator** | versions |",
        "|---|---|---|---|",
    ]
    for side, own in rates.items():
        rate = Spread(tuple(own)).show(",.0f")
        ratio = Spread(tuple(one / base for one, base in zip(own, rates[GENERATOR], strict=True))).show(".1f")
        rows.append(f"| {side} | {rate} | **{ratio}** | {measured[side][0]['versions']} |")
    return rows


if __name__ == "__main__":
    main()
