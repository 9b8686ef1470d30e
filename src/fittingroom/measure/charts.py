"""Pictures of results: a run's curves and a confusion matrix with matplotlib, and curves as text for a terminal.

matplotlib is imported only where it draws, and never its pyplot: nothing global changes and no window opens.
"""

from __future__ import annotations

import functools
import io
import itertools
import math
import os
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fittingroom.errors import InvalidInput
from fittingroom.measure.curves import highest_accuracy, lowest_loss, show_loss, show_percent
from fittingroom.measure.evaluate import Evaluation, show_accuracy
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


class Measure(NamedTuple):
    """A quantity that is drawn against the epoch."""

    name: str
    extreme: str
    """What its best value is called."""
    best: Callable[[Sequence[EpochMetrics]], EpochMetrics | None]
    validation: Callable[[EpochMetrics], float]
    training: Callable[[EpochMetrics], float]
    show: Callable[[float], str]
    tick: Callable[[float], str]
    highest: float
    """The largest possible value."""


LOSS = Measure(
    "loss", "lowest", lowest_loss, attrgetter("validation_loss"), attrgetter("train_loss"),
    show_loss, lambda level: f"{level:g}", math.inf,
)  # fmt: skip
ACCURACY = Measure(
    "accuracy", "highest", highest_accuracy, attrgetter("validation_accuracy"), attrgetter("train_accuracy"),
    show_percent, lambda level: f"{100 * level:g} %", 1.0,
)  # fmt: skip


# Curves of a run


