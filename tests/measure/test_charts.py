"""Figures are asked what they show; terminal pictures are compared as text."""

import math
import subprocess
import sys
import unicodedata
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.path import Path as Polygon

from fittingroom.errors import InvalidInput
from fittingroom.measure.charts import plot_confusion, plot_run
from fittingroom.measure.evaluate import Evaluation, evaluate
from fittingroom.measure.quantities import epoch_ticks
from fittingroom.measure.terminal import terminal_curves
from fittingroom.spec.events import EpochMetrics

NAN = math.nan


def run(validation_loss, train_loss, validation_accuracy=None, train_accuracy=None, rates=None) -> list[EpochMetrics]:
    n = len(validation_loss)
    constant = [0.5] * n
    columns = (
        train_loss,
        train_accuracy or constant,
        validation_loss,
        validation_accuracy or constant,
        rates or [0.001] * n,
    )
    return [EpochMetrics(i + 1, *(column[i] for column in columns), 1.0) for i in range(n)]


def noisy(n: int, seed: int, rates=None) -> list[EpochMetrics]:
    """A run as real ones look: quick gain, then noise around a plateau, with overfitting."""
    rng, at = np.random.default_rng(seed), np.arange(n)
    noise = 0.006 * rng.normal(size=(4, n))
    validation_loss = 0.236 + 0.6 * np.exp(-at / 3) + 0.004 * np.maximum(0, at - 17) + noise[0]
    train_loss = 0.22 + 0.9 * np.exp(-at / 3) - 0.15 * at / n + noise[1]
    validation_accuracy = 0.912 - 0.13 * np.exp(-at / 3) + noise[2]
    train_accuracy = 0.925 - 0.17 * np.exp(-at / 4) + 0.03 * at / n + noise[3]
    return run(
        *(values.tolist() for values in (validation_loss, train_loss, validation_accuracy, train_accuracy)), rates
    )


def texts(holder) -> list[str]:
    return [text.get_text() for text in holder.texts]


def told(figure) -> list[str]:
    return [*texts(figure), *(text for axes in figure.axes for text in texts(axes))]


# Curves of a run


def test_two_panels_show_the_values_against_the_epochs():
    epochs = noisy(40, 0)
    loss, accuracy = plot_run(epochs, title="a run", n_validation=5000).axes
    assert loss.lines[0].get_xydata().tolist() == [[it.epoch, it.validation_loss] for it in epochs]
    assert loss.lines[1].get_xydata().tolist() == [[it.epoch, it.train_loss] for it in epochs]
    assert accuracy.lines[0].get_xydata().tolist() == [[it.epoch, it.validation_accuracy] for it in epochs]
    assert accuracy.lines[1].get_xydata().tolist() == [[it.epoch, it.train_accuracy] for it in epochs]
    assert [axes.get_xlabel() for axes in (loss, accuracy)] == ["epoch", "epoch"]
    assert all(label.get_text().endswith(" %") for label in accuracy.get_yticklabels())


def test_series_differ_in_colour_and_in_dash_and_are_named():
    figure = plot_run(noisy(40, 0), title="a run", n_validation=5000)
    validation, training = figure.axes[0].lines[:2]
    assert (validation.get_color(), validation.get_linestyle()) == ("#0072b2", "-")
    assert (training.get_color(), training.get_linestyle()) == ("#c2571a", "--")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["validation", "training"]


def test_rings_lie_on_the_best_points_and_carry_their_epochs():
    epochs = run([0.5, 0.3, 0.4], [0.6, 0.5, 0.4], [0.7, 0.8, 0.9], [0.6, 0.7, 0.8])
    figure = plot_run(epochs, title="a run", n_validation=5000)
    loss, accuracy = figure.axes
    assert loss.lines[2].get_xydata().tolist() == [[2, 0.3]]
    assert accuracy.lines[2].get_xydata().tolist() == [[3, 0.9]]
    assert texts(loss) == ["Validation loss", "0.300", "lowest, epoch 2", "epoch 2"]
    assert texts(accuracy) == ["Validation accuracy", "90.0 % ± 0.8", "highest, epoch 3", "epoch 3"]


