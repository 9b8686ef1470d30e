"""A network spec as a torch module with named layers.

Weights are named ``LAYER.PART`` (``conv_1.weight``), in memory, in checkpoints and in safetensors files alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn

from fittingroom.engine.initial import draw_initial_weights
from fittingroom.engine.layers import Dropout, build_layer
from fittingroom.errors import InvalidInput, InvalidSpec
from fittingroom.spec.layers import AnyLayer, Shape
from fittingroom.spec.network import frozen_layers, summarize

Step = Callable[[Tensor], Tensor]


class StackedNetwork(nn.Module):
    """Layers applied one after another; gives logits_NK for images_NCHW (normalized)."""

    def __init__(self, layers: Sequence[AnyLayer], shape: Shape, classes: int) -> None:
        super().__init__()
        summary = summarize(layers, shape, classes)
        if summary.faults:
            raise InvalidSpec(summary.faults, title="the network cannot be built")
        self.specs = tuple(row.layer for row in summary.layers)
        self.names = tuple(row.name for row in summary.layers)
        self.shape, self.classes = shape, classes
        self.output_shapes = tuple(row.output_shape for row in summary.layers)
        self.layers = nn.ModuleList(build_layer(row.layer, row.input_shape) for row in summary.layers)
        self._dropouts = [
            (name, layer) for name, layer in zip(self.names, self.layers, strict=True) if isinstance(layer, Dropout)
        ]
        self.frozen: set[str] = set()
        self.steps: Sequence[Step] = tuple(self.layers)
        """What is computed one after another: the layers, or what ``rewrites`` has put in their place."""

    def forward(self, values: Tensor) -> Tensor:
        for step in self.steps:
            values = step(values)
        return values

    def freeze_up_to(self, name: str) -> None:
        """From now on a layer and all before it keep their weights, and batch normalization its statistics.

        Dropout in them goes on, as in Keras.
        """
        self.frozen = frozen_layers(self.specs, name)
        for layer in self._frozen():
            layer.requires_grad_(False)

    def _frozen(self) -> list[nn.Module]:
        return [layer for name, layer in zip(self.names, self.layers, strict=True) if name in self.frozen]

    def train(self, mode: bool = True) -> Self:
        """As torch's, but batch normalization in frozen layers stays at rest."""
        super().train(mode)
        for layer in self._frozen():
            for part in layer.modules():
                if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                    part.eval()
        return self

    def trainable(self) -> list[nn.Parameter]:
        """The weights that training changes."""
        return [weight for weight in self.parameters() if weight.requires_grad]

    def at(self, seed: int, epoch: int, step: int) -> None:
        """Say which step of which run comes next; what is random in training depends on nothing else."""
        for name, dropout in self._dropouts:
            dropout.at(seed, name, epoch, step)

    def draw_initial_weights(self, seed: int) -> None:
        """Start from the weights that belong to ``seed``."""
        for spec, layer in zip(self.specs, self.layers, strict=True):
            draw_initial_weights(spec, layer, seed)

    def weights(self) -> dict[str, Tensor]:
        """Every weight and running statistic by name: the live tensors, not copies."""
        return {
            f"{name}.{part}": tensor
            for name, layer in zip(self.names, self.layers, strict=True)
            for part, tensor in layer.state_dict().items()
        }

    @property
    def parameters_in_all(self) -> int:
        """All weights, running statistics included, as Keras counts them."""
        return sum(weight.numel() for weight in self.weights().values())

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Copy weights in by name; raises InvalidInput naming those that are missing, unknown or of another shape."""
        own = self.weights()
        wrong = [f"{name} is missing" for name in own.keys() - weights.keys()]
        wrong += [f"{name} is unknown" for name in weights.keys() - own.keys()]
        wrong += [
            f"{name} has shape {tuple(weights[name].shape)}, not {tuple(own[name].shape)}"
            for name in own.keys() & weights.keys()
            if weights[name].shape != own[name].shape
        ]
        if wrong:
            raise InvalidInput(f"these weights do not fit the network: {'; '.join(sorted(wrong))}; use its own spec")
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(weights[name])
