"""An epoch of workload S: Fitting Room, Keras on TensorFlow, a plain torch loop and skorch on the same CPU cores.

    python benchmarks/against_peers.py [--sides ours keras …] [--repeats 3] [--quick] [--out FILE.md]

The workload is told in ``workload.py``. All sides train on the same 55,000 images and validate on the same 5,000 after
every epoch. Each is measured from outside as whole processes, a short and a long training; their difference in wall
time is that of the epochs between them, without start-up. Sides take turns, and turns as to who begins. One untimed
training of each comes first, so that no one-time cost (files read for the first time, caches) is taken off an epoch.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fittingroom.library.stored import find_run
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
    peers_python,
    positive,
    publish,
    run,
    say,
    versions,
)
from workload import PRESET, SETTINGS, few_images, with_settings, write_images

START_UP_ALLOWED, EPOCH_ALLOWED = 300, 300
"""Seconds after which a training is stuck, not slow."""
OURS = "Fitting Room"


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
    def start_up(self) -> float:
        """Seconds of the long training that are none of its epochs'."""
        return self.long.seconds - int(self.long.outcome["epochs"]) * self.seconds_per_epoch

    @property
    def accuracy(self) -> float:
        """On the validation images, after the long training."""
        return float(self.long.outcome["validation_accuracy"])


@dataclass(frozen=True)
class Side:
    """One who trains the workload."""

    name: str
    command: Callable[[int, int], list[str | Path]]
    """From epochs and seed."""
    environment: Mapping[str, str] = field(default_factory=dict)

    def train(self, epochs: int, seed: int) -> Finished:
        """One training as a process of its own."""
        finished = run(self.command(epochs, seed), START_UP_ALLOWED + EPOCH_ALLOWED * epochs, self.environment)
        assert finished.outcome["epochs"] == epochs, f"{self.name} trained for {finished.outcome['epochs']} epochs"
        say(f"{self.name}, seed {seed}, epochs: {epochs}, whole process: {finished.seconds:.1f} s")
        return finished


@dataclass(frozen=True)
class Place:
    """Where all sides find what they need."""

    workspace: Workspace
    images: Path
    settings: tuple[str, ...]
    keras_python: Path | None


def our_side(name: str, place: Place, *settings: str) -> Side:
    """``fittingroom train cnn``."""
    always = with_settings((*place.settings, *settings))

    def command(epochs: int, seed: int) -> list[str | Path]:
        program = [sys.executable, "-m", "fittingroom", "train", PRESET, "--json"]
        words = [*program, "--workspace", str(place.workspace.root), *always]
        return [*words, "--set", f"train.epochs={epochs}", "--seed", str(seed)]

    return Side(name, command)


def script_side(name: str, python: Path | str, script: str, place: Place, *words: str, **environment: str) -> Side:
    """Another program, in an environment of its own."""

    def command(epochs: int, seed: int) -> list[str | Path]:
        return [python, HERE / script, place.images, str(epochs), str(seed), *words]

    return Side(name, command, environment)


def keras_side(name: str, place: Place, *words: str) -> Side:
    environment = keras_environment(place.images.parent / "keras")
    return script_side(name, keras_python(place.keras_python), "keras_cnn.py", place, *words, **environment)


SIDES: dict[str, Callable[[Place], Side]] = {
    "ours": lambda place: our_side(OURS, place),
    "ours-fp32": lambda place: our_side(f"{OURS}, fp32", place, "train.precision=fp32"),
    "keras": lambda place: keras_side("Keras, fp32", place),
    "keras-mixed": lambda place: keras_side("Keras, mixed bf16", place, "mixed_bfloat16"),
    "torch": lambda place: script_side("plain torch loop", sys.executable, "torch_cnn.py", place),
    "skorch": lambda place: script_side("skorch", peers_python(), "skorch_cnn.py", place),
}


def measure(sides: Sequence[Side], repeats: int, short: int, long: int) -> list[list[Measured]]:
    """Train each side once untimed, then short and long in turns, with one seed for each round; by side."""
    for side in sides:
        side.train(short, seed=repeats)
    found: list[list[Measured]] = [[] for _ in sides]
    for seed in range(repeats):
        order = [(seed + number) % len(sides) for number in range(len(sides))]
        shorts = {number: sides[number].train(short, seed) for number in order}
        longs = {number: sides[number].train(long, seed) for number in order}
        for number in order:
            found[number].append(Measured(shorts[number], longs[number]))
    return found


