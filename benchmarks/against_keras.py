"""An epoch of source A's CNN: Fitting Room against Keras 3 on TensorFlow, fp32, both on the same CPU cores.

    python benchmarks/against_keras.py [--repeats 3] [--quick] [--out FILE.md]

Workload S: three × [convolution of 32 filters 3×3, relu, max pool 2, dropout 0.1], dense 30, classifier; batches of
256, Adam at 0.001, pixels 0 to 1; Fashion-MNIST's 60,000 training images, of which both sides train on the same
55,000 and validate on the same 5,000 after every epoch. Ours is ``fittingroom train cnn``, Keras' is ``keras_cnn.py``.

Each side is measured from outside as whole processes, a short and a long training; their difference in wall time is
that of the epochs between them, without start-up. Sides take turns, and turns as to who begins. One untimed training
of each comes first, so that no one-time cost (files read for the first time, caches) is taken off an epoch.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fittingroom.data.sources import load
from fittingroom.library.stored import find_run
from fittingroom.spec.run import load_run_spec
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace
from side_by_side import (
    HERE,
    Finished,
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

PRESET = "cnn"
SETTINGS = (
    "train.batch_size=256",
    'train.optimizer={ name = "adam", learning_rate = 0.001 }',
    'train.schedule={ name = "constant" }',
    "train.early_stop.patience=1000",  # more than there are epochs: off
    "train.device=cpu",
)
START_UP_ALLOWED, EPOCH_ALLOWED = 300, 300
"""Seconds after which a training is stuck, not slow."""


@dataclass(frozen=True)
class Measured:
    """One side's short and long training with the same seed."""

    short: Finished
    long: Finished

    @property
    def seconds_per_epoch(self) -> float:
        epochs = int(self.long.outcome["epochs"]) - int(self.short.outcome["epochs"])
        return (self.long.seconds - self.short.seconds) / epochs

    @property
    def accuracy(self) -> float:
        """On the validation images, after the long training."""
        return float(self.long.outcome["validation_accuracy"])


@dataclass(frozen=True)
class Side:
    """Ours, or Keras."""

    name: str
    command: Callable[[int, int], list[str | Path]]
    """From epochs and seed."""
    environment: Mapping[str, str]

    def train(self, epochs: int, seed: int) -> Finished:
        """One training as a process of its own."""
        finished = run(self.command(epochs, seed), START_UP_ALLOWED + EPOCH_ALLOWED * epochs, self.environment)
        assert finished.outcome["epochs"] == epochs, f"{self.name} trained for {finished.outcome['epochs']} epochs"
        say(f"{self.name}, seed {seed}, epochs: {epochs}, whole process: {finished.seconds:.1f} s")
        return finished


@dataclass(frozen=True)
class Pair:
    """Both sides with the same seed."""

    ours: Measured
    keras: Measured

    @property
    def ratio(self) -> float:
        """How many times as fast as Keras we are."""
        return self.keras.seconds_per_epoch / self.ours.seconds_per_epoch


def our_side(workspace: Workspace) -> Side:
    """``fittingroom train cnn``."""
    always = [word for setting in SETTINGS for word in ("--set", setting)]

    def command(epochs: int, seed: int) -> list[str | Path]:
        program = [sys.executable, "-m", "fittingroom", "train", PRESET, "--json", "--workspace", str(workspace.root)]
        return [*program, *always, "--set", f"train.epochs={epochs}", "--seed", str(seed)]

    return Side("Fitting Room", command, environment={})


def keras_side(python: Path, images: Path, folder: Path) -> Side:
    """``keras_cnn.py`` in Keras' own environment."""

    def command(epochs: int, seed: int) -> list[str | Path]:
        return [python, HERE / "keras_cnn.py", images, str(epochs), str(seed)]

    return Side("Keras", command, keras_environment(folder))


def write_images(path: Path, workspace: Workspace) -> None:
    """Write the images that the preset trains and validates on, for Keras."""
    spec = load_run_spec(PRESET).data
    data = load(spec.source, workspace)
    splits = data.split(spec.validation, spec.split_seed)
    np.savez(
        path,
        train_images=data.images[splits.train],
        train_labels=data.labels[splits.train],
        validation_images=data.images[splits.validation],
        validation_labels=data.labels[splits.validation],
    )


