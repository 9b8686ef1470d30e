"""Where transfer helps: few labelled images. ``python benchmarks/transfer.py [--seeds 5] [--shots 5 10 20 50 100]``.

The network is first trained on the classes of Fashion-MNIST with even labels (T-shirt/top, Pullover, Coat, Shirt,
Bag), with all their images. Then it is trained on those with odd labels (Trouser, Dress, Sandal, Sneaker, Ankle boot)
with only a few images of each class: from fresh weights, from the pretrained ones, and from the pretrained ones with
the convolutions frozen. All arms of a seed see the same images, in the same order, for the same number of steps.
Settings were fixed beforehand, so the 5,000 test images of the five classes are opened once at the end, for all runs
together.
"""

from __future__ import annotations

import argparse
import tempfile

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import fittingroom as fr
from fittingroom.library.run import Run, open_tests

NETWORK = (
    fr.Conv(32, 3, padding="same", activation="relu"),
    fr.MaxPool(2),
    fr.Conv(64, 3, padding="same", activation="relu"),
    fr.MaxPool(2),
    fr.Flatten(),
    fr.Dense(64, activation="relu"),
    fr.Classify(),
)
ARMS = {"fresh weights": None, "pretrained": None, "pretrained, convolutions frozen": "conv_2"}
VALIDATION = 40
STEPS = 300


def classes(data: fr.Dataset, wanted: list[int], shots: int | None, seed: int) -> fr.Dataset:
    """Some classes of a data set with their official test images, and all or some of their training images."""
    official = data.test_start or 0
    generator = np.random.default_rng(seed)
    rows: list[NDArray[np.int64]] = []
    for label in wanted:
        own = np.flatnonzero(data.labels[:official] == label)
        rows.append(own if shots is None else generator.choice(own, shots + VALIDATION, replace=False))
    train = np.sort(np.concatenate(rows))
    test = official + np.flatnonzero(np.isin(data.labels[official:], wanted))
    names = [data.class_names[label] for label in wanted]
    number = np.full(len(data.class_names), -1)
    number[wanted] = np.arange(len(wanted))
    held_out = (data.images[test], number[data.labels[test]])
    title = f"{len(wanted)} classes, {shots or 'all'}, {seed}"
    return fr.load(data.images[train], number[data.labels[train]], class_names=names, test=held_out, name=title)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--shots", type=int, nargs="*", default=[5, 10, 20, 50, 100])
    given = parser.parse_args()
    data = fr.load("fashion-mnist")
    first, others = [list(range(start, len(data.class_names), 2)) for start in (0, 1)]
    with tempfile.TemporaryDirectory() as folder:
        runs = {
            (shots, seed, arm): run
            for seed in range(given.seeds)
            for source in [pretrain(classes(data, first, None, 0), seed, folder)]
            for shots in given.shots
            for few in [classes(data, others, shots, seed)]
            for arm, run in train_arms(few, shots, seed, source, folder).items()
        }
        report(runs, given.shots, given.seeds)


def pretrain(data: fr.Dataset, seed: int, folder: str) -> Run:
    return fr.fit(NETWORK, data, epochs=5, batch_size=128, optimizer=fr.Adam(0.002), schedule=fr.OneCycle(),
                  seed=seed, name="pretrain", validation=2000, workspace=folder, show=False)  # fmt: skip


def train_arms(data: fr.Dataset, shots: int, seed: int, source: Run, folder: str) -> dict[str, Run]:
    """One run for each arm, all with the same images, order and number of steps."""
    batch_size = min(32, 5 * shots)
    epochs = STEPS // -(-5 * shots // batch_size)
    settings = {"epochs": epochs, "batch_size": batch_size, "optimizer": fr.Adam(0.001), "seed": seed}
    settings |= {"name": "few", "validation": 5 * VALIDATION, "workspace": folder, "show": False}
    return {
        arm: fr.fit(NETWORK, data, start=source if arm != "fresh weights" else None, freeze_up_to=freeze, **settings)
        for arm, freeze in ARMS.items()
    }


def report(runs: dict[tuple[int, int, str], Run], all_shots: list[int], seeds: int) -> None:
    """Test accuracy for each arm, and its difference from fresh weights within each seed, in points."""
    scores = {score.run: 100 * score.evaluation.accuracy for score in open_tests(list(runs.values()))}
    print(f"test accuracy on 5,000 images of five classes: mean ± standard deviation of {seeds} seeds;")
    print("in brackets the mean difference from fresh weights within a seed, and its 95 % t interval")
    for shots in all_shots:
        fresh = None
        print(f"{shots} images of each class:")
        for arm in ARMS:
            values = np.array([scores[runs[shots, seed, arm].id] for seed in range(seeds)])
            fresh = values if fresh is None else fresh
            print(
                f"  {arm:<32} {values.mean():5.1f} ± {values.std(ddof=1):3.1f}  {difference(values - fresh)}",
                flush=True,
            )


def difference(paired: NDArray[np.float64]) -> str:
    """``(+1.2, 0.3 to 2.1)``: mean and t interval over the seeds; nothing where all are zero."""
    if not paired.any():
        return ""
    half = float(stats.t.ppf(0.975, len(paired) - 1)) * paired.std(ddof=1) / len(paired) ** 0.5
    return f"({paired.mean():+.1f}, {paired.mean() - half:.1f} to {paired.mean() + half:.1f})"


if __name__ == "__main__":
    main()
