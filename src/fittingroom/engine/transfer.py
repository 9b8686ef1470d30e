"""Weights that were trained before, layer by layer into a network: what is kept, what begins anew, what is frozen.

The rule: a layer takes the weights of the layer of the same name, if there is one and ``train.reset`` does not name
it. The classifier begins anew where the classes are others. Weights of another shape are a fault, with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from fittingroom.engine import checkpoint, classifier, tensorfile
from fittingroom.engine.lineage import TrainedOn
from fittingroom.engine.network import StackedNetwork
from fittingroom.errors import Fault, InvalidInput
from fittingroom.spec.layers import AnyLayer, Classify, Flatten
from fittingroom.spec.mistakes import IDENTIFIER
from fittingroom.spec.network import has_weights

Fate = Literal["kept", "fresh", "none"]


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
        try:
            if (position := metadata.get(checkpoint.FORMAT)) is not None:
                weights = checkpoint.under("network/", tensors)
                return cls(origin, weights, *_about(position), epoch=int(position["epoch"]))
            if (described := metadata.get(classifier.FORMAT)) is not None:
                names = described["preprocessing"]["class_names"]
                return cls(origin, tensors, *_about({**described, "class_names": names}), epoch=int(described["epoch"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"{path} describes its weights in a way that cannot be read ({error!r})") from None
        return cls(origin, tensors, trained_on=(TrainedOn.unknown(origin),))

    @property
    def layers(self) -> set[str]:
        """The names of the layers; tensors with other names belong to none."""
        names = {name.partition(".")[0] for name in self.tensors}
        return {name for name in names if re.fullmatch(IDENTIFIER, name)}


def _about(described: Mapping[str, object]) -> tuple[tuple[str, ...] | None, tuple[TrainedOn, ...] | None]:
    names, trained_on = described.get("class_names"), described.get("trained_on")
    return (
        tuple(names) if isinstance(names, list) else None,
        tuple(TrainedOn(**each) for each in trained_on) if isinstance(trained_on, list) else None,
    )


@dataclass(frozen=True)
class LayerStart:
    """What a layer begins with."""

    layer: str
    weights: Fate
    """``none``: it has no weights."""
    why: str
    frozen: bool
    parameters: int


@dataclass(frozen=True)
class Transfer:
    """What becomes of every layer, which layers of the source are dropped, and what does not fit."""

    origin: str | None
    layers: tuple[LayerStart, ...]
    dropped: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


def fresh(network: StackedNetwork) -> Transfer:
    """Nothing is taken over: every layer begins with initial weights drawn from the seed."""
    own = network.weights()
    starts = []
    for name in network.names:
        parts = _parts(name, own)
        fate: Fate = "fresh" if parts else "none"
        size = sum(tensor.numel() for tensor in parts.values())
        starts.append(LayerStart(name, fate, "", name in network.frozen, size))
    return Transfer(None, tuple(starts))


def plan_transfer(
    network: StackedNetwork, class_names: Sequence[str], source: Weights, reset: Sequence[str]
) -> Transfer:
    """What ``load`` would do, and every reason why it cannot; changes nothing.

    ``class_names`` are those of the data that the network is about to be trained on.
    """
    own, starts, faults = network.weights(), [], []
    for index, (spec, name) in enumerate(zip(network.specs, network.names, strict=True)):
        parts, theirs = _parts(name, own), _parts(name, source.tensors)
        fate, why = _fate(spec, name, source, class_names, reset) if parts else ("none", "")
        if fate == "kept" and (misfit := _misfit(name, parts, theirs)):
            faults.append(Fault(f"network[{index}]", f"{misfit} in {source.origin}", _fix(network.specs, index)))
        size = sum(tensor.numel() for tensor in parts.values())
        starts.append(LayerStart(name, fate, why, name in network.frozen, size))
    if not any(start.weights == "kept" for start in starts):
        some = sorted(source.layers)[:10]
        wanted = f"has {', '.join(some)}" if some else "has no weights named LAYER.PART"
        fix = "give layers the names that they have there, or leave the start out"
        faults.append(Fault("start", f"no layer takes its weights from {source.origin}, which {wanted}", fix))
    dropped = tuple(sorted(source.layers - set(network.names)))
    return Transfer(source.origin, tuple(starts), dropped, tuple(faults))


def load(network: StackedNetwork, transfer: Transfer, source: Weights) -> None:
    """Copy the weights that are kept into the network."""
    kept = {start.layer for start in transfer.layers if start.weights == "kept"}
    with torch.no_grad():
        for name, tensor in network.weights().items():
            if name.partition(".")[0] in kept:
                tensor.copy_(source.tensors[name])


def _parts(layer: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if name.startswith(f"{layer}.")}


def _fate(
    spec: AnyLayer, name: str, source: Weights, class_names: Sequence[str], reset: Sequence[str]
) -> tuple[Fate, str]:
    if name in reset:
        return "fresh", "as train.reset says"
    if name not in source.layers:
        return "fresh", "not in the source"
    if isinstance(spec, Classify) and source.class_names is not None and source.class_names != tuple(class_names):
        return "fresh", "other classes"
    return "kept", ""


def _misfit(layer: str, own: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> str:
    """Why a layer cannot take weights over, in words; empty when it can."""
    for part in sorted(own.keys() | theirs.keys()):
        if part not in theirs or part not in own:
            return f"{layer} is another kind of layer ({part} is only {'here' if part in own else 'there'}) than"
        if own[part].shape != theirs[part].shape:
            here, there = ("×".join(map(str, tensors[part].shape)) for tensors in (own, theirs))
            return f"{part} is {here} here, but {there}"
    return ""


def _fix(layers: Sequence[AnyLayer], index: int) -> str:
    """What to do about a layer whose weights do not fit."""
    before = list(takewhile(lambda layer: not has_weights(layer), reversed(layers[:index])))
    way = "give the layer the settings that it has there"
    if len(before) == index:
        way += ", and the data as many channels"
    elif any(isinstance(layer, Flatten) for layer in before):
        way += " (if images have another size: put global_pool in place of flatten, here and there)"
    return f'{way}, or let it begin anew: train.reset = ["{layers[index].name}"]'
