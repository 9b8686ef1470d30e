"""What a spec or a data set is, before anything is trained, without loading torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fittingroom.data.cleaning import Exclusion, exclusions
from fittingroom.data.dataset import Dataset, Statistics
from fittingroom.data.sources import load
from fittingroom.data.splits import Splits
from fittingroom.data.stages import read_stages, told_of
from fittingroom.errors import Fault, InvalidSpec
from fittingroom.queue.stored import open_store
from fittingroom.spec.division import USUAL
from fittingroom.spec.faults import notes
from fittingroom.spec.network import NetworkSummary, summarize
from fittingroom.spec.run import load_run_spec
from fittingroom.workspace import Workspace


@dataclass(frozen=True)
class DescribedNetwork:
    """A spec's network on its data: every layer as far as shapes can be computed, and every fault of the spec."""

    summary: NetworkSummary
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]


def describe(source: str, settings: Sequence[str], workspace: Workspace) -> DescribedNetwork:
    """Read a spec file or preset and describe its network; mistakes in the file are faults too."""
    try:
        spec = load_run_spec(source, overrides=settings)
    except InvalidSpec as error:
        return DescribedNetwork(NetworkSummary((), ()), error.faults, ())
    stages = read_stages(spec, workspace)
    last = stages[-1]
    summary = summarize(spec.network, last.facts.shape, last.facts.classes, spec.train.freeze_up_to)
    found = [fault for stage in stages for fault in stage.faults]
    return DescribedNetwork(summary, tuple(found), tuple(notes(spec, last.facts, follows=bool(spec.phases))))


@dataclass(frozen=True, eq=False)
class DescribedData:
    """A data set, split as a run with default settings would split it."""

    data: Dataset
    splits: Splits
    statistics: Statistics
    """Of the training images."""
    openings: int
    """How often its test set has been opened in this workspace."""
    exclusions: tuple[Exclusion, ...] = ()
    """What was taken out of it, by the steps that did it, oldest first."""

    @property
    def notes(self) -> list[str]:
        """What people should know of its parts, as sentences."""
        return told_of(self.data, self.splits)


def describe_data(source: str, workspace: Workspace) -> DescribedData:
    """Open a data set and say what is in it."""
    data = load(source, workspace)
    splits = data.divide(USUAL)
    openings = 0
    if workspace.database.exists():
        with open_store(workspace) as store:
            openings = store.openings(data.fingerprint)
    out = tuple(exclusions(data.content, workspace))
    return DescribedData(data, splits, data.statistics(splits.train), openings, out)