def plot_run(
    epochs: Sequence[EpochMetrics],
    *,
    title: str,
    n_validation: int,
    best_epoch: int | None = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Loss and accuracy against the epoch, and the learning rate where it varies.

    Rings mark the lowest validation loss and the highest validation accuracy. ``best_epoch`` is the epoch whose
    weights the run kept. With ``path`` the figure is saved too, as PNG, SVG or PDF by its suffix. Raises
    InvalidInput for another suffix, for a file that cannot be written and for a run without an epoch.
    """
    _check_epochs(epochs)
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
    lowest, highest = LOSS.best(epochs), ACCURACY.best(epochs)
    _measure_panel(columns[0], epochs, LOSS, show_loss(lowest.validation_loss) if lowest else "–")
    _measure_panel(columns[1], epochs, ACCURACY, _with_margin(highest, n_validation) if highest else "–")
    if varies:
        _learning_rate_panel(columns[2], epochs)
    figure.legend(
        handles=columns[0].lines[:2], loc="upper right", bbox_to_anchor=(0.985, 0.985), ncols=2, frameon=False,
        fontsize=BODY, labelcolor=INK, handlelength=2.6,
    )  # fmt: skip
    return _finish(figure, path)


def _measure_panel(axes: Axes, epochs: Sequence[EpochMetrics], measure: Measure, value: str) -> None:
    """Both curves of a measure; ``value`` is the best validation value as text."""
    best = measure.best(epochs)
    note = f"{measure.extreme}, epoch {best.epoch}" if best else "never a finite number"
    _panel_heading(axes, f"Validation {measure.name}", value, note)
    numbers = [epoch.epoch for epoch in epochs]
    validation, training = _finite(map(measure.validation, epochs)), _finite(map(measure.training, epochs))
    dots: dict[str, Any] = {"marker": "o", "markersize": 4.5} if len(epochs) <= 12 else {}
    axes.plot(numbers, validation, color=VALIDATION, linewidth=2.2, label="validation", zorder=3, **dots)
    axes.plot(numbers, training, color=TRAINING, linewidth=1.8, linestyle=(0, (4, 2)), label="training", **dots)
    _style(axes, epochs, [*validation, *training], measure.tick, highest=measure.highest)
    if best:
        _ring(axes, best.epoch, measure.validation(best), above=measure.highest < math.inf)


def _with_margin(epoch: EpochMetrics, n_validation: int) -> str:
    """``91.6 % ± 0.8``: the split and n stand in the figure's heading."""
    return show_accuracy(epoch.validation_accuracy, n_validation, "validation").partition(" (")[0]


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


def epoch_ticks(first: int, last: int, at_most: int) -> list[int]:
    """The first epoch and round ones after it, about ``at_most`` together."""
    steps = (size * 10**power for power in itertools.count() for size in ((1, 2, 5) if power else (1, 5)))
    step = next(step for step in steps if (last - first) / step <= at_most)
    return [first, *(tick for tick in range(0, last + 1, step) if tick > first + step / 2)]


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


def _check_epochs(epochs: Sequence[EpochMetrics]) -> None:
    if not epochs:
        raise InvalidInput("there is no finished epoch to draw; wait for the first one")


# Curves in a terminal

LEAST_WIDTH, LEAST_HEIGHT = 40, 11
GUTTER = 10  # columns for the numbers and the axis
BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # bits of the 4 × 2 dots of a cell


def terminal_curves(epochs: Sequence[EpochMetrics], width: int = 76, height: int = 21) -> str:
    """Loss above accuracy as text: validation as a line of braille dots, training as ``·``, the best epoch as ``●``.

    At most ``width`` columns and ``height`` lines, but never fewer than 40 and 11. Plain Unicode without colour
    codes. Values that are not finite leave gaps. Raises InvalidInput for a run without an epoch.
    """
    _check_epochs(epochs)
    columns, rows = max(width, LEAST_WIDTH) - GUTTER, (max(height, LEAST_HEIGHT) - 5) // 2
    lines = [
        *_text_panel(epochs, LOSS, columns, rows),
        *_text_panel(epochs, ACCURACY, columns, rows),
        *_epoch_axis(epochs[0].epoch, epochs[-1].epoch, columns),
        f"{'':{GUTTER}}⠤⠤ validation   ·· training",
    ]
    return "\n".join(line.rstrip() for line in lines)


def _text_panel(epochs: Sequence[EpochMetrics], measure: Measure, columns: int, rows: int) -> list[str]:
    """A title and ``rows`` lines with the value at the top, in the middle (odd ``rows``) and at the bottom."""
    best = measure.best(epochs)
    if not best:
        return [f"{measure.name}: validation never a finite number", *[f"{'│':>{GUTTER}}"] * rows]
    values = (value for epoch in epochs for value in (measure.validation(epoch), measure.training(epoch)))
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite), max(finite)

    def place(epoch: EpochMetrics, value: float) -> tuple[int, int] | None:
        """Column and row among the dots, two by four in a cell."""
        if not math.isfinite(value):
            return None
        across = _place(epoch.epoch, epochs[0].epoch, epochs[-1].epoch, 2 * columns)
        return across, _place(value, high, low, 4 * rows)

    validation = _line([place(epoch, measure.validation(epoch)) for epoch in epochs])
    training = _line([place(epoch, measure.training(epoch)) for epoch in epochs])
    x, y = place(best, measure.validation(best)) or (0, 0)
    cells = {(x // 2, y // 4): "·" for x, y in training} | _braille(validation) | {(x // 2, y // 4): "●"}
    levels = {(rows - 1) // 2: high} if low == high else {0: high, rows - 1: low}
    if rows % 2:
        levels.setdefault(rows // 2, (high + low) / 2)
    return [
        f"{measure.name}: {measure.extreme} {measure.show(measure.validation(best))} at epoch {best.epoch} ●",
        *(
            (f"{measure.show(levels[row])} ┤" if row in levels else "│").rjust(GUTTER)
            + "".join(cells.get((column, row), " ") for column in range(columns))
            for row in range(rows)
        ),
    ]


def _place(value: float, first: float, last: float, places: int) -> int:
    """Which of so many places between ``first`` and ``last`` is nearest; the middle one where these are the same."""
    return round((value - first) / (last - first) * (places - 1)) if first != last else (places - 1) // 2


def _line(points: Sequence[tuple[int, int] | None]) -> set[tuple[int, int]]:
    """The dots of a line through the points, with gaps at None."""
    dots = {point for point in points if point}
    for start, end in itertools.pairwise(points):
        if start and end:
            steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
            dots |= {
                (round(start[0] + (end[0] - start[0]) * i / steps), round(start[1] + (end[1] - start[1]) * i / steps))
                for i in range(steps)
            }
    return dots


def _braille(dots: Iterable[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """The character of each cell that holds dots (Unicode block U+2800, eight dots to a cell)."""
    bits: dict[tuple[int, int], int] = {}
    for x, y in dots:
        cell = (x // 2, y // 4)
        bits[cell] = bits.get(cell, 0) | BRAILLE[y % 4][x % 2]
    return {cell: chr(0x2800 + pattern) for cell, pattern in bits.items()}


def _epoch_axis(first: int, last: int, columns: int) -> list[str]:
    """The line below the panels and its epochs."""
    line, numbers = ["─"] * columns, [" "] * columns
    for tick in epoch_ticks(first, last, columns // 9):
        at = _place(tick, first, last, 2 * columns) // 2
        line[at] = "┬"
        digits = str(tick)
        start = min(max(0, at - len(digits) // 2), columns - len(digits))
        numbers[start : start + len(digits)] = digits
    return [f"{'└':>{GUTTER}}{''.join(line)}", f"{'epoch':<{GUTTER}}{''.join(numbers)}"]