def summary(sides: Sequence[Side], found: Sequence[Sequence[Measured]], workspace: Workspace) -> list[str]:
    """What came of it as a Markdown table."""
    long = found[0][0].long.outcome
    compared = [own for side, own in zip(sides, found, strict=True) if side.name.startswith(OURS)] or [found[0]]
    names = [side.name for side, own in zip(sides, found, strict=True) if own in compared]
    lines = [
        f"| workload S, n = {len(found[0])}, medians (ranges) | seconds per epoch "
        f"| {' | '.join(f'{name} is times as fast' for name in names)} "
        f"| validation accuracy, epochs: {long['epochs']}, mean | start-up, seconds |",
        "|---|---:|" + "---:|" * len(names) + "---:|---:|",
    ]
    for side, own in zip(sides, found, strict=True):
        epoch = Spread(tuple(each.seconds_per_epoch for each in own)).show(".2f")
        times = " | ".join("1" if own is ours else f"**{ratios(ours, own).show('.2f')}**" for ours in compared)
        accuracy = statistics.mean(each.accuracy for each in own)
        start_up = statistics.median(each.start_up for each in own)
        lines.append(f"| {side.name} | {epoch} | {times} | {accuracy:.2%} | {start_up:.1f} |")
    lines += ["", *(f"- {side.name}: {how(own[-1], workspace)}" for side, own in zip(sides, found, strict=True))]
    counts = {int(parameters(own[-1], workspace)) for own in found}
    assert len(counts) == 1, f"the networks are not the same: {counts} parameters"
    lines += ["", f"{counts.pop():,} parameters. Accuracy is that of the epoch with the lowest validation loss."]
    if min(each.seconds_per_epoch for own in found for each in own) <= 0:
        lines += ["", "**Not to be used**: a long training took no longer than a short one; this machine is too busy."]
    return lines


def ratios(ours: Sequence[Measured], theirs: Sequence[Measured]) -> Spread:
    """How many times as fast as another side one of ours is, seed by seed."""
    return Spread(tuple(b.seconds_per_epoch / a.seconds_per_epoch for a, b in zip(ours, theirs, strict=True)))


def how(measured: Measured, workspace: Workspace) -> str:
    """By what means a side trained."""
    said = measured.long.outcome
    if "run" not in said:
        return f"{said['precision']}, {said['versions']}"
    plan, before = (_plan(each, workspace) for each in (measured.long, measured.short))
    assert (plan["precision"], plan["way"]) == (before["precision"], before["way"]), (
        "the short training went another way"
    )
    means = [plan["precision"], plan["layout"], *plan["rewrites"], f"{plan['threads']} threads"]
    means += [each for each in (plan["instruction_set"], plan["kernels"]) if each]
    return f"{', '.join(means)}; {plan['why']}; {versions('fittingroom', 'torch', 'numpy')}"


def _plan(finished: Finished, workspace: Workspace) -> Any:
    return find_run(workspace, finished.outcome["run"]).plan


def parameters(measured: Measured, workspace: Workspace) -> int:
    said = measured.long.outcome
    return int(find_run(workspace, said["run"]).parameters if "run" in said else said["parameters"])


def every_training(sides: Sequence[Side], found: Sequence[Sequence[Measured]]) -> list[str]:
    """Wall times of whole processes and accuracies, a line for each training."""
    first = found[0][0]
    short, long = first.short.outcome["epochs"], first.long.outcome["epochs"]
    lines = [f"| side | seed | epochs: {short} | epochs: {long} | accuracy |", "|---|---:|---:|---:|---:|"]
    for side, own in zip(sides, found, strict=True):
        for seed, each in enumerate(own):
            seconds = f"{each.short.seconds:.1f} s | {each.long.seconds:.1f} s"
            lines.append(f"| {side.name} | {seed} | {seconds} | {each.accuracy:.2%} |")
    return lines


def main() -> None:
    parser = options(__doc__, repeats=3)
    who = "who takes part (default: all); ours are compared with all others"
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES), help=who)
    epochs = "of the short and the long training (default 2 6)"
    parser.add_argument("--epochs", nargs=2, type=positive, default=(2, 6), metavar=("SHORT", "LONG"), help=epochs)
    chosen = parser.parse_args()
    end_on_signals()
    repeats, (short, long) = (1, (1, 2)) if chosen.quick else (chosen.repeats, chosen.epochs)
    with tempfile.TemporaryDirectory(prefix="against-peers-") as name:
        folder = Path(name)
        os.environ["FITTINGROOM_CACHE"] = str(folder / "cache")
        settings = (*SETTINGS, *few_images()) if chosen.quick else SETTINGS
        place = Place(Workspace(folder / "workspace"), folder / "images.npz", settings, chosen.keras_python)
        write_images(place.images, place.workspace, settings)
        sides = [SIDES[side](place) for side in dict.fromkeys(chosen.sides)]
        here = machine()
        found = measure(sides, repeats, short, long)
        report = [*summary(sides, found, place.workspace), "", *every_training(sides, found)]
    publish([here, "", *report], chosen.out)


if __name__ == "__main__":
    main()
