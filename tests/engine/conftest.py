"""Trainings small enough to run by the dozen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.engine.prepare import PreparedRun, prepare_run
from fittingroom.spec.data import DataSpec
from fittingroom.spec.run import RunSpec
from fittingroom.spec.train import TrainSpec
from fittingroom.workspace import Workspace

SMALL = (
    fr.Conv(6, 3, padding="same", activation="relu"),
    fr.MaxPool(2),
    fr.BatchNorm(),
    fr.Dropout(0.2),
    fr.Flatten(),
    fr.Dense(10, activation="relu"),
    fr.Classify(),
)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small networks are quicker so, and workers do not wait for each other's threads."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Core slots that no other test holds: waiting for them would ask ``stop`` more often than there are steps."""
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))


Prepare = Callable[..., PreparedRun]


@pytest.fixture
def prepare(stripes: Callable[..., Dataset], own_workspace: Workspace) -> Prepare:
    """``prepare(network=..., augment=..., seed=..., epochs=...)``: a small run that could start."""

    def make(
        network: tuple[Any, ...] = SMALL, augment: tuple[Any, ...] = (), seed: int = 0, name: str = "small",
        data: Dataset | None = None, validation: int = 90, normalize: Any = "standard", **train: Any,
    ) -> PreparedRun:  # fmt: skip
        source = (data or stripes()).source
        settings = {"epochs": 3, "batch_size": 32, **train}
        spec = RunSpec(
            data=DataSpec(source=source, validation=validation, normalize=normalize),
            network=network,
            augment=augment,
            train=TrainSpec(**settings),
            name=name,
            seed=seed,
        )
        return prepare_run(spec, own_workspace)

    return make
