"""Scores against scikit-learn, SciPy, published numbers and slow plain Python."""

import html.parser
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import binomtest
from sklearn import metrics

from fittingroom.errors import InvalidInput
from fittingroom.measure.evaluate import Evaluation, evaluate, show_accuracy, tell_accuracy, wilson

FAST = settings(derandomize=True, deadline=None, max_examples=60)


def made_up(seed: int, n: int = 50, k: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities that favour the label; some classes may be missing."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, rng.integers(1, k + 1), n)
    logits = 2 * rng.normal(size=(n, k))
    logits[np.arange(n), labels] += 2
    exponentials = np.exp(logits)
    return labels, exponentials / exponentials.sum(axis=1, keepdims=True)


def names(k: int) -> list[str]:
    return [f"class {i}" for i in range(k)]


def evaluated(seed: int, n: int = 50, k: int = 4) -> Evaluation:
    return evaluate(*made_up(seed, n, k), names(k), "validation")


sizes = {"seed": st.integers(0, 10**6), "n": st.integers(1, 80), "k": st.integers(2, 9)}


@FAST
@given(**sizes)
def test_scores_equal_scikit_learn(seed, n, k):
    labels, probabilities = made_up(seed, n, k)
    result = evaluate(labels, probabilities, names(k), "test")
    predicted = probabilities.argmax(axis=1)
    known = range(k)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=known, zero_division=np.nan
    )
    assert (result.confusion == metrics.confusion_matrix(labels, predicted, labels=known)).all()
    assert result.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert result.loss == pytest.approx(metrics.log_loss(labels, probabilities, labels=known))
    np.testing.assert_allclose(result.precision, precision)
    np.testing.assert_allclose(result.recall, recall)
    np.testing.assert_allclose(result.f1, f1)
    np.testing.assert_array_equal(result.support, support)
    assert result.mean_precision == (pytest.approx(np.nanmean(precision)), np.isfinite(precision).sum())
    assert result.mean_recall == (pytest.approx(np.nanmean(recall)), np.isfinite(recall).sum())
    assert result.mean_f1 == (pytest.approx(np.nanmean(f1)), np.isfinite(f1).sum())


def slow_calibration_error(labels, probabilities) -> float:
    """Guo et al. 2017, equation 3, read aloud."""
    n, error = len(labels), 0.0
    for m in range(1, 16):
        inside = [
            (max(row), list(row).index(max(row)) == label)
            for row, label in zip(probabilities.tolist(), labels, strict=True)
            if (m - 1) / 15 < max(row) <= m / 15
        ]
        if inside:
            confidence = sum(top for top, _ in inside) / len(inside)
            accuracy = sum(right for _, right in inside) / len(inside)
            error += len(inside) / n * abs(accuracy - confidence)
    return error


@FAST
@given(**sizes)
def test_calibration_error_equals_the_definition(seed, n, k):
    labels, probabilities = made_up(seed, n, k)
    result = evaluate(labels, probabilities, names(k), "validation")
    assert result.calibration_error == pytest.approx(slow_calibration_error(labels, probabilities))
    assert sum(row.n for row in result.calibration) == n


def test_calibration_of_four_images_by_hand():
    probabilities = [[0.62, 0.38], [0.64, 0.36], [0.05, 0.95], [0.03, 0.97]]
    result = evaluate([0, 1, 1, 1], probabilities, ["cat", "dog"], "validation")
    # 0.62 and 0.64 share a bin: confidence 0.63, accuracy 0.5; 0.95 and 0.97 another: confidence 0.96, accuracy 1
    assert result.calibration_error == pytest.approx(0.5 * 0.13 + 0.5 * 0.04)
    assert result.calibration[9] == pytest.approx((9 / 15, 10 / 15, 2, 0.63, 0.5))
    assert result.calibration[14] == pytest.approx((14 / 15, 1, 2, 0.96, 1))
    assert len(result.calibration) == 15
    assert result.calibration[0].n == 0
    assert math.isnan(result.calibration[0].accuracy)


def test_the_edge_between_two_bins_belongs_to_the_lower_one():
    result = evaluate([0], [[0.6, 0.4]], ["cat", "dog"], "validation")
    assert [row.high for row in result.calibration if row.n] == [9 / 15]


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        (15, 20, 0.531, 0.888),
        (0, 10, 0.0, 0.278),
        (10, 10, 0.722, 1.0),
        (81, 263, 0.255, 0.366),  # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (15, 148, 0.062, 0.160),
        (0, 20, 0.0, 0.161),
        (1, 29, 0.006, 0.172),
    ],
)
def test_wilson_interval_equals_published_values(right, n, low, high):
    assert wilson(right / n, n) == pytest.approx((low, high), abs=5e-4)


@FAST
@given(st.data(), st.integers(1, 100_000))
def test_wilson_interval_equals_scipy(data, n):
    right = data.draw(st.integers(0, n))
    expected = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_interval_of_an_evaluation_is_that_of_its_accuracy():
    labels = np.array([0] * 15 + [1] * 5)
    result = evaluate(labels, np.tile([0.9, 0.1], (20, 1)), ["cat", "dog"], "validation")
    assert result.interval == pytest.approx((0.531, 0.888), abs=5e-4)


