"""A network as one value: a stack of named layers, its shapes and counts at every edge, without torch."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from fittingroom.errors import Fault
from fittingroom.spec.layers import (
    AnyLayer,
    BatchNorm,
    Classify,
    Dense,
    ImpossibleLayer,
    Shape,
    show_shape,
)
from fittingroom.spec.record import param, record

LARGEST_NETWORK = 500_000_000
"""Weights above which a network is refused: 2 GB in float32, times four while training with Adam."""


@dataclasses.dataclass(frozen=True)
class LayerSummary:
    """What one layer does to the shape that reaches it."""

    layer: AnyLayer
    name: str
    input_shape: Shape
    output_shape: Shape
    parameters: int
    trainable_parameters: int
    """Those that training changes: none in a frozen layer."""
    frozen: bool = False


@dataclasses.dataclass(frozen=True)
class NetworkSummary:
    """Every layer as far as shapes can be computed, and the faults that stopped it."""

    layers: tuple[LayerSummary, ...]
    faults: tuple[Fault, ...]

    @property
    def parameters(self) -> int:
        """All weights, batch-norm statistics included, as Keras counts them."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def trainable_parameters(self) -> int:
        return sum(layer.trainable_parameters for layer in self.layers)

    def _repr_html_(self) -> str:
        """The table of shapes and counts, and the faults, for notebooks."""
        rows = "".join(
            f"<tr><td>{escape(row.name)}</td><td>{show_shape(row.output_shape)}</td><td>{row.parameters:,}</td></tr>"
            for row in self.layers
        )
        faults = "".join(f"<p>{escape(str(fault))}</p>" for fault in self.faults)
        head = "<tr><th>layer</th><th>output</th><th>parameters</th></tr>"
        return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table><p>{self.parameters:,} parameters</p>{faults}"


def named(layers: Iterable[AnyLayer]) -> tuple[AnyLayer, ...]:
    """The same layers, each with a name: kind and number (``conv_1``), past the names already given.

    Names that are given stay, so a layer can be inserted anywhere without renaming its neighbours.
    """
    stack = tuple(layers)
    names = numbered((layer.layer, layer.name) for layer in stack)
    return tuple(
        layer if layer.name == name else dataclasses.replace(layer, name=name)
        for layer, name in zip(stack, names, strict=True)
    )


def numbered(items: Iterable[tuple[str, str | None]]) -> list[str]:
    """The name of each item of a (kind, name or None): its own, else kind and number, past the names given."""
    items = tuple(items)
    taken = {name for _, name in items}
    counts: Counter[str] = Counter()

    def free(kind: str) -> str:
        while True:
            counts[kind] += 1
            if (name := f"{kind}_{counts[kind]}") not in taken:
                return name

    return [free(kind) if name is None else name for kind, name in items]


def summarize(
    layers: Sequence[AnyLayer], shape: Shape, classes: int, freeze_up_to: str | None = None
) -> NetworkSummary:
    """Shapes and counts along the stack for images of ``shape`` (channels, height, width), and all its faults."""
    rows: list[LayerSummary] = []
    faults = list(_stack_faults(layers, classes))
    broken = False
    layers = named(layers)
    frozen = frozen_layers(layers, freeze_up_to)
    for index, layer in enumerate(layers):
        if isinstance(layer, Classify):
            layer = dataclasses.replace(layer, classes=classes)
        try:
            output = layer.output_shape(shape)
        except ImpossibleLayer as problem:
            faults.append(
                Fault(f"network[{index}]", f"layer {index + 1}, {layer.layer}: {problem.message}", problem.fix)
            )
            if not isinstance(layer, Dense | Classify):
                break  # nothing is known about the shape from here on
            output, broken = (layer.units if isinstance(layer, Dense) else classes,), True
        if not broken:
            count = layer.parameter_count(shape)
            still = layer.name in frozen
            trained = 0 if still else layer.trainable_count(shape)
            rows.append(LayerSummary(layer, str(layer.name), shape, output, count, trained, still))
        shape = output
    total = sum(row.parameters for row in rows)
    if total > LARGEST_NETWORK:
        largest = max(rows, key=lambda row: row.parameters)
        faults.append(
            Fault(
                "network",
                f"has {total:,} parameters, {largest.parameters:,} of them in {largest.name}",
                f"keep it below {LARGEST_NETWORK:,}: pool before flatten, or use fewer filters or units",
            )
        )
    return NetworkSummary(tuple(rows), tuple(faults))


def frozen_layers(layers: Sequence[AnyLayer], freeze_up_to: str | None) -> set[str]:
    """The names of a layer and of all before it; none where there is no such layer."""
    names = [str(layer.name) for layer in layers]
    return set(names[: names.index(freeze_up_to) + 1]) if freeze_up_to in names else set()


def has_weights(layer: AnyLayer) -> bool:
    """Whether a layer has anything to learn."""
    return hasattr(layer, "initializer") or isinstance(layer, BatchNorm)


def _stack_faults(layers: Sequence[AnyLayer], classes: int) -> Iterable[Fault]:
    """What is wrong with the stack whatever the shapes: names, and where the classifier stands."""
    if not layers:
        yield Fault("network", "has no layers", "add at least flatten and classify")
        return
    counts = Counter(layer.name for layer in layers if layer.name is not None)
    for index, layer in enumerate(layers):
        where = f"layer {index + 1}, {layer.layer}"
        if layer.name is not None and counts[layer.name] > 1:
            yield Fault(
                f"network[{index}].name",
                f'{where}: the name "{layer.name}" is used {counts[layer.name]} times',
                "give each layer a name of its own",
            )
        if isinstance(layer, Classify):
            if index < len(layers) - 1:
                yield Fault(f"network[{index}]", f"{where}: stands before the end", "move it to the end, or remove it")
            if layer.classes not in {None, classes}:
                yield Fault(
                    f"network[{index}].classes",
                    f"{where}: has {layer.classes} classes but the data has {classes}",
                    f"leave classes out, or set it to {classes}",
                )
    if not isinstance(layers[-1], Classify):
        yield Fault("network", f"ends with {layers[-1].layer}, not with classify", "add classify at the end")


@record
class Network:
    """A stack of layers from image to classes. ``Network([Flatten(), Classify()])`` is the smallest."""

    layers: tuple[AnyLayer, ...] = param(help="The layers, from the image on.")

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", named(self.layers))

    def summary(self, shape: Shape, classes: int) -> NetworkSummary:
        """Shapes and counts for images of ``shape`` (channels, height, width)."""
        return summarize(self.layers, shape, classes)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{index}</td><td>{escape(str(layer.name))}</td><td>{escape(repr(layer))}</td></tr>"
            for index, layer in enumerate(self.layers, start=1)
        )
        return f"<table><thead><tr><th></th><th>layer</th><th>settings</th></tr></thead><tbody>{rows}</tbody></table>"
