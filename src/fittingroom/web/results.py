"""What the stored predictions of a run have to tell, as the view Results shows it.

Every figure comes from the predictions that were stored with the best epoch, so nothing is computed twice and no
weights are loaded. Images can be missing, because data sets are removed and changed: then there is a reason instead.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.dataset import Dataset
from fittingroom.errors import FittingRoomError, NotFound
from fittingroom.measure.evaluate import CalibrationBin, Evaluation, Interval, show_accuracy, wilson
from fittingroom.queue.stored import artifact_path, data_of, validation_of
from fittingroom.store import Opening, RunDetails, Store
from fittingroom.web.sheets import CELL, address_of_sheet, cell_height
from fittingroom.web.shelf import Shelf
from fittingroom.workspace import Workspace

LEVELS = 20
"""Steps of the colour map; results.css has a rule for each."""
COLUMNS = 10
"""Of a sheet; the page cuts it up again."""
LARGE_CELL = 2 * CELL
ENDED = {
    "finished": "finished", "failed": "failed", "stopped": "was stopped", "paused": "was paused",
    "interrupted": "was interrupted",
}  # fmt: skip
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Results:
    """A run's stored predictions, scored, with the images where they can be had."""

    run: RunDetails
    evaluation: Evaluation
    indices: Indices
    """(N,): position of each evaluated image in the data set."""
    data: Dataset | None
    no_images: str
    """Why the images cannot be shown; empty where they can."""

    @property
    def epoch(self) -> int | None:
        """The epoch whose weights made the predictions."""
        return self.run.artifacts["predictions"].epoch

    @property
    def names(self) -> tuple[str, ...]:
        return self.evaluation.class_names

    def cell_of(self, position: int) -> Selection:
        """Where in the confusion matrix an evaluated image is counted."""
        return Selection(int(self.evaluation.labels[position]), int(self.evaluation.predictions[position]))


class Selection(NamedTuple):
    """A cell of the confusion matrix, by class numbers."""

    true: int
    predicted: int

    @classmethod
    def read(cls, query: Mapping[str, str], results: Results) -> Selection:
        """From an address, ``?true=2&predicted=6``; raises NotFound."""
        classes = len(results.names)
        for text in (texts := [query.get(name, "") for name in cls._fields]):
            if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) < classes):
                raise NotFound(f'there is no class "{text[:60]}"; the classes are numbered 0 to {classes - 1}')
        return cls(*map(int, texts))


class Cell(NamedTuple):
    """A cell of the confusion matrix as it is shown."""

    images: int
    text: str
    level: int
    """Of the colour map, 0 to ``LEVELS``."""


class Tile(NamedTuple):
    """An image on a sheet, with what was said of it."""

    image: int
    """Position in the data set."""
    true: str
    predicted: str
    confidence: float
    row: int
    column: int


@dataclass(frozen=True)
class Sheet:
    """Several images as one file, and where each is in it."""

    address: str
    """Empty where there are no images."""
    width: int
    height: int
    """Of one image on the sheet, in pixels."""
    rows: int
    columns: int
    tiles: Sequence[Tile]


class Pair(NamedTuple):
    """Two classes that are taken for each other, the more frequent direction first."""

    one: int
    other: int
    there: int
    """Images of ``one`` that were taken for ``other``."""
    back: int


class Reliability(NamedTuple):
    """A bin of the reliability diagram."""

    bin: CalibrationBin
    interval: Interval | None
    """Of the accuracy; None where the bin is empty."""


class Probability(NamedTuple):
    """What the network gave to one class for one image."""

    name: str
    value: float
    is_true: bool
    is_predicted: bool


@dataclass(frozen=True)
class SealedTest:
    """The sealed test set of a run's data: how often it was opened, and what came out for this run."""

    images: int | None
    """None where it is not known any more."""
    openings: int
    results: Sequence[Opening]
    command: str

    @classmethod
    def of(cls, run: RunDetails, store: Store, workspace: Workspace) -> SealedTest:
        images = None
        with suppress(NotFound):
            images = store.data_set(run.fingerprint).counts.get("test")
        openings, results = store.openings(run.fingerprint), store.test_results(run.id)
        return cls(images, openings, results, opening_command(run.id, workspace))


def waiting_for(run: RunDetails) -> str:
    """Why a run has no results yet, and what to do; empty where it has some."""
    if "predictions" in run.artifacts:
        return ""
    if run.state == "queued":
        return "It waits for a worker. Results come with its first validated epoch."
    if run.state == "running":
        return "It is being trained. Results come with its first validated epoch."
    in_phase = any(kind.startswith("phase-") for kind in run.artifacts)
    where = "in a phase before the run proper" if in_phase else "before its first epoch was validated"
    because = f" {run.message.rstrip('.')}." if run.message else ""
    mend = "Restart" if run.state == "finished" else "Resume"
    return f"It {ENDED[run.state]} {where}.{because} {mend} it, and results come with the first validated epoch."


def read(run: RunDetails, workspace: Workspace, shelf: Shelf) -> Results:
    """The results of a run; raises InvalidInput or WorkspaceError where there are none, or not any more."""
    evaluation, indices = validation_of(run, workspace)
    data, no_images = _images_of(run, workspace, shelf)
    return Results(run, evaluation, indices, data, no_images)


def _images_of(run: RunDetails, workspace: Workspace, shelf: Shelf) -> tuple[Dataset | None, str]:
    """The data set of a run, or why its images cannot be shown."""
    try:
        return shelf.find(run.fingerprint), ""
    except NotFound as gone:
        try:
            data_of(run, workspace)
        except FittingRoomError as reason:
            return None, str(reason)
        return None, str(gone)


