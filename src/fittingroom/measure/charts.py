"""Pictures of results with matplotlib: a run's curves and a confusion matrix.

matplotlib is imported only where it draws, and never its pyplot: nothing global changes and no window opens.
"""

from __future__ import annotations

import functools
import io
import itertools
import math
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fittingroom.errors import InvalidInput
from fittingroom.measure.curves import show_loss, show_percent
from fittingroom.measure.evaluate import Evaluation, tell_accuracy
from fittingroom.measure.history import Boundary, History
from fittingroom.measure.quantities import ACCURACY, LOSS, Measure, check_epochs, epoch_ticks
from fittingroom.spec.events import EpochMetrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

SUFFIXES = (".png", ".svg", ".pdf")
GROUND, LINE, INK, MUTED = "#faf9f6", "#e4e0d8", "#1c1b19", "#66625b"
VALIDATION, TRAINING, LEARNING_RATE = "#0072b2", "#c2571a", "#4b4b4b"  # told apart without colour vision, and by dash
SMALL, BODY, TITLE, LARGE = 9, 10.5, 15, 20  # points
MARGIN = 0.055  # of the width of a figure of curves
LONGEST_NAME, LONGEST_TITLE = 24, 60  # letters


# Curves of a run


def plot_run(
    epochs: Sequence[EpochMetrics],
    *,
    title: str,
    n_validation: int,
    best_epoch: int | None = None,
    path: str | os.PathLike[str] | None = None,
    boundaries: Sequence[Boundary] = (),
) -> Figure:
    """Loss and accuracy against the epoch, and the learning rate where it varies.

    Rings mark the lowest validation loss and the highest validation accuracy. ``best_epoch`` is the epoch whose
    weights the run kept. ``boundaries`` are drawn and named; what is best is then what is best after the last of
    them. With ``path`` the figure is saved too, as PNG, SVG or PDF by its suffix. Raises InvalidInput for another
    suffix, for a file that cannot be written and for a run without an epoch.
    """
    check_epochs(epochs)
    _check_suffix(path)
    varies = len({epoch.learning_rate for epoch in epochs}) > 1
    figure = _new_figure(13.6 if varies else 11, 5.4)
    columns = figure.subplots(
        1,
        3 if varies else 2,
        width_ratios=(1, 1, 0.5) if varies else (1, 1),
        gridspec_kw={"left": MARGIN, "right": 0.98, "top": 0.65, "bottom": 0.115, "wspace": 0.25 if varies else 0.2},
    )
    weights = "" if best_epoch is None else f" · best weights: epoch {best_epoch}"
    _heading(figure, title, f"validation: {n_validation:,} images{weights}", left=MARGIN * figure.get_figwidth())
    history = History(tuple(epochs), tuple(boundaries))
    lowest, highest = LOSS.best(history.newest), ACCURACY.best(history.newest)
    _measure_panel(columns[0], history, LOSS, show_loss(lowest.validation_loss) if lowest else "–")
    _measure_panel(columns[1], history, ACCURACY, _with_margin(highest, n_validation) if highest else "–")
    if varies:
        _learning_rate_panel(columns[2], epochs)
    figure.legend(
        handles=columns[0].lines[:2], loc="upper right", bbox_to_anchor=(0.985, 0.985), ncols=2, frameon=False,
        fontsize=BODY, labelcolor=INK, handlelength=2.6,
    )  # fmt: skip
    return _finish(figure, path)