def measure(ours: Side, keras: Side, repeats: int, short: int, long: int) -> list[Pair]:
    """Train each side once untimed, then short and long in turns, with one seed for each pair."""
    for side in (ours, keras):
        side.train(1, seed=repeats)
    pairs = []
    for seed in range(repeats):
        in_turn = (ours, keras) if seed % 2 == 0 else (keras, ours)
        shorts = {side.name: side.train(short, seed) for side in in_turn}
        longs = {side.name: side.train(long, seed) for side in in_turn}
        sides = [Measured(shorts[side.name], longs[side.name]) for side in (ours, keras)]
        if min(side.seconds_per_epoch for side in sides) <= 0:
            raise SystemExit("a long training took no longer than a short one: this machine is too busy to measure on")
        pairs.append(Pair(*sides))
    return pairs


def summary(pairs: Sequence[Pair], trained: RunDetails) -> list[str]:
    """What came of it as a Markdown table, and what it was measured with."""
    plan: Any = trained.plan
    theirs = pairs[0].keras.long.outcome
    assert trained.parameters == theirs["parameters"], "the two networks are not the same"
    ours_per_epoch, keras_per_epoch = (
        Spread(tuple(side.seconds_per_epoch for side in sides)).show(".2f")
        for sides in ([pair.ours for pair in pairs], [pair.keras for pair in pairs])
    )
    our_accuracy = statistics.mean(pair.ours.accuracy for pair in pairs)
    keras_accuracy = statistics.mean(pair.keras.accuracy for pair in pairs)
    ratio = Spread(tuple(pair.ratio for pair in pairs)).show(".2f")
    how = [plan["precision"], plan["layout"], *plan["rewrites"], f"{plan['threads']} threads", plan["instruction_set"]]
    return [
        "| workload S | Fitting Room | Keras |",
        "|---|---|---|",
        f"| seconds per epoch, median (range), n = {len(pairs)} | {ours_per_epoch} | {keras_per_epoch} |",
        f"| **times as fast as Keras**, pair by pair, median (range) | **{ratio}** | 1 |",
        f"| validation accuracy, epochs: {trained.epochs_done}, mean of {len(pairs)} | {our_accuracy:.2%} "
        f"| {keras_accuracy:.2%} |",
        f"| how | {', '.join(how)} | {theirs['precision']}, Keras' defaults |",
        f"| versions | {versions('fittingroom', 'torch', 'numpy')} | {theirs['versions']} |",
        "",
        f"{theirs['training_images']:,} training and {theirs['validation_images']:,} validation images, "
        f"{trained.parameters:,} parameters. Accuracy is that of the epoch with the lowest validation loss.",
    ]


def every_pair(pairs: Sequence[Pair]) -> list[str]:
    """Wall times of whole processes and accuracies, a line for each seed."""
    first = pairs[0].ours
    short, long = first.short.outcome["epochs"], first.long.outcome["epochs"]
    columns = f"epochs: {short} | {long} | accuracy"
    lines = [f"| seed | ours, {columns} | Keras, {columns} | times as fast |", "|---|---|---|---|---|---|---|---|"]
    for seed, pair in enumerate(pairs):
        sides = " | ".join(
            f"{side.short.seconds:.1f} s | {side.long.seconds:.1f} s | {side.accuracy:.2%}"
            for side in (pair.ours, pair.keras)
        )
        lines.append(f"| {seed} | {sides} | {pair.ratio:.2f} |")
    return lines


def main() -> None:
    chosen = options(__doc__, repeats=3).parse_args()
    end_on_signals()
    repeats, short, long = (1, 1, 2) if chosen.quick else (chosen.repeats, 2, 6)
    python = keras_python(chosen.keras_python)
    with tempfile.TemporaryDirectory(prefix="against-keras-") as name:
        folder = Path(name)
        os.environ["FITTINGROOM_CACHE"] = str(folder / "cache")
        workspace = Workspace(folder / "workspace")
        write_images(folder / "images.npz", workspace)
        here = machine()
        keras = keras_side(python, folder / "images.npz", folder / "keras")
        pairs = measure(our_side(workspace), keras, repeats, short, long)
        trained = find_run(workspace, "last")
    publish([here, "", *summary(pairs, trained), "", *every_pair(pairs)], chosen.out)


if __name__ == "__main__":
    main()
