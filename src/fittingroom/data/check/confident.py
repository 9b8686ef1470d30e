"""Confident learning (Northcutt, Jiang, Chuang 2021, J. of Artificial Intelligence Research 70): the arithmetic.

Given labels and predictions for images that the predictor was not trained on, it is counted how many images with one
label belong, as far as can be told with confidence, to another class. A class is predicted with confidence where its
probability reaches the mean that it has among the images with its own label, so a class that is predicted with less
certainty as a whole, rightly or not, needs less.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NOBODY = -1


def thresholds(labels_N: NDArray[np.int64], probabilities_NK: NDArray[np.floating]) -> NDArray[np.float64]:
    """(K,): mean probability of each class among the images labelled with it; infinite for a class without any."""
    classes = probabilities_NK.shape[1]
    own = probabilities_NK[np.arange(len(labels_N)), labels_N].astype(np.float64)
    counts = np.bincount(labels_N, minlength=classes)
    sums = np.bincount(labels_N, weights=own, minlength=classes)
    means: NDArray[np.float64] = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    return means


def confident_class(labels_N: NDArray[np.int64], probabilities_NK: NDArray[np.floating]) -> NDArray[np.int64]:
    """(N,): of the classes that are predicted with confidence the most probable one; ``NOBODY`` where there is none."""
    confident_NK = probabilities_NK >= thresholds(labels_N, probabilities_NK) - 1e-6
    best = np.where(confident_NK, probabilities_NK, -1.0).argmax(axis=1)
    found: NDArray[np.int64] = np.where(confident_NK.any(axis=1), best, NOBODY).astype(np.int64, copy=False)
    return found


def confident_joint(labels_N: NDArray[np.int64], probabilities_NK: NDArray[np.floating]) -> NDArray[np.int64]:
    """(K, K): how many images with each label (row) are confidently of each class (column)."""
    classes = probabilities_NK.shape[1]
    found = confident_class(labels_N, probabilities_NK)
    joint = np.zeros((classes, classes), np.int64)
    np.add.at(joint, (labels_N[found != NOBODY], found[found != NOBODY]), 1)
    return joint


def calibrated_joint(labels_N: NDArray[np.int64], probabilities_NK: NDArray[np.floating]) -> NDArray[np.float64]:
    """(K, K): the joint, with each row stretched to as many images as have its label.

    A label of which no image is confidently anything counts as right throughout.
    """
    joint = confident_joint(labels_N, probabilities_NK).astype(np.float64)
    counts = np.bincount(labels_N, minlength=len(joint))
    none = joint.sum(axis=1) == 0
    joint[none, none] = 1.0
    calibrated: NDArray[np.float64] = joint / joint.sum(axis=1, keepdims=True) * counts[:, np.newaxis]
    return calibrated


def suspects(labels_N: NDArray[np.int64], probabilities_NK: NDArray[np.floating]) -> NDArray[np.int64]:
    """Positions of the images whose label is probably wrong, the least probable label first.

    The paper's C_PBC, pruning by class: of each label as many images as the joint says are of other classes, those
    whose label is least probable. Images that are predicted as they are labelled are left out.
    """
    joint = calibrated_joint(labels_N, probabilities_NK)
    wrong = np.rint(joint.sum(axis=1) - joint.diagonal()).astype(np.int64)
    self_confidence_N = probabilities_NK[np.arange(len(labels_N)), labels_N]
    chosen = np.zeros(len(labels_N), np.bool_)
    for label in np.flatnonzero(wrong):
        own = np.flatnonzero(labels_N == label)
        chosen[own[np.argsort(self_confidence_N[own], kind="stable")[: wrong[label]]]] = True
    rows = np.flatnonzero(chosen & (probabilities_NK.argmax(axis=1) != labels_N))
    order: NDArray[np.int64] = rows[np.argsort(self_confidence_N[rows], kind="stable")]
    return order
