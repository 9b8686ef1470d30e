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
"""Different images that a class needs, so that every network has seen some of it."""
FEWEST = 100
"""Different images from which on networks can be trained that say anything."""
RELIABLE = 0.7
"""Share of all labels that the networks have to agree with, for what they say against the others to mean something."""


def judged_images(data: Dataset, labelled: Indices, groups: NDArray[np.int64]) -> Indices:
    """Those of the ``labelled`` images whose labels can be checked: of classes with enough different images.

    ``groups``: (N,), equal for exact copies. Empty where there are too few in all, or of fewer than two classes.
    """
    _, first = np.unique(groups[labelled], return_index=True)
    different = labelled[first]
    large = np.flatnonzero(data.counts(different) >= ENOUGH)
    if len(large) < 2 or np.isin(data.labels[different], large).sum() < FEWEST:
        return labelled[:0]
    return labelled[np.isin(data.labels[labelled], large)]


def suspicious_labels(data: Dataset, judged: Indices, probabilities_NK: NDArray[np.floating]) -> Finding | None:
    """Labels of the ``judged`` images that are probably wrong; ``probabilities_NK``: by who has not seen it."""
    labels_N = data.labels[judged]
    rows = suspects(labels_N, probabilities_NK)
    if not len(rows):
        return None
    agreed = float((probabilities_NK.argmax(axis=1) == labels_N).mean())
    doubt = "" if agreed >= RELIABLE else " They know so few that this tells more of them than of the labels."
    return Finding(
        "suspicious_labels",
        graded(len(rows), len(judged), severe=0.03, look=0.001) if not doubt else "for information",
        len(rows),
        len(judged),
        judged[rows],
        f"{share(len(rows), len(judged))} training and validation images look like another class than their label "
        f"says, to small networks that had not seen them and agree with {100 * agreed:.1f} % of all labels (confident "
        f"learning, {FOLDS} folds). Wrong labels, pictures that show two things and rare forms of a class are among "
        f"them, the surest first.{doubt}",
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
