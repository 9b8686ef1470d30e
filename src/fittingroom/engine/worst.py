"""The worst that augmentation does to the images of each class, and whether a trained network is still sure of them.

Every setting (all operations together, then each alone) is tried on the same images, with many variations of each.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fittingroom.data.dataset import Dataset
from fittingroom.engine.augment import augment, movements, partly
from fittingroom.engine.classifier import Classifier, background_of
from fittingroom.engine.desk import Desk
from fittingroom.engine.variations import Pixels, floats, operations, pixels
from fittingroom.measure.variations import Losses, losses
from fittingroom.queue.wire import Message
from fittingroom.spec.augment import AnyAugment, Erasing, Geometric

EPOCH = 1
STEP_VALUES = 1 << 18
"""About as many values are varied between two yields: some 10 to 30 ms."""

LARGEST = 128
"""Pictures are kept as long as the answer; larger ones are thinned out."""


@dataclass
class Tally:
    """What was found for one class in one setting."""

    n: int = 0
    foreground: float = 0.0
    outside: float = 0.0
    """Of the variation with the most foreground lost."""
    contrast: float = 0.0
    over_foreground: int = 0
    over_contrast: int = 0
    """Variations that lose more than is asked for."""
    agreed: int = 0
    others: dict[int, int] = field(default_factory=dict)
    """Classes that the network saw instead, with how often."""
    worst: Pixels | None = None
    worst_of: int = -1
    palest: Pixels | None = None
    palest_of: int = -1

    def take(self, image: int, found: Losses, varied_NHWC: Pixels, most: tuple[float, float]) -> None:
        foreground_N, contrast_N = found.foreground, found.contrast_N
        self.n += len(foreground_N)
        self.over_foreground += int((foreground_N > most[0]).sum())
        self.over_contrast += int((contrast_N > most[1]).sum())
        at, pale = int(foreground_N.argmax()), int(contrast_N.argmax())
        if self.worst is None or foreground_N[at] > self.foreground:
            self.foreground, self.outside = float(foreground_N[at]), float(found.outside_N[at])
            self.worst, self.worst_of = varied_NHWC[at], image
        if self.palest is None or contrast_N[pale] > self.contrast:
            self.contrast, self.palest, self.palest_of = float(contrast_N[pale]), varied_NHWC[pale], image

    def compare(self, before: int, seen_N: NDArray[np.intp]) -> None:
        """``before``: what the network says of the image itself; ``seen_N``: of its variations."""
        self.agreed += int((seen_N == before).sum())
        for other in seen_N[seen_N != before].tolist():
            self.others[other] = self.others.get(other, 0) + 1

    def told(self) -> dict[str, Any]:
        other, count = max(self.others.items(), key=lambda item: (item[1], -item[0]), default=(None, 0))
        figures = (
            "n", "foreground", "outside", "contrast", "over_foreground", "over_contrast", "agreed", "worst_of",
            "palest_of",
        )  # fmt: skip
        return {name: getattr(self, name) for name in figures} | {"other": other, "other_count": count}


def worst(desk: Desk, asked: Message) -> Generator[tuple[int, int], None, Message]:
    """Measure ``settings`` (lists of operations) on ``images`` of a data set, ``variants`` of each.

    Answers ``found[setting][class]``, and pictures of the worst for the first setting, in the order of ``labels``;
    of large images every pixel that is ``apart`` from the next.
    """
    words = asked.words
    data = desk.data(words["source"], words["fingerprint"])
    classifier = desk.classifier(words["run"]) if words.get("run") else None
    images, settings = words["images"], [operations(setting) for setting in words["settings"]]
    labels = sorted({int(data.labels[image]) for image in images})
    found = [{label: Tally() for label in labels} for _ in settings]
    trial = Trial(data, classifier, background_of(data, np.array(images)), int(words["seed"]), int(words["variants"]))
    most = float(words["most_foreground"]), float(words["most_contrast"])
    done, total = 0, len(images) * len(settings) * trial.chunks
    for setting, tallies in zip(settings, found, strict=True):
        for number, image in enumerate(images):
            for chunk in range(trial.chunks):
                trial.measure(setting, image, number * trial.chunks + chunk, tallies[int(data.labels[image])], most)
                done += 1
                yield done, total
    first = [found[0][label] for label in labels]
    apart = max(max(data.height, data.width) // LARGEST, 1)
    return Message(
        {
            "fingerprint": data.fingerprint,
            "labels": labels,
            "background": trial.background,
            "apart": apart,
            "found": [[tallies[label].told() for label in labels] for tallies in found],
        },
        {name: np.array([getattr(tally, name)[::apart, ::apart] for tally in first]) for name in ("worst", "palest")},
    )


@dataclass(frozen=True, eq=False)
class Trial:
    """What stays the same while settings and images change."""

    data: Dataset
    classifier: Classifier | None
    background: float
    seed: int
    variants: int

    @property
    def at_once(self) -> int:
        """Variations in one batch."""
        return min(max(STEP_VALUES // int(np.prod(self.data.shape)), 1), self.variants)

    @property
    def chunks(self) -> int:
        return -(-self.variants // self.at_once)

    def measure(
        self, setting: Sequence[AnyAugment], image: int, step: int, tally: Tally, most: tuple[float, float]
    ) -> None:
        """One batch of variations of one image; each image has steps of its own."""
        n = min(self.at_once, self.variants - step % self.chunks * self.at_once)
        own = self.data.images[image]
        images_NCHW = floats(np.broadcast_to(own, (n, *own.shape)))
        moment: Mapping[str, int] = {"seed": self.seed, "epoch": EPOCH, "step": step + 1}
        varied_NCHW = augment(images_NCHW, setting, **moment)
        only_moves = all(isinstance(operation, Geometric) for operation in setting)
        moved_NCHW = varied_NCHW if only_moves else partly(images_NCHW, setting, (Geometric,), **moment)
        varied_NHWC = pixels(varied_NCHW)
        found = losses(
            images_NCHW[0].permute(1, 2, 0).numpy(),
            moved_NCHW.permute(0, 2, 3, 1).numpy(),
            varied_NCHW.permute(0, 2, 3, 1).numpy(),
            movements(setting, images_NCHW.shape, **moment),
            self.background,
            present(images_NCHW, setting, moment),
        )
        tally.take(image, found, varied_NHWC, most)
        if self.classifier is not None:
            both = self.classifier.probabilities(np.concatenate([own[None], varied_NHWC])).argmax(axis=1)
            tally.compare(int(both[0]), both[1:])


def present(
    images_NCHW: Tensor, setting: Sequence[AnyAugment], moment: Mapping[str, int]
) -> NDArray[np.float32] | None:
    """Where nothing was erased, (N, height, width); None where nothing can have been."""
    if not any(isinstance(operation, Erasing) for operation in setting):
        return None
    white_NCHW = torch.ones_like(images_NCHW[:, :1])
    erased_NCHW = partly(white_NCHW, setting, (Geometric, Erasing), **moment)
    before_NCHW = partly(white_NCHW, setting, (Geometric,), **moment)
    shown_NHW: NDArray[np.float32] = (1 - (before_NCHW - erased_NCHW))[:, 0].numpy()
    return shown_NHW
