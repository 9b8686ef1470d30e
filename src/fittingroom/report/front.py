"""What accuracy costs: time or parameters against the measure, with the arms that nothing else beats at both."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from fittingroom.measure.study import MEASURES, Measure, StudyResults
from fittingroom.report.names import fitted
from fittingroom.report.scales import Scale, axis_words, scale_of, tick_text, told
from fittingroom.report.shown import ShownArm, measure_of, shown
from fittingroom.report.svg import BOLD, Layout, both, hint, legend, line, path, picture, tag, width_of, words

Cost = Literal["train_seconds", "parameters"]
COSTS: dict[Cost, str] = {"train_seconds": "training time (s), mean", "parameters": "parameters"}
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
PLACES = (
    (8, -8, "start"), (8, 17, "start"), (10, 4, "start"), (-8, -8, "end"), (-10, 4, "end"), (-8, 17, "end"),
    (0, -13, "middle"), (0, 23, "middle"),
)  # fmt: skip
"""Where a name may stand beside its point; above the steps of the line first."""
LOG_FROM = 8
"""Costs whose largest is as many times the smallest are drawn on a logarithmic scale."""
LEGEND = ("filled, joined: no other is cheaper and better", "upright line: range of the seeds")


@dataclass(frozen=True)
class _Point:
    arm: ShownArm
    cost: float
    value: float


def front(results: StudyResults, cost: Cost = "train_seconds") -> str:
    """Every arm as a point: what it costs against its mean; the line joins those that no other beats at both."""
    return both(lambda layout: draw_front(results, cost, layout))


def on_front(points: Sequence[tuple[float, float]], better: Literal["higher", "lower"]) -> list[int]:
    """Which (cost, value) no other point beats: none is as cheap and better, or cheaper and as good; by cost."""
    sign = -1 if better == "higher" else 1
    found: list[int] = []
    for index in sorted(range(len(points)), key=lambda each: (points[each][0], sign * points[each][1])):
        if not found or sign * points[index][1] < sign * points[found[-1]][1]:
            found.append(index)
    return found


def draw_front(results: StudyResults, cost: Cost, layout: Layout) -> str:
    """The same in one layout."""
    measure, points = _by(results, cost), _points(results, cost)
    top, height = 26.0, 250.0 if layout.narrow else 300.0
    left, right = 52.0, layout.width - 14.0
    costs = [point.cost for point in points]
    log = bool(costs) and min(costs) > 0 and max(costs) >= LOG_FROM * min(costs)
    across = scale_of(costs, left, right, log=log, pad=0.1, least=0.02 * max(costs, default=0.0) or 1e-9)
    ranges = [value for point in points for value in point.arm.values.values()]
    up = scale_of(ranges, top + height, top, least=4 * results.margin)
    best = on_front([(point.cost, point.value) for point in points], measure.better)
    names = fitted([point.arm.name for point in points], _room(layout))
    parts = [
        *_frame(across, up, measure, cost, layout),
        path("front", list(_stairs([(across(points[each].cost), up(points[each].value)) for each in best]))),
        *(part for index, point in enumerate(points) for part in _point(point, index in best, across, up, measure)),
        *_names(points, names.texts, best, across, up, layout),
    ]
    if not points:
        parts.append(words("muted", layout.width / 2, top + height / 2, "no finished run yet", anchor="middle"))
    note, more = legend([*LEGEND, *names.notes], top + height + 58, layout)
    title = f"{COSTS[cost][0].upper()}{COSTS[cost][1:]} against {measure.words}"
    said = _in_words(points, best, measure, cost)
    return picture(layout, top + height + 50 + more, title, said, [*parts, note])


def _by(results: StudyResults, cost: Cost) -> Measure:
    """The study's measure, or accuracy where that is the cost itself."""
    return MEASURES["validation_accuracy"] if results.measure == cost else measure_of(results)


def _points(results: StudyResults, cost: Cost) -> list[_Point]:
    arms = shown(results, _by(results, cost))
    if cost == "parameters":
        costs: list[float | None] = [float(arm.parameters) for arm in results.arms]
    else:
        costs = [arm.mean for arm in shown(results, MEASURES[cost])]
    pairs = zip(arms, costs, strict=True)
    return [_Point(arm, spent, arm.mean) for arm, spent in pairs if arm.mean is not None and spent is not None]


def _stairs(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """As steps: between two arms one has to do with the value of the cheaper one."""
    for before, after in itertools.pairwise(points):
        yield before
        yield after[0], before[1]
    yield from points[-1:]


def _point(point: _Point, chosen: bool, across: Scale, up: Scale, measure: Measure) -> Iterator[str]:
    x, y, values = across(point.cost), up(point.value), point.arm.values.values()
    yield line("seeds", x, up(min(values)), x, up(max(values)))
    said = hint(
        f"{point.arm.name}: {told(point.value, measure)} ({point.arm.count}), cost {tick_text(_short(point.cost))}"
    )
    yield tag("circle", "on-front" if chosen else "off-front", said, cx=x, cy=y, r=5.5 if chosen else 4,
              data_value=f"{point.value:.10g}", data_cost=f"{point.cost:.10g}")  # fmt: skip


def _room(layout: Layout) -> float:
    """For a name."""
    return min(190.0, layout.width * 0.5)


def _names(
    points: Sequence[_Point], names: Sequence[str], best: Sequence[int], across: Scale, up: Scale, layout: Layout
) -> Iterator[str]:
    """Names beside the points, those on the line first; one that has no free place is left to the pointer."""
    spots = [(across(point.cost), up(point.value)) for point in points]
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in spots]
    for index in [*best, *(each for each in range(len(points)) if each not in best)]:
        (x, y), name, full = spots[index], names[index], points[index].arm.name
        width = min(_room(layout), width_of(name)) * (BOLD if index in best else 1)
        for dx, dy, anchor in PLACES:
            left = x + dx - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
            box = left, y + dy - 11, left + width, y + dy + 3
            inside = box[0] >= across.begin and box[2] <= layout.width and box[1] >= 14 and box[3] <= up.begin
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                kind = "name strong over" if index in best else "muted over"
                yield words(
                    kind, x + dx, y + dy, name, anchor=anchor, room=width + 1, full=full if name != full else ""
                )
                break


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _frame(across: Scale, up: Scale, measure: Measure, cost: Cost, layout: Layout) -> Iterator[str]:
    for level in up.ticks(6):
        yield line("grid", across.begin, up(level), across.end, up(level))
        yield words("tick", across.begin - 6, up(level) + 4, tick_text(level), anchor="end")
    for tick in across.ticks(4 if layout.narrow else 8):
        yield line("edge", across(tick), up.begin, across(tick), up.begin + 4)
        yield words("tick", across(tick), up.begin + 18, tick_text(tick), anchor="middle")
    scale = ", logarithmic" if across.log else ""
    yield words("axis", across.end, up.begin + 36, f"{COSTS[cost]}{scale}", anchor="end")
    yield words("axis", 0, 12, axis_words(measure))


def _short(value: float) -> float:
    return float(f"{value:.3g}")


def _in_words(points: Sequence[_Point], best: Sequence[int], measure: Measure, cost: Cost) -> str:
    if not points:
        return "There is no finished run yet."
    said = [f"{point.arm.name}: {told(point.value, measure)} at {tick_text(_short(point.cost))}." for point in points]
    names = ", ".join(points[each].arm.name for each in best)
    return f"By {COSTS[cost]}. {' '.join(said)} No other arm is both cheaper and better than: {names}."
