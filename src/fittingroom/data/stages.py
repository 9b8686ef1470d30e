"""The trainings that a run consists of, each with its data read, split and checked: phases, then the run proper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fittingroom.data.dataset import Dataset
from fittingroom.data.facts import facts_of
from fittingroom.data.fingerprints import content_of
from fittingroom.data.sources import load, load_as
from fittingroom.data.splits import Splits
from fittingroom.errors import Fault, InvalidSpec
from fittingroom.spec.data import DataSpec
from fittingroom.spec.division import GIVEN, Division
from fittingroom.spec.faults import DataFacts, faults
from fittingroom.spec.network import NetworkSummary, summarize
from fittingroom.spec.run import RunSpec
from fittingroom.workspace import Workspace

Split = Callable[[Dataset, Division], Splits]
"""A data set, divided as a spec says."""


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
        data, splits = self.data, self.splits
        found = told_of(data, splits)
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


def told_of(data: Dataset, splits: Splits) -> list[str]:
    """What people should know of how a data set is divided, as sentences."""
    found = splits.told
    if data.groups is not None:
        parts = (splits.train, splits.validation, splits.test)
        train, validation, test = (len(np.unique(data.groups[part])) for part in parts)
        found.append(f"No group of images is divided: {train:,} groups train, {validation:,} validate, {test:,} test.")
    return found


def read_stages(
    spec: RunSpec, workspace: Workspace, split: Split = Dataset.divide, as_of: str = ""
) -> tuple[Stage, ...]:
    """Read and split the data of every training, unchecked; sources are found again from anywhere.

    ``split``: how, for those who remember splits. ``as_of``: the fingerprint of the data that a run had which goes on
    or is repeated; what was excluded then is excluded, and nothing else.
    """
    return tuple(_read(own, index, spec, workspace, split, as_of) for index, own in enumerate(spec.stages))


def _read(own: RunSpec, index: int, spec: RunSpec, workspace: Workspace, split: Split, as_of: str) -> Stage:
    data = load(own.data.source, workspace)
    if as_of and data.content == content_of(as_of):
        data = load_as(own.data.source, as_of, workspace)
    own = replace(own, data=replace(own.data, source=data.source))
    where = "" if index == len(spec.phases) else f"phases[{index}]."
    if problems := _problems_of_division(own.data, data):
        told = [fault._replace(path=f"{where}data.{fault.path}") for fault in problems]
        raise InvalidSpec(told, title=f'"{spec.name}" cannot be trained on {data.name}')
    splits = split(data, own.data.division)
    facts = facts_of(data, splits)
    return Stage(own, data, splits, facts, spec.phases[index].name if where else None, where)


def _problems_of_division(spec: DataSpec, data: Dataset) -> list[Fault]:
    """What is wrong with the settings that divide the data, by their names; amounts are refused by the split itself."""
    found = list(spec.faults)
    if spec.validation == GIVEN and spec.folds is None and data.own_validation is None:
        fix = "give a number of images or a share, or import the data with a folder named validation"
        found.append(Fault("validation", f'is "{GIVEN}", but {data.name} names no images for validation', fix))
    return found


def open_stages(
    spec: RunSpec, workspace: Workspace, split: Split = Dataset.divide, as_of: str = ""
) -> tuple[RunSpec, tuple[Stage, ...]]:
    """The run's trainings, and its spec with the sources of data as they are found again from anywhere.

    ``as_of`` as in ``read_stages``. Raises InvalidSpec with every fault.
    """
    stages = read_stages(spec, workspace, split, as_of)
    if problems := [fault for stage in stages for fault in stage.faults]:
        raise InvalidSpec(problems, title=f'"{spec.name}" cannot be trained on {stages[-1].data.name}')
    phases = tuple(
        replace(phase, data=stage.spec.data if phase.data else None)
        for phase, stage in zip(spec.phases, stages, strict=False)
    )
    return replace(spec, data=stages[-1].spec.data, phases=phases), stages
