"""Channels that say nothing: measured over many validation images, once for each weights.

A channel is dead where its output is zero, whatever the image; it is still where it is always the same other value.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittingroom.web.inference import Inference, Job
from fittingroom.web.inside.look import Extremes

IMAGES = 1000


@dataclass(frozen=True)
class Silence:
    """The measurement for some weights of a run, on some images."""

    run: str
    sha256: str
    images: tuple[int, ...]
    """Positions in the data set."""

    @classmethod
    def of(cls, run: str, sha256: str, validation: NDArray[np.int64]) -> Silence:
        """On validation images that are evenly chosen, if there are more than ``IMAGES``."""
        count = min(IMAGES, len(validation))
        chosen = np.linspace(0, len(validation) - 1, count).round().astype(int)
        return cls(run, sha256, tuple(validation[chosen].tolist()))

    @property
    def key(self) -> Hashable:
        return "channel_ranges", self.sha256, len(self.images)

    def begin(self, inference: Inference) -> Job:
        """Measure, unless it is known or on its way."""
        asked = {"run": self.run, "sha256": self.sha256}
        return inference.begin("channel_ranges", asked, {"images_N": np.array(self.images)}, key=self.key)


def extremes(job: Job | None) -> Extremes:
    """Least and largest value of each channel by layer; empty while they are not known."""
    return job.result.arrays if job is not None and job.result is not None else {}