def _measure_panel(axes: Axes, history: History, measure: Measure, value: str) -> None:
    """Both curves of a measure; ``value`` is the best validation value as text."""
    epochs, best = history.epochs, measure.best(history.newest)
    note = f"{measure.extreme}, epoch {best.epoch}" if best else "never a finite number"
    _panel_heading(axes, f"Validation {measure.name}", value, note)
    numbers = [float(epoch.epoch) for epoch in epochs]
    validation, training = _finite(map(measure.validation, epochs)), _finite(map(measure.training, epochs))
    for boundary in reversed(history.boundaries):  # curves end there and begin anew
        for values, gap in ((numbers, boundary.after + 0.5), (validation, math.nan), (training, math.nan)):
            values.insert(boundary.after - epochs[0].epoch + 1, gap)
    dots: dict[str, Any] = {"marker": "o", "markersize": 4.5} if len(epochs) <= 12 else {}
    axes.plot(numbers, validation, color=VALIDATION, linewidth=2.2, label="validation", zorder=3, **dots)
    axes.plot(numbers, training, color=TRAINING, linewidth=1.8, linestyle=(0, (4, 2)), label="training", **dots)
    _style(axes, epochs, [*validation, *training], measure.tick, highest=measure.highest)
    for boundary in history.boundaries:
        _wall(axes, boundary, at_foot=measure.highest < math.inf)
    if best:
        _ring(axes, best.epoch, measure.validation(best), above=measure.highest < math.inf)


def _wall(axes: Axes, boundary: Boundary, *, at_foot: bool) -> None:
    """A thin upright line where something else begins, named along it where the curves leave room."""
    axes.axvline(boundary.after + 0.5, color=INK, linewidth=0.8, linestyle=(0, (1, 2)), alpha=0.6, zorder=1)
    axes.annotate(
        boundary.label, (boundary.after + 0.5, 0.02 if at_foot else 0.98), xycoords=("data", "axes fraction"),
        xytext=(4, 0), textcoords="offset points", rotation=90, va="bottom" if at_foot else "top", ha="left",
        fontsize=SMALL, color=INK, alpha=0.8,
    )  # fmt: skip


def _with_margin(epoch: EpochMetrics, n_validation: int) -> str:
    """``91.6 % ± 0.8``: the split and n stand in the figure's heading."""
    told = tell_accuracy(epoch.validation_accuracy, n_validation, "validation")
    return f"{told.value} {told.margin}" if told.margin.startswith("±") else told.value


def _learning_rate_panel(axes: Axes, epochs: Sequence[EpochMetrics]) -> None:
    rates = [epoch.learning_rate for epoch in epochs]
    _panel_heading(axes, "Learning rate", f"{max(rates):.3g}", "highest")
    axes.plot([epoch.epoch for epoch in epochs], rates, color=LEARNING_RATE, linewidth=1.6)
    _style(axes, epochs, rates, LOSS.tick, highest=math.inf, ticks=4)


def _style(
    axes: Axes,
    epochs: Sequence[EpochMetrics],
    values: Sequence[float],
    show: Callable[[float], str],
    *,
    highest: float,
    ticks: int = 10,
) -> None:
    """Limits with room for a label, quiet grid lines, whole epochs; ``highest`` is the largest possible value."""
    from matplotlib.ticker import MaxNLocator

    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    room = 0.12 * (max(finite) - min(finite)) or 0.1 * abs(finite[0]) or 0.1
    low, high = min(finite) - room, max(finite) + room
    levels = [
        level
        for level in MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        if max(low, 0) <= level <= min(high, highest)
    ]
    axes.set_ylim(low, high)
    axes.set_yticks(levels, [show(level) for level in levels])
    first, last = epochs[0].epoch, epochs[-1].epoch
    margin = 0.02 * (last - first) or 0.5
    axes.set_xlim(first - margin, last + margin)
    axes.set_xticks(epoch_ticks(first, last, ticks))
    axes.set_xlabel("epoch", color=MUTED, fontsize=SMALL)
    axes.grid(axis="y", color=LINE, linewidth=0.9)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=SMALL, length=0, pad=6)
    axes.set_facecolor("none")
    axes.spines[:].set_visible(False)
    axes.spines["bottom"].set(visible=True, color=LINE)