@pytest.mark.parametrize("n", [1, 2, 3, 10, 40, 300])
@pytest.mark.parametrize("seed", range(3))
def test_labels_of_rings_keep_clear_of_the_curves(n, seed):
    figure = plot_run(noisy(n, seed), title="a run", n_validation=5000)
    renderer = FigureCanvasAgg(figure).get_renderer()
    for axes in figure.axes:
        label = axes.texts[-1].get_window_extent(renderer)
        frame = axes.get_window_extent(renderer).padded(1)
        assert frame.contains(*label.p0)
        assert frame.contains(*label.p1)
        for line in axes.lines:
            curve = Polygon(axes.transData.transform(line.get_xydata()))
            assert not curve.intersects_bbox(label, filled=False)


def test_the_heading_tells_what_it_was_measured_on():
    epochs = noisy(5, 0)
    assert texts(plot_run(epochs, title="mine", n_validation=5000)) == ["mine", "validation: 5,000 images"]
    kept = plot_run(epochs, title="mine", n_validation=12, best_epoch=4)
    assert texts(kept) == ["mine", "validation: 12 images · best weights: epoch 4"]


def test_a_learning_rate_is_drawn_only_where_it_varies():
    figure = plot_run(noisy(3, 0, rates=[0.01, 0.005, 0.001]), title="a run", n_validation=50)
    rate = figure.axes[2]
    assert rate.lines[0].get_xydata().tolist() == [[1, 0.01], [2, 0.005], [3, 0.001]]
    assert texts(rate) == ["Learning rate", "0.01", "highest"]
    assert len(plot_run(noisy(3, 0), title="a run", n_validation=50).axes) == 2


@pytest.mark.parametrize(
    "epochs",
    [
        run([NAN, NAN], [NAN, math.inf], [NAN, NAN], [NAN, NAN]),
        run([0.5, NAN, 0.4], [0.5, math.inf, 0.4], [1.0, NAN, 1.0]),
        run([0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 1.0]),
    ],
)
def test_odd_values_can_be_drawn(epochs, tmp_path):
    plot_run(epochs, title="odd", n_validation=50, path=tmp_path / "odd.png")
    assert (tmp_path / "odd.png").stat().st_size > 10_000


def test_a_run_without_finite_values_says_so():
    figure = plot_run(run([NAN], [NAN], [NAN], [NAN]), title="odd", n_validation=50)
    assert texts(figure.axes[0]) == ["Validation loss", "–", "never a finite number"]
    assert texts(figure.axes[1]) == ["Validation accuracy", "–", "never a finite number"]


def test_no_tick_lies_outside_what_is_possible():
    constant = run([0.02, 0.01], [0.9, 0.8], [1.0, 1.0], [1.0, 1.0])
    loss, accuracy = plot_run(constant, title="a run", n_validation=50).axes
    assert min(loss.get_yticks()) >= 0
    assert max(accuracy.get_yticks()) <= 1


@pytest.mark.parametrize(
    ("first", "last", "at_most", "ticks"),
    [
        (1, 1, 10, [1]),
        (1, 4, 10, [1, 2, 3, 4]),
        (1, 23, 10, [1, 5, 10, 15, 20]),
        (1, 300, 10, [1, 50, 100, 150, 200, 250, 300]),
        (48, 60, 10, [48, 55, 60]),
    ],
)
def test_epoch_ticks_are_whole_and_round(first, last, at_most, ticks):
    assert epoch_ticks(first, last, at_most) == ticks


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")])
def test_figures_are_saved_by_suffix(suffix, start, tmp_path):
    path = tmp_path / f"run{suffix}"
    plot_run(noisy(3, 0), title="a run", n_validation=50, path=path)
    assert path.read_bytes().startswith(start)
    plot_confusion(two_classes(), str(path))
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize("name", ["run.jpg", "run"])
def test_other_suffixes_are_refused_with_the_fix(name, tmp_path):
    message = f"cannot save a chart as {tmp_path / name}; end the name in .png, .svg or .pdf"
    with pytest.raises(InvalidInput) as caught:
        plot_run(noisy(3, 0), title="a run", n_validation=50, path=tmp_path / name)
    assert str(caught.value) == message
    with pytest.raises(InvalidInput) as caught:
        plot_confusion(two_classes(), tmp_path / name)
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_told(tmp_path):
    path = tmp_path / "missing" / "run.png"
    with pytest.raises(InvalidInput) as caught:
        plot_run(noisy(3, 0), title="a run", n_validation=50, path=path)
    assert str(caught.value) == (
        f"cannot write the chart to {path}: No such file or directory; choose another folder or name"
    )


