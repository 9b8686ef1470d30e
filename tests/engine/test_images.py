"""Batches on their way to the network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from fittingroom.data.dataset import Dataset
from fittingroom.engine.images import Normalization, Part


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_normalization_is_of_each_channel_and_keeps_the_memory_format(
    channels: int, order: torch.memory_format
) -> None:
    images = torch.rand(5, channels, 7, 4, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=order)
    mean, spread = (0.5, 0.25, 0.1)[:channels], (0.5, 0.125, 0.3)[:channels]
    result = Normalization(mean, spread)(images)
    for channel in range(channels):
        pixels = images[:, channel].numpy()
        expected = (pixels - np.float32(mean[channel])) / np.float32(spread[channel])
        np.testing.assert_array_equal(result[:, channel], expected)
    assert result.is_contiguous(memory_format=order)
    assert Normalization(mean, spread)(images[:0]).shape == (0, channels, 7, 4)


def test_images_that_stay_on_the_device_are_the_same(
    stripes: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown on the CPU, where there is otherwise nothing to gain from it."""
    data, indices, rows = stripes(), np.arange(3, 40, dtype=np.int64), np.array([5, 0, 36, 5])
    read = Part(data, indices).batch(rows)
    monkeypatch.setattr("fittingroom.engine.images.room_on", lambda device: data.images.nbytes)
    staying = Part(data, indices)
    kept = staying.batch(rows)
    assert staying._resident is not None
    for one, other in zip(read, kept, strict=True):
        assert torch.equal(one, other)
        assert one.stride() == other.stride()
    monkeypatch.setattr("fittingroom.engine.images.room_on", lambda device: data.images.nbytes - 1)
    assert Part(data, indices)._resident is None
