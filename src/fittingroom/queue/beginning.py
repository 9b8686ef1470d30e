"""What the trainings of a run begin with, checked without torch: whether weights fit, and what they have seen.

The page shows it before Start, whoever submits is told it, and the engine does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fittingroom.data.lineage import TrainedOn, seen_faults
from fittingroom.data.stages import Stage
from fittingroom.errors import Fault
from fittingroom.queue.origin import Origin
from fittingroom.queue.stored import spec_of
from fittingroom.queue.weights import Known, read_head
from fittingroom.spec.transfer import Transfer, fresh, outline_of, plan_transfer
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace

_INSTEAD = "leave start.go_on out (fittingroom runs fork does), or keep it as it is there"


@dataclass(frozen=True)
class Beginning:
    """What every layer of every training begins with, why that cannot be, and what nobody can tell."""

    transfers: tuple[Transfer, ...]
    """One for each stage."""
    faults: tuple[Fault, ...]
    cautions: tuple[str, ...]
    trained_on: tuple[TrainedOn, ...] = ()
    """What the weights have seen before the first stage, as far as they tell."""


def known_of(origin: Origin) -> Known:
    """What is known of the weights that ``[start]`` names; raises InvalidInput."""
    run, epoch = origin.run, origin.lineage.get("epoch")
    if run is None:
        return read_head(origin.path, origin.path.name)
    moment = f"after epoch {epoch}" if origin.start.weights == "last" else f"epoch {epoch}"
    found = read_head(origin.path, f"{run.id}, {moment}")
    if found.trained_on is None:  # written by an older version
        found = replace(found, trained_on=(TrainedOn.of(spec_of(run).data, run.fingerprint),))
    return found


def beginning_of(stages: Sequence[Stage], origin: Origin | None, workspace: Workspace) -> Beginning:
    """What the trainings of a run begin with that starts there; raises InvalidInput."""
    if origin is None:
        return check_beginning(stages, None, workspace)
    continues = origin.run if origin.start.go_on else None
    return check_beginning(stages, known_of(origin), workspace, continues, strict=origin.run is not None)


def check_beginning(
    stages: Sequence[Stage],
    source: Known | None,
    workspace: Workspace,
    continues: RunDetails | None = None,
    *,
    strict: bool = False,
) -> Beginning:
    """Plan the weights from stage to stage, and check that nothing is judged on what they have seen.

    ``source``: what the first stage begins with, if not with fresh weights. ``continues``: the run that it goes on
    with, as ``start.go_on`` says, so every layer is that one's. ``strict``: data of the source that is gone is a fault.
    """
    transfers = []
    outline = source.outline if source else None
    for number, stage in enumerate(stages):
        rows, names, reset = stage.summary.layers, stage.facts.class_names, stage.spec.train.reset
        if outline is None:
            transfers.append(fresh(rows))
        elif continues and number == 0:
            transfers.append(_all_kept(fresh(rows), outline.origin))
        else:
            transfers.append(plan_transfer(rows, names, outline, reset))
        outline = outline_of(rows, f'phase "{stage.phase}"', names)
    seen = (source and source.trained_on) or ()
    faults, cautions = check_seen(stages, seen, source.outline.origin if source else "", workspace, strict=strict)
    faults += [fault for transfer in transfers for fault in transfer.faults]
    if continues and source:
        faults += go_on_faults(stages[0], continues, source)
    return Beginning(tuple(transfers), tuple(dict.fromkeys(faults)), tuple(cautions), tuple(seen))


def go_on_faults(stage: Stage, run: RunDetails, left: Known) -> Iterator[Fault]:
    """Why a training cannot go on as if a run had never ended. ``left``: where that was left."""
    spec, theirs, source = stage.spec, spec_of(run), run.id
    if left.stage < len(theirs.phases):
        phase = theirs.phases[left.stage].name
        yield Fault("start", f'{source} was left in its phase "{phase}"', f"fittingroom runs resume {source} first")
        return
    if stage.data.fingerprint != run.fingerprint or theirs.data != spec.data:
        yield Fault("data", f"is not the data of {source} with its split", _INSTEAD)
    if theirs.network != spec.network:
        yield Fault("network", f"is not the network of {source}", _INSTEAD)
    if theirs.train.optimizer.name != spec.train.optimizer.name:
        own, other = spec.train.optimizer.name, theirs.train.optimizer.name
        yield Fault("train.optimizer", f"is {own}, but {source} has {other}", _INSTEAD)
    if theirs.train.freeze_up_to != spec.train.freeze_up_to:
        yield Fault("train.freeze_up_to", f"is not that of {source}", _INSTEAD)
    if left.step and theirs.train.batch_size != spec.train.batch_size:
        was = theirs.train.batch_size
        yield Fault("train.batch_size", f"cannot change within an epoch, and {source} ended in one", f"use {was}")


def _all_kept(transfer: Transfer, origin: str) -> Transfer:
    kept = [replace(each, weights="kept") if each.weights == "fresh" else each for each in transfer.layers]
    return Transfer(origin, tuple(kept))


def check_seen(
    stages: Sequence[Stage], before: Sequence[TrainedOn], origin: str, workspace: Workspace, *, strict: bool
) -> tuple[list[Fault], list[str]]:
    """What stages would be judged on although their weights know it, and what nobody can tell, as sentences.

    ``before``: what the weights of the first stage have seen. ``strict``: data that is gone is a fault.
    """
    problems: list[Fault] = []
    cautions = [
        f"{each.source} does not say what it was trained on: perhaps on the images held out here."
        for each in before
        if not each.known
    ]
    seen = list(before)
    for stage in stages:
        here = trained_on(stage)
        elsewhere = [each for each in seen if not each.is_split_as(here)]
        found, gone = seen_faults(elsewhere, origin, stage.data, stage.splits, workspace)
        problems += found
        if gone and strict:
            problems.append(Fault("start", *_gone(origin, gone)))
        elif gone:
            message, _ = _gone(origin, gone)
            cautions.append(f"{message[0].upper()}{message[1:]}.")
        seen.append(here)
        origin = f'phase "{stage.phase}"'
    return problems, list(dict.fromkeys(cautions))


def trained_on(stage: Stage) -> TrainedOn:
    return TrainedOn.of(stage.spec.data, stage.data.fingerprint)


def _gone(origin: str, sources: Sequence[str]) -> tuple[str, str]:
    names = ", ".join(f'"{name}"' for name in sources)
    return (
        f"{origin} was trained on {names}, which is no longer there as it was, so nobody can tell whether images that "
        "are held out here were among it",
        "restore that data set, or start from other weights",
    )
