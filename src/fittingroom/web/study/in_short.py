"""A run in a few lines, for those who vary it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fittingroom.spec.run import RunSpec


def in_short(spec: RunSpec) -> Iterator[tuple[str, str]]:
    """A run in a few lines: what, and how."""
    layers = [" ".join(map(str, _chief(layer))) for layer in spec.network]
    yield "Data", spec.data.source
    yield "Augmented", ", ".join(operation.kind.replace("_", " ") for operation in spec.augment) or "not"
    yield "Network", ", ".join(layers)
    train = spec.train
    length = train.budget or f"{train.epochs} epoch{'s' * (train.epochs != 1)}{' at most' if train.early_stop else ''}"
    rate = f"{train.optimizer.name} {train.optimizer.learning_rate:g}"
    yield "Training", f"{length}, batches of {train.batch_size}, {rate}, {train.schedule.name.replace('_', ' ')}"
    if spec.start:
        yield "Begins with", f"the weights of {spec.start.source}"


def _chief(layer: Any) -> Iterator[Any]:
    """``conv 32 relu``."""
    yield layer.layer.replace("_", " ")
    for name in ("filters", "units", "rate", "function", "activation"):
        value = getattr(layer, name, None)
        if value is not None:
            yield f"{value:g}" if isinstance(value, float) else value
