"""A trained network with all that prediction needs: class names, image size, normalization. One safetensors file.

The file's metadata holds the layers and the preprocessing as JSON, so it can be used without the workspace that it
comes from. Nothing in it is ever executed: no pickle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fittingroom.data.dataset import Dataset
from fittingroom.data.fitting import border_median
from fittingroom.data.lineage import TrainedOn
from fittingroom.engine import tensorfile
from fittingroom.engine.images import EVALUATION_BATCH, Normalization, as_floats
from fittingroom.engine.network import StackedNetwork
from fittingroom.errors import InvalidData, WorkspaceError
from fittingroom.queue.weights import CLASSIFIER
from fittingroom.spec.layers import Shape
from fittingroom.spec.network import Network
from fittingroom.spec.record import param, record, validated
from fittingroom.spec.run import to_plain

FORMAT = CLASSIFIER
BORDER_SAMPLE = 2000


@record
class Preprocessing:
    """How images reach the network, and what its outputs mean."""

    shape: Shape = param(help="Channels, height, width.")
    class_names: tuple[str, ...] = param(help="In the order of the outputs.")
    mean: tuple[float, ...] = param(help="Subtracted from each channel, on the scale 0 to 1.")
    spread: tuple[float, ...] = param(help="What each channel is divided by.")
    background: float = param(help="Median value along the border of the training images: dark or bright.")

    @property
    def normalize(self) -> Normalization:
        return Normalization(self.mean, self.spread)


def background_of(data: Dataset, training: NDArray[np.int64]) -> float:
    """Median value along the border of up to 2,000 training images, evenly chosen."""
    chosen = data.images[training[:: max(1, len(training) // BORDER_SAMPLE)]]
    return border_median(chosen)


@dataclass(frozen=True)
class Classifier:
    """A network at rest that takes images as they are stored and gives the probability of every class."""

    network: StackedNetwork
    preprocessing: Preprocessing
    epoch: int
    """After which epoch these weights were kept."""
    trained_on: tuple[TrainedOn, ...] = ()
    """Every data set that has had a part in them, the newest last."""

    @torch.inference_mode()
    def probabilities(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """probabilities_NK for uint8 images of the network's size; InvalidData when they have another."""
        channels, height, width = self.preprocessing.shape
        if images_NHWC.ndim != 4 or images_NHWC.shape[1:] != (height, width, channels):
            raise InvalidData(
                f"the network takes images of {height}×{width}×{channels} (height×width×channels), not an array "
                f"of shape {images_NHWC.shape}; fit them first"
            )
        self.network.eval()
        device = next(self.network.parameters()).device
        parts = []
        for start in range(0, len(images_NHWC), EVALUATION_BATCH):
            batch = torch.from_numpy(images_NHWC[start : start + EVALUATION_BATCH]).to(device)
            logits_NK = self.network(self.preprocessing.normalize(as_floats(batch)))
            parts.append(logits_NK.double().softmax(1).float().cpu().numpy())
        return np.concatenate(parts)

    def to_bytes(self) -> bytes:
        """The classifier as a safetensors file."""
        described = {
            "network": to_plain(self.network.specs),
            "preprocessing": asdict(self.preprocessing),
            "epoch": self.epoch,
            "trained_on": [each.to_json() for each in self.trained_on],
        }
        return tensorfile.to_bytes(self.network.weights(), FORMAT, described)

    @classmethod
    def load(cls, path: Path) -> Classifier:
        """Read a classifier back, for prediction on the CPU."""
        try:
            weights, described = tensorfile.read(path, FORMAT)
        except tensorfile.Unreadable as error:
            raise WorkspaceError(f"cannot read the weights in {path}: {error}; train the run again") from None
        if described is None:
            raise WorkspaceError(f"{path} holds weights, but not a classifier of Fitting Room; train it again")
        preprocessing = validated(Preprocessing, described["preprocessing"], f"the preprocessing in {path}")
        layers = validated(Network, {"layers": described["network"]}, f"the network in {path}").layers
        network = StackedNetwork(layers, preprocessing.shape, len(preprocessing.class_names))
        network.load_weights(weights)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        trained_on = tuple(TrainedOn(**each) for each in described.get("trained_on", []))
        return cls(network.eval(), preprocessing, int(described["epoch"]), trained_on)

    def most_likely(self, probabilities_K: Sequence[float], k: int) -> list[tuple[str, float]]:
        """The ``k`` most likely classes with their probabilities, the likeliest first."""
        order = np.argsort(-np.asarray(probabilities_K), kind="stable")[:k]
        return [(self.preprocessing.class_names[index], float(probabilities_K[index])) for index in order]
