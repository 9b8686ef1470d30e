"""Seconds of training until 90 / 92.5 / 94 % of the validation images are right: presets, and source A's CNN in Keras.

    python benchmarks/time_to_accuracy.py [--presets sprint-15s …] [--repeats 3] [--quick] [--out FILE.md]

All sides train on the same 55,000 images of Fashion-MNIST and are judged on the same 5,000, after each of their epochs,
with that validation in the time. Watched from outside: from the line in which a process says that training begins to
the line of the first epoch whose accuracy is high enough. What comes before is told beside it as start-up. Sides take
turns, seed by seed. Keras trains its CNN (``keras_cnn.py``) for ``--keras-epochs`` at most; its first epoch holds the
second or so in which it compiles its step.

The first epoch that reaches a goal is a lucky one for whoever moves up and down from epoch to epoch, so these are times
to a glimpse of an accuracy; what a whole training is worth on the test images is another measurement.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fittingroom.spec.run import presets
from fittingroom.workspace import Workspace
from side_by_side import (
    HERE,
    Spread,
    end_on_signals,
    keras_environment,
    keras_python,
    machine,
    options,
    positive,
    publish,
    say,
    versions,
)
from watching import watch
from workload import SAME_IMAGES, few_images, with_settings, write_images

GOALS, QUICK_GOALS = (0.90, 0.925, 0.94), (0.4, 0.6, 0.99)
KERAS = "source A's CNN in Keras"
SECONDS_ALLOWED = 3600


@dataclass
class Training:
    """What one training said, and when, in seconds after it began."""

    start_up: float = 0.0
    """Seconds from the start of the process to that beginning."""
    epochs: list[tuple[float, float]] = field(default_factory=list)
    """Seconds and validation accuracy of each."""

    def hear(self, seconds: float, said: dict[str, Any], enough: float) -> bool:
        """Take in a line; True when the accuracy is enough."""
        match said.get("event"):
            case "started":
                self.start_up = seconds
            case "epochended":
                accuracy = said.get("metrics", said)["validation_accuracy"]
                self.epochs.append((seconds - self.start_up, accuracy))
                return bool(accuracy >= enough)
        return False

    def reached(self, goal: float) -> float | None:
        """Seconds until the accuracy was first that high; None if it never was."""
        return next((seconds for seconds, accuracy in self.epochs if accuracy >= goal), None)

    @property
    def best(self) -> float:
        return max(accuracy for _, accuracy in self.epochs)


@dataclass(frozen=True)
class Side:
    """One who trains, and is stopped when its accuracy is ``enough``."""

    name: str
    command: tuple[str | Path, ...]
    seed_words: tuple[str, ...] = ()
    """What comes before the seed."""
    environment: Mapping[str, str] = field(default_factory=dict)
    enough: float = 2.0

    def train(self, seed: int) -> Training:
        training = Training()
        words = [*self.command, *self.seed_words, str(seed)]
        watch(words, SECONDS_ALLOWED, lambda *heard: training.hear(*heard, self.enough), self.environment)
        say(
            f"{self.name}, seed {seed}: {len(training.epochs)} epochs in {training.epochs[-1][0]:.1f} s, "
            f"best {training.best:.2%}"
        )
        return training


def our_side(preset: str, workspace: Workspace, settings: Sequence[str]) -> Side:
    """A preset as it is, to its end."""
    program = (sys.executable, "-m", "fittingroom", "train", preset, "--json", "--workspace", str(workspace.root))
    return Side(preset, (*program, *with_settings(settings)), ("--seed",))


def keras_side(python: Path, images: Path, epochs: int, enough: float) -> Side:
    """Until its accuracy is as high as anybody is asked for."""
    command = (python, HERE / "keras_cnn.py", images, str(epochs))
    return Side(KERAS, command, (), keras_environment(images.parent / "keras"), enough)


def table(found: Mapping[str, Sequence[Training]], goals: Sequence[float]) -> list[str]:
    """A line for each side; where all its seeds and Keras' reached a goal, how many times as fast it was."""
    n = len(next(iter(found.values())))
    columns = " | ".join(f"{goal:.1%}" for goal in goals)
    lines = [
        f"| seconds of training to a validation accuracy, n = {n}, median (range) | {columns} | best accuracy "
        "| whole training, seconds | start-up, seconds |",
        "|---|" + "---|" * len(goals) + "---:|---:|---:|",
    ]
    for side, own in found.items():
        cells = [cell(own, found.get(KERAS, ()) if side != KERAS else (), goal) for goal in goals]
        best = Spread(tuple(each.best for each in own)).show(".2%")
        whole = statistics.median(each.epochs[-1][0] for each in own)
        start_up = statistics.median(each.start_up for each in own)
        lines.append(f"| {side} | {' | '.join(cells)} | {best} | {whole:.1f} | {start_up:.1f} |")
    return lines


def cell(own: Sequence[Training], theirs: Sequence[Training], goal: float) -> str:
    """When a goal was reached, or by how many seeds."""
    times = [each.reached(goal) for each in own]
    reached = [seconds for seconds in times if seconds is not None]
    if not reached:
        return "not reached"
    told = Spread(tuple(reached)).show(".1f") + " s"
    if len(reached) < len(own):
        return f"{told}, by {len(reached)} of {len(own)}"
    ratios = [(theirs[seed].reached(goal) or 0.0) / seconds for seed, seconds in enumerate(reached) if theirs]
    return f"{told}; **{Spread(tuple(ratios)).show('.1f')}×**" if ratios and min(ratios) > 0 else told


def sprints() -> list[str]:
    """The shipped presets for time to accuracy, and the CNN that Keras trains here."""
    return [*(name for name in presets() if name.startswith("sprint")), "cnn"]


def main() -> None:
    parser = options(__doc__, repeats=3)
    parser.add_argument("--presets", nargs="*", default=sprints(), help="(default: all sprints, and cnn)")
    parser.add_argument("--keras-epochs", type=positive, default=40, help="at most (default 40)")
    parser.add_argument("--no-keras", action="store_true", help="presets only")
    chosen = parser.parse_args()
    end_on_signals()
    repeats, goals = (1, QUICK_GOALS) if chosen.quick else (chosen.repeats, GOALS)
    with tempfile.TemporaryDirectory(prefix="time-to-accuracy-") as name:
        folder = Path(name)
        os.environ["FITTINGROOM_CACHE"] = str(folder / "cache")
        workspace, images, settings = Workspace(folder / "workspace"), folder / "images.npz", SAME_IMAGES
        if chosen.quick:
            settings = (*SAME_IMAGES, *few_images())
        write_images(images, workspace, settings)
        short = ("train.budget=3s",) if chosen.quick else ()
        sides = [our_side(preset, workspace, (*settings, "train.device=cpu", *short)) for preset in chosen.presets]
        if not chosen.no_keras:
            epochs = 2 if chosen.quick else chosen.keras_epochs
            sides.append(keras_side(keras_python(chosen.keras_python), images, epochs, goals[-1]))
        here, found = machine(), {side.name: list[Training]() for side in sides}
        for seed in range(repeats):
            for side in sides if seed % 2 == 0 else sides[::-1]:
                found[side.name].append(side.train(seed))
    asked = f"{versions('fittingroom', 'torch', 'numpy')}; seconds with × say how many times as fast as Keras, by seed."
    publish([here, "", *table(found, goals), "", asked], chosen.out)


if __name__ == "__main__":
    main()