@pytest.mark.parametrize(
    ("accuracy", "n", "split", "shown"),
    [
        (0.916, 5000, "validation", "91.6 % ± 0.8 (validation, n = 5,000)"),
        (0.75, 20, "test", "75.0 % ± 17.8 (test, n = 20)"),
        (1.0, 5000, "test", "100.00 % (99.92 to 100.00; test, n = 5,000)"),
        (0.5, 1, "validation", "50.0 % ± 44.5 (validation, n = 1)"),
    ],
)
def test_accuracy_is_told_with_margin_split_and_n(accuracy, n, split, shown):
    assert show_accuracy(accuracy, n, split) == shown


def test_an_accuracy_is_told_part_by_part():
    assert tell_accuracy(0.916, 5000, "validation") == ("91.6 %", "± 0.8", "validation, n = 5,000")
    assert tell_accuracy(1.0, 5000, "test") == ("100.00 %", "99.92 to 100.00", "test, n = 5,000")


def test_a_probability_of_zero_costs_what_is_stated():
    result = evaluate([0, 1], [[0.0, 1.0], [0.0, 1.0]], ["cat", "dog"], "validation")
    assert result.loss == pytest.approx(-math.log(1.1754943508222875e-38) / 2)


def test_ties_go_to_the_lowest_class():
    result = evaluate([1, 2], [[0.2, 0.4, 0.4], [1 / 3, 1 / 3, 1 / 3]], names(3), "validation")
    assert result.predictions.tolist() == [1, 0]


def test_undefined_scores_are_told_as_such():
    # c has no images and is never predicted; b has images and is never predicted
    result = evaluate([0, 1], [[0.8, 0.1, 0.1], [0.8, 0.1, 0.1]], ["a", "b", "c"], "validation")
    assert result.rows() == [
        ("class", "precision", "recall", "F1", "images"),
        ("a", "0.500", "1.000", "0.667", "1"),
        ("b", "–", "0.000", "0.000", "1"),
        ("c", "–", "–", "–", "0"),
        ("mean of classes", "0.500 (1 of 3 classes)", "0.500 (2 of 3 classes)", "0.333 (2 of 3 classes)", "2"),
    ]


def test_json_is_plain_and_has_none_for_undefined():
    result = evaluate([0, 1], [[0.8, 0.1, 0.1], [0.8, 0.1, 0.1]], ["a", "b", "c"], "test")
    told = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert told["split"] == "test"
    assert told["n"] == 2
    assert told["accuracy"] == 0.5
    assert told["accuracy_interval"] == pytest.approx([0.0945, 0.9055], abs=1e-4)
    assert told["confusion"] == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert told["classes"][1] == {"name": "b", "precision": None, "recall": 0.0, "f1": 0.0, "support": 1}
    assert told["mean_precision"] == {"value": 0.5, "classes": 1}
    assert told["calibration"][0]["accuracy"] is None
    assert told["calibration_error"] == pytest.approx(0.3)


def test_worst_mistakes_are_the_most_confident_ones():
    probabilities = [[0.9, 0.1], [0.4, 0.6], [0.99, 0.01], [0.2, 0.8], [0.9, 0.1]]
    result = evaluate([1, 0, 0, 1, 1], probabilities, ["cat", "dog"], "validation")
    assert result.worst_mistakes(2) == [(0, 1, 0, 0.9), (4, 1, 0, 0.9)]
    assert [mistake.image for mistake in result.worst_mistakes(10)] == [0, 4, 1]
    assert result.worst_mistakes(10)[2] == (1, 0, 1, 0.6)


def test_equally_confident_mistakes_keep_the_order_of_the_images():
    result = evaluate([0] * 200, [[0.1, 0.9], [0.3, 0.7]] * 100, ["cat", "dog"], "validation")
    assert [mistake.image for mistake in result.worst_mistakes(150)] == [*range(0, 200, 2), *range(1, 101, 2)]


@FAST
@given(**sizes)
def test_every_mistake_is_listed_once_and_in_order(seed, n, k):
    labels, probabilities = made_up(seed, n, k)
    mistakes = evaluate(labels, probabilities, names(k), "validation").worst_mistakes(n)
    wrong = [i for i in range(n) if int(np.argmax(probabilities[i])) != labels[i]]
    assert sorted(mistake.image for mistake in mistakes) == wrong
    confidences = [max(probabilities[mistake.image]) for mistake in mistakes]
    assert confidences == sorted(confidences, reverse=True)


def test_no_mistakes_can_be_asked_for_only_by_number():
    with pytest.raises(InvalidInput, match="cannot list 0 mistakes; ask for 1 or more"):
        evaluated(0).worst_mistakes(0)


def test_what_is_given_is_not_changed_and_what_is_made_cannot_be():
    labels, probabilities = made_up(1)
    before = labels.copy(), probabilities.copy()
    result = evaluate(labels, probabilities, names(4), "validation")
    with pytest.raises(ValueError, match="read-only"):
        result.confusion[0, 0] = 7
    labels[0], probabilities[0, 0] = before[0][0], before[1][0, 0]  # still writable
    assert (labels == before[0]).all()
    assert (probabilities == before[1]).all()