def headline(evaluation: Evaluation) -> tuple[str, str]:
    """The accuracy as a figure and what belongs beside it: ``91.6 %``, ``± 0.8 · validation, n = 5,000``."""
    told = evaluation.told
    return told.value, f"{told.margin} · {told.measured_on}"


def matrix(evaluation: Evaluation, *, rates: bool) -> list[list[Cell]]:
    """The confusion matrix as text and colour. Colours follow the square root, so that rare mistakes are seen too."""
    values = evaluation.shares if rates else evaluation.confusion / evaluation.confusion.max()
    levels = np.ceil(LEVELS * np.sqrt(values)).astype(int).tolist()
    show = _share if rates else _count
    shown = evaluation.shares if rates else evaluation.confusion
    return [
        [Cell(count, show(value) if count else "", level) for count, value, level in zip(*row, strict=True)]
        for row in zip(evaluation.confusion.tolist(), shown.tolist(), levels, strict=True)
    ]


def _count(value: float) -> str:
    return f"{value:,}"


def _share(value: float) -> str:
    """In whole percent; neither 0 nor 100 where it is not."""
    percent = 100 * value
    return "<1" if percent < 0.5 else ">99" if 99.5 <= percent < 100 else f"{percent:.0f}"


def in_cell(results: Results, cell: Selection) -> Indices:
    """Positions of a cell's images among the evaluated ones.

    Mistakes begin with the most confident one, right answers with the least confident one.
    """
    evaluation = results.evaluation
    positions = np.flatnonzero((evaluation.labels == cell.true) & (evaluation.predictions == cell.predicted))
    confidence = evaluation.confidence[positions]
    return positions[np.argsort(confidence if cell.true == cell.predicted else -confidence, kind="stable")]


def sheet(results: Results, positions: Sequence[int], width: int) -> Sheet:
    """A sheet of evaluated images, each ``width`` pixels wide."""
    tiles = [_tile(results, position, place) for place, position in enumerate(positions)]
    data = results.data
    if data is None or not tiles:
        return Sheet("", 0, 0, 0, 0, tiles)
    address = address_of_sheet(data, [tile.image for tile in tiles], COLUMNS, width)
    height, rows = cell_height(data.height, data.width, width), -(-len(tiles) // COLUMNS)
    return Sheet(address, width, height, rows, COLUMNS, tiles)


def _tile(results: Results, position: int, place: int) -> Tile:
    cell = results.cell_of(position)
    names = results.names[cell.true], results.names[cell.predicted]
    confidence = float(results.evaluation.confidence[position])
    return Tile(int(results.indices[position]), *names, confidence, *divmod(place, COLUMNS))


def confused_pairs(evaluation: Evaluation, most: int) -> list[Pair]:
    """The pairs of classes that are mixed up in most images, both directions counted."""
    counts = evaluation.confusion
    together = np.triu(counts + counts.T, 1)
    worst = np.argsort(-together, axis=None, kind="stable")[:most].tolist()
    places = [divmod(place, len(counts)) for place in worst if together.flat[place]]
    ordered = [place if counts[place] >= counts.T[place] else place[::-1] for place in places]
    return [Pair(one, other, int(counts[one, other]), int(counts[other, one])) for one, other in ordered]


def reliability(evaluation: Evaluation) -> list[Reliability]:
    """The bins of the reliability diagram, with what their number of images lets their accuracy mean."""
    return [Reliability(row, wilson(row.accuracy, row.n) if row.n else None) for row in evaluation.calibration]


def calibration_in_words(evaluation: Evaluation) -> str:
    """Whether the network is surer than it should be: mean confidence against the accuracy's interval."""
    confidence = float(evaluation.confidence.mean())
    told = f"Mean confidence is {100 * confidence:.1f} %, accuracy {100 * evaluation.accuracy:.1f} %: "
    if confidence > evaluation.interval.high:
        return told + "the network is surer than it should be."
    if confidence < evaluation.interval.low:
        return told + "the network is less sure than it could be."
    return told + "no difference beyond chance."


def position_of(index: int, results: Results) -> int:
    """Where an image of the data set is among the evaluated ones; raises NotFound."""
    found = np.flatnonzero(results.indices == index)
    if not len(found):
        raise NotFound(
            f"image {index} is none of the {results.evaluation.n:,} validation images of {results.run.id}; "
            "choose one from its results"
        )
    return int(found[0])


def probabilities(results: Results, position: int, workspace: Workspace) -> list[Probability]:
    """What the best weights gave to every class for an evaluated image, the most probable first."""
    with np.load(artifact_path(results.run, "predictions", workspace), allow_pickle=False) as stored:
        values_K = stored["probabilities"][position].astype(np.float64)
    true, predicted = results.cell_of(position)
    order = np.argsort(-values_K, kind="stable").tolist()
    return [Probability(results.names[k], float(values_K[k]), k == true, k == predicted) for k in order]


def opening_command(run: str, workspace: Workspace) -> str:
    """What opens the test set for a run, typed into a terminal."""
    elsewhere = ["--workspace", str(workspace.root)] if workspace != Workspace.find() else []
    return shlex.join(["fittingroom", "test", run, *elsewhere])


def test_score(opening: Opening) -> str:
    """``91.6 % ± 0.5 (test, n = 10,000)``"""
    return show_accuracy(opening.accuracy, opening.n, "test")
