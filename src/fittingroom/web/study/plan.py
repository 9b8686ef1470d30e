"""What a study comes to before it starts: its arms, how many runs, and what keeps it from starting."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from fittingroom.data.dataset import Dataset
from fittingroom.data.facts import facts_of
from fittingroom.data.sources import load
from fittingroom.data.stages import Split
from fittingroom.errors import FittingRoomError
from fittingroom.queue.study_search import searched_arms
from fittingroom.spec.arms import Arm, arm_of, arms, beyond_axes
from fittingroom.spec.data import DataSpec
from fittingroom.spec.faults import DataFacts, faults
from fittingroom.spec.mistakes import many
from fittingroom.spec.network import summarize
from fittingroom.spec.run import RunSpec
from fittingroom.spec.study import Range, StudySpec
from fittingroom.web.site import Site
from fittingroom.workspace import Workspace

MOST_TOLD = 6
Check = Callable[[Collection[RunSpec]], None]
"""Raises InvalidInput for files that a browser may not name."""


@dataclass(frozen=True)
class PlannedArm:
    """One arm before it is trained."""

    arm: Arm
    parameters: int | None


@dataclass(frozen=True)
class Plan:
    """What a study comes to."""

    study: StudySpec
    arms: Sequence[PlannedArm]
    """All of them; of a search by tpe, those that it begins with."""
    problems: Sequence[str] = ()
    """What is wrong on the data of the arms."""
    beyond: Sequence[str] = ()
    """In what the arms differ beside the axes."""

    @property
    def chosen_later(self) -> bool:
        """Whether most of its arms are chosen by what those before came to."""
        return self.study.chooses_by_results

    @property
    def ends_early(self) -> bool:
        """Whether runs may be ended before their last epoch by what others came to."""
        return self.study.search is not None and self.study.search.prune

    @property
    def count(self) -> int:
        """Of all arms, at most."""
        if self.study.search is None or not self.chosen_later:
            return len(self.arms)
        axes = list(self.study.vary.values())
        every = math.inf if any(isinstance(axis, Range) for axis in axes) else math.prod(map(len, axes))
        return int(min(self.study.search.trials, every))

    @property
    def runs(self) -> int:
        return self.count * self.study.seeds

    @property
    def total(self) -> str:
        """``3 arms × 2 seeds = 6 runs``."""
        arms = f"{self.count} trials" if self.chosen_later else many(self.count, "arm")
        most = " at most" if self.chosen_later else ""
        return f"{arms} × {many(self.study.seeds, 'seed')} = {many(self.runs, 'run')}{most}"

    @property
    def drawn_twice(self) -> int:
        """How many combinations a search has drawn that it had drawn before."""
        if self.study.search is None or self.chosen_later:
            return 0
        return self.study.search.trials * max(len(self.study.arms), 1) - len(self.arms)


def plan_of(study: StudySpec, site: Site, check: Check, split: Split = Dataset.divide) -> Plan:
    """Find the arms and open their data; raises InvalidSpec with the faults of every arm, and what ``check`` raises."""
    found = searched_arms(study, None, site.store) if study.chooses_by_results else arms(study)
    bases = [study.base, *(arm.base for arm in study.arms if arm.base)]
    check([*bases, *(arm.spec for arm in [*found, *_later(study)])])
    planned, problems = _on_their_data(found, site.workspace, split)
    return Plan(study, planned, problems, beyond_axes(study, found))


def _later(study: StudySpec) -> Sequence[Arm]:
    """An arm for each single value that a search may come to."""
    axes = study.vary.items() if study.chooses_by_results else ()
    return [arm_of(study, {path: value}) for path, axis in axes if not isinstance(axis, Range) for value in axis]


def _on_their_data(found: Sequence[Arm], workspace: Workspace, split: Split) -> tuple[list[PlannedArm], list[str]]:
    """The arms with their parameters, and what is wrong with each on its data."""
    known: dict[DataSpec, DataFacts] = {}
    planned, problems = [], []
    for arm in found:
        data = arm.spec.data
        try:
            if data not in known:
                known[data] = _facts(data, workspace, split)
        except FittingRoomError as error:
            return [PlannedArm(each, None) for each in found], [str(error)]
        facts = known[data]
        summary = summarize(arm.spec.network, facts.shape, facts.classes, arm.spec.train.freeze_up_to)
        wrong = faults(arm.spec, facts)
        planned.append(PlannedArm(arm, None if summary.faults else summary.parameters))
        problems += [f"{arm.name}: {fault.message}; {fault.fix}" for fault in wrong]
    return planned, list(dict.fromkeys(problems))[:MOST_TOLD]


def _facts(data: DataSpec, workspace: Workspace, split: Split) -> DataFacts:
    opened = load(data.source, workspace)
    return facts_of(opened, split(opened, data.division))
