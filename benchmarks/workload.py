"""Workload S, and the images that all sides of a benchmark train and validate on.

Three × [convolution of 32 filters 3×3, relu, max pool 2, dropout 0.1], dense 30, classifier; batches of 256, Adam at
0.001, pixels 0 to 1; Fashion-MNIST's 60,000 training images, of which 55,000 are trained on and 5,000 validated on
after every epoch. It is the preset ``cnn`` without early stopping, and source A's convolutional network.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

import fittingroom as fr
from fittingroom.data.sources import load
from fittingroom.spec.run import load_run_spec
from fittingroom.workspace import Workspace

PRESET = "cnn"
SAME_IMAGES = ("data.source=fashion-mnist", "data.validation=5000", "data.split_seed=0")
"""Settings that give every preset the same training and validation images."""
SETTINGS = (
    *SAME_IMAGES,
    "train.batch_size=256",
    'train.optimizer={ name = "adam", learning_rate = 0.001 }',
    'train.schedule={ name = "constant" }',
    "train.early_stop.patience=1000",  # more than there are epochs: off
    "train.device=cpu",
)
FEW = 5000


def few_images() -> tuple[str, ...]:
    """Settings for a small part of the images, to see that a benchmark works; kept in the cache."""
    data = fr.load("fashion-mnist")
    part = fr.load(data.images[:FEW], data.labels[:FEW], class_names=data.class_names, name="few")
    return (f"data.source={part.source}", f"data.validation={FEW // 10}")


def write_images(path: Path, workspace: Workspace, settings: Iterable[str] = SETTINGS) -> None:
    """Write the images that workload S trains and validates on, as uint8 (N, height, width, 1), with their labels."""
    spec = load_run_spec(PRESET, overrides=tuple(settings)).data
    data = load(spec.source, workspace)
    splits = data.split(spec.validation, spec.split_seed)
    np.savez(
        path,
        train_images=data.images[splits.train],
        train_labels=data.labels[splits.train],
        validation_images=data.images[splits.validation],
        validation_labels=data.labels[splits.validation],
    )


def with_settings(settings: Iterable[str]) -> list[str]:
    """The words of a command line that change these settings."""
    return [word for setting in settings for word in ("--set", setting)]
