"""Labels that predictions contradict: confident learning on what networks say of images they have not seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.check.confident import suspects
from fittingroom.data.check.finding import Finding, graded, share
from fittingroom.data.dataset import Dataset
from fittingroom.data.splits import Indices

FOLDS = 4
"""In which images are predicted; each network is trained on all but one."""
ENOUGH = 2 * FOLDS
"""Images that a class needs, so that every network has seen some of it."""
FEWEST = 100
"""Images from which on networks can be trained that say anything."""


def judged_images(data: Dataset, labelled: Indices) -> Indices:
    """Those of the ``labelled`` images whose labels can be checked: of classes with enough images.

    Empty where there are too few in all, or of fewer than two classes.
    """
    large = np.flatnonzero(data.counts(labelled) >= ENOUGH)
    judged = labelled[np.isin(data.labels[labelled], large)]
    return judged if len(judged) >= FEWEST and len(large) > 1 else judged[:0]


def suspicious_labels(data: Dataset, judged: Indices, probabilities_NK: NDArray[np.floating]) -> Finding | None:
    """Labels of the ``judged`` images that are probably wrong; ``probabilities_NK``: by who has not seen it."""
    labels_N = data.labels[judged]
    rows = suspects(labels_N, probabilities_NK)
    if not len(rows):
        return None
    given = (probabilities_NK.argmax(axis=1) == labels_N).mean()
    return Finding(
        "suspicious_labels",
        graded(len(rows), len(judged), severe=0.03, look=0.001),
        len(rows),
        len(judged),
        judged[rows],
        f"{share(len(rows), len(judged))} training and validation images look like another class than their label "
        f"says, to small networks that had not seen them and agree with {100 * given:.1f} % of all labels (confident "
        f"learning, {FOLDS} folds). Wrong labels, pictures that show two things and rare forms of a class are among "
        "them, the surest first.",
        "go through them from the top with the picture beside both classes; correct or leave out what is wrong, and "
        "stop where most are right; validation images only by the same rule as training images",
        scores=probabilities_NK[rows, labels_N[rows]].astype(np.float64),
        measure="probability of the label",
        suggested=_suggested(labels_N, probabilities_NK)[rows],
    )


def _suggested(labels_N: NDArray[np.int64], probabilities_NK: NDArray[np.floating]) -> NDArray[np.int64]:
    """(N,): the most probable class beside the label."""
    others_NK = probabilities_NK.copy()
    others_NK[np.arange(len(labels_N)), labels_N] = -1.0
    found: NDArray[np.int64] = others_NK.argmax(axis=1).astype(np.int64, copy=False)
    return found
