"""Curves of a run as text for a terminal: braille dots, no colour codes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

from fittingroom.measure.history import Boundary, History, split_at
from fittingroom.measure.quantities import ACCURACY, LOSS, Measure, check_epochs, epoch_ticks
from fittingroom.spec.events import EpochMetrics

LEAST_WIDTH, LEAST_HEIGHT = 40, 11
GUTTER = 10  # columns for the numbers and the axis
BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # bits of the 4 × 2 dots of a cell


def terminal_curves(
    epochs: Sequence[EpochMetrics], width: int = 76, height: int = 21, boundaries: Sequence[Boundary] = ()
) -> str:
    """Loss above accuracy as text: validation as a line of braille dots, training as ``·``, the best epoch as ``●``.

    At most ``width`` columns and ``height`` lines, but never fewer than 40 and 11. Plain Unicode without colour
    codes. Values that are not finite leave gaps. ``boundaries`` are drawn as ``┊`` and told below, in lines of their
    own; the best epoch is then the best one after the last of them. Raises InvalidInput for a run without an epoch.
    """
    check_epochs(epochs)
    columns, rows = max(width, LEAST_WIDTH) - GUTTER, (max(height, LEAST_HEIGHT) - 5) // 2
    lines = [
        *_text_panel(epochs, LOSS, columns, rows, boundaries),
        *_text_panel(epochs, ACCURACY, columns, rows, boundaries),
        *_epoch_axis(epochs[0].epoch, epochs[-1].epoch, columns),
        f"{'':{GUTTER}}⠤⠤ validation   ·· training",
        *(f"{'':{GUTTER}}┊ {boundary}" for boundary in boundaries),
    ]
    return "\n".join(line.rstrip() for line in lines)


def _text_panel(
    epochs: Sequence[EpochMetrics], measure: Measure, columns: int, rows: int, boundaries: Sequence[Boundary]
) -> list[str]:
    """A title and ``rows`` lines with the value at the top, in the middle (odd ``rows``) and at the bottom."""
    best = measure.best(History(tuple(epochs), tuple(boundaries)).newest)
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

    parts = split_at(epochs, boundaries)
    validation = set().union(*(_line([place(each, measure.validation(each)) for each in part]) for part in parts))
    training = set().union(*(_line([place(each, measure.training(each)) for each in part]) for part in parts))
    x, y = place(best, measure.validation(best)) or (0, 0)
    walls = [_place(each.after + 0.5, epochs[0].epoch, epochs[-1].epoch, 2 * columns) // 2 for each in boundaries]
    cells = {(wall, row): "┊" for wall in walls for row in range(rows)}
    cells |= {(x // 2, y // 4): "·" for x, y in training} | _braille(validation) | {(x // 2, y // 4): "●"}
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
