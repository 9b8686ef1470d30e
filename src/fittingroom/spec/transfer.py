"""Weights that were trained before, layer by layer into a network: what is kept, what begins anew, what is frozen.

The rule: a layer takes the weights of the layer of the same name, if there is one and ``train.reset`` does not name
it. The classifier begins anew where the classes are others. Weights of another shape are a fault, with its reason.
Names and shapes decide, so nothing here has to read the weights.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Literal

from fittingroom.errors import Fault
from fittingroom.spec.layers import AnyLayer, Classify, Flatten, Shape, show_shape
from fittingroom.spec.mistakes import IDENTIFIER
from fittingroom.spec.network import LayerSummary, has_weights
from fittingroom.spec.weights import weight_shapes

Fate = Literal["kept", "fresh", "none"]


@dataclasses.dataclass(frozen=True)
class Outline:
    """Trained weights as far as they decide what can take them over: names (``LAYER.PART``) and shapes."""

    origin: str
    """For people: ``mnist-1, epoch 4``."""
    shapes: Mapping[str, Shape]
    class_names: tuple[str, ...] | None = None
    """What the classifier's outputs mean; None where nobody says."""

    @property
    def layers(self) -> set[str]:
        """The names of the layers; weights with other names belong to none."""
        names = {name.partition(".")[0] for name in self.shapes}
        return {name for name in names if re.fullmatch(IDENTIFIER, name)}


@dataclasses.dataclass(frozen=True)
class LayerStart:
    """What a layer begins with."""

    layer: str
    weights: Fate
    """``none``: it has no weights."""
    why: str
    frozen: bool
    parameters: int
    fault: Fault | None = None
    """Why it cannot keep what it should."""


@dataclasses.dataclass(frozen=True)
class Transfer:
    """What becomes of every layer, which layers of the source are dropped, and what does not fit."""

    origin: str | None
    layers: tuple[LayerStart, ...]
    dropped: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What its author may not have meant, as sentences."""
        still = [each.layer for each in self.layers if each.frozen and each.weights == "fresh"]
        if not self.origin or not still:
            return []
        return [f"Frozen with fresh random weights, which nothing will train: {', '.join(still)}."]


def outline_of(rows: Sequence[LayerSummary], origin: str, class_names: Sequence[str]) -> Outline:
    """Of the weights that a network will leave."""
    shapes = {f"{row.name}.{part}": shape for row in rows for part, shape in _weights(row).items()}
    return Outline(origin, shapes, tuple(class_names))


def fresh(rows: Sequence[LayerSummary]) -> Transfer:
    """Nothing is taken over: every layer begins with initial weights drawn from the seed."""
    return Transfer(
        None,
        tuple(
            LayerStart(row.name, "fresh" if has_weights(row.layer) else "none", "", row.frozen, row.parameters)
            for row in rows
        ),
    )


def plan_transfer(
    rows: Sequence[LayerSummary], class_names: Sequence[str], source: Outline, reset: Sequence[str]
) -> Transfer:
    """What becomes of every layer of a network, given as its summary, and every reason why that cannot be.

    ``class_names`` are those of the data that the network is about to be trained on.
    """
    starts = []
    for index, row in enumerate(rows):
        fate, why = _fate(row, source, class_names, reset) if has_weights(row.layer) else ("none", "")
        fault = None
        if fate == "kept" and (misfit := _misfit(row, source.shapes)):
            layers = [each.layer for each in rows]
            fault = Fault(f"network[{index}]", f"{misfit} in {source.origin}", _fix(layers, index))
        starts.append(LayerStart(row.name, fate, why, row.frozen, row.parameters, fault))
    faults = [start.fault for start in starts if start.fault]
    if not any(start.weights == "kept" for start in starts):
        some = sorted(source.layers)[:10]
        wanted = f"has {', '.join(some)}" if some else "has no weights named LAYER.PART"
        fix = "give layers the names that they have there, or leave the start out"
        faults.append(Fault("start", f"no layer takes its weights from {source.origin}, which {wanted}", fix))
    dropped = tuple(sorted(source.layers - {row.name for row in rows}))
    return Transfer(source.origin, tuple(starts), dropped, tuple(faults))


def _weights(row: LayerSummary) -> dict[str, Shape]:
    return weight_shapes(row.layer, row.input_shape)


def _fate(row: LayerSummary, source: Outline, class_names: Sequence[str], reset: Sequence[str]) -> tuple[Fate, str]:
    if row.name in reset:
        return "fresh", "as train.reset says"
    if row.name not in source.layers:
        return "fresh", "not in the source"
    if isinstance(row.layer, Classify) and source.class_names not in {None, tuple(class_names)}:
        return "fresh", "other classes"
    return "kept", ""


def _misfit(row: LayerSummary, theirs: Mapping[str, Shape]) -> str:
    """Why a layer cannot take weights over, in words; empty when it can."""
    own = {f"{row.name}.{part}": shape for part, shape in _weights(row).items()}
    theirs = {name: shape for name, shape in theirs.items() if name.startswith(f"{row.name}.")}
    for part in sorted(own.keys() | theirs.keys()):
        if part not in theirs or part not in own:
            return f"{row.name} is another kind of layer ({part} is only {'here' if part in own else 'there'}) than"
        if own[part] != theirs[part]:
            return f"{part} is {show_shape(own[part])} here, but {show_shape(theirs[part])}"
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
