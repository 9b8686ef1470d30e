"""Edits of a network as plain data: each takes a list of layers and returns another.

A layer goes by its *key*: its name, or its position where several have that name. So an edit reaches the layer that
was meant even when another tab has moved it meanwhile.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fittingroom.errors import InvalidInput, NotFound, did_you_mean
from fittingroom.spec.layers import LAYER_KINDS
from fittingroom.spec.network import numbered
from fittingroom.spec.record import validated
from fittingroom.spec.run import to_plain
from fittingroom.web.network.kinds import KINDS

Plain = dict[str, Any]
END = ""
"""The place behind the last layer."""


def stack_of(spec: Mapping[str, Any]) -> list[Plain]:
    """The layers of a spec in the making, every one with a name."""
    network = spec.get("network")
    layers = [layer for layer in network if isinstance(layer, dict)] if isinstance(network, list) else []
    return with_names(layers)


def with_names(layers: Sequence[Plain]) -> list[Plain]:
    """Copies of the layers; those without a name get kind and number, past the names that there are."""
    given = [name if isinstance(name := layer.get("name"), str) else None for layer in layers]
    names = numbered((str(layer.get("layer", "item")), name) for layer, name in zip(layers, given, strict=True))
    return [{**copy.deepcopy(layer), "name": name} for layer, name in zip(layers, names, strict=True)]


def keys(layers: Sequence[Plain]) -> list[str]:
    """How forms refer to the layers."""
    names = [str(layer.get("name")) for layer in layers]
    count = Counter(names)
    return [name if count[name] == 1 else str(index) for index, name in enumerate(names)]


def find(layers: Sequence[Plain], key: str) -> int:
    """The position of a layer; raises NotFound when it is gone, for instance removed in another tab."""
    known = keys(layers)
    if key not in known:
        raise NotFound(f'there is no layer "{key}" any more; {did_you_mean(key, known)}')
    return known.index(key)


def new_layer(kind: str) -> Plain:
    """A layer as the page begins it, without a name."""
    if kind not in KINDS:
        raise NotFound(f'there is no layer "{kind}"; {did_you_mean(kind, KINDS)}')
    plain: Plain = to_plain(validated(LAYER_KINDS[kind], KINDS[kind].begins, title=kind), full=True)
    return plain


def insert(layers: Sequence[Plain], kind: str, at: int) -> list[Plain]:
    """With a new layer of a kind before position ``at``."""
    return with_names([*layers[:at], new_layer(kind), *layers[at:]])


def place_for_new(layers: Sequence[Plain]) -> str:
    """The key of the layer that a new one goes before unless said otherwise: the classifier, else none."""
    ends = bool(layers) and layers[-1].get("layer") == "classify"
    return keys(layers)[-1] if ends else END


def insert_before(layers: Sequence[Plain], kind: str, before: str) -> list[Plain]:
    """With a new layer before another; ``END`` is behind the last one."""
    return insert(layers, kind, len(layers) if before == END else find(layers, before))


def move(layers: Sequence[Plain], key: str, to: int) -> list[Plain]:
    """With a layer at position ``to``, counted without it; as far as the network goes."""
    at = find(layers, key)
    rest = [*layers[:at], *layers[at + 1 :]]
    to = min(max(to, 0), len(rest))
    return [*rest[:to], layers[at], *rest[to:]]


def duplicate(layers: Sequence[Plain], key: str) -> list[Plain]:
    """With a copy behind a layer, under a name of its own."""
    at = find(layers, key)
    return with_names([*layers[: at + 1], {**layers[at], "name": None}, *layers[at + 1 :]])


def remove(layers: Sequence[Plain], key: str) -> list[Plain]:
    """Without a layer."""
    at = find(layers, key)
    return [*layers[:at], *layers[at + 1 :]]


def with_setting(layers: Sequence[Plain], at: int, setting: str, value: object) -> list[Plain]:
    """With one setting of the layer at a position; None leaves it out."""
    layer = {key: own for key, own in layers[at].items() if key != setting}
    return [*layers[:at], layer if value is None else {**layer, setting: value}, *layers[at + 1 :]]


def renamed(spec: Mapping[str, Any], key: str, name: str) -> Plain:
    """A spec with another name for a layer, also where the training refers to it; an empty one means a new default.

    Raises InvalidInput when another layer has that name.
    """
    layers = stack_of(spec)
    at, old = find(layers, key), layers[find(layers, key)]["name"]
    if name in [layer["name"] for index, layer in enumerate(layers) if index != at]:
        raise InvalidInput(f'there is another layer "{name}"; give this one a name of its own')
    layers = with_names(with_setting(layers, at, "name", name or None))
    new: Plain = {**copy.deepcopy(dict(spec)), "network": layers}
    phases = new.get("phases")
    for stage in (new, *(phases if isinstance(phases, list) else [])):
        train = stage.get("train") if isinstance(stage, dict) else None
        if isinstance(train, dict):
            _rename_in(train, old, layers[at]["name"])
    return new


def _rename_in(train: Plain, old: str, new: str) -> None:
    if train.get("freeze_up_to") == old:
        train["freeze_up_to"] = new
    if isinstance(train.get("reset"), list):
        train["reset"] = [new if name == old else name for name in train["reset"]]
