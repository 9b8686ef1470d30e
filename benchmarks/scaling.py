"""Images per second and memory of a training: data sets of 1,000 to 1,000,000 images, threads, and batch sizes.

    python benchmarks/scaling.py [--sizes 1000 … 1000000] [--batches 32 … 2048] [--repeats 3] [--quick] [--out FILE.md]

Workload S (``workload.py``), each training a process of its own with a time budget, watched from outside: images per
second as it reports them at its end, which is all images over all its time but the start (steps, a validation after
each epoch on 5,000 images or a tenth, saving); the time until it began (Python, reading the data, choosing the plan);
the most memory that the process had, with what it read of the images, which are mapped from their file. Data sets are
made by ``many_images.py``, in a temporary cache that holds one of them at a time, at most 0.8 GB. Rounds go through
all measurements one after the other, so that they alternate.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from fittingroom.engine.cores import machine_cores
from side_by_side import HERE, Spread, end_on_signals, machine, options, positive, publish, run, say, versions
from watching import watch
from workload import PRESET, SETTINGS, with_settings

SIZES = (1_000, 10_000, 100_000, 1_000_000)
BATCHES = (32, 64, 128, 256, 512, 1024, 2048)
OFFICIAL = 60_000
"""Images that batch sizes are measured on."""
DISK = 2_000_000_000
"""Bytes that have to be free."""
SECONDS_ALLOWED = 600


@dataclass(frozen=True)
class Case:
    """What is trained."""

    images: int
    batch_size: int
    threads: int

    @property
    def told(self) -> str:
        return f"{self.images:,} | {self.batch_size:,} | {self.threads}"


@dataclass(frozen=True)
class Measured:
    """One training."""

    images_per_second: float
    start_up: float
    memory: int
    """Bytes."""


def train(case: Case, source: str, budget: float) -> Measured:
    """One training as a process of its own."""
    began: list[float] = []
    last: dict[str, Any] = {}

    def hear(seconds: float, said: dict[str, Any]) -> bool:
        if said.get("event") == "started":
            began.append(seconds)
        last.clear()
        last.update(said)
        return False

    settings = [*SETTINGS, f"train.batch_size={case.batch_size}", f"train.budget={budget:g}s"]
    settings += [f"data.source={source}", f"data.validation={min(5000, case.images // 10)}"]
    program = [sys.executable, "-m", "fittingroom", "train", PRESET, "--json", "--threads", str(case.threads)]
    watched = watch([*program, *with_settings(settings)], SECONDS_ALLOWED + budget, hear)
    say(f"{case.told.replace(' |', ',')}: {last['images_per_second']:,.0f} images per second")
    return Measured(last["images_per_second"], began[0], watched.peak_memory)


def cases(sizes: Sequence[int], batches: Sequence[int]) -> Iterator[tuple[int, list[Case]]]:
    """What is measured on data sets of each size."""
    threads = sorted({1, machine_cores()})
    for size in sizes:
        yield size, [Case(size, 256, count) for count in threads]
    yield OFFICIAL, [Case(OFFICIAL, batch_size, count) for batch_size in batches for count in threads]


def measure(
    cache: Path, sizes: Sequence[int], batches: Sequence[int], budget: float
) -> Iterator[tuple[Case, Measured]]:
    """Every case once. The data set of a size is made before it is needed, and removed afterwards."""
    for size, own in cases(sizes, batches):
        made = None if size == OFFICIAL else run([sys.executable, HERE / "many_images.py", str(size)], SECONDS_ALLOWED)
        source = made.outcome["source"] if made else "fashion-mnist"
        for case in own:
            yield case, train(case, source, budget)
        if made:
            shutil.rmtree(cache / "data" / source.replace("cache:", "arrays-"))


def table(found: dict[Case, list[Measured]], budget: float) -> list[str]:
    """A line for each case."""
    n = len(next(iter(found.values())))
    lines = [
        f"| data set | batch size | threads | images/s, median (range), n = {n} of {budget:g} s | start-up | memory |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for case, own in found.items():
        rate = Spread(tuple(each.images_per_second for each in own)).show(",.0f")
        start_up = statistics.median(each.start_up for each in own)
        memory = max(each.memory for each in own)
        lines.append(f"| {case.told} | {rate} | {start_up:.1f} s | {memory / 1e6:,.0f} MB |")
    return lines


def main() -> None:
    parser = options(__doc__, repeats=3)
    parser.add_argument("--sizes", nargs="*", type=positive, default=list(SIZES), help="of data sets, in images")
    parser.add_argument("--batches", nargs="*", type=positive, default=list(BATCHES), help="batch sizes")
    parser.add_argument("--seconds", type=float, default=10.0, help="budget of each training (default 10)")
    chosen = parser.parse_args()
    end_on_signals()
    repeats, budget = (1, 2.0) if chosen.quick else (chosen.repeats, chosen.seconds)
    sizes, batches = ([1000], [2048]) if chosen.quick else (chosen.sizes, chosen.batches)
    with tempfile.TemporaryDirectory(prefix="scaling-") as name:
        if psutil.disk_usage(name).free < DISK:
            raise SystemExit(f"{tempfile.gettempdir()} has less than 2 GB free; choose another folder with TMPDIR")
        os.environ["FITTINGROOM_CACHE"] = str(Path(name) / "cache")
        os.environ["FITTINGROOM_WORKSPACE"] = str(Path(name) / "workspace")
        here, found = machine(), dict[Case, list[Measured]]()
        for _ in range(repeats):
            for case, measured in measure(Path(name) / "cache", sizes, batches, budget):
                found.setdefault(case, []).append(measured)
    publish([here, "", *table(found, budget), "", versions("fittingroom", "torch", "numpy")], chosen.out)


if __name__ == "__main__":
    main()
