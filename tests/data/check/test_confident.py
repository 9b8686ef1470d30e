"""Confident learning against cleanlab, and by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fittingroom.data.check.confident import NOBODY, confident_class, confident_joint, suspects, thresholds

TABLE = json.loads((Path(__file__).parents[2] / "oracles" / "labels_table.json").read_text())


@pytest.fixture(params=TABLE, ids=lambda case: f"n={len(case['labels'])}")
def case(request: pytest.FixtureRequest) -> Any:
    row = request.param
    return row, np.array(row["labels"]), np.array(row["probabilities"]) / 1e4


def test_thresholds_and_joint_equal_cleanlabs(case: Any) -> None:
    row, labels, probabilities = case
    assert thresholds(labels, probabilities) == pytest.approx(row["thresholds"], abs=1e-6)
    joint = confident_joint(labels, probabilities)
    # an empty diagonal cell is counted as one image there, so that rows can be divided by their sums
    assert np.array_equal(np.maximum(joint, np.eye(len(joint), dtype=int)), row["joint"])


def test_suspects_are_those_that_cleanlab_finds_by_class(case: Any) -> None:
    """But for one at the most, where half an image is rounded another way."""
    row, labels, probabilities = case
    found = suspects(labels, probabilities)
    assert len(row["issues"]) >= 3
    assert len(set(found.tolist()) ^ set(row["issues"])) <= 1
    own = probabilities[np.arange(len(labels)), labels]
    assert (np.diff(own[found]) >= 0).all(), "the least probable label comes first"


def test_a_class_needs_only_the_certainty_that_it_usually_has() -> None:
    """Class 1 is predicted with 0.6 where it stands: 0.55 for an image of class 0 is less, 0.65 is more."""
    labels = np.array([0, 0, 0, 0, 1, 1])
    first = np.array([0.9, 0.9, 0.45, 0.35, 0.4, 0.4])
    probabilities = np.stack([first, 1 - first], axis=1)
    assert thresholds(labels, probabilities) == pytest.approx([0.65, 0.6])
    assert confident_class(labels, probabilities).tolist() == [0, 0, NOBODY, 1, 1, 1]
    assert suspects(labels, probabilities).tolist() == [3]


def test_labels_that_all_agree_are_not_suspicious() -> None:
    labels = np.arange(90) % 3
    probabilities = np.where(np.eye(3)[labels] > 0, 0.8, 0.1)
    assert not len(suspects(labels, probabilities))
