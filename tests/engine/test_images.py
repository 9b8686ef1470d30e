"""Batches on their way to the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fittingroom.engine.images import Normalization


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