@pytest.mark.parametrize("draw", [lambda epochs: plot_run(epochs, title="", n_validation=1), terminal_curves])
def test_a_run_without_epochs_is_refused(draw):
    with pytest.raises(InvalidInput, match="there is no finished epoch to draw; wait for the first one"):
        draw([])


def test_notebooks_get_a_png():
    assert plot_run(noisy(3, 0), title="a run", n_validation=50)._repr_png_().startswith(b"\x89PNG")


def test_drawing_changes_nothing_global():
    before = dict(matplotlib.rcParams)
    plot_run(noisy(3, 0), title="a run", n_validation=50)._repr_png_()
    plot_confusion(two_classes())._repr_png_()
    assert dict(matplotlib.rcParams) == before
    program = (
        "import sys; from fittingroom.measure import charts, terminal; assert 'matplotlib' not in sys.modules;"
        "assert not {'scipy', 'torch'} & set(sys.modules);"
        "from fittingroom.spec.events import EpochMetrics;"
        "terminal.terminal_curves([EpochMetrics(1, 1, 1, 1, 1, 1, 1)]); assert 'matplotlib' not in sys.modules;"
        "charts.plot_run([EpochMetrics(1, 1, 1, 1, 1, 1, 1)], title='', n_validation=1)._repr_png_();"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# Confusion matrix


def confused(confusion: list[list[int]], names: list[str]) -> Evaluation:
    """An evaluation with exactly this confusion matrix."""
    k = len(names)
    cells = [(i, j) for i in range(k) for j in range(k) for _ in range(confusion[i][j])]
    labels, predictions = np.array(cells).T
    return evaluate(labels, np.eye(k)[predictions], names, "test")


def two_classes() -> Evaluation:
    return confused([[1500, 20], [0, 80]], ["cat", "dog"])


def test_cells_hold_the_counts_at_their_place():
    axes = plot_confusion(two_classes()).axes[0]
    # a text's place is (column, row): (predicted, true)
    assert {text.get_position(): text.get_text() for text in axes.texts} == {
        (0, 0): "1,500",
        (1, 0): "20",
        (1, 1): "80",
    }
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true class", "predicted class")


def test_colour_is_the_share_of_the_row_not_the_count():
    # the same 10 mistakes are half of the small class and a hundredth of the large one
    image = plot_confusion(confused([[990, 10], [10, 10]], ["many", "few"])).axes[0].images[0].get_array()
    darkness = 1 - np.asarray(image)[..., :3].mean(axis=2)
    assert darkness[1, 0] > 5 * darkness[0, 1] > 0
    assert darkness[0, 0] < 0.2  # right answers stay quiet


def test_the_heading_tells_accuracy_split_n_and_the_scale():
    assert texts(plot_confusion(two_classes())) == [
        "98.8 % ± 0.6 (test, n = 1,600)",
        "loss 1.092 · orange: share of a class mistaken, up to 1.3 % (cat taken for dog)",
    ]
    perfect = plot_confusion(confused([[3, 0], [0, 3]], ["cat", "dog"]))
    assert texts(perfect)[1].endswith("· no mistakes")


@pytest.mark.parametrize(("classes", "annotated"), [(2, True), (20, True), (21, False), (30, False)])
def test_cells_are_annotated_up_to_twenty_classes(classes, annotated):
    names = [f"class {i}" for i in range(classes)]
    axes = plot_confusion(confused((np.eye(classes, dtype=int) * 3).tolist(), names)).axes[0]
    assert len(axes.texts) == (classes if annotated else 0)


@pytest.mark.parametrize("classes", [2, 3, 10, 30])
@pytest.mark.parametrize("name", ["{}", "a class with a long name, number {}"])
def test_everything_lies_within_the_figure(classes, name):
    names = [name.format(i) for i in range(classes)]
    figure = plot_confusion(confused(np.ones((classes, classes), int).tolist(), names))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # puts the axis labels in their places
    renderer, axes = canvas.get_renderer(), figure.axes[0]
    for text in [*figure.texts, *axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label, axes.yaxis.label]:
        box = text.get_window_extent(renderer)
        assert figure.bbox.contains(*box.p0)
        assert figure.bbox.contains(*box.p1)
    heights = [label.get_window_extent(renderer) for label in axes.get_yticklabels()]
    assert not any(a.overlaps(b) for a, b in pairwise(heights))
    widths = [label.get_window_extent(renderer) for label in axes.get_xticklabels()]
    assert not any(a.overlaps(b) for a, b in pairwise(widths))


def test_long_names_lose_their_middle():
    names = ["a class with a long name, number 1", "a class with a long name, number 2"]
    axes = plot_confusion(confused([[1, 0], [0, 1]], names)).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "a class with…e, number 1",
        "a class with…e, number 2",
    ]


