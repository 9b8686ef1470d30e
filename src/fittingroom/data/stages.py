"""The trainings that a run consists of, each with its data read, split and checked: phases, then the run proper."""

from __future__ import annotations

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
    def faults(self) -> list[Fault]:
        """Everything that is wrong with it, told by paths in the run's spec."""
        return [fault._replace(path=self.where + fault.path) for fault in faults(self.spec, self.facts)]


def read_stages(spec: RunSpec, workspace: Workspace) -> tuple[Stage, ...]:
    """Read and split the data of every training, unchecked; sources are found again from anywhere."""
    return tuple(_read(own, index, spec, workspace) for index, own in enumerate(spec.stages))


def _read(own: RunSpec, index: int, spec: RunSpec, workspace: Workspace) -> Stage:
    data = load(own.data.source, workspace)
    own = replace(own, data=replace(own.data, source=data.source))
    splits = data.split(own.data.validation, own.data.split_seed)
    facts = facts_of(data, splits)
    if index == len(spec.phases):
        return Stage(own, data, splits, facts)
    return Stage(own, data, splits, facts, spec.phases[index].name, f"phases[{index}].")


def open_stages(spec: RunSpec, workspace: Workspace) -> tuple[RunSpec, tuple[Stage, ...]]:
    """The run's trainings, and its spec with the sources of data as they are found again from anywhere.

    Raises InvalidSpec with every fault.
    """
    stages = read_stages(spec, workspace)
    if problems := [fault for stage in stages for fault in stage.faults]:
        raise InvalidSpec(problems, title=f'"{spec.name}" cannot be trained on {stages[-1].data.name}')
    phases = tuple(
        replace(phase, data=stage.spec.data if phase.data else None)
        for phase, stage in zip(spec.phases, stages, strict=False)
    )
    return replace(spec, data=stages[-1].spec.data, phases=phases), stages
