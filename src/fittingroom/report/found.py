"""All that is known of a study, read once: for its report, and for the page that shows the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fittingroom.data.copies import Copies, find_copies
from fittingroom.data.fingerprints import content_of
from fittingroom.data.sources import load
from fittingroom.errors import FittingRoomError
from fittingroom.measure.caution import Caution, Histories
from fittingroom.measure.guards import cautions
from fittingroom.measure.judgement import Judgement
from fittingroom.measure.study import StudyResults
from fittingroom.measure.too_good import validation_in_training
from fittingroom.measure.verdicts import judge
from fittingroom.queue.stored import open_store
from fittingroom.queue.studies import curves_of, results_of, spec_of_study
from fittingroom.report.curves import Curves
from fittingroom.report.pairs import Difference
from fittingroom.spec.data import DataSpec
from fittingroom.spec.run import RunSpec, from_plain
from fittingroom.spec.study import StudySpec
from fittingroom.store import Store, StudyRecord
from fittingroom.workspace import Workspace

QUICK = 100_000_000
"""Pixels of a data set that are compared in a second or two; Fashion-MNIST has 55 million."""


@dataclass(frozen=True)
class Machine:
    """What runs were trained on, and with what."""

    processor: str
    how: str
    """Threads, precision, way of computing."""
    versions: str
    runs: int
    """How many of them."""


@dataclass(frozen=True)
class StudyFound:
    """A study: what was asked, what came of it, what that shows, and what may be wrong with it."""

    results: StudyResults
    judged: Judgement
    cautions: tuple[Caution, ...]
    histories: Histories
    spec: StudySpec
    specs: Mapping[str, RunSpec]
    """Of each arm, by its key, with the first seed."""
    created: datetime
    data: str
    """Name of the data set, as it was remembered."""
    machines: tuple[Machine, ...]
    openings: int
    """How often the test set of its data was opened in this workspace."""

    @property
    def curves(self) -> Curves:
        """Validation accuracy by epoch, of the run proper."""
        return curves_in(self.histories)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The comparisons that are told, for the figures."""
        return differences_in(self.judged)


def read_found(study: str, workspace: Workspace) -> StudyFound:
    """Everything about a study, by its id or name; raises NotFound.

    Validation images are compared with those trained on where that takes a second or two, or a result is too good.
    """
    with open_store(workspace) as store:
        found = found_in(store, study)
    suspicious = {key for caution in found.cautions if caution.kind == "too good" for key in caution.arms}
    thoroughly = {found.specs[key].data for key in suspicious}
    data = {key: spec.data for key, spec in found.specs.items()}
    compared = {each: _copies(each, workspace, each in thoroughly) for each in dict.fromkeys(data.values())}
    copied = {key: copies for key, each in data.items() if (copies := compared[each]) is not None}
    return replace(found, cautions=(*validation_in_training(found.results, copied), *found.cautions))


def _copies(data: DataSpec, workspace: Workspace, thoroughly: bool) -> Copies | None:
    """None where the images are no longer there, or there are too many of them to be compared without a reason."""
    try:
        found = load(data.source, workspace)
        if found.images.size > QUICK and not thoroughly:
            return None
        splits = found.divide(data.division)
    except FittingRoomError:
        return None
    return find_copies(found.images, found.hashes, splits.train, splits.validation)


def found_in(store: Store, study: str) -> StudyFound:
    """See ``read_found``."""
    record = store.studies.study(study)
    results = results_of(store, record.id)
    runs = _runs(results)
    fingerprints = list(dict.fromkeys(arm.fingerprint for arm in record.arms if arm.listed))
    histories, specs = histories_in(store, record.id), _specs(record)
    return StudyFound(
        results=results,
        judged=judge(results),
        cautions=cautions(results, histories, specs, tested=_tested(store, runs)),
        histories=histories,
        spec=spec_of_study(record),
        specs=specs,
        created=record.created,
        data=", ".join(store.data_set(each).name for each in fingerprints),
        machines=machines_of([store.run(run).plan for run in runs]),
        openings=sum(store.openings(each) for each in dict.fromkeys(map(content_of, fingerprints))),
    )


def cautions_in(store: Store, results: StudyResults) -> tuple[Caution, ...]:
    """What may be wrong with a study of which the results are at hand."""
    record = store.studies.study(results.study)
    histories, tested = histories_in(store, record.id), _tested(store, _runs(results))
    return cautions(results, histories, _specs(record), tested=tested)


def _specs(record: StudyRecord) -> dict[str, RunSpec]:
    """By the keys of the arms that the study's file has; those of others may be of a kind that is no longer read."""
    return {arm.key: from_plain(json.loads(arm.spec)) for arm in record.arms if arm.listed}


def _runs(results: StudyResults) -> list[str]:
    return [outcome.run for arm in results.arms for outcome in arm.outcomes if outcome.run is not None]


def _tested(store: Store, runs: Sequence[str]) -> set[str]:
    """Those whose score on a test set was looked at."""
    return {run for run in runs if store.test_results(run)}


def histories_in(store: Store, study: str) -> Histories:
    """The epochs of all its runs, by arm and seed."""
    found: dict[str, dict[int, Any]] = {}
    for curve in curves_of(store, study):
        found.setdefault(curve.arm, {})[curve.seed] = curve.epochs
    return found


def curves_in(histories: Histories) -> Curves:
    """What figures draw of them: validation accuracy, phases before the run proper left out."""
    return {
        arm: {
            seed: [(epoch.epoch, epoch.validation_accuracy) for epoch in epochs if epoch.phase is None]
            for seed, epochs in seeds.items()
        }
        for arm, seeds in histories.items()
    }


def differences_in(judged: Judgement) -> tuple[Difference, ...]:
    """The comparisons of a judgement that have a difference; with a control, all less that."""
    found = []
    for each in judged.comparisons:
        if each.difference is not None:
            low, high = each.adjusted_interval or (None, None)
            difference = Difference(each.a, each.b, each.difference, low, high, each.differs)
            found.append(difference.turned if each.a == judged.control else difference)
    return tuple(found)


def machines_of(plans: Sequence[Mapping[str, Any] | None]) -> tuple[Machine, ...]:
    """The different machines and plans, those of most runs first."""
    counted = Counter(
        (str(plan.get("processor", "")) or "unknown processor", _how(plan), _versions(plan)) for plan in plans if plan
    )
    return tuple(Machine(*told, runs) for told, runs in counted.most_common())


def _how(plan: Mapping[str, Any]) -> str:
    threads = plan.get("threads")
    told = [f"{threads} thread{'s' * (threads != 1)}" if threads else "", plan.get("precision"), plan.get("way")]
    device = plan.get("device", "cpu")
    return ", ".join(str(each) for each in (*([device] if device != "cpu" else []), *told) if each)


def _versions(plan: Mapping[str, Any]) -> str:
    versions = plan.get("versions") or {}
    return ", ".join(f"{name} {version}" for name, version in versions.items())
