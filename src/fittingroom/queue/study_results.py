"""What the runs of a study have come to by now, read from the store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fittingroom.errors import Fault, InvalidSpec
from fittingroom.measure.study import MEASURES, ArmResults, Outcome, StudyResults
from fittingroom.queue.stored import open_store
from fittingroom.spec.arm_names import in_words
from fittingroom.spec.arms import Arm, axes_of, beyond_axes, control_among, seeds_of
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import RunSpec, from_plain
from fittingroom.spec.study import StudySpec, study_from_plain
from fittingroom.store import ArmRecord, RunSummary, Store, StudyRecord
from fittingroom.workspace import Workspace

MISSING, PRUNED = "missing", "pruned"
"""States of places beside those of runs: no run is there, and its run was ended because others were better."""
Places = Mapping[tuple[str, int], RunSummary]


@dataclass(frozen=True)
class Curve:
    """The epochs of one run of a study."""

    arm: str
    """Its key."""
    seed: int
    run: str
    state: str
    epochs: tuple[EpochMetrics, ...]


def spec_of_study(record: StudyRecord) -> StudySpec:
    """The spec that a stored study has by now; raises InvalidSpec for one that this Fitting Room cannot read."""
    origin = f"the stored spec of {record.id}"
    return study_from_plain(_plain(record.spec, origin), origin=origin)


def read_study(study: str, workspace: Workspace) -> StudyResults:
    """What a study has found by now, by its id or name; raises NotFound."""
    with open_store(workspace) as store:
        return results_of(store, study)


def read_curves(study: str, workspace: Workspace) -> list[Curve]:
    """The epochs of all its runs by now, arm by arm; raises NotFound."""
    with open_store(workspace) as store:
        return curves_of(store, study)


def results_of(store: Store, study: str) -> StudyResults:
    """See ``read_study``."""
    record = as_listed(store.studies.study(study))
    spec, places, epochs = spec_of_study(record), store.studies.places(record.id), store.studies.epochs(record.id)
    specs = {arm.key: spec_of_arm(arm) for arm in record.arms}
    measure, pruned = MEASURES[spec.measure], store.studies.pruned(record.id)
    axes, control = axes_of(spec), control_among(spec, [arm.name for arm in record.arms])
    return StudyResults(
        study=record.id,
        name=record.name,
        question=spec.question,
        measure=spec.measure,
        margin=measure.margin if spec.margin is None else spec.margin,
        target=spec.target,
        images=min((arm.images for arm in record.arms), default=0),
        arms=tuple(
            ArmResults(
                arm.key,
                in_words(arm.name, axes),
                arm.settings,
                arm.parameters,
                tuple(
                    _outcome(seed, places.get((arm.key, seed)), epochs, spec.target, (arm.key, seed) in pruned)
                    for seed in seeds_in(arm, seeds_of(spec), places)
                ),
            )
            for arm in record.arms
        ),
        searched=spec.chooses_by_results,
        axes=axes,
        control=None if control is None else record.arms[control].key,
        divisions=len({(arm.fingerprint, specs[arm.key].data.division) for arm in record.arms}),
        beyond=beyond_axes(spec, [Arm(arm.key, arm.name, arm.settings, specs[arm.key]) for arm in record.arms]),
    )


def curves_of(store: Store, study: str) -> list[Curve]:
    """See ``read_curves``."""
    record = as_listed(store.studies.study(study))
    places, epochs = store.studies.places(record.id), store.studies.epochs(record.id)
    order = {arm.key: number for number, arm in enumerate(record.arms)}
    return [
        Curve(arm, seed, run.id, run.state, epochs.get(run.id, ()))
        for (arm, seed), run in sorted(places.items(), key=lambda item: (order.get(item[0][0], -1), item[0][1]))
        if arm in order
    ]


def figures_of(run: RunSummary, epochs: Sequence[EpochMetrics], target: float | None) -> dict[str, float | None]:
    """The figures of a finished run by the names of ``MEASURES``, and ``train_accuracy``; none before that."""
    if run.state != "finished":
        return {}
    best = next((epoch for epoch in epochs if epoch.epoch == run.best_epoch), None)
    reached = next(
        (
            number
            for number, epoch in enumerate(epochs)
            if target is not None and epoch.phase is None and epoch.validation_accuracy >= target
        ),
        None,
    )
    return {
        "validation_accuracy": run.validation_accuracy,
        "validation_loss": run.validation_loss,
        "train_accuracy": best.train_accuracy if best else None,
        "best_epoch": run.best_epoch,
        "train_seconds": run.train_seconds,
        "epochs_to_target": None if reached is None else epochs[reached].epoch,
        "seconds_to_target": None if reached is None else sum(epoch.seconds for epoch in epochs[: reached + 1]),
    }


def epochs_of(spec: RunSpec) -> int | None:
    """That a run trains at most, phases included; None where a time budget decides."""
    trainings = [stage.train for stage in spec.stages]
    return None if any(train.budget for train in trainings) else sum(train.epochs for train in trainings)


def _outcome(
    seed: int,
    run: RunSummary | None,
    epochs: Mapping[str, Sequence[EpochMetrics]],
    target: float | None,
    pruned: bool,
) -> Outcome:
    if run is None:
        return Outcome(None, seed, MISSING, {})
    return Outcome(
        run.id, seed, state_of(run, pruned=pruned), figures_of(run, epochs.get(run.id, ()), target), run.message or ""
    )


def state_of(run: RunSummary | None, *, pruned: bool) -> str:
    if run is None:
        return MISSING
    return PRUNED if pruned and run.state == "stopped" else run.state


def as_listed(record: StudyRecord) -> StudyRecord:
    """Without the arms that its file no longer has: what they have come to stays, and is not compared."""
    return replace(record, arms=tuple(arm for arm in record.arms if arm.listed))


def seeds_in(arm: ArmRecord, seeds: Sequence[int], places: Places) -> list[int]:
    """Those that it should have, and those that it has."""
    return sorted({*seeds, *(seed for key, seed in places if key == arm.key)})


def spec_of_arm(arm: ArmRecord) -> RunSpec:
    """The spec of its runs, but for their seeds; raises InvalidSpec for one that this Fitting Room cannot read."""
    origin = f"the stored spec of the arm {arm.name}"
    return from_plain(_plain(arm.spec, origin), origin=origin)


def _plain(text: str, origin: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        fault = Fault("", f"it is no JSON ({error})", "the workspace may be damaged: bring back a copy of it")
        raise InvalidSpec([fault], title=f"{origin} has faults") from error
