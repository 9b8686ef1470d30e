"""No test touches the workspace or the cache of whoever runs it."""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.workspace import Workspace


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One cache for all workers, so that Fashion-MNIST is decoded once."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FITTINGROOM_CACHE", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def own_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace for each test, also for the processes that it starts."""
    monkeypatch.setenv("FITTINGROOM_WORKSPACE", str(tmp_path / "workspace"))
    return Workspace.find()


@pytest.fixture
def weights_file() -> Callable[..., bytes]:
    """``weights_file({"dense_1.bias": [64]})``: a safetensors file of zeros, written as the format's description has
    it: the length of the head, the head, the values.
    """

    def make(shapes: Mapping[str, Sequence[int]], **described: object) -> bytes:
        head: dict[str, object] = {"__metadata__": {key: json.dumps(value) for key, value in described.items()}}
        at = 0
        for name, shape in shapes.items():
            size = 4 * math.prod(shape)
            head[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + size]}
            at += size
        text = json.dumps(head).encode()
        return struct.pack("<Q", len(text)) + text + bytes(at)

    return make


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder per class: 3 × 30 grey pictures of 8×8 with a stripe."""
    generator = np.random.default_rng(1)
    for label, name in enumerate(["left", "middle", "right"]):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(30):
            pixels = generator.integers(0, 100, (8, 8), dtype=np.uint8)
            pixels[:, 2 * label + 1] += 120
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


@pytest.fixture
def stripes() -> Callable[..., Dataset]:
    """``stripes(n)``: n small images whose class is where a bright stripe stands; easy, but not trivial."""

    def make(n: int = 300, *, size: int = 8, classes: int = 3, test: int = 60, channels: int = 1) -> Dataset:
        generator = np.random.default_rng(5)
        labels = np.arange(n + test) % classes
        images = generator.integers(0, 120, (n + test, size, size, channels), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[:, int(label) * size // classes] += 100
        names = [f"stripe {place}" for place in range(classes)]
        return fr.load(images[:n], labels[:n], class_names=names, test=(images[n:], labels[n:]), name="stripes")

    return make