def test_dollars_in_names_are_no_formulas(tmp_path):
    evaluation = confused([[1, 1], [1, 1]], ["$5 and $\\frac{", "a$b$_{"])
    plot_confusion(evaluation, tmp_path / "money.png")
    plot_run(noisy(2, 0), title="$x_{$", n_validation=4, path=tmp_path / "money.svg")
    assert len(list(tmp_path.iterdir())) == 2


# Curves in a terminal


def test_a_small_picture_of_falling_loss_and_rising_accuracy():
    epochs = run([3, 2, 1], [1, 1, 1], [0.5, 0.75, 1.0], [0.5, 0.5, 0.5])
    assert terminal_curves(epochs, 40, 11).splitlines() == [
        "loss: lowest 1.000 at epoch 3 ●",
        "   3.000 ┤⠉⠑⠒⠒⠤⠤⢄⣀⣀",
        "   2.000 ┤         ⠉⠉⠑⠒⠒⠤⠤⢄⣀⣀⡀",
        "   1.000 ┤···················⠈⠉⠉⠑⠒⠒⠢⠤⠤⢄●",
        "accuracy: highest 100.0 % at epoch 3 ●",
        " 100.0 % ┤                     ⢀⣀⡠⠤⠤⠒⠒⠊●",
        "  75.0 % ┤           ⣀⣀⡠⠤⠤⠔⠒⠒⠉⠉⠁",
        "  50.0 % ┤⣀⡠⠤⠤⠤⠒⠒⠊⠉⠉⠉···················",
        "         └┬──────────────┬─────────────┬",
        "epoch     1              2             3",
        "          ⠤⠤ validation   ·· training",
    ]


def test_a_single_epoch_and_a_gap():
    assert terminal_curves(run([0.5], [0.5]), 40, 11).splitlines()[:4] == [
        "loss: lowest 0.500 at epoch 1 ●",
        "         │",
        "   0.500 ┤              ●",
        "         │",
    ]
    assert terminal_curves(run([3, NAN, 1, 2], [3, 3, 3, 3]), 40, 13).splitlines()[:5] == [
        "loss: lowest 1.000 at epoch 3 ●",
        "   3.000 ┤⠁·····························",
        "         │",
        "         │                         ⣀⠤⠔⠒⠉",
        "   1.000 ┤                   ●⡠⠤⠒⠊⠉",
    ]


@pytest.mark.parametrize("height", [11, 12, 13, 20, 21])
def test_a_constant_curve_lies_at_its_number(height):
    lines = terminal_curves(run([0.5] * 5, [0.5] * 5), 60, height).splitlines()
    [numbered] = [line for line in lines if line.startswith("   0.500 ┤")]
    assert "●" in numbered
    assert "⠤" in numbered or "⠒" in numbered or "⣀" in numbered


def test_a_run_that_was_never_finite_is_drawn_empty():
    lines = terminal_curves(run([NAN] * 3, [1, 1, NAN]), 40, 11).splitlines()
    assert lines[:4] == ["loss: validation never a finite number", *["         │"] * 3]


@pytest.mark.parametrize(("width", "height"), [(40, 11), (80, 24), (133, 40), (10, 3)])
@pytest.mark.parametrize("n", [1, 2, 40, 1000])
def test_the_picture_fits_and_is_plain_text(width, height, n):
    lines = terminal_curves(noisy(n, 1), width, height).splitlines()
    assert len(lines) <= max(height, 11)
    assert max(map(len, lines)) <= max(width, 40)
    assert not [letter for line in lines for letter in line if unicodedata.category(letter).startswith("C")]


def test_the_best_epoch_is_marked_above_its_tick():
    lines = terminal_curves(run([5, 4, 1, 2, 3], [5, 5, 5, 5, 5]), 80, 11).splitlines()
    ticks = [column for column, letter in enumerate(lines[8]) if letter == "┬"]
    assert len(ticks) == 5
    assert lines[3].index("●") == ticks[2]
    assert lines[9].index("3") == ticks[2]
