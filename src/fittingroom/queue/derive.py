"""What a new run from an old one is, as a spec: more epochs of it, or its weights with other settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fittingroom.errors import InvalidInput
from fittingroom.queue.stored import spec_of
from fittingroom.spec.run import RunSpec, changed
from fittingroom.spec.start import Start, Which
from fittingroom.spec.train import Constant, Schedule
from fittingroom.store import RunDetails


def continued(
    run: RunDetails, *, epochs: int, schedule: Schedule | None = None, overrides: Sequence[str] = ()
) -> RunSpec:
    """``epochs`` more from where the run's last step left it; see ``engine.resume.prepare_continue``.

    Raises InvalidInput where the schedule has to be said.
    """
    spec = spec_of(run)
    if schedule is None and not _said(overrides) and needs_schedule(spec):
        rate = f"{run.epochs[-1].learning_rate:.3g}" if run.epochs else "unknown"
        raise InvalidInput(
            f"{run.id} was trained with the schedule {spec.train.schedule.name}, at last at a learning rate of {rate}; "
            f"say how to go on: --schedule constant (at {spec.train.optimizer.learning_rate:g}), cosine, one_cycle, …, "
            "and --set train.optimizer.learning_rate=… for another rate"
        )
    train = replace(spec.train, epochs=epochs, schedule=schedule or spec.train.schedule, budget=None, reset=())
    start = Start(source=run.id, weights="last", go_on=True)
    return changed(replace(spec, start=start, phases=(), train=train), overrides)


def needs_schedule(spec: RunSpec) -> bool:
    """Whether it has to be said how the learning rate goes on: a schedule that was followed has come to its end."""
    return spec.train.schedule != Constant()


def forked(run: RunDetails, *, overrides: Sequence[str] = (), weights: Which = "best") -> RunSpec:
    """The run's weights with other settings; see ``engine.resume.prepare_fork``."""
    spec = spec_of(run)
    start, train = Start(source=run.id, weights=weights), replace(spec.train, reset=())
    return changed(replace(spec, start=start, phases=(), train=train), overrides)


def fork_lineage(lineage: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """A transfer from a run that was asked for as a fork; --set start.… may have made it something else."""
    if lineage["kind"] != "transfer":
        return dict(lineage)
    return {**lineage, "kind": "fork", "set": list(overrides)}


def repeat_lineage(run: RunDetails, *, replay: bool) -> dict[str, Any]:
    """Of a restart: where it comes from, and the digest of the weights that it has to begin with."""
    begins = {"sha256": run.lineage["sha256"]} if "sha256" in run.lineage else {}
    return {"kind": "replay" if replay else "restart", "from": run.id, **begins}


def _said(overrides: Sequence[str]) -> bool:
    return any(override.strip().startswith("train.schedule") for override in overrides)
