"""What can be done at one click about a fault: only where it is clear what to do, and said on the button."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fittingroom.errors import Fault
from fittingroom.spec.layers import AnyLayer, Classify, Dense, ImpossibleLayer, Shape
from fittingroom.web.network.edits import Plain, insert, keys, move, new_layer, remove, with_names, with_setting
from fittingroom.web.network.kinds import KINDS


@dataclass(frozen=True)
class Mend:
    """One button and what it makes of the network."""

    slug: str
    label: str
    layers: Sequence[Plain]


def of_settings(layers: Sequence[Plain], at: int, mistakes: Sequence[Fault]) -> Iterator[Mend]:
    """Each setting that is at fault back to what a new layer has."""
    kind = str(layers[at].get("layer"))
    fresh = new_layer(kind) if kind in KINDS else {}
    known = (layers[at].keys() | fresh.keys()) - {"layer"}
    for setting in sorted({fault.path for fault in mistakes} & known):
        value = fresh.get(setting)
        label = f"Leave {setting} out" if value is None else f"Set {setting} to {_shown(value)}"
        yield Mend(f"reset-{setting}", label, with_names(with_setting(layers, at, setting, value)))


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def of_place(layers: Sequence[Plain], stack: Sequence[AnyLayer], at: int, shape: Shape, classes: int) -> Iterator[Mend]:
    """What could make possible a layer that cannot stand where it stands.

    ``stack``: the layers as records, as far as their settings are right; ``shape``: of the images.
    """
    layer, key = stack[at], keys(layers)[at]
    if [own["name"] for own in layers].count(layers[at]["name"]) > 1:
        yield Mend("name", "Give it a name of its own", with_names(with_setting(layers, at, "name", None)))
    if isinstance(layer, Classify):
        yield from _of_classifier(layers, layer, at, classes)
    shapes = list(reaching(stack, shape, classes))
    if at >= len(shapes) or _fits(layer, shapes[at], classes):
        return
    if isinstance(layer, Dense | Classify):
        yield Mend("flatten", "Insert flatten before it", insert(layers, "flatten", at))
    elif len(shapes[at]) == 1:
        flattening = max(index for index in range(at) if len(shapes[index]) == 3)
        yield Mend("earlier", f"Move it before {layers[flattening]['name']}", move(layers, key, flattening))
        yield Mend("remove", "Remove it", remove(layers, key))
    else:
        window, most = "size" if hasattr(layer, "size") else "kernel", min(shapes[at][1:])
        yield Mend("same", "Set padding to same", with_setting(layers, at, "padding", "same"))
        yield Mend("smaller", f"Set {window} to {most}", with_setting(layers, at, window, most))
        yield Mend("remove", "Remove it", remove(layers, key))


def _of_classifier(layers: Sequence[Plain], layer: Classify, at: int, classes: int) -> Iterator[Mend]:
    last = len(layers) - 1
    if at < last:
        if layers[last].get("layer") != "classify":
            yield Mend("last", "Move it to the end", move(layers, keys(layers)[at], last))
        yield Mend("remove", "Remove it", remove(layers, keys(layers)[at]))
    if layer.classes not in {None, classes}:
        yield Mend("classes", "Take the number of classes from the data", with_setting(layers, at, "classes", None))


def of_all(layers: Sequence[Plain], output: Shape | None) -> Iterator[Mend]:
    """What the network as a whole needs; ``output``: what its last layer gives, where that is known."""
    if any(layer.get("layer") == "classify" for layer in layers):
        return
    flat = output is not None and len(output) == 1
    kinds = ["classify"] if flat or (layers and output is None) else ["flatten", "classify"]
    ended = list(layers)
    for kind in kinds:
        ended = insert(ended, kind, len(ended))
    yield Mend("end", f"Add {' and '.join(kinds)} at the end", ended)


def reaching(stack: Sequence[AnyLayer], shape: Shape, classes: int) -> Iterator[Shape]:
    """The shape that reaches each layer, as far as it can be told.

    What follows a dense layer can be told whatever reached that one.
    """
    for layer in stack:
        yield shape
        try:
            shape = classes_known(layer, classes).output_shape(shape)
        except ImpossibleLayer:
            if not isinstance(layer, Dense | Classify):
                return
            shape = (layer.units if isinstance(layer, Dense) else classes,)


def _fits(layer: AnyLayer, shape: Shape, classes: int) -> bool:
    try:
        classes_known(layer, classes).output_shape(shape)
    except ImpossibleLayer:
        return False
    return True


def classes_known(layer: AnyLayer, classes: int) -> AnyLayer:
    """The classifier with the data's classes; any other layer as it is."""
    return Classify(classes=classes) if isinstance(layer, Classify) else layer
