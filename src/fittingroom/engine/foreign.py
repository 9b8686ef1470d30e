"""Whether files of a run that come from a stranger are what they should be, before anything relies on them.

Nothing is executed: safetensors are read by their own reader, arrays without pickle. Sizes are checked before memory
is taken for what they describe.
"""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.lib import format as npy
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from fittingroom.engine import checkpoint, classifier, tensorfile
from fittingroom.engine.classifier import Classifier, Preprocessing
from fittingroom.errors import FittingRoomError, InvalidInput
from fittingroom.measure.evaluate import evaluate
from fittingroom.spec.division import HeldOut
from fittingroom.spec.mistakes import ONE_LINE
from fittingroom.spec.network import Network, summarize
from fittingroom.spec.record import validated
from fittingroom.spec.train import Monitor

LARGEST_IMAGE = 4096
"""Pixels, height or width."""
MOST_CLASSES = 4096
LARGEST_PREDICTIONS = 2**29
"""Bytes, unpacked: 130,000 images of 1,000 classes."""
PREDICTIONS = {"class_names": ("U", 1), "indices": ("i", 1), "labels": ("i", 1), "probabilities": ("f", 2)}
"""Kind of values and number of axes of each array."""
STUMBLES = (
    FittingRoomError,
    tensorfile.Unreadable,
    zipfile.BadZipFile,
    zlib.error,
    *(ArithmeticError, AttributeError, EOFError, LookupError, MemoryError),
    *(OSError, RuntimeError, TypeError, ValueError),
)
"""What readers raise for content that is not what they expect."""

Count = Annotated[int, Field(ge=0, lt=2**53)]


class Entry(BaseModel):
    """A part of a checkpoint's description."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Sums(Entry):
    images: Count
    seconds: float
    loss: float
    correct: float


class Best(Entry):
    monitor: Monitor
    min_delta: float
    epoch: Count
    value: float


class Waiting(Entry):
    waited: Count
    best: Best


class Spent(Entry):
    spent: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    closing: float
    closed: bool
    ended: bool = False


class TrainedOn(Entry):
    source: Annotated[str, Field(pattern=ONE_LINE)]
    fingerprint: str
    validation: HeldOut
    split_seed: int
    folds: int | None = None
    fold: int | None = None


class Position(Entry):
    """All that is read from a checkpoint's description; later versions may write more."""

    model_config = ConfigDict(strict=True, extra="ignore")

    epoch: Count
    step: Count
    sums: Sums
    best: Best
    early_stopping: Waiting | None
    stage: Count = 0
    first_epoch: Count = 0
    budget: Spent | None = None
    class_names: list[Annotated[str, Field(pattern=ONE_LINE)]] = []
    trained_on: list[TrainedOn] = []


def check_file(kind: str, path: Path) -> None:
    """Raise InvalidInput unless the file holds what a run's artifact of this kind holds."""
    try:
        if kind == "predictions":
            _check_predictions(path)
        else:
            _check_tensors(kind, path)
    except STUMBLES as error:
        why = re.sub(r"[\x00-\x20\x7f-\x9f]+", " ", str(error))[:500]  # it may quote the file
        raise InvalidInput(
            f"{path.name} in the archive is not what a run writes ({why}); ask for a new export of the run"
        ) from None


def _check_predictions(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if sorted(entries) != sorted(PREDICTIONS) or len(archive.infolist()) != len(PREDICTIONS):
            raise ValueError(f"it should hold the arrays {', '.join(PREDICTIONS)}, each once")
        if sum(info.file_size for info in entries.values()) > LARGEST_PREDICTIONS:
            raise ValueError(f"its arrays should take at most {LARGEST_PREDICTIONS:,} bytes")
        for name, (kind, axes) in PREDICTIONS.items():
            _check_header(archive, entries[name], kind, axes)
    with np.load(path, allow_pickle=False) as stored:
        names = stored["class_names"].tolist()
        _check_class_names(names)
        if stored["indices"].shape != stored["labels"].shape or stored["indices"].min(initial=0) < 0:
            raise ValueError("indices should be positions, one for each label")
        evaluate(stored["labels"], stored["probabilities"], names, "validation")


def _check_header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, kind: str, axes: int) -> None:
    """Refuse an array that is not of this kind, or larger than the file says."""
    with archive.open(info) as file:
        if npy.read_magic(file) != (1, 0):
            raise ValueError(f"{info.filename} should be an array of format 1.0")
        shape, _, dtype = npy.read_array_header_1_0(file)
        if dtype.kind != kind or len(shape) != axes:
            raise ValueError(f"{info.filename} should not be {dtype} with {len(shape)} axes")
        if file.tell() + math.prod(shape) * dtype.itemsize != info.file_size:
            raise ValueError(f"{info.filename} should not have {info.file_size:,} bytes")


def _check_class_names(names: Sequence[str]) -> None:
    if not 1 <= len(names) <= MOST_CLASSES:
        raise ValueError(f"it should have 1 to {MOST_CLASSES:,} classes, not {len(names):,}")
    for name in names:
        if not re.fullmatch(ONE_LINE, name) or len(name.encode()) > 1000:
            raise ValueError("class names should be one line of text each")


def _check_tensors(kind: str, path: Path) -> None:
    tensors, described = tensorfile.read_any(path)
    forms = {"best": [classifier.FORMAT], "last": [checkpoint.FORMAT]}
    expected = forms.get(kind, [classifier.FORMAT, checkpoint.FORMAT])
    if len(described) != 1 or not described.keys() <= set(expected):
        raise ValueError(f"it should be of the form {' or '.join(expected)}")
    (form, description) = next(iter(described.items()))
    if form == classifier.FORMAT:
        _check_classifier(path, tensors, description)
    else:
        _check_checkpoint(tensors, description)


def _check_classifier(path: Path, weights: Mapping[str, Tensor], described: Mapping[str, Any]) -> None:
    """Compare what it describes with the weights that are there, before a network of that size is built."""
    preprocessing = validated(Preprocessing, described["preprocessing"], "its preprocessing")
    layers = validated(Network, {"layers": described["network"]}, "its network").layers
    channels, *size = preprocessing.shape
    _check_class_names(preprocessing.class_names)
    if max(size) > LARGEST_IMAGE or {len(preprocessing.mean), len(preprocessing.spread)} != {channels}:
        raise ValueError(f"images of shape {preprocessing.shape} cannot be prepared so")
    summary = summarize(layers, preprocessing.shape, len(preprocessing.class_names))
    if summary.parameters != sum(tensor.numel() for tensor in weights.values()):
        raise ValueError(f"the network it describes has {summary.parameters:,} parameters, its weights are others")
    for each in described.get("trained_on", []):
        TrainedOn.model_validate(each)
    Classifier.load(path)


def _check_checkpoint(tensors: Mapping[str, Tensor], described: object) -> None:
    Position.model_validate(described)
    shapes = {tensor.shape for tensor in checkpoint.under("network/", tensors).values()}
    for name, tensor in checkpoint.under("optimizer/", tensors).items():
        fits = tensor.numel() == 1 if name.endswith("/step") else tensor.shape in shapes
        if not re.fullmatch(r"[0-9]{1,6}/[a-z_]+", name) or not fits:
            raise ValueError(f"the optimizer's state {name!r} belongs to no weight")
    for name in (checkpoint.TRACE, checkpoint.FOLLOW):
        trace = tensors.get(name, torch.zeros(0, dtype=torch.float64))
        if trace.dtype != torch.float64 or trace.ndim != 1 or not bool(((trace >= 0) & (trace <= 1)).all()):
            raise ValueError("the trace of its budget should be shares from 0 to 1")
