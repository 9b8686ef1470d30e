"""Computes with cleanlab what ``fittingroom.data.check.confident`` says about labels. Run by hand:

    python -m venv labels-venv
    labels-venv/bin/pip install cleanlab==2.9.0 numpy==2.4.6
    labels-venv/bin/python tests/oracles/make_labels_table.py

Writes ``labels_table.json`` beside itself, which is committed. It imports nothing of ours; its numbers are drawn with a
fixed seed and written down with the results, so a second run writes the same bytes. Each case: labels and probabilities
in ten-thousandths; thresholds, the confident joint, and the label issues found by pruning by class, ranked by
self-confidence.

Where several classes are confident cleanlab counts the most probable of all classes, the paper the most probable of the
confident ones. They differ where the most probable class is not confident; such rows are left out of the cases.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from cleanlab.count import compute_confident_joint, get_confident_thresholds
from cleanlab.filter import find_label_issues
from numpy.typing import NDArray

rng = np.random.default_rng(20260301)


def agrees(labels: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.bool_]:
    """Rows that paper and cleanlab count alike."""
    confident = probabilities >= get_confident_thresholds(labels, probabilities) - 1e-6
    best = probabilities.argmax(axis=1)
    return (confident.sum(axis=1) < 2) | confident[np.arange(len(labels)), best]


def case(n: int, classes: int, sureness: float, noise: float) -> dict[str, Any]:
    truth = rng.integers(0, classes, n)
    labels = np.where(rng.random(n) < noise, rng.integers(0, classes, n), truth)
    strength = rng.gamma(0.5, 1, (n, classes))
    strength[np.arange(n), truth] += rng.gamma(2.0, sureness, n) * np.linspace(0.6, 1.4, classes)[truth]
    probabilities = np.rint(1e4 * strength / strength.sum(axis=1, keepdims=True)) / 1e4
    while not (kept := agrees(labels, probabilities)).all():
        labels, probabilities = labels[kept], probabilities[kept]
    issues = find_label_issues(
        labels, probabilities, filter_by="prune_by_class", return_indices_ranked_by="self_confidence", n_jobs=1
    )
    return {
        "labels": labels.tolist(),
        "probabilities": np.rint(1e4 * probabilities).astype(int).tolist(),
        "thresholds": get_confident_thresholds(labels, probabilities).tolist(),
        "joint": compute_confident_joint(labels, probabilities, calibrate=False).tolist(),
        "issues": issues.tolist(),
    }


cases = [case(60, 3, 1.0, 0.1), case(120, 5, 2.0, 0.05), case(150, 4, 0.7, 0.3), case(80, 2, 3.0, 0.2)]
text = "[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n"
(Path(__file__).parent / "labels_table.json").write_text(text)
