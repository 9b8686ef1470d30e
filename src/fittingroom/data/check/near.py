"""Near copies: images that are nearly alike without being the same, within the parts and across."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.check.alike import ALIKE, AlikePairs, alike_pairs
from fittingroom.data.check.finding import Finding, Kind, Severity, graded, share
from fittingroom.data.check.looks import Progress
from fittingroom.data.check.parts import TEST, TRAINING, VALIDATION, Parts
from fittingroom.data.splits import Indices

Sides = NDArray[np.bool_]
SAME = f"correlation of all pixels at least {ALIKE}: saved anew, lighter or darker, or one product in two colours"


class Place(NamedTuple):
    """Where near copies were looked for, and how their number is told."""

    kind: Kind
    severe: float
    """Share of the images from which on it is severe."""
    look: float
    text: str
    fix: str


WITHIN = Place(
    "near_copies", 0.05, 0.01,
    "{share} training and validation images are near copies of another one in the same part ({same}). What is there "
    "nearly twice counts nearly twice.",
    "look at the pairs and leave out what is the same picture",
)  # fmt: skip
VALIDATED = Place(
    "near_copies_of_validation_images", 0.01, 0.001,
    "{share} validation images have a near copy among those that train, with the default split ({same}). They tell "
    "how well a network remembers, not how well it generalizes.",
    "leave the copies out of training, or keep together in a split what belongs together (groups)",
)  # fmt: skip
TESTED = Place(
    "near_copies_of_test_images", 0.01, 0.0,
    "{share} test images have a near copy among the training and validation images ({same}), which makes the test "
    "accuracy too good by at most that much.",
    "leave the training images of these pairs out, and keep the test part as it is",
)  # fmt: skip
AMONG_TEST = Place(
    "near_copies_among_test_images", 0.05, 0.01,
    "{share} test images are near copies of other test images ({same}): together they count for more than one.",
    "keep an official test part as it is; of your own data leave them out",
)  # fmt: skip


def find_alike(images_NHWC: NDArray[np.uint8], parts: Parts, progress: Progress) -> AlikePairs:
    """Pairs among all images that are in a part, each content taken once."""
    used = parts.images(TRAINING, VALIDATION, TEST)
    _, first = np.unique(parts.group[used], return_index=True)
    return alike_pairs(images_NHWC, used[np.sort(first)], progress)


def near_copies(found: AlikePairs, parts: Parts) -> list[Finding]:
    """At most one finding for each place."""
    one, other = parts.part[found.pairs[:, 0]], parts.part[found.pairs[:, 1]]
    low, high = np.minimum(one, other), np.maximum(one, other)
    learning = parts.images(TRAINING, VALIDATION)
    places = (
        (WITHIN, (low == high) & (high <= VALIDATION), learning, False),
        (VALIDATED, (low == TRAINING) & (high == VALIDATION), parts.images(VALIDATION), True),
        (TESTED, (low <= VALIDATION) & (high == TEST), parts.images(TEST), True),
        (AMONG_TEST, low == TEST, parts.images(TEST), False),
    )
    return [_told(place, found, which, of, parts, across=across) for place, which, of, across in places if which.any()]


def _told(place: Place, found: AlikePairs, which: Sides, of: Indices, parts: Parts, *, across: bool) -> Finding:
    """A finding on some of the pairs. ``across``: they lie in two parts, and what is held out is counted."""
    pairs, scores = found.pairs[which], found.correlations[which]
    if across:  # the image of the part that is held out comes first: the other one could be left out
        held_out = parts.part[pairs].argmax(axis=1)
        pairs = np.stack([pairs[np.arange(len(pairs)), held_out], pairs[np.arange(len(pairs)), 1 - held_out]], axis=1)
        count, images = len(np.unique(pairs[:, 0])), _in_turn(pairs[:, 1])
    else:
        images = one_of_each(pairs)
        count = len(images)
    severity: Severity = graded(count, len(of), severe=place.severe, look=place.look)
    at_least = "" if found.complete else "At least "
    text = at_least + place.text.format(share=share(count, len(of)), same=SAME)
    return Finding(
        place.kind, severity, count, len(of), images, text, place.fix,
        pairs=pairs, scores=scores, measure="correlation of all pixels",
    )  # fmt: skip


def one_of_each(pairs: NDArray[np.int64]) -> Indices:
    """Images to leave out, so that no pair is left; of each pair the later image, most alike first."""
    out: dict[int, None] = {}
    for first, second in pairs.tolist():
        if first not in out and second not in out:
            out[second] = None
    return np.array(list(out), np.int64)


def _in_turn(images: Indices) -> Indices:
    """Each once, in the order of their first mention."""
    _, first = np.unique(images, return_index=True)
    return images[np.sort(first)]
