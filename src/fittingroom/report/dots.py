"""Dots and intervals: one row for each arm, every seed a dot, the mean and its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fittingroom.measure.study import Measure, StudyResults
from fittingroom.report.names import fitted
from fittingroom.report.scales import Scale, axis_words, scale_of, tick_text, told
from fittingroom.report.shown import ShownArm, best_of, measure_of, shown
from fittingroom.report.svg import Layout, both, hint, legend, line, path, picture, tag, width_of, words

REACH = 1.0
"""Intervals are drawn as far as this share of the span of all dots beyond them; arrows say that they go on."""

MOST_NAMES = 270.0
"""Width of names that are left whole; where some are longer, all are cut to less."""


@dataclass(frozen=True)
class _Rows:
    """Where rows and columns of the picture are."""

    left: float
    right: float
    top: float
    height: float
    """Of a row."""
    names: float
    """Room for a name."""
    figures: float
    """Where the column of figures ends."""
    narrow: bool

    def middle(self, row: int) -> float:
        """Where the dots of a row lie."""
        return self.top + self.height * row + (self.height - 10 if self.narrow else self.height / 2)


def dots(results: StudyResults) -> str:
    """One row for each arm, in both layouts; raises nothing for arms without figures, which say so."""
    return both(lambda layout: draw_dots(results, layout))


def draw_dots(results: StudyResults, layout: Layout) -> str:
    """The same in one layout."""
    measure, arms = measure_of(results), shown(results)
    rows = _layout(arms, measure, layout)
    names = fitted([arm.name for arm in arms], rows.names)
    bottom = rows.top + rows.height * max(1, len(arms))
    scale = scale_of(_reached(arms, measure), rows.left + 6, rows.right - 6, least=max(results.margin, 1e-6) * 4)
    about = next((arm for arm in arms if arm.key == results.control), None) or best_of(arms, measure)
    band = list(_margin_band(about, results.margin, scale, rows, len(arms))) if about else []
    note, height = legend([*_legend(results, measure, shaded=bool(band)), *names.notes], bottom + 56, layout)
    parts = [
        *_axis(scale, measure, rows, bottom, layout),
        *band,
        *(part for row, arm in enumerate(arms) for part in _row(arm, names.texts[row], row, measure, scale, rows)),
        note,
    ]
    if not arms:
        parts.append(words("muted", layout.width / 2, rows.top + 20, "no arms yet", anchor="middle"))
    title = f"{measure.words[0].upper()}{measure.words[1:]} of each arm: every seed, mean and 95 % interval"
    return picture(layout, bottom + 48 + height, title, _in_words(arms, measure), parts)


def _layout(arms: Sequence[ShownArm], measure: Measure, layout: Layout) -> _Rows:
    if layout.narrow:
        return _Rows(4, layout.width - 4, 8, 44, layout.width - 150, layout.width - 4, True)
    wanted = max((width_of(arm.name) for arm in arms), default=0) + 14
    names = wanted if wanted <= MOST_NAMES else min(210.0, wanted)
    figures = max((width_of(_figure(arm, measure)) for arm in arms), default=0) + 14
    return _Rows(
        names, layout.width - max(90, figures), 8, 28 if len(arms) <= 12 else 22, names - 10, layout.width, False
    )


def _row(arm: ShownArm, name: str, row: int, measure: Measure, scale: Scale, rows: _Rows) -> Iterator[str]:
    y = rows.middle(row)
    text = y - 18 if rows.narrow else y + 4
    yield line("rule", rows.left, y, rows.right, y)
    yield words(
        "name", 0 if not rows.narrow else 4, text, name, room=rows.names, full=arm.name if name != arm.name else ""
    )
    yield words("figure-text", rows.figures, text, _figure(arm, measure), anchor="end", full=arm.count)
    if arm.low is not None and arm.high is not None:
        yield from interval(arm.low, arm.high, y, scale, hint(f"{arm.name}: {_interval_words(arm, measure)}"))
    steps = _steps(len(arm.values))
    for step, (seed, value) in zip(steps, arm.values.items(), strict=True):
        said = hint(f"{arm.name}, seed {seed}: {told(value, measure)}")
        yield tag("circle", "dot", said, cx=scale(value), cy=y + step, r=3.4, data_value=f"{value:.10g}")
    if arm.mean is not None:
        x = scale(arm.mean)
        yield tag("rect", "mean", hint(f"{arm.name}: mean {told(arm.mean, measure)}"), x=x - 1.5, y=y - 9, width=3,
                  height=18, rx=1)  # fmt: skip


def interval(low: float, high: float, y: float, scale: Scale, said: str) -> Iterator[str]:
    """A line with caps, or arrows where it goes on beyond the picture."""
    x1, x2 = scale(scale.within(low)), scale(scale.within(high))
    yield tag("line", "interval", said, x1=x1, y1=y, x2=x2, y2=y)
    for value, x, way in ((low, x1, -1), (high, x2, 1)):
        if scale.within(value) == value:
            yield line("interval", x, y - 4, x, y + 4)
        else:
            yield path("arrow", [(x, y - 5), (x + 6 * way, y), (x, y + 5)], closed=True)


def _steps(n: int) -> list[float]:
    """How far each seed lies above or below the row, so that equal values are seen side by side."""
    return [0.0] if n == 1 else [-4 + 8 * index / (n - 1) for index in range(n)]


def _reached(arms: Sequence[ShownArm], measure: Measure) -> list[float]:
    """Values that the scale holds: every dot, and intervals as far as they do not drown the dots."""
    values = [value for arm in arms for value in arm.values.values()]
    if not values:
        return []
    low, high = min(values), max(values)
    room = max(REACH * (high - low), 1e-9)
    floor = 0.0 if measure.unit else -math.inf
    least, most = max(low - room, min(floor, low)), high + room
    most = min(most, max(100.0, high)) if measure.unit == "points" else most
    ends = [end for arm in arms for end in (arm.low, arm.high) if end is not None]
    return values + [min(max(end, least), most) for end in ends]


def _axis(scale: Scale, measure: Measure, rows: _Rows, bottom: float, layout: Layout) -> Iterator[str]:
    for tick in scale.ticks(4 if layout.narrow else 7):
        x = scale(tick)
        yield line("grid", x, rows.top, x, bottom)
        yield words("tick", x, bottom + 16, tick_text(tick), anchor="middle")
    yield words("axis", (rows.left + rows.right) / 2, bottom + 34, axis_words(measure), anchor="middle")


def _margin_band(about: ShownArm, margin: float, scale: Scale, rows: _Rows, count: int) -> Iterator[str]:
    """Behind the dots of every row; in a narrow picture names and figures stay free of it."""
    if about.mean is None or margin <= 0:
        return
    left, right = scale(scale.within(about.mean - margin)), scale(scale.within(about.mean + margin))
    stripes = [(rows.top, rows.height * count)]
    if rows.narrow:
        stripes = [(rows.middle(row) - 10, 20.0) for row in range(count)]
    for top, height in stripes:
        yield tag("rect", "margin", x=left, y=top, width=max(1.0, right - left), height=height)


def _legend(results: StudyResults, measure: Measure, *, shaded: bool) -> list[str]:
    about = next((f"{arm.name}'s" for arm in results.arms if arm.key == results.control), "the best")
    margin = f"shaded: within {results.margin:g} {measure.unit} of {about} mean".replace("  ", " ")
    return ["dot: one seed", "bar: mean", "line: 95 % interval", *[margin] * shaded]


def _figure(arm: ShownArm, measure: Measure) -> str:
    if arm.mean is None:
        return f"reached: {len(arm.values)} of {len(arm.values) + arm.missing}" if arm.values else "no figure"
    half = f" ± {told(arm.half, measure)}" if arm.half is not None else ""
    return f"{told(arm.mean, measure)}{half}"


def _interval_words(arm: ShownArm, measure: Measure) -> str:
    interval = f"95 % interval {told(arm.low, measure)} to {told(arm.high, measure)}"
    return f"mean {told(arm.mean, measure)}, {interval}, {arm.count}"


def _in_words(arms: Sequence[ShownArm], measure: Measure) -> str:
    """The same for those who do not see it."""
    said = [f"{arm.name}: {_in_short(arm, measure)}." for arm in arms]
    return " ".join(said) or "There are no arms yet."


def _in_short(arm: ShownArm, measure: Measure) -> str:
    return _interval_words(arm, measure) if arm.low is not None else f"{_figure(arm, measure)}, {arm.count}"
