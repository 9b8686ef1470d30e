"""What can be done at one click about a draft that cannot start: settings that its form would send."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fittingroom.data.stages import Stage
from fittingroom.errors import Fault
from fittingroom.queue.beginning import Beginning
from fittingroom.spec.run import RunSpec

MOST_BUTTONS = 3
"""For single layers; one more is for all of them."""


@dataclass(frozen=True)
class Mend:
    """One button, and the settings behind it: an empty value leaves a setting out."""

    label: str
    settings: tuple[tuple[str, str], ...]


def mends_of(
    spec: RunSpec, stages: Sequence[Stage], beginning: Beginning | None, faults: Sequence[Fault]
) -> Iterator[Mend]:
    """For the faults of a draft whose data can be read."""
    names = {str(layer.name) for layer in spec.network}
    reset = spec.train.reset
    wrong = [fault for fault in faults if fault.path == "train.reset"]
    bad = [name for name in reset if any(f'"{name}"' in fault.message for fault in wrong)]
    if bad:
        kept = tuple(name for name in reset if name not in bad)
        yield Mend(f"Leave {', '.join(bad)} out of train.reset", _reset(kept))
    if spec.train.freeze_up_to is not None and any(fault.path == "train.freeze_up_to" for fault in faults):
        yield Mend("Freeze nothing", (("train.freeze_up_to", ""),))
    if beginning:
        misfits = [each.layer for each in beginning.transfers[0].layers if each.fault and each.layer in names]
        if misfits and len(stages) == 1:
            for layer in misfits[:MOST_BUTTONS]:
                yield Mend(f"Let {layer} begin anew", _reset((*reset, layer)))
            if len(misfits) > 1:
                yield Mend(f"Let all {len(misfits)} that do not fit begin anew", _reset((*reset, *misfits)))
        yield from _of_split(stages, beginning, faults)
    if spec.start and spec.start.go_on and faults:
        yield Mend(f"Take the weights of {spec.start.source} only", (("start.go_on", "false"),))
    if spec.start and any(fault.path in {"start", "data"} or fault.path.startswith("network[") for fault in faults):
        yield Mend("Begin with fresh weights", (("start.source", ""),))


def _reset(layers: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple(("train.reset", layer) for layer in ("", *layers))


def _of_split(stages: Sequence[Stage], beginning: Beginning, faults: Sequence[Fault]) -> Iterator[Mend]:
    """Split the data as the source's was, where it is the same data."""
    last = stages[-1]
    if not any(fault.path == "data" for fault in faults):
        return
    for earlier in beginning.trained_on:
        if earlier.fingerprint == last.data.fingerprint:
            yield Mend("Split the data as it was there", earlier.division.settings)
            return
