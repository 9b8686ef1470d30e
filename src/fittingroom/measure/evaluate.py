"""What a trained network's predictions are worth: accuracy with its interval, confusion, scores per class, calibration.

Everything is computed from stored labels and probabilities with NumPy. Suffixes of names tell dimensions:
``N`` images, ``K`` classes; ``KK`` has the true class in rows and the predicted class in columns.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from fittingroom.errors import InvalidInput

Split = Literal["validation", "test"]
Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

Z_95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""
CALIBRATION_BINS = 15
ROW_SUM_TOLERANCE = 1e-3
SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)
"""Probabilities are clipped here (1.2e-38) before the logarithm: an image costs at most 87.3 nats."""


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


class ToldAccuracy(NamedTuple):
    """An accuracy as text, with how sure it is and what it was measured on; made by ``tell_accuracy``."""

    value: str
    """``91.6 %``"""
    margin: str
    """``± 0.8``, or the interval where that would leave 0 to 100 %: ``90.1 to 99.7``."""
    measured_on: str
    """``validation, n = 5,000``"""

    def __str__(self) -> str:
        if self.margin.startswith("±"):
            return f"{self.value} {self.margin} ({self.measured_on})"
        return f"{self.value} ({self.margin}; {self.measured_on})"


class Average(NamedTuple):
    """An unweighted mean over the classes for which the score is defined, and how many those are."""

    value: float
    classes: int


class CalibrationBin(NamedTuple):
    """The images whose top probability lies in (``low``, ``high``]; ``confidence`` and ``accuracy`` are nan if none."""

    low: float
    high: float
    n: int
    confidence: float
    """Mean top probability."""
    accuracy: float


class Mistake(NamedTuple):
    """A wrong prediction. ``image`` is an index into the evaluated arrays, the other two are class numbers."""

    image: int
    true: int
    predicted: int
    confidence: float
    """Probability that was given to the predicted, wrong class."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What predictions on one split are worth; made by ``evaluate``. Arrays are read-only, N images or K classes long.

    A class that was never predicted has no precision, a class without images has no recall, and a class with
    neither has no F1 (F1 = 2 TP / (2 TP + FP + FN)): these are nan, shown as "–" and None in JSON. A class with
    images that is never found has F1 = 0. The averages say over how many classes they were taken.
    """

    split: Split
    n: int
    class_names: tuple[str, ...]
    accuracy: float
    interval: Interval
    """Wilson score interval of the accuracy, over images."""
    loss: float
    """Mean cross-entropy in nats."""
    calibration_error: float
    """Expected calibration error, 0 to 1; see ``calibration_table``."""
    mean_precision: Average
    mean_recall: Average
    mean_f1: Average
    confusion: Integers = field(repr=False)
    """Images by true class (K rows) and predicted class (K columns)."""
    precision: Floats = field(repr=False)
    recall: Floats = field(repr=False)
    f1: Floats = field(repr=False)
    support: Integers = field(repr=False)
    """Images of each class."""
    calibration: tuple[CalibrationBin, ...] = field(repr=False)
    """15 bins of equal width, for a reliability diagram."""
    labels: Integers = field(repr=False)
    predictions: Integers = field(repr=False)
    confidence: Floats = field(repr=False)
    """Probability of the predicted class."""

    @property
    def shares(self) -> Floats:
        """The confusion matrix as shares of each true class's images, (K, K); 0 for a class without images."""
        return self.confusion / np.maximum(self.support, 1)[:, None]

    @property
    def mistaken(self) -> Floats:
        """``shares`` of the wrong classes alone: the diagonal is 0."""
        return np.where(np.eye(len(self.class_names), dtype=bool), 0.0, self.shares)

    @property
    def told(self) -> ToldAccuracy:
        """The accuracy in words, part by part."""
        return tell_accuracy(self.accuracy, self.n, self.split)

    @property
    def headline(self) -> str:
        """``91.6 % ± 0.8 (validation, n = 5,000)``"""
        return str(self.told)

    @property
    def cautions(self) -> list[str]:
        """What keeps the accuracy from meaning what it seems to mean, in sentences; mostly empty."""
        found = []
        if absent := [name for name, support in zip(self.class_names, self.support, strict=True) if not support]:
            found.append(f"No {self.split} image is of class {', '.join(absent)}: the accuracy tells nothing of it.")
        largest = int(self.support.argmax())
        share = float(self.support[largest]) / self.n
        if self.interval.low <= share:
            found.append(
                f"Always answering {self.class_names[largest]} would be right for {100 * share:.1f} % of these "
                f"{self.n:,} images: the network is not shown to be better than that."
            )
        return found

    def worst_mistakes(self, k: int) -> list[Mistake]:
        """At most ``k`` wrong predictions, those with the highest confidence in the wrong class first."""
        if k < 1:
            raise InvalidInput(f"cannot list {k} mistakes; ask for 1 or more")
        wrong = np.flatnonzero(self.predictions != self.labels)
        worst = wrong[np.argsort(-self.confidence[wrong], kind="stable")][:k]
        return [
            Mistake(int(i), int(self.labels[i]), int(self.predictions[i]), float(self.confidence[i])) for i in worst
        ]

    def rows(self) -> list[tuple[str, ...]]:
        """The scores of each class and their means as a table of text, header first."""
        scores = zip(self.precision, self.recall, self.f1, self.support, strict=True)
        return [
            ("class", "precision", "recall", "F1", "images"),
            *(
                (name, _show(precision), _show(recall), _show(f1), f"{support:,}")
                for name, (precision, recall, f1, support) in zip(self.class_names, scores, strict=True)
            ),
            (
                "mean of classes",
                *map(self._show_average, (self.mean_precision, self.mean_recall, self.mean_f1)),
                f"{self.n:,}",
            ),
        ]

    def _show_average(self, average: Average) -> str:
        total = len(self.class_names)
        over = f" ({average.classes} of {total} classes)" if average.classes < total else ""
        return _show(average.value) + over

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, text and lists for ``json.dumps``; what is undefined is None."""
        scores = zip(self.class_names, self.precision, self.recall, self.f1, self.support, strict=True)
        return {
            "split": self.split,
            "n": self.n,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.interval),
            "cautions": self.cautions,
            "loss": self.loss,
            "calibration_error": self.calibration_error,
            "mean_precision": _plain(self.mean_precision),
            "mean_recall": _plain(self.mean_recall),
            "mean_f1": _plain(self.mean_f1),
            "classes": [
                {
                    "name": name,
                    "precision": _or_none(precision),
                    "recall": _or_none(recall),
                    "f1": _or_none(f1),
                    "support": int(support),
                }
                for name, precision, recall, f1, support in scores
            ],
            "confusion": self.confusion.tolist(),
            "calibration": [_plain(row) for row in self.calibration],
        }

    def _repr_html_(self) -> str:
        return _confusion_html(self)


def evaluate(
    labels_N: npt.ArrayLike, probabilities_NK: npt.ArrayLike, class_names: Sequence[str], split: str
) -> Evaluation:
    """Score ``probabilities_NK`` against the true ``labels_N`` (class numbers from 0); ``split`` names the images.

    The class with the highest probability is the prediction, the lowest class number on ties. Rows must sum to 1
    within 1e-3 and are taken as they are. Raises InvalidInput, with the first offending image, for anything else.
    """
    known_split, names = _known_split(split), tuple(class_names)
    labels, probabilities = _checked(np.asarray(labels_N), np.asarray(probabilities_NK), names)
    n, k = probabilities.shape
    predictions = probabilities.argmax(axis=1)
    confidence = probabilities[np.arange(n), predictions]
    correct = predictions == labels
    confusion: Integers = np.bincount(labels * k + predictions, minlength=k * k).reshape(k, k)
    hits, support, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    precision, recall = _ratio(hits, predicted), _ratio(hits, support)
    f1 = _ratio(2 * hits, support + predicted)
    bins = calibration_table(confidence, correct)
    made = Evaluation(
        split=known_split,
        n=n,
        class_names=names,
        accuracy=float(correct.mean()),
        interval=wilson(float(correct.mean()), n),
        loss=float(-np.log(np.clip(probabilities[np.arange(n), labels], SMALLEST_PROBABILITY, 1)).mean()),
        calibration_error=sum(row.n * abs(row.accuracy - row.confidence) for row in bins if row.n) / n,
        mean_precision=_average(precision),
        mean_recall=_average(recall),
        mean_f1=_average(f1),
        confusion=confusion,
        precision=precision,
        recall=recall,
        f1=f1,
        support=support,
        calibration=bins,
        labels=labels,
        predictions=predictions,
        confidence=confidence,
    )
    for value in vars(made).values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return made


def wilson(share: float, n: int) -> Interval:
    """The 95 % Wilson score interval of a share that was seen among ``n`` images.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
    Statistical Association 22 (1927), 209–212. It holds for other images drawn in the same way, not for other
    seeds of the training, and stays within [0, 1]; its middle lies nearer to one half than ``share`` does.
    """
    scale = 1 + Z_95**2 / n
    middle = (share + Z_95**2 / (2 * n)) / scale
    half = Z_95 / scale * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def show_accuracy(accuracy: float, n: int, split: str) -> str:
    """``91.6 % ± 0.8 (validation, n = 5,000)``: how every accuracy is told; see ``tell_accuracy``."""
    return str(tell_accuracy(accuracy, n, split))


def tell_accuracy(accuracy: float, n: int, split: str) -> ToldAccuracy:
    """An accuracy in words, part by part.

    What follows ± is half the width of the 95 % Wilson interval over images, in percent points. There is one
    decimal, or as many as ± needs not to read as zero. Where ± would lead below 0 or above 100 %, the interval
    itself is told: ``98.1 % (90.1 to 99.7; validation, n = 53)``.
    """
    low, high = wilson(accuracy, n)
    half = 100 * (high - low) / 2
    decimals = max(1, -math.floor(math.log10(half)))
    inside = 100 * accuracy - half >= 0 and 100 * accuracy + half <= 100
    margin = f"± {half:.{decimals}f}" if inside else f"{100 * low:.{decimals}f} to {100 * high:.{decimals}f}"
    return ToldAccuracy(f"{100 * accuracy:.{decimals}f} %", margin, f"{split}, n = {n:,}")


def calibration_table(confidence_N: Floats, correct_N: npt.NDArray[np.bool_]) -> tuple[CalibrationBin, ...]:
    """Confidence beside accuracy in 15 bins (low, high] of equal width over the top probability.

    The expected calibration error is the mean of |accuracy - confidence| over the bins, weighted by their images
    (C. Guo et al., "On calibration of modern neural networks", ICML 2017, section 2).
    """
    edges = np.arange(CALIBRATION_BINS + 1) / CALIBRATION_BINS
    bin_N = np.searchsorted(edges[1:-1], confidence_N, side="left")
    counts = np.bincount(bin_N, minlength=CALIBRATION_BINS)
    confidences = _ratio(np.bincount(bin_N, confidence_N, CALIBRATION_BINS), counts)
    accuracies = _ratio(np.bincount(bin_N, correct_N, CALIBRATION_BINS), counts)
    columns = (edges[:-1], edges[1:], counts, confidences, accuracies)
    return tuple(CalibrationBin(*row) for row in zip(*(column.tolist() for column in columns), strict=True))


def _ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    """``part / whole``, nan where ``whole`` is 0."""
    ratio: Floats = np.full(len(whole), np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio


def _average(scores_K: Floats) -> Average:
    defined = scores_K[~np.isnan(scores_K)]
    return Average(float(defined.mean()), len(defined))


def _known_split(split: str) -> Split:
    if split not in ("validation", "test"):
        raise InvalidInput(f'there is no split "{split}" to evaluate; say "validation" or "test"')
    return cast(Split, split)


def _checked(
    labels_N: npt.NDArray[Any], probabilities_NK: npt.NDArray[Any], class_names: tuple[str, ...]
) -> tuple[Integers, Floats]:
    """Both arrays in the types we compute with; raises InvalidInput."""
    _check_shapes(labels_N, probabilities_NK, len(class_names))
    k = len(class_names)
    labels, probabilities = labels_N.astype(np.int64), probabilities_NK.astype(np.float64)
    if len(outside := np.flatnonzero((labels < 0) | (labels >= k))):
        raise InvalidInput(
            f"the label of image {outside[0]} is {labels[outside[0]]}, but {k} classes are numbered 0 to {k - 1}; "
            "number the labels like the class names"
        )
    possible = (probabilities >= 0) & (probabilities <= 1 + ROW_SUM_TOLERANCE)  # also False for nan
    if not possible.all():
        i, j = np.argwhere(~possible)[0]
        raise InvalidInput(
            f"image {i} has {probabilities[i, j]:g} as its probability of class {j}, which is not between 0 and 1; "
            "give probabilities (after the softmax), not logits"
        )
    sums = probabilities.sum(axis=1)
    if len(outside := np.flatnonzero(abs(sums - 1) > ROW_SUM_TOLERANCE)):
        raise InvalidInput(
            f"the probabilities of image {outside[0]} sum to {sums[outside[0]]:.4g}, not to 1; "
            "give one probability for each class, after the softmax"
        )
    return labels, probabilities


def _check_shapes(labels_N: npt.NDArray[Any], probabilities_NK: npt.NDArray[Any], classes: int) -> None:
    if labels_N.ndim != 1 or probabilities_NK.ndim != 2:
        raise InvalidInput(
            f"labels have shape {labels_N.shape} and probabilities {probabilities_NK.shape}; "
            "give labels as (images,) and probabilities as (images, classes)"
        )
    n, columns = probabilities_NK.shape
    if len(labels_N) != n:
        raise InvalidInput(
            f"there are {len(labels_N):,} labels but probabilities for {n:,} images; give one label for each image"
        )
    if n == 0:
        raise InvalidInput("there are no images to evaluate; give at least one")
    if columns != classes:
        raise InvalidInput(
            f"there are {classes} class names but {columns} columns of probabilities; give one name for each column"
        )
    if not np.issubdtype(labels_N.dtype, np.integer):
        raise InvalidInput(f"labels are {labels_N.dtype} values; give whole numbers counted from 0")
    if not np.issubdtype(probabilities_NK.dtype, np.floating):
        raise InvalidInput(f"probabilities are {probabilities_NK.dtype} values; give floating-point numbers")


def _show(score: float) -> str:
    return "–" if math.isnan(score) else f"{score:.3f}"


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _plain(row: Average | CalibrationBin) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in row._asdict().items()}


_CELL = "padding:3px 7px;border:0;font-weight:normal;text-align:"


def _confusion_html(evaluation: Evaluation) -> str:
    """The confusion matrix as a table. Tints are translucent, so that it reads on light and dark pages alike.

    Right answers are grey and mistakes orange, both by their share of the row; the most frequent has full colour.
    """
    names = [html.escape(name) for name in evaluation.class_names]
    sideways = "writing-mode:vertical-rl;" if max(map(len, evaluation.class_names)) > 3 else ""
    head = "".join(f'<th scope="col" style="{sideways}{_CELL}right">{name}</th>' for name in names)
    body = "".join(
        f'<tr><th scope="row" style="{_CELL}left">{name}</th>{"".join(map(_cell_html, counts, tints))}</tr>'
        for name, counts, tints in zip(names, evaluation.confusion, _tints(evaluation), strict=True)
    )
    return (
        '<table style="border-collapse:separate;border-spacing:2px;font-variant-numeric:tabular-nums">'
        f'<caption style="caption-side:top;text-align:left"><b>{evaluation.headline}</b><br>'
        f"loss {evaluation.loss:.3f} · rows: true class, columns: predicted class, cells: images</caption>"
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cell_html(count: int, tint: str) -> str:
    return f'<td style="background:{tint};{_CELL}right">{f"{count:,}" if count else ""}</td>'


def _tints(evaluation: Evaluation) -> list[list[str]]:
    """A CSS colour for each cell."""
    right, mistakes = np.diag(evaluation.shares), evaluation.mistaken
    orange = 0.6 * mistakes / (mistakes.max() or 1)
    return [
        [
            f"rgba(128,128,128,{0.3 * right[row]:.2f})" if row == column else f"rgba(214,106,40,{strength:.2f})"
            for column, strength in enumerate(strengths)
        ]
        for row, strengths in enumerate(orange)
    ]