def test_float32_and_lists_are_taken():
    labels, probabilities = made_up(2)
    exact = evaluate(labels, probabilities, names(4), "validation")
    rough = evaluate(labels.tolist(), probabilities.astype(np.float32), names(4), "validation")
    assert rough.loss == pytest.approx(exact.loss, rel=1e-6)
    assert (rough.confusion == exact.confusion).all()


HALF = [[0.5, 0.5]]


@pytest.mark.parametrize(
    ("labels", "probabilities", "class_names", "split", "message"),
    [
        ([0], HALF, "ab", "train", 'there is no split "train" to evaluate; say "validation" or "test"'),
        ([[0]], HALF, "ab", "test", "labels have shape (1, 1) and probabilities (1, 2); give labels as (images,)"),
        ([0], [0.5, 0.5], "ab", "test", "labels have shape (1,) and probabilities (2,); give labels as (images,)"),
        ([0, 1], HALF, "ab", "test", "there are 2 labels but probabilities for 1 images; give one label for each"),
        ([], np.zeros((0, 2)), "ab", "test", "there are no images to evaluate; give at least one"),
        ([0], HALF, "abc", "test", "there are 3 class names but 2 columns of probabilities; give one name for each"),
        ([0.0], HALF, "ab", "test", "labels are float64 values; give whole numbers counted from 0"),
        ([0], [[1, 0]], "ab", "test", "probabilities are int64 values; give floating-point numbers"),
        ([1, 2], HALF * 2, "ab", "test", "the label of image 1 is 2, but 2 classes are numbered 0 to 1; number"),
        ([-1], HALF, "ab", "test", "the label of image 0 is -1, but 2 classes are numbered 0 to 1; number"),
        ([0], [[3.5, -2.5]], "ab", "test", "image 0 has 3.5 as its probability of class 0, which is not between 0"),
        ([0, 0], [*HALF, [1.0, -0.0005]], "ab", "test", "image 1 has -0.0005 as its probability of class 1, which"),
        ([0], [[0.5, math.nan]], "ab", "test", "image 0 has nan as its probability of class 1, which is not"),
        ([0, 1], [*HALF, [0.5, 0.502]], "ab", "test", "the probabilities of image 1 sum to 1.002, not to 1; give one"),
    ],
)
def test_wrong_input_is_refused_with_the_place_and_the_fix(labels, probabilities, class_names, split, message):
    with pytest.raises(InvalidInput) as caught:
        evaluate(labels, probabilities, list(class_names), split)
    assert str(caught.value).startswith(message)


def test_rows_may_miss_one_by_a_thousandth():
    assert evaluate([0], [[0.5, 0.5009]], ["cat", "dog"], "validation").predictions.tolist() == [1]


class Cells(html.parser.HTMLParser):
    """Texts and styles of the cells of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[list[str]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag in {"td", "th"}:
            self.cells.append([tag, dict(attrs).get("style", ""), ""])

    def handle_data(self, data):
        if self.cells:
            self.cells[-1][2] += data


def test_html_shows_names_and_counts_and_runs_nothing():
    labels = [0] * 4 + [1] * 2
    probabilities = [[0.9, 0.1]] * 3 + [[0.1, 0.9]] * 3
    result = evaluate(labels, probabilities, ["<script>alert(1)</script>", "R&D"], "validation")
    page = Cells()
    page.feed(result._repr_html_())
    assert "script" not in page.tags
    assert [text for _, _, text in page.cells] == [
        "", "<script>alert(1)</script>", "R&D",
        "<script>alert(1)</script>", "3", "1",
        "R&D", "", "2",
    ]  # fmt: skip
    background = [style.partition(";")[0] for tag, style, text in page.cells if tag == "td"][1:]
    assert background == [
        "background:rgba(128,128,128,0.22)",  # 0.3 of 3/4
        "background:rgba(214,106,40,0.60)",  # the most frequent mistake
        "background:rgba(214,106,40,0.00)",
        "background:rgba(128,128,128,0.30)",
    ]
    assert "83.3 % (43.6 to 97.0; validation, n = 6)" in result._repr_html_()  # Wilson: 0.436 to 0.970


def test_the_repr_is_short():
    assert len(repr(evaluated(0, n=5000))) < 700


def test_cautions_name_absent_classes_and_a_share_that_anyone_reaches() -> None:
    labels = np.array([0] * 52 + [1])
    always = np.tile([0.9, 0.1, 0.0], (53, 1))
    told = evaluate(labels, always, ["big", "small", "none"], "validation")
    assert told.headline == "98.1 % (90.1 to 99.7; validation, n = 53)"
    assert told.cautions == [
        "No validation image is of class none: the accuracy tells nothing of it.",
        "Always answering big would be right for 98.1 % of these 53 images: the network is not shown to be better than "
        "that.",
    ]
    labels = np.arange(300) % 3
    assert evaluate(labels, np.eye(3)[labels], ["a", "b", "c"], "validation").cautions == []
