"""Batches of one part of a data set, as tensors: gathered from the memory map, moved, normalized."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fittingroom.data.dataset import Dataset
from fittingroom.spec.data import DataSpec

EVALUATION_BATCH = 1000


def as_floats(images_NHWC: Tensor) -> Tensor:
    """images_NCHW, float32 on the 0..1 scale, channels last in memory, from uint8 images as they are stored."""
    return images_NHWC.permute(0, 3, 1, 2).float().div_(255)


@dataclass(frozen=True)
class Normalization:
    """``(image - mean) / spread`` for each channel, on the 0..1 scale; from training images only."""

    mean: tuple[float, ...]
    spread: tuple[float, ...]

    @classmethod
    def of(cls, data: Dataset, training: NDArray[np.int64], spec: DataSpec) -> Normalization:
        """The normalization that ``spec`` asks for, measured on the training images."""
        if spec.normalize == "unit":
            return cls((0.0,) * data.channels, (1.0,) * data.channels)
        statistics = data.statistics(training)
        return cls(statistics.mean, tuple(spread if spread > 0 else 1.0 for spread in statistics.spread))

    def __call__(self, images_NCHW: Tensor) -> Tensor:
        """Normalized images, in the same memory format."""
        mean_C, spread_C = (
            torch.tensor(values, dtype=torch.float32, device=images_NCHW.device) for values in (self.mean, self.spread)
        )
        n, channels, height, width = images_NCHW.shape
        if channels == 1 or not images_NCHW.is_contiguous(memory_format=torch.channels_last):
            return (images_NCHW - mean_C.view(-1, 1, 1)) / spread_C.view(-1, 1, 1)
        # whole rows at once: along an axis of three channels torch takes six times as long
        rows = images_NCHW.permute(0, 2, 3, 1).reshape(n * height, width * channels)
        rows = (rows - mean_C.repeat(width)) / spread_C.repeat(width)
        return rows.view(n, height, width, channels).permute(0, 3, 1, 2)


def room_on(device: str) -> int:
    """Bytes that images may take up on a device; 0 where they are better read as they are needed."""
    return torch.cuda.mem_get_info()[0] // 4 if device.startswith("cuda") else 0


@dataclass(frozen=True, eq=False)
class Part:
    """Some images of a data set, by index: the training part, or the one that is validated or tested on."""

    data: Dataset
    indices: NDArray[np.int64]
    device: str = "cpu"

    def __len__(self) -> int:
        return len(self.indices)

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """images_NCHW (float32, 0..1, channels last in memory) and labels_N for rows of this part."""
        chosen = self.indices[rows]
        if self._resident:
            images_NHWC, labels_N = self._resident
            there_N = torch.from_numpy(chosen).to(self.device)
            return as_floats(images_NHWC[there_N]), labels_N[there_N]
        images_NHWC = torch.from_numpy(self.data.images[chosen]).to(self.device)
        labels_N = torch.from_numpy(self.data.labels[chosen]).to(self.device)
        return as_floats(images_NHWC), labels_N

    @cached_property
    def _resident(self) -> tuple[Tensor, Tensor] | None:
        """All images and labels on the GPU, where they fit easily: then no batch crosses the bus."""
        if self.data.images.nbytes > room_on(self.device):
            return None
        images_NHWC, labels_N = (torch.from_numpy(values[:]) for values in (self.data.images, self.data.labels))
        return images_NHWC.to(self.device), labels_N.to(self.device)

    def in_order(self) -> Iterator[tuple[Tensor, Tensor]]:
        """All images in batches for evaluation."""
        rows = np.arange(len(self))
        for start in range(0, len(self), EVALUATION_BATCH):
            yield self.batch(rows[start : start + EVALUATION_BATCH])
