"""The trainings that a run consists of, each with its data read, split and checked: phases, then the run proper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from fittingroom.data.dataset import Dataset
from fittingroom.data.facts import facts_of
from fittingroom.data.sources import load
from fittingroom.data.splits import Splits
from fittingroom.errors import Fault, InvalidSpec
from fittingroom.spec.faults import DataFacts, faults
from fittingroom.spec.network import NetworkSummary, summarize
from fittingroom.spec.run import RunSpec
from fittingroom.workspace import Workspace

Split = Callable[[Dataset, int | float, int], Splits]
"""A data set, divided by ``validation`` and ``split_seed``."""


@dataclass(frozen=True, eq=False)
class Stage:
    """One of the trainings that a run consists of."""

    spec: RunSpec
    """Of this training alone, as if it were a run."""
    data: Dataset
    splits: Splits
    facts: DataFacts
    phase: str | None = None
    """Its name; None for the run proper."""
    where: str = ""
    """What the paths of its settings begin with in the run's spec."""

    @cached_property
    def summary(self) -> NetworkSummary:
        """Its network on its data: shapes and counts at every edge."""
        return summarize(self.spec.network, self.facts.shape, self.facts.classes, self.spec.train.freeze_up_to)

    @property
    def notes(self) -> list[str]:
        """What people should know of its images before it starts, as sentences."""
        data, splits, found = self.data, self.splits, []
        if splits.dropped:
            found.append(
                f"{splits.dropped:,} training images are left out, because the test set holds exact copies of them."
            )
        counts = data.counts(splits.validation)
        if absent := [name for name, count in zip(data.class_names, counts, strict=True) if not count]:
            found.append(f"No validation image is of class {', '.join(absent)}: the accuracy will tell nothing of it.")
        if not data.has_test:
            found.append(
                f"This data has no test part of its own, so {len(splits.test):,} images are cut off and sealed by "
                f"split_seed = {self.spec.data.split_seed}; with another split_seed some of them would be trained on."
            )
        return found

    @property
    def faults(self) -> list[Fault]:
        """Everything that is wrong with it, told by paths in the run's spec."""
        return [fault._replace(path=self.where + fault.path) for fault in faults(self.spec, self.facts)]


def read_stages(spec: RunSpec, workspace: Workspace, split: Split = Dataset.split) -> tuple[Stage, ...]:
    """Read and split the data of every training, unchecked; sources are found again from anywhere.

    ``split``: how, for those who remember splits.
    """
    return tuple(_read(own, index, spec, workspace, split) for index, own in enumerate(spec.stages))


def _read(own: RunSpec, index: int, spec: RunSpec, workspace: Workspace, split: Split) -> Stage:
    data = load(own.data.source, workspace)
    own = replace(own, data=replace(own.data, source=data.source))
    splits = split(data, own.data.validation, own.data.split_seed)
    facts = facts_of(data, splits)
    if index == len(spec.phases):
        return Stage(own, data, splits, facts)
    return Stage(own, data, splits, facts, spec.phases[index].name, f"phases[{index}].")


def open_stages(spec: RunSpec, workspace: Workspace, split: Split = Dataset.split) -> tuple[RunSpec, tuple[Stage, ...]]:
    """The run's trainings, and its spec with the sources of data as they are found again from anywhere.

    Raises InvalidSpec with every fault.
    """
    stages = read_stages(spec, workspace, split)
    if problems := [fault for stage in stages for fault in stage.faults]:
        raise InvalidSpec(problems, title=f'"{spec.name}" cannot be trained on {stages[-1].data.name}')
    phases = tuple(
        replace(phase, data=stage.spec.data if phase.data else None)
        for phase, stage in zip(spec.phases, stages, strict=False)
    )
    return replace(spec, data=stages[-1].spec.data, phases=phases), stages