def _ring(axes: Axes, epoch: int, value: float, *, above: bool) -> None:
    """A ring on the very point, with its epoch written where no curve runs."""
    axes.plot(
        epoch, value, marker="o", markersize=9, markerfacecolor=GROUND, markeredgecolor=VALIDATION,
        markeredgewidth=2.2, zorder=4, clip_on=False,
    )  # fmt: skip
    text = axes.text(
        epoch, value, f"epoch {epoch}", color=VALIDATION, fontsize=SMALL, ha="center", va="center", zorder=2.5,
        bbox={"facecolor": GROUND, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip
    _move_clear_of_curves(axes, text, above=above)


def _move_clear_of_curves(axes: Axes, text: Text, *, above: bool) -> None:
    """Move ``text`` from its point to the nearest place inside the axes that the fewest pixels of curves cross."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(axes.get_figure(root=True)).get_renderer()  # type: ignore[no-untyped-call]
    size, frame = np.array(text.get_window_extent(renderer).size), axes.get_window_extent(renderer)
    centre, reach = (frame.p0 + frame.p1) / 2, np.array(frame.size) / 2 - size / 2
    curves = np.concatenate([_pixels(axes, np.asarray(line.get_xydata())) for line in axes.lines])
    point = axes.transData.transform(text.get_position())
    first = 1 if above else -1
    sides = [(0, first), (1, first), (-1, first), (0, -first), (1, -first), (-1, -first), (1, 0), (-1, 0)]
    best, fewest = point, math.inf
    for gap, side in itertools.product((9, 16, 26, 40), sides):
        middle = point + np.array(side) * (size / 2 + gap)
        inside = (abs(middle - centre) <= reach).all()
        crossed = int((abs(curves - middle) < size / 2 + 4).all(axis=1).sum())
        if inside and crossed < fewest:
            best, fewest = middle, crossed
    x, y = axes.transData.inverted().transform(best)
    text.set_position((x, y))


def _pixels(axes: Axes, points_N2: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Points every few pixels along a line of the axes, shape (M, 2)."""
    ends = axes.transData.transform(points_N2)
    at = np.linspace(0, len(ends) - 1, 40 * len(ends))
    dense = np.column_stack([np.interp(at, np.arange(len(ends)), ends[:, axis]) for axis in (0, 1)])
    finite: npt.NDArray[np.float64] = dense[np.isfinite(dense).all(axis=1)]
    return finite


def _finite(values: Iterable[float]) -> list[float]:
    """Values with a gap (nan) where they are not finite."""
    return [value if math.isfinite(value) else math.nan for value in values]


# Confusion matrix


def plot_confusion(evaluation: Evaluation, path: str | os.PathLike[str] | None = None) -> Figure:
    """The confusion matrix: counts in the cells (up to 20 classes), colour by share of the true class's images.

    Right answers are many and expected, so they stay grey; mistakes are orange, the most frequent in full colour.
    ``path`` as for ``plot_run``.
    """
    _check_suffix(path)
    classes, names = len(evaluation.class_names), [_shortened(name) for name in evaluation.class_names]
    cell = min(max(0.62, 3.2 / classes), 1.2, 12 / classes)  # inches, as all lengths here
    size = min(BODY, 46 * cell)
    longest = max(map(len, names))
    upright = longest * size < 100 * cell
    name_length, name_height = 0.0087 * size * longest, size / 72
    left, bottom = name_length + 0.55, (name_height if upright else name_length) + 0.5
    side, note = cell * classes, _note(evaluation, names)
    width, height = max(left + side + 0.3, 0.6 + 0.083 * len(note), 5), bottom + side + 1.05
    figure = _new_figure(width, height)
    _heading(figure, evaluation.headline, note, left=0.25)
    axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
    _cells(axes, evaluation, annotated=classes <= 20, size=min(BODY, 15 * cell))
    axes.set_xticks(range(classes), names, fontsize=size, color=INK, rotation=0 if upright else 90, parse_math=False)
    axes.set_yticks(range(classes), names, fontsize=size, color=INK, parse_math=False)
    axes.tick_params(length=0, pad=5)
    axes.set_xlabel("predicted class", color=MUTED, fontsize=SMALL)
    axes.set_ylabel("true class", color=MUTED, fontsize=SMALL)
    axes.spines[:].set_visible(False)
    return _finish(figure, path)


def _shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """Long names lose their middle: names that begin alike often differ at the end."""
    half = longest // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[1 - half :]}"


def _note(evaluation: Evaluation, names: Sequence[str]) -> str:
    mistakes = evaluation.mistaken
    true, predicted = divmod(int(mistakes.argmax()), len(names))
    loss, most = f"loss {show_loss(evaluation.loss)}", float(mistakes[true, predicted])
    if not most:
        return f"{loss} · no mistakes"
    strongest = f"up to {show_percent(most)} ({names[true]} taken for {names[predicted]})"
    return f"{loss} · orange: share of a class mistaken, {strongest}"


def _cells(axes: Axes, evaluation: Evaluation, *, annotated: bool, size: float) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    mistakes, right = evaluation.mistaken, np.diag(evaluation.shares)
    orange = LinearSegmentedColormap.from_list("mistakes", ["#ffffff", "#f6cfb3", "#e08a52", "#b44a10"])
    grey = LinearSegmentedColormap.from_list("right", ["#ffffff", "#d5d1c8"])
    colours = orange(mistakes / (mistakes.max() or 1))
    diagonal = np.arange(len(right))
    colours[diagonal, diagonal] = grey(right)
    axes.imshow(colours, aspect="equal")
    edges = np.arange(len(right) + 1) - 0.5
    axes.hlines(edges, edges[0], edges[-1], color=GROUND, linewidth=1.5)
    axes.vlines(edges, edges[0], edges[-1], color=GROUND, linewidth=1.5)
    if not annotated:
        return
    for (row, column), count in np.ndenumerate(evaluation.confusion):
        if count:
            ink = "#ffffff" if _luminance(colours[row, column]) < 0.2 else INK  # the stronger contrast of the two
            axes.text(column, row, f"{count:,}", ha="center", va="center_baseline", fontsize=size, color=ink)


def _luminance(rgba: npt.NDArray[np.float64]) -> float:
    """Relative luminance, 0 to 1 (WCAG 2, with its curve taken as a power of 2.2)."""
    return float(rgba[:3] ** 2.2 @ (0.2126, 0.7152, 0.0722))


# What both kinds of figure share


def _new_figure(width: float, height: float) -> Figure:
    """An empty figure of that many inches, shown as PNG by notebooks without pyplot."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, facecolor=GROUND)
    figure._repr_png_ = functools.partial(_drawn, figure, "png")  # type: ignore[attr-defined]
    return figure


def _heading(figure: Figure, title: str, note: str, *, left: float) -> None:
    """Title and note at the top left, placed in inches so that figures of all sizes look alike."""
    width, height = figure.get_size_inches()
    shown = _shortened(title, LONGEST_TITLE)
    figure.text(left / width, 1 - 0.42 / height, shown, fontsize=TITLE, fontweight="bold", color=INK, parse_math=False)
    figure.text(left / width, 1 - 0.72 / height, note, fontsize=BODY, color=MUTED, parse_math=False)


def _panel_heading(axes: Axes, name: str, value: str, note: str) -> None:
    """What is drawn in small, its best value in large, and what that is beside it."""
    axes.text(0, 1.21, name, transform=axes.transAxes, fontsize=SMALL, color=MUTED)
    large = axes.text(0, 1.08, value, transform=axes.transAxes, fontsize=LARGE, fontweight="bold", color=INK)
    axes.annotate(
        note, xy=(1, 0), xycoords=large, xytext=(8, 5), textcoords="offset points", fontsize=SMALL, color=MUTED
    )


def _check_suffix(path: str | os.PathLike[str] | None) -> None:
    if path is not None and Path(path).suffix.lower() not in SUFFIXES:
        raise InvalidInput(f"cannot save a chart as {os.fspath(path)}; end the name in .png, .svg or .pdf")


def _finish(figure: Figure, path: str | os.PathLike[str] | None) -> Figure:
    """Save the figure where that is asked for."""
    if path is not None:
        content = _drawn(figure, Path(path).suffix.lower().removeprefix("."))
        try:
            Path(path).write_bytes(content)
        except OSError as error:
            raise InvalidInput(
                f"cannot write the chart to {os.fspath(path)}: {error.strerror}; choose another folder or name"
            ) from error
    return figure


def _drawn(figure: Figure, format: str) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format=format, dpi=160, facecolor=figure.get_facecolor())
    return content.getvalue()
