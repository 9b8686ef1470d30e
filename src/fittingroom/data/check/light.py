"""Images that are far darker, brighter, flatter or harder than the others of their class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.check.finding import Finding, Kind, share
from fittingroom.data.check.looks import CONSTANT, Looks
from fittingroom.data.check.parts import Parts
from fittingroom.data.dataset import Dataset
from fittingroom.data.splits import Indices

FENCE = 3.0
"""Interquartile ranges beyond the quartiles: Tukey's outer fences (1977)."""
LEAST = 4.0
"""Levels of 255; a class whose quartiles are closer is taken to spread so much."""
ENOUGH = 20
"""Images a class needs for its quartiles to mean something."""


def light_outliers(data: Dataset, looks: Looks, parts: Parts) -> list[Finding]:
    """Of training and validation images, whose class is known: by the mean, and by the spread and range of the pixels.

    Spread is what a form fills, range what light leaves of it: a picture taken in the dark may spread like a small one.
    """
    chosen = parts.labelled[looks.range[parts.labelled] > CONSTANT]  # constant images are told as such
    spans = looks.range.astype(np.float64)
    found = (
        _outliers("brightness_outliers", "mean of the pixels", [looks.brightness], data, chosen),
        _outliers(
            "contrast_outliers", "standard deviation or range of the pixels", [looks.contrast, spans], data, chosen
        ),
    )
    return [finding for finding in found if finding is not None]


def _outliers(
    kind: Kind, what: str, measures: Sequence[NDArray[np.float64]], data: Dataset, chosen: Indices
) -> Finding | None:
    """Images that lie far out of their class by any of the measures (N,)."""
    beyond = np.zeros(len(chosen))
    judged = 0
    for label in range(len(data.class_names)):
        own = np.flatnonzero(data.labels[chosen] == label)
        if len(own) >= ENOUGH:
            judged += len(own)
            beyond[own] = np.max([ranges_beyond(values[chosen[own]]) for values in measures], axis=0)
    images = np.flatnonzero(beyond > FENCE)
    if not len(images):
        return None
    order = images[np.argsort(-beyond[images], kind="stable")]
    return Finding(
        kind,
        "for information" if len(images) < 0.01 * judged else "worth a look",
        len(images),
        judged,
        chosen[order],
        f"{share(len(images), judged)} training and validation images lie more than {FENCE:g} interquartile ranges "
        f"beyond the quartiles of their own class in the {what}: other light, another source, or simply rare.",
        "look at them; leave out what is spoiled, and keep what is only rare",
        scores=beyond[order],
        measure=f"interquartile ranges beyond the quartile, {what}",
    )


def ranges_beyond(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,): how far each value lies below the lower or above the upper quartile, in interquartile ranges; 0 between."""
    low, high = np.quantile(values, [0.25, 0.75])
    outside: NDArray[np.float64] = np.maximum(np.maximum(low - values, values - high), 0.0)
    ranges: NDArray[np.float64] = outside / max(float(high - low), LEAST)
    return ranges
