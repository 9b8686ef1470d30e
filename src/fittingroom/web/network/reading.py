"""A network in the making as the page shows it: layer by layer, what is known of it and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from fittingroom.errors import Fault, InvalidSpec
from fittingroom.spec.compute import OPERATIONS, multiply_adds
from fittingroom.spec.layers import LAYER_KINDS, AnyLayer, Shape
from fittingroom.spec.network import LayerSummary, Network, NetworkSummary, summarize
from fittingroom.spec.record import validated
from fittingroom.web.forms import Field, fields
from fittingroom.web.network import mends
from fittingroom.web.network.edits import Plain, keys
from fittingroom.web.network.kinds import KINDS, Kind
from fittingroom.web.network.mends import Mend


@dataclass(frozen=True)
class Images:
    """What a network has to know of its data."""

    name: str
    shape: Shape
    classes: int


@dataclass(frozen=True)
class Row:
    """One layer of the list."""

    key: str
    """How forms refer to it."""
    name: str
    kind: str
    about: Kind | None
    """None for a kind that does not exist."""
    common: Sequence[Field]
    more: Sequence[Field]
    faults: Sequence[Fault]
    """Their paths are settings of the layer, or empty."""
    mends: Sequence[Mend]
    summary: LayerSummary | None
    """None where the shape that reaches it is not known."""

    @property
    def multiply_adds(self) -> int:
        return multiply_adds(self.summary.layer, self.summary.input_shape) if self.summary else 0

    @property
    def wrong(self) -> frozenset[str]:
        """The settings that are at fault themselves."""
        return frozenset(fault.path for fault in self.faults)


@dataclass(frozen=True)
class Reading:
    """A whole network, read."""

    rows: Sequence[Row]
    faults: Sequence[Fault]
    """Those of the network as a whole; each layer has its own."""
    mends: Sequence[Mend]
    images: Images | None
    summary: NetworkSummary

    @property
    def fault_count(self) -> int:
        return len(self.faults) + sum(len(row.faults) for row in self.rows)

    @property
    def complete(self) -> bool:
        """Whether shapes and counts are known of every layer."""
        return all(row.summary for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        return sum(row.multiply_adds for row in self.rows)

    @property
    def operations(self) -> int:
        """Floating-point operations for one image, forward."""
        return OPERATIONS * self.multiply_adds

    @property
    def frozen(self) -> int:
        """Parameters of layers that the training leaves alone."""
        return sum(row.parameters for row in self.summary.layers if row.frozen)

    @property
    def statistics(self) -> int:
        """Running statistics of batch normalization: counted as parameters, but not trained."""
        return self.summary.parameters - self.summary.trainable_parameters - self.frozen

    def share(self, row: Row) -> float | None:
        """A layer's part of all multiply-adds; None where it has none."""
        return row.multiply_adds / self.multiply_adds if row.multiply_adds else None

    def mend(self, key: str, slug: str) -> Mend | None:
        """A mend that is on offer for a layer, or for the whole network where ``key`` is empty."""
        offers = [mend for row in self.rows if row.key == key for mend in row.mends] if key else self.mends
        return next((mend for mend in offers if mend.slug == slug), None)


def read(layers: Sequence[Plain], images: Images | None, freeze_up_to: str | None = None) -> Reading:
    """Read a network: mistakes in settings, then shapes and counts as far as they can be known.

    Shapes end before the first layer that has a mistake in its settings: what it would do is not known.
    """
    made = [_make(layer) for layer in layers]
    stack = [layer for layer, _ in takewhile(lambda pair: pair[0] is not None, made) if layer is not None]
    summary = NetworkSummary((), ())
    if images:
        summary = summarize(stack, images.shape, images.classes, freeze_up_to)
    rows = []
    for index, (key, plain) in enumerate(zip(keys(layers), layers, strict=True)):
        own = [_in_layer(fault, plain, index) for fault in summary.faults if _index(fault) == index]
        offers = list(mends.of_settings(layers, index, made[index][1]))
        if own and images:
            offers += mends.of_place(layers, stack, index, images.shape, images.classes)
        known = summary.layers[index] if index < len(summary.layers) else None
        rows.append(_row(plain, key, (*made[index][1], *own), offers, known))
    overall = [fault for fault in summary.faults if _index(fault) is None] if len(stack) == len(layers) else []
    output = rows[-1].summary.output_shape if rows and rows[-1].summary else None
    return Reading(rows, overall, list(mends.of_all(layers, output)), images, summary)


def _make(plain: Plain) -> tuple[AnyLayer | None, Sequence[Fault]]:
    """A layer as a record; or what is wrong with its settings, by their names."""
    try:
        return validated(Network, {"layers": [plain]}, title="").layers[0], ()
    except InvalidSpec as error:
        return None, [fault._replace(path=fault.path.removeprefix("layers[0]").lstrip(".")) for fault in error.faults]


def _row(plain: Plain, key: str, faults: Sequence[Fault], offers: Sequence[Mend], summary: LayerSummary | None) -> Row:
    kind = str(plain.get("layer"))
    about = KINDS.get(kind)
    every = _fields(kind, plain, key) if about else {}
    common = about.common if about else ()
    return Row(
        key, str(plain.get("name")), kind, about,
        [every[name] for name in common],
        [field for name, field in every.items() if name not in common],
        faults, offers, summary,
    )  # fmt: skip


def _fields(kind: str, plain: Plain, key: str) -> dict[str, Field]:
    """The settings of a layer but its name, which other settings refer to and which is changed on its own."""
    found = {
        field.path.rpartition(".")[2]: field for field in fields(LAYER_KINDS[kind].__name__, plain, f"network.{key}")
    }
    return {name: field for name, field in found.items() if name != "name"}


def _index(fault: Fault) -> int | None:
    """Which layer a fault is about; None for the network as a whole."""
    found = re.match(r"network\[(\d+)\]", fault.path)
    return int(found[1]) if found else None


def _in_layer(fault: Fault, plain: Plain, index: int) -> Fault:
    """A fault as it is told at its layer, without saying once more which layer that is."""
    path = fault.path.partition("]")[2].lstrip(".")
    return fault._replace(path=path, message=fault.message.removeprefix(f"layer {index + 1}, {plain.get('layer')}: "))
