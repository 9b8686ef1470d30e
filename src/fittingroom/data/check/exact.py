"""Exact copies, told by content, whatever their labels: within training, within test, and across."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.check.finding import Finding, graded, share
from fittingroom.data.check.parts import DROPPED, TEST, TRAINING, VALIDATION, Parts
from fittingroom.data.splits import Indices


def exact_copies(parts: Parts) -> list[Finding]:
    """At most one finding for each place."""
    return [found for found in (_in_training(parts), _of_test(parts), _in_test(parts)) if found is not None]


def _in_training(parts: Parts) -> Finding | None:
    inside = parts.images(TRAINING, VALIDATION, DROPPED)
    first, copies = _extra(inside, parts.group)
    if not len(copies):
        return None
    return Finding(
        "exact_copies",
        graded(len(copies), len(inside), severe=0.05, look=0.001),
        len(copies),
        len(inside),
        copies,
        f"{share(len(copies), len(inside))} training and validation images are exact copies of another one there. "
        "Splits keep copies together, so none validates what another has trained; what is there twice counts twice.",
        "leave the copies out, unless they stand for how often something occurs",
        pairs=np.stack([first, copies], axis=1),
    )


def _of_test(parts: Parts) -> Finding | None:
    dropped, test = parts.images(DROPPED), parts.images(TEST)
    if not len(dropped):
        return None
    original = dict(zip(parts.group[test][::-1].tolist(), test[::-1].tolist(), strict=True))
    pairs = np.array([(original[parts.group[image]], image) for image in dropped.tolist()], np.int64)
    touched = len(np.unique(parts.group[dropped]))
    training = len(parts.images(TRAINING, VALIDATION, DROPPED))
    return Finding(
        "exact_copies_of_test_images",
        graded(touched, len(test), severe=0.01),
        len(dropped),
        training,
        dropped,
        f"{share(len(dropped), training)} training images are exact copies of test images. Whoever trains on them "
        "knows these test images by heart, and the test accuracy is too good. Every split here leaves them out.",
        "leave them out for good, and do not compare with results of others who may have trained on them",
        pairs=pairs,
    )


def _in_test(parts: Parts) -> Finding | None:
    test = parts.images(TEST)
    first, copies = _extra(test, parts.group)
    if not len(copies):
        return None
    return Finding(
        "exact_copies_among_test_images",
        graded(len(copies), len(test), severe=0.05, look=0.01),
        len(copies),
        len(test),
        copies,
        f"{share(len(copies), len(test))} test images are exact copies of other test images: each counts twice in the "
        "test accuracy, and its interval is a little too narrow.",
        "keep the official test part as it is, so that results compare; of your own data leave the copies out",
        pairs=np.stack([first, copies], axis=1),
    )


def _extra(inside: Indices, group: NDArray[np.int64]) -> tuple[Indices, Indices]:
    """Of these images: for each that is not the first of its content there, that first one, and itself."""
    _, first, member = np.unique(group[inside], return_index=True, return_inverse=True)
    earlier = inside[first[member]]
    again = earlier != inside
    return earlier[again], inside[again]
