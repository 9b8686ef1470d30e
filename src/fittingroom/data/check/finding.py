"""What a check found, as records: for the terminal, the page, and JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fittingroom.data.splits import Indices

Severity = Literal["severe", "worth a look", "for information"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

Kind = Literal[
    "exact_copies",
    "exact_copies_of_test_images",
    "exact_copies_among_test_images",
    "near_copies",
    "near_copies_of_validation_images",
    "near_copies_of_test_images",
    "near_copies_among_test_images",
    "label_conflicts",
    "suspicious_labels",
    "class_imbalance",
    "small_classes",
    "constant_images",
    "nearly_empty_images",
    "inverted_images",
    "brightness_outliers",
    "contrast_outliers",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, eq=False)
class Finding:
    """One kind of thing that is wrong, with every image concerned."""

    kind: Kind
    severity: Severity
    count: int
    """Images concerned, or classes where it is about classes."""
    n: int
    """Of so many that were looked at."""
    images: Indices
    """Positions in the data set, most severe first. Of copies only those that could be left out, so that one of each
    stays."""
    text: str
    """What was found, with its figures, and what it means."""
    fix: str
    """What to do about it, as an imperative phrase."""
    pairs: NDArray[np.int64] | None = None
    """(m, 2): images that are alike, most alike first, the one that could be left out behind; None where it is not
    about pairs."""
    scores: NDArray[np.float64] | None = None
    """One for each pair, or else for each image; None where there is nothing to measure."""
    measure: str = ""
    """What the scores are."""
    suggested: NDArray[np.int64] | None = None
    """For each image the class that predictions suggest instead of its label."""

    def to_json(self) -> dict[str, Any]:
        arrays = {"images": self.images, "pairs": self.pairs, "scores": self.scores, "suggested": self.suggested}
        return {
            "kind": self.kind,
            "severity": self.severity,
            "count": self.count,
            "n": self.n,
            "text": self.text,
            "fix": self.fix,
            "measure": self.measure,
            **{name: None if values is None else values.tolist() for name, values in arrays.items()},
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Finding:
        types = {"images": np.int64, "pairs": np.int64, "scores": np.float64, "suggested": np.int64}
        arrays = {name: None if plain[name] is None else np.array(plain[name], dtype) for name, dtype in types.items()}
        return cls(**{**plain, **arrays})


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that a check of a data set found, most severe first."""

    name: str
    fingerprint: str
    images: int
    findings: tuple[Finding, ...]
    checked: tuple[Kind, ...]
    """Every kind that was looked for, found or not."""
    left_out: tuple[str, ...]
    """What was not looked for, and why, in words."""

    @property
    def clean(self) -> tuple[Kind, ...]:
        """The kinds of which nothing was found."""
        found = {finding.kind for finding in self.findings}
        return tuple(kind for kind in self.checked if kind not in found)

    def finding(self, kind: Kind) -> Finding | None:
        """That of one kind, if there is one."""
        return next((finding for finding in self.findings if finding.kind == kind), None)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "images": self.images,
            "findings": [finding.to_json() for finding in self.findings],
            "checked": list(self.checked),
            "clean": list(self.clean),
            "left_out": list(self.left_out),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Report:
        return cls(
            name=plain["name"],
            fingerprint=plain["fingerprint"],
            images=plain["images"],
            findings=tuple(Finding.from_json(finding) for finding in plain["findings"]),
            checked=tuple(plain["checked"]),
            left_out=tuple(plain["left_out"]),
        )


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Most severe first; among equals, in the order of the kinds."""
    return tuple(sorted(findings, key=lambda each: (SEVERITIES.index(each.severity), KINDS.index(each.kind))))


def share(count: int, n: int) -> str:
    """``12 of 60,000 (0.02 %)``."""
    if not n:
        return f"{count:,} of 0"
    percent = 100 * count / n
    nearest = min(percent, 100 - percent)  # two digits of it, or of what is missing to 100
    digits = max(1 - math.floor(math.log10(nearest)), 0) if nearest else 0
    number = f"{percent:.{digits}f}"
    return f"{count:,} of {n:,} ({number.rstrip('0').rstrip('.') if '.' in number else number} %)"


def graded(count: int, n: int, *, severe: float, look: float = 0.0) -> Severity:
    """By the share of images: severe from one on, worth a look from another on."""
    if count >= severe * n:
        return "severe"
    return "worth a look" if count >= look * n else "for information"
