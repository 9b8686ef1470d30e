"""Source A's CNN in plain torch, as ``torch_cnn.py`` and ``skorch_cnn.py`` train it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

BATCH_SIZE = 256
LEARNING_RATE = 0.001


def network(classes: int) -> nn.Sequential:
    """Three × [convolution, relu, pooling, dropout], then a layer of 30; initial weights as in Keras."""
    layers: list[nn.Module] = []
    for channels in (1, 32, 32):
        layers += [nn.Conv2d(channels, 32, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.1)]
    layers += [nn.Flatten(), nn.Linear(32 * 3 * 3, 30), nn.ReLU(), nn.Linear(30, classes)]
    made = nn.Sequential(*layers)
    for layer in made:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return made


def parts(path: str) -> tuple[TensorDataset, TensorDataset]:
    """Training and validation images, float32 on the scale 0..1, each with its label."""
    with np.load(path) as arrays:
        found = [
            TensorDataset(_floats(arrays[f"{part}_images"]), torch.from_numpy(arrays[f"{part}_labels"]))
            for part in ("train", "validation")
        ]
    return found[0], found[1]


def _floats(images_NHWC: np.ndarray) -> Tensor:
    """images_NCHW"""
    return torch.from_numpy(images_NHWC.transpose(0, 3, 1, 2).astype(np.float32) / 255)


def outcome(
    train: TensorDataset, validation: TensorDataset, model: nn.Module, losses: list[float], accuracies: list[float]
) -> dict[str, object]:
    """What is told at the end: the accuracy is that of the epoch with the lowest validation loss."""
    return {
        "epochs": len(losses),
        "training_images": len(train),
        "validation_images": len(validation),
        "validation_accuracy": accuracies[int(np.argmin(losses))],
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "precision": "float32",
    }
