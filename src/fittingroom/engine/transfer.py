"""Trained weights, read from a file and copied into a network, layer by layer as ``spec.transfer`` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from fittingroom.data.lineage import TrainedOn
from fittingroom.engine import checkpoint, tensorfile
from fittingroom.engine.network import StackedNetwork
from fittingroom.errors import InvalidInput
from fittingroom.queue.weights import CHECKPOINT, NETWORK, Known, known
from fittingroom.spec.transfer import Outline, Transfer


@dataclass(frozen=True, eq=False)
class Weights:
    """Trained weights by name (``LAYER.PART``), and what is known of how they came about."""

    origin: str
    """For people: ``mnist-1, epoch 4``."""
    tensors: Mapping[str, Tensor]
    class_names: tuple[str, ...] | None = None
    """What the classifier's outputs mean; None where the file does not say."""
    trained_on: tuple[TrainedOn, ...] | None = None
    """Every data set that has had a part in them; None where the file does not say."""
    epoch: int | None = None

    @classmethod
    def read(cls, path: Path, origin: str) -> Weights:
        """From a classifier, a checkpoint, or any safetensors file; raises InvalidInput."""
        try:
            tensors, metadata = tensorfile.read_any(path)
        except tensorfile.Unreadable as error:
            raise InvalidInput(f"{path} is not a safetensors file that can be read ({error}); give another") from None
        for name, tensor in tensors.items():
            if not tensor.is_floating_point() or not bool(torch.isfinite(tensor).all()):
                what = "values that are no finite numbers" if tensor.is_floating_point() else "whole numbers"
                raise InvalidInput(f'the weights "{name[:80]}" in {path} are {what}; give other weights')
        found = known(path, origin, {name: tuple(tensor.shape) for name, tensor in tensors.items()}, metadata)
        own = checkpoint.under(NETWORK, tensors) if CHECKPOINT in metadata else tensors
        return cls(origin, own, found.outline.class_names, found.trained_on, found.epoch)

    @property
    def known(self) -> Known:
        """All but the values."""
        shapes = {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}
        return Known(Outline(self.origin, shapes, self.class_names), self.trained_on, self.epoch)


def load(network: StackedNetwork, transfer: Transfer, source: Weights) -> None:
    """Copy the weights that are kept into the network."""
    kept = {start.layer for start in transfer.layers if start.weights == "kept"}
    with torch.no_grad():
        for name, tensor in network.weights().items():
            if name.partition(".")[0] in kept:
                tensor.copy_(source.tensors[name])
