"""How many images the classes have, and what that does to the accuracy."""

from __future__ import annotations

import numpy as np

from fittingroom.data.check.finding import Finding, Severity
from fittingroom.data.dataset import Dataset
from fittingroom.data.splits import Indices

UNEQUAL, UNBALANCED, SEVERE = 1.5, 3.0, 10.0
"""Times as many images in the largest class as in the smallest, from which on that is told, worth a look, severe."""
FEW, VERY_FEW = 50, 10
"""Images below which a class is small, and below which that is severe."""


def class_imbalance(data: Dataset, chosen: Indices) -> list[Finding]:
    """Of the classes of the ``chosen`` images: sizes that differ, and classes that are small."""
    found = (_unequal(data, chosen), _small(data, chosen))
    return [finding for finding in found if finding is not None]


def _unequal(data: Dataset, chosen: Indices) -> Finding | None:
    counts = data.counts(chosen)
    largest, smallest = int(counts.argmax()), int(counts.argmin())
    most, least = int(counts[largest]), int(counts[smallest])
    if most < UNEQUAL * max(least, 1):
        return None
    times = most / max(least, 1)
    severity: Severity = (
        "severe" if times >= SEVERE else "worth a look" if times >= UNBALANCED else "for information"
    )  # fmt: skip
    rare = np.flatnonzero(counts * UNEQUAL <= most)
    return Finding(
        "class_imbalance",
        severity,
        len(rare),
        len(counts),
        np.empty(0, np.int64),
        f'class "{data.class_names[largest]}" has {most:,} training and validation images, '
        f'"{data.class_names[smallest]}" has {least:,}: {times:.1f} times as many. Whoever always answers '
        f'"{data.class_names[largest]}" is right for {100 * most / len(chosen):.1f} %, and a network that never '
        f'answers "{data.class_names[smallest]}" loses only {100 * least / len(chosen):.2g} points of accuracy.',
        'look at the accuracy of each class, not only at that of all; train with class_weights = "balanced", or add '
        "images of the rare classes",
    )


def _small(data: Dataset, chosen: Indices) -> Finding | None:
    counts = data.counts(chosen)
    small = np.flatnonzero(counts < FEW)
    if not len(small):
        return None
    fewest = small[np.argsort(counts[small], kind="stable")][:5]
    named = ", ".join(f"{data.class_names[label]} ({counts[label]:,})" for label in fewest)
    more = f" and {len(small) - 5:,} more" if len(small) > 5 else ""
    return Finding(
        "small_classes",
        "severe" if (counts < VERY_FEW).any() else "worth a look",
        len(small),
        len(counts),
        np.empty(0, np.int64),
        f"{len(small):,} of {len(counts):,} classes have fewer than {FEW} training and validation images: "
        f"{named}{more}. Of so few, one image more or less that is right moves the accuracy of the class by points.",
        "add images of these classes, or join or leave out classes",
    )
