"""Images that are alike and have different labels: at most one of the labels is right."""

from __future__ import annotations

import numpy as np

from fittingroom.data.check.alike import ALIKE, AlikePairs
from fittingroom.data.check.finding import Finding, share
from fittingroom.data.check.parts import TRAINING, VALIDATION, Parts
from fittingroom.data.dataset import Dataset
from fittingroom.data.splits import Indices


def label_conflicts(data: Dataset, parts: Parts, found: AlikePairs | None) -> Finding | None:
    """Among exact and near copies that train or validate; ``found``: None where near copies were not looked for."""
    inside = parts.labelled
    pairs, exact = _of_copies(data, inside, parts), 0
    exact = len(pairs)
    scores = [1.0] * exact
    if found is not None:
        near = np.isin(parts.part[found.pairs], (TRAINING, VALIDATION)).all(axis=1)
        near &= data.labels[found.pairs[:, 0]] != data.labels[found.pairs[:, 1]]
        pairs += [(int(one), int(other)) for one, other in found.pairs[near]]
        scores += found.correlations[near].tolist()
    if not pairs:
        return None
    images = np.array(list(dict.fromkeys(image for pair in pairs for image in pair)), np.int64)
    return Finding(
        "label_conflicts",
        "severe" if exact else "worth a look",
        len(images),
        len(inside),
        images,
        f"{share(len(images), len(inside))} training and validation images have an exact copy ({exact:,} pairs) or a "
        f"near copy ({len(pairs) - exact:,} pairs, correlation at least {ALIKE}) of another class. At most one of two "
        "such labels is right, and no network can learn both.",
        "look at each pair and correct the label, or leave both images out",
        pairs=np.array(pairs, np.int64),
        scores=np.array(scores),
        measure="correlation of all pixels",
    )


def _of_copies(data: Dataset, inside: Indices, parts: Parts) -> list[tuple[int, int]]:
    """Of each group of exact copies: its first image with each of those that have another label than that one."""
    _, first, member = np.unique(parts.group[inside], return_index=True, return_inverse=True)
    earlier = inside[first[member]]
    differ = data.labels[earlier] != data.labels[inside]
    return [(int(one), int(other)) for one, other in zip(earlier[differ], inside[differ], strict=True)]
