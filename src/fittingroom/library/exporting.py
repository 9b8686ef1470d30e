"""Data sets for other programs: as they are, divided as a run would divide them, or with augmentation done."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fittingroom.data import exporting
from fittingroom.data.dataset import Dataset
from fittingroom.data.exporting import KINDS, Kind, Part, official_parts, part_of
from fittingroom.data.sources import load
from fittingroom.errors import InvalidInput, did_you_mean
from fittingroom.spec.division import USUAL
from fittingroom.spec.run import RunSpec, load_run_spec
from fittingroom.workspace import Workspace

Told = Callable[[int, int], object]
MOST_COPIES = 100


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    images: dict[str, int]
    """Of each part."""
    notes: tuple[str, ...]
    """What people should know of it, in sentences."""


def export_data(
    source: Dataset | str | os.PathLike[str],
    to: str = "npz",
    out: str | os.PathLike[str] | None = None,
    *,
    divided: bool = False,
    augment: RunSpec | str | os.PathLike[str] | None = None,
    copies: int = 1,
    workspace: str | os.PathLike[str] | None = None,
    told: Told = lambda done, total: None,
) -> Exported:
    """Write a data set as one ``npz`` file (with Keras' names of arrays) or as a ``folder`` of PNG files per class.

    ``out``: the file or folder; NAME.npz or NAME in the current folder unless given. Parts are those that the data came
    with; with ``divided``, those of a run with default settings: training, validation and test. ``augment``: a spec
    whose augmentation the training images get, ``copies`` variations of each in place of the image itself, divided as
    that spec says, so that no variation of an image is in another part than the image. ``told`` is called with the
    number of images written, and of all; what it raises ends the export, and nothing is left of it. Raises
    InvalidInput (also where ``out`` exists), InvalidData and WorkspaceError.
    """
    kind = _kind(to)
    data = source if isinstance(source, Dataset) else load(source, Workspace.find(workspace))
    if not 1 <= copies <= MOST_COPIES or (copies > 1 and augment is None):
        raise InvalidInput(f"copies = {copies} is not possible; give 1 to {MOST_COPIES}, together with --augment")
    spec = _spec(augment)
    parts, notes = _parts(data, spec, copies, divided=divided)
    if out is None:
        (name,), _ = exporting.class_folders([data.name])  # arrays may be called whatever their giver likes
        out = f"{name}.npz" if kind == "npz" else name
    place = Path(os.path.expanduser(out)).absolute()
    path, names = exporting.export(data, parts, kind, place, told)
    return Exported(path, {part.name: len(part.labels) for part in parts}, (*notes, *names))


def _kind(to: str) -> Kind:
    found = next((kind for kind in KINDS if kind == to), None)
    if found is None:
        raise InvalidInput(f'"{to}" is no form of export; {did_you_mean(to, KINDS)}')
    return found


def _spec(augment: RunSpec | str | os.PathLike[str] | None) -> RunSpec | None:
    if augment is None:
        return None
    spec = augment if isinstance(augment, RunSpec) else load_run_spec(os.fspath(augment))
    if not spec.augment:
        raise InvalidInput(f'"{spec.name}" has no augmentation; add [[augment]] to it, or export without --augment')
    return spec


def _parts(data: Dataset, spec: RunSpec | None, copies: int, *, divided: bool) -> tuple[tuple[Part, ...], list[str]]:
    if spec is None and not divided:
        told = [] if data.has_test else ["This data has no test part of its own; all images are in the training part."]
        if len(data.excluded):
            told.append(f"{len(data.excluded):,} images that were taken out of this data are not exported.")
        return official_parts(data), told
    division = USUAL if spec is None else spec.data.division
    splits = data.divide(division)
    training = part_of(data, "train", splits.train)
    notes = [f"Divided with {str(division).replace('data.', '')}.", *splits.told]
    if spec is not None:
        from fittingroom.engine.materialize import varied  # loads torch, which nothing else here needs

        training = Part(
            "train", np.tile(data.labels[splits.train], copies), lambda: varied(data, splits.train, spec, copies)
        )
        kinds = ", ".join(operation.kind for operation in spec.augment)
        notes.append(f'Training images were varied by "{spec.name}" ({kinds}), {copies} of each, seed {spec.seed}.')
    return (training, part_of(data, "validation", splits.validation), part_of(data, "test", splits.test)), notes
