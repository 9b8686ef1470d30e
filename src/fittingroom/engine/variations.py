"""Variations as the page shows them: by the function that training calls, and at both ends of each strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fittingroom.engine.augment import augment, vary
from fittingroom.engine.desk import Desk
from fittingroom.engine.images import as_floats
from fittingroom.queue.wire import Message
from fittingroom.spec.augment import AnyAugment, Augmentation
from fittingroom.spec.record import validated

Pixels = NDArray[np.uint8]


def variations(desk: Desk, asked: Message) -> Message:
    """``variants_NHWC`` of ``images_NHWC`` by ``operations`` at ``seed``, ``epoch`` and ``step``: one batch."""
    words = asked.words
    moment = {name: int(words[name]) for name in ("seed", "epoch", "step")}
    images_NCHW = floats(asked.arrays["images_NHWC"])
    return Message({}, {"variants_NHWC": pixels(augment(images_NCHW, operations(words["operations"]), **moment))})


def extremes(desk: Desk, asked: Message) -> Message:
    """``extremes_K2HWC``: ``image_HWC`` by each of K ``operations`` alone, drawn as low and as high as can be."""
    image_NCHW = floats(asked.arrays["image_HWC"][None])
    shown = [
        [pixels(vary(image_NCHW, [(operation, Ends(high=high))]))[0] for high in (False, True)]
        for operation in operations(asked.words["operations"])
    ]
    return Message({}, {"extremes_K2HWC": np.array(shown)})


class Ends(np.random.Generator):
    """Random numbers that are not: the lowest or the highest that could be drawn.

    High means that images are flipped, and that the largest rectangle is erased, in the middle. Noise is random still.
    """

    def __init__(self, *, high: bool) -> None:
        super().__init__(np.random.SFC64(0))
        self.high = high

    def uniform(self, low: float, high: float, size: Any) -> Any:  # type: ignore[override]
        return np.full(size, high if self.high else low)

    def random(self, size: Any) -> Any:  # type: ignore[override]
        chances = np.full(size, 0.0 if self.high else 1.0)
        if chances.ndim == 2:  # of a rectangle: hit, area, proportions, top, left
            chances[:, 1:] = 1, 0.5, 0.5, 0.5
        return chances

    def standard_normal(self, size: Any, dtype: Any) -> Any:  # type: ignore[override]
        return super().standard_normal(size, dtype) if self.high else np.zeros(size, dtype)


def operations(plain: Sequence[Mapping[str, Any]]) -> tuple[AnyAugment, ...]:
    """Plain data as operations; raises InvalidSpec."""
    return validated(Augmentation, {"operations": list(plain)}, "These operations are not possible").operations


def floats(images_NHWC: Pixels) -> Tensor:
    """Images as training sees them."""
    return as_floats(torch.from_numpy(images_NHWC.copy()))


def pixels(images_NCHW: Tensor) -> Pixels:
    """Images as they are stored: rounded to 0..255, height × width × channels."""
    return (images_NCHW * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
