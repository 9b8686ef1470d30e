"""Small data sets with planted faults."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from fittingroom.data.check.checking import check
from fittingroom.data.check.finding import Finding, Kind
from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import from_arrays

SIZE, CLASSES, TRAINING, TESTING = 20, 4, 400, 80
Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


@pytest.fixture
def sound() -> tuple[Images, Labels]:
    """(N, 20, 20), (N,): a bright blob of a class's own place on black, with texture; nothing is wrong with it.

    The first 400 train, 80 test.
    """
    generator = np.random.default_rng(11)
    labels = np.arange(TRAINING + TESTING) % CLASSES
    y, x = np.mgrid[:SIZE, :SIZE]
    images = np.zeros((len(labels), SIZE, SIZE))
    for image, label in zip(images, labels, strict=True):
        centre = 6 + 8 * np.array(divmod(int(label), 2)) + generator.normal(0, 0.5, 2)
        blob = np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / generator.uniform(6, 10))
        image += blob * generator.uniform(170, 230) * generator.uniform(0.6, 1, (SIZE, SIZE))
    return np.rint(images).astype(np.uint8), labels


Checked = Callable[[Images, Labels], dict[Kind, Finding]]


@pytest.fixture
def found_in(cache: object) -> Checked:
    """``found_in(images, labels)``: the findings without the check of labels, by their kinds."""

    def checked(images: Images, labels: Labels) -> dict[Kind, Finding]:
        return {finding.kind: finding for finding in check(as_data(images, labels)).findings}

    return checked


def as_data(images: Images, labels: Labels) -> Dataset:
    """The first 400 train, what follows is the official test part."""
    parts = (images[:TRAINING], labels[:TRAINING]), (images[TRAINING:], labels[TRAINING:])
    return from_arrays(*parts[0], class_names=list("abcd"), test=parts[1])
