"""All checks of a data set, one after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.check.balance import class_imbalance
from fittingroom.data.check.conflicts import label_conflicts
from fittingroom.data.check.emptiness import empty_images
from fittingroom.data.check.exact import exact_copies
from fittingroom.data.check.finding import KINDS, Finding, Report, in_order
from fittingroom.data.check.labels import ENOUGH, FEWEST, judged_images, suspicious_labels
from fittingroom.data.check.light import light_outliers
from fittingroom.data.check.looks import Progress, look
from fittingroom.data.check.near import find_alike, near_copies
from fittingroom.data.check.parts import Parts
from fittingroom.data.check.polarity import inverted_images
from fittingroom.data.dataset import Dataset
from fittingroom.data.splits import Indices, Splits
from fittingroom.errors import InvalidInput
from fittingroom.spec.division import USUAL

Predict = Callable[[Indices, NDArray[np.int64], Progress], NDArray[np.floating]]
"""Gives (n, classes): for each of some images the probabilities by a network that has not seen it; (N,): groups of
exact copies, which no network may see one of and be asked another."""
LABELS_SHARE = 0.8
"""Of the time of a check that networks take, about."""
SIZES = (
    "Sizes and proportions of the source files: a data set keeps its images as they were fitted; `data import` tells "
    "which sizes it found."
)
UNSEEN = "Labels by confident learning: not asked for."


def check(data: Dataset, predict: Predict | None = None, progress: Progress = lambda done: None) -> Report:
    """Everything that can be told of a data set; deterministic, in bounded memory.

    ``predict``: for the check of labels, which is left out without it. It is asked for training and validation images
    only, and labels of test images have no part in anything. ``progress`` is told the share done; what it raises ends
    the check.
    """
    cheap = 1.0 if predict is None else 1 - LABELS_SHARE
    report = _images(data, lambda done: progress(cheap * done))
    if predict is None:
        return report
    return with_labels(data, report, predict, lambda done: progress(cheap + LABELS_SHARE * done))


def with_labels(data: Dataset, report: Report, predict: Predict, progress: Progress = lambda done: None) -> Report:
    """A report of everything but the labels, and what ``predict`` says of them; as ``check`` with it."""
    parts = Parts.of(data, default_split(data))
    judged = judged_images(data, parts.labelled, parts.group)
    left_out = tuple(each for each in report.left_out if each != UNSEEN)
    if not len(judged):
        return replace(report, left_out=(*left_out, _too_few(parts)))
    found = suspicious_labels(data, judged, predict(judged, parts.group, progress))
    progress(1.0)
    findings = report.findings if found is None else in_order([*report.findings, found])
    return replace(report, findings=findings, checked=KINDS, left_out=left_out)


def _images(data: Dataset, progress: Progress) -> Report:
    """Everything but the labels."""
    parts = Parts.of(data, default_split(data))
    looks = look(data, lambda done: progress(0.1 * done))
    found = find_alike(data.images, parts, lambda done: progress(0.1 + 0.9 * done))
    findings: list[Finding | None] = [
        *exact_copies(parts),
        *near_copies(found, parts),
        label_conflicts(data, parts, found),
        *class_imbalance(data, parts.labelled),
        *empty_images(looks, parts),
        inverted_images(data, looks, parts),
        *light_outliers(data, looks, parts),
    ]
    progress(1.0)
    kept = in_order([finding for finding in findings if finding is not None])
    checked = tuple(kind for kind in KINDS if kind != "suspicious_labels")
    return Report(data.name, data.fingerprint, len(data), kept, checked, (SIZES, UNSEEN))


def default_split(data: Dataset) -> Splits | None:
    """As a run divides the data by default; None where there are too few images for that."""
    try:
        return data.divide(USUAL)
    except InvalidInput:
        return None


def _too_few(parts: Parts) -> str:
    different = len(np.unique(parts.group[parts.labelled]))
    return (
        f"Labels by confident learning: {len(parts.labelled):,} training and validation images, {different:,} of them "
        f"different, are too few for it; it needs {FEWEST} different ones, in two classes of at least {ENOUGH}."
    )
