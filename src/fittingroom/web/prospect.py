"""What a draft comes to: the run that it would be, what each of its epochs sees, and what keeps it from starting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from fittingroom.data.sources import load
from fittingroom.data.stages import Stage, read_stages
from fittingroom.errors import Fault, FittingRoomError
from fittingroom.queue.beginning import Beginning, beginning_of
from fittingroom.queue.origin import locate
from fittingroom.spec.faults import notes
from fittingroom.spec.run import RunSpec
from fittingroom.spec.train import batches
from fittingroom.spec.transfer import Transfer
from fittingroom.store import RunSummary
from fittingroom.web.drafts import Draft
from fittingroom.web.mends import Mend, mends_of
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import Site


@dataclass(frozen=True)
class Epochs:
    """What the epochs of one training see."""

    stage: Stage

    @property
    def steps(self) -> int:
        return len(batches(self.stage.facts.training_images, self.stage.spec.train.batch_size))

    @property
    def last(self) -> int:
        """Images of the last step, where they are fewer than a batch; 0 where it is whole."""
        images, size = self.stage.facts.training_images, self.stage.spec.train.batch_size
        rest = images % size
        return 0 if rest == 1 < images else min(rest, images)

    @property
    def left_out(self) -> int:
        """Images of each epoch that no step sees."""
        images, size = self.stage.facts.training_images, self.stage.spec.train.batch_size
        return int(images > 1 and images % size == 1)

    @property
    def images(self) -> int:
        return self.stage.facts.training_images - self.left_out


@dataclass(frozen=True)
class Prospect:
    """What a draft comes to."""

    spec: RunSpec | None
    stages: tuple[Stage, ...] = ()
    """Phases first; none where the data cannot be read."""
    faults: Sequence[Fault] = ()
    notes: Sequence[str] = ()
    mends: Sequence[Mend] = ()
    """What can be done about the faults at one click."""
    transfer: Transfer | None = None
    """What the layers of the run proper begin with; None where their shapes are not known."""
    before: RunSummary | None = None
    """The newest run of the very same spec: how long it took is a good guess."""

    @property
    def epochs(self) -> list[Epochs]:
        return [Epochs(stage) for stage in self.stages]

    @property
    def ready(self) -> bool:
        return self.spec is not None and not self.faults


def prospect(draft: Draft, site: Site, shelf: Shelf) -> Prospect:
    """Read a draft with its data; reads files."""
    spec, mistakes = draft.read()
    if spec is None:
        return Prospect(None, faults=mistakes)
    try:
        stages = read_stages(spec, site.workspace, shelf.split)
    except FittingRoomError as error:
        fault = Fault("data", str(error), "")
        return Prospect(spec, faults=[fault], mends=list(_of_split(spec, site)))
    faults = [fault for stage in stages for fault in stage.faults]
    beginning: Beginning | None = None
    if not any(stage.summary.faults for stage in stages):
        try:
            origin = locate(spec.start, site.workspace) if spec.start else None
            beginning = beginning_of(stages, origin, site.workspace)
            faults += beginning.faults
        except FittingRoomError as error:
            faults.append(Fault("start", str(error), ""))
    same = replace(spec, data=stages[-1].spec.data)  # as the store knows it, its source found again from anywhere
    return Prospect(
        spec, stages, faults, list(_notes(stages, beginning)), list(mends_of(spec, stages, beginning, faults)),
        beginning.transfers[-1] if beginning else None,
        alike(same, site) if not faults else None,
    )  # fmt: skip


def _notes(stages: Sequence[Stage], beginning: Beginning | None) -> Iterator[str]:
    found: list[str] = []
    for number, stage in enumerate(stages):
        transfer = beginning.transfers[number].notes if beginning else []
        about = [*notes(stage.spec, stage.facts, follows=number > 0), *transfer, *stage.notes]
        found += [f"{stage.phase}: {note}" for note in about] if stage.phase else about
    yield from dict.fromkeys([*(beginning.cautions if beginning else ()), *found])


def _of_split(spec: RunSpec, site: Site) -> Iterator[Mend]:
    """Where the data can be read after all, it is its split that does not fit."""
    with suppress(FittingRoomError):
        load(spec.data.source, site.workspace)
        yield Mend("Hold out 10 %", (("data.validation", "0.1"),))


def alike(spec: RunSpec, site: Site) -> RunSummary | None:
    """The newest finished run of the same spec, whatever its name."""
    return next(
        (run for run in site.store.runs(50) if run.spec_id == spec.content_id and run.state == "finished"), None
    )
