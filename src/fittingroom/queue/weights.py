"""Files of trained weights, as far as their heads tell: names, shapes, and what is known of how they came about.

A safetensors file begins with 8 bytes that give the length of its head, which is JSON: for every tensor its shape, and
under ``__metadata__`` what its writer says of it. The weights themselves are not read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fittingroom.data.lineage import TrainedOn
from fittingroom.errors import InvalidInput
from fittingroom.spec.layers import Shape
from fittingroom.spec.transfer import Outline

CLASSIFIER, CHECKPOINT = "fittingroom-classifier-1", "fittingroom-checkpoint-1"
"""Our own forms of files, as their metadata names them."""
NETWORK = "network/"
"""What the names of a network's weights begin with in a checkpoint."""
LONGEST_HEAD = 100_000_000
"""Bytes; as the format has it."""


@dataclass(frozen=True)
class Known:
    """What is known of trained weights without reading them."""

    outline: Outline
    trained_on: tuple[TrainedOn, ...] | None
    """Every data set that has had a part in them; None where the file does not say."""
    epoch: int | None = None
    stage: int = 0
    """Of a checkpoint: in which training of its run it was written, and ``step``: how far into an epoch."""
    step: int = 0


def read_head(path: Path, origin: str) -> Known:
    """From a classifier, a checkpoint, or any safetensors file; raises InvalidInput."""
    try:
        shapes, metadata = head(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput(f"{path} is not a safetensors file that can be read ({error}); give another") from None
    return known(path, origin, shapes, metadata)


def known(path: Path, origin: str, shapes: Mapping[str, Shape], metadata: Mapping[str, Any]) -> Known:
    """From the shapes in a file, and the descriptions in it by their form; raises InvalidInput."""
    try:
        if (position := metadata.get(CHECKPOINT)) is not None:
            names, trained_on = _about(position)
            own = {name.removeprefix(NETWORK): shape for name, shape in shapes.items() if name.startswith(NETWORK)}
            at = int(position["epoch"]), int(position.get("stage", 0)), int(position.get("step", 0))
            return Known(Outline(origin, own, names), trained_on, *at)
        if (described := metadata.get(CLASSIFIER)) is not None:
            names, trained_on = _about({**described, "class_names": described["preprocessing"]["class_names"]})
            return Known(Outline(origin, shapes, names), trained_on, int(described["epoch"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"{path} describes its weights in a way that cannot be read ({error!r})") from None
    return Known(Outline(origin, shapes), (TrainedOn.unknown(origin),))


def head(path: Path) -> tuple[dict[str, Shape], dict[str, Any]]:
    """The shapes in a safetensors file, and the descriptions in it by their form.

    Raises OSError, ValueError, KeyError, TypeError, AttributeError or RecursionError where it is none.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(LONGEST_HEAD, path.stat().st_size):
            raise ValueError("its head has no length")
        head = json.loads(file.read(length))
    described = head.pop("__metadata__", {})
    ours = {form: json.loads(text) for form, text in described.items() if form.startswith("fittingroom-")}
    return {name: tuple(map(int, tensor["shape"])) for name, tensor in head.items()}, ours


def _about(described: Mapping[str, Any]) -> tuple[tuple[str, ...] | None, tuple[TrainedOn, ...] | None]:
    names, trained_on = described.get("class_names"), described.get("trained_on")
    return (
        tuple(names) if isinstance(names, list) else None,
        tuple(TrainedOn(**each) for each in trained_on) if isinstance(trained_on, list) else None,
    )
