"""The curves of one run: accuracy and loss by epoch, of validation and of training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import quantiles

from fittingroom.measure.curves import highest_accuracy, lowest_loss, show_loss
from fittingroom.measure.history import Boundary
from fittingroom.measure.quantities import epoch_ticks
from fittingroom.report.scales import Scale, scale_of, tick_text
from fittingroom.report.svg import Layout, both, clipped, hint, legend, line, path, picture, tag, words
from fittingroom.spec.events import EpochMetrics

Figure = Callable[[EpochMetrics], float]


def accuracy_lines(epochs: Sequence[EpochMetrics], boundaries: Sequence[Boundary] = ()) -> str:
    """Accuracy in percent; a ring marks the highest of validation. Raises nothing for a run without an epoch."""
    best = highest_accuracy(epochs)
    mark = (best.epoch, 100 * best.validation_accuracy, f"{100 * best.validation_accuracy:.1f} %") if best else None
    return both(lambda layout: _draw(
        "Accuracy by epoch (%)", epochs, lambda epoch: 100 * epoch.validation_accuracy,
        lambda epoch: 100 * epoch.train_accuracy, mark, boundaries, layout,
    ))  # fmt: skip


def loss_lines(epochs: Sequence[EpochMetrics], boundaries: Sequence[Boundary] = ()) -> str:
    """Loss in nats; a ring marks the lowest of validation."""
    best = lowest_loss(epochs)
    mark = (best.epoch, best.validation_loss, show_loss(best.validation_loss)) if best else None
    return both(lambda layout: _draw(
        "Loss by epoch (nats)", epochs, lambda epoch: epoch.validation_loss, lambda epoch: epoch.train_loss,
        mark, boundaries, layout,
    ))  # fmt: skip


def _draw(
    title: str, epochs: Sequence[EpochMetrics], validation: Figure, training: Figure,
    mark: tuple[int, float, str] | None, boundaries: Sequence[Boundary], layout: Layout,
) -> str:  # fmt: skip
    top, height, left, right = 14.0, 200.0 if layout.narrow else 230.0, 48.0, layout.width - 12.0
    across = Scale(1, max((2, *(epoch.epoch for epoch in epochs))), left, right)
    low, high = _range([figure(epoch) for epoch in epochs for figure in (validation, training)], mark)
    up = Scale(low, high, top + height, top)
    parts = [*_frame(across, up, layout)]
    for boundary in boundaries:
        x = across(boundary.after + 0.5)
        parts += [line("zero", x, top, x, top + height), tag("rect", "touch", hint(str(boundary)), x=x - 4, y=top,
                                                             width=8, height=height)]  # fmt: skip
    inside = [part for figure, kind in ((training, "series-2 dash-2"), (validation, "series-1"))
              for part in _line(epochs, figure, kind, across, up)]  # fmt: skip
    parts.append(clipped(left, top - 6, right - left + 6, height + 6, inside))
    if mark:
        x, y = across(mark[0]), up(up.within(mark[1]))
        anchor = "end" if x > layout.width * 0.7 else "start"
        side, below = (-8 if anchor == "end" else 8), 18 if y < top + height / 2 else -9
        parts += [tag("circle", "ring series-1", hint(f"epoch {mark[0]}: {mark[2]}"), cx=x, cy=y, r=5),
                  words("strong over", x + side, y + below, f"{mark[2]} · epoch {mark[0]}", anchor=anchor)]  # fmt: skip
    if not epochs:
        parts.append(words("muted", layout.width / 2, top + height / 2, "no epoch was validated", anchor="middle"))
    notes = ["line: validation", "dashes: training, a mean over the epoch", "ring: best of validation"]
    notes += [f"upright line: {boundaries[0]}" + (" …" if len(boundaries) > 1 else "")] if boundaries else []
    note, more = legend(notes, top + height + 58, layout)
    said = f"Best of validation: {mark[2]} at epoch {mark[0]} of {epochs[-1].epoch}." if mark else "No epoch."
    return picture(layout, top + height + 50 + more, title, said, [*parts, note])


def _line(epochs: Sequence[EpochMetrics], figure: Figure, kind: str, across: Scale, up: Scale) -> Iterator[str]:
    """With gaps where a value is no number; a single epoch is a point."""
    points: list[tuple[float, float]] = []
    for epoch in [*epochs, None]:
        value = math.nan if epoch is None else figure(epoch)
        if epoch is not None and math.isfinite(value):
            points.append((across(epoch.epoch), up(value)))
            continue
        if len(points) == 1:
            yield tag("circle", f"point {kind}", cx=points[0][0], cy=points[0][1], r=3)
        elif points:
            yield path(f"curve {kind}", points)
        points = []


def _range(values: Sequence[float], mark: tuple[int, float, str] | None) -> tuple[float, float]:
    """All but the first, far-off values of a long run, and the best."""
    found = sorted(value for value in values if math.isfinite(value))
    if len(found) > 20:
        tenths = quantiles(found, n=20)
        room = 1.5 * (tenths[-1] - tenths[0])
        found = [value for value in found if tenths[0] - room <= value <= tenths[-1] + room]
    scale = scale_of([*found, *([mark[1]] if mark else [])], 0, 1, least=1e-3)
    return scale.low, scale.high


def _frame(across: Scale, up: Scale, layout: Layout) -> Iterator[str]:
    for level in up.ticks(5):
        yield line("grid", across.begin, up(level), across.end, up(level))
        yield words("tick", across.begin - 6, up(level) + 4, tick_text(level), anchor="end")
    for epoch in epoch_ticks(1, int(across.high), 5 if layout.narrow else 10):
        yield words("tick", across(epoch), up.begin + 16, str(epoch), anchor="middle")
    yield words("axis", (across.begin + across.end) / 2, up.begin + 34, "epoch", anchor="middle")
