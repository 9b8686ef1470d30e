"""A cache folder of the tests' own, and Fashion-MNIST decoded once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import load
from fittingroom.workspace import Workspace


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared-cache")


@pytest.fixture(scope="session")
def fashion(shared_cache: Path) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FITTINGROOM_CACHE", str(shared_cache))
        return load("fashion-mnist")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, as on the first day."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("FITTINGROOM_CACHE", str(folder))
    return folder


@pytest.fixture
def workspace(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("FITTINGROOM_WORKSPACE", str(tmp_path / "workspace"))
    return Workspace.find()


@pytest.fixture
def picture() -> Callable[..., NDArray[np.uint8]]:
    """``picture(path, shape, seed)`` writes random pixels as an image file, and returns them."""

    def write(path: Path, shape: tuple[int, ...] = (6, 5), seed: int = 0) -> NDArray[np.uint8]:
        pixels = np.random.default_rng((seed, *path.name.encode())).integers(0, 256, shape, dtype=np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return pixels

    return write
