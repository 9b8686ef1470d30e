"""Several axes: parallel coordinates, one line for each arm through its values to what it came to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fittingroom.measure.study import Measure, StudyResults
from fittingroom.report.names import distinct
from fittingroom.report.scales import Scale, axis_words, scale_of, tick_text, told
from fittingroom.report.shown import ShownArm, best_of, measure_of, shown
from fittingroom.report.svg import Layout, both, hint, legend, line, path, picture, words

MOST_WORDS = 6
"""Different numbers of an axis up to which each has a place of its own, as words have."""


@dataclass(frozen=True)
class _Axis:
    """One axis: where each of its values lies, 0 to 1, and what is written beside it."""

    name: str
    places: Mapping[str, float]
    marks: tuple[tuple[float, str], ...]


def ways(results: StudyResults) -> str:
    """Parallel coordinates over the study's axes, in both layouts; the narrow one lays the axes across."""
    return both(lambda layout: draw_ways(results, layout))


def draw_ways(results: StudyResults, layout: Layout) -> str:
    """The same in one layout."""
    measure, arms = measure_of(results), [arm for arm in shown(results) if arm.mean is not None]
    settings = {arm.key: arm.settings for arm in results.arms}
    axes = [_axis(path, [settings[arm.key].get(path, "–") for arm in arms]) for path in axes_of(results)]
    means = [arm.mean for arm in arms if arm.mean is not None]
    outcome = scale_of(means, 0, 1, least=max(results.margin, 1e-6))
    grid = _Grid(layout, len(axes) + 1)
    best, good = best_of(arms, measure), _good(arms, measure)
    parts: list[str] = []
    marks = tuple((outcome(tick), tick_text(tick)) for tick in outcome.ticks(3 if layout.narrow else 6))
    for arm in sorted(arms, key=lambda each: (each is best, each.key in good)):
        ends = [
            axis.places[settings[arm.key].get(axis_path, "–")]
            for axis_path, axis in zip(axes_of(results), axes, strict=True)
        ]
        points = [grid.point(number, place) for number, place in enumerate([*ends, outcome(arm.mean or 0.0)])]
        kind = "way best" if arm is best else "way good" if arm.key in good else "way"
        parts.append(path(kind, points, hint(f"{arm.name}: {told(arm.mean, measure)}, {arm.count}")))
    for number, axis in enumerate([*axes, _Axis(axis_words(measure), {}, marks)]):
        parts += _axis_parts(axis, number, grid)
    if not arms:
        parts.append(words("muted", layout.width / 2, grid.height / 2, "no finished run yet", anchor="middle"))
    note, more = legend([f"thickest: best mean{f', {best.name}' if best else ''}", "thick: best quarter"],
                        grid.height + 14, layout)  # fmt: skip
    said = " ".join(f"{arm.name}: {told(arm.mean, measure)}." for arm in arms) or "There is no finished run yet."
    title = f"What was tried, and the {measure.words} that it came to"
    return picture(layout, grid.height + 6 + more, title, said, [*parts, note])


def axes_of(results: StudyResults) -> list[str]:
    """What the arms were told by: the study's axes, and the arms that were made by hand."""
    found = dict.fromkeys(results.axes)
    for arm in results.arms:
        found |= dict.fromkeys(arm.settings)
    return list(found)


@dataclass(frozen=True)
class _Grid:
    """Axes side by side, or one below the other where it is narrow."""

    layout: Layout
    axes: int

    @property
    def height(self) -> float:
        return 70.0 * self.axes + 4 if self.layout.narrow else 308.0

    def point(self, axis: int, place: float) -> tuple[float, float]:
        if self.layout.narrow:
            return 26 + place * (self.layout.width - 52), 26 + 70.0 * axis
        first, last = 70.0, self.layout.width - 74.0
        return first + axis * (last - first) / max(1, self.axes - 1), 290 - place * 244


def _axis(path: str, values: Sequence[str]) -> _Axis:
    """Numbers in order, spread out as numbers where they are many; words in the order of the study."""
    different, name = list(dict.fromkeys(values)), axis_name(path)
    numbers = {text: value for text in different if (value := _number(text)) is not None}
    if len(numbers) == len(different):
        different.sort(key=lambda text: numbers[text])
        if len(different) > MOST_WORDS:
            found = list(numbers.values())
            log = min(found) > 0 and max(found) >= 20 * min(found)
            scale: Scale = scale_of(found, 0, 1, log=log, pad=0.02)
            marks = tuple((scale(tick), tick_text(tick)) for tick in scale.ticks(5))
            return _Axis(name, {text: scale(value) for text, value in numbers.items()}, marks)
    step = 1 / max(1, len(different) - 1)
    places = {text: index * step if len(different) > 1 else 0.5 for index, text in enumerate(different)}
    return _Axis(name, places, tuple((place, text) for text, place in places.items()))


def axis_name(path: str) -> str:
    """``learning rate`` of ``train.optimizer.learning_rate``."""
    return path.rpartition(".")[2].replace("_", " ").replace("*", "").strip() or path


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _axis_parts(axis: _Axis, number: int, grid: _Grid) -> Iterator[str]:
    (x1, y1), (x2, y2) = grid.point(number, 0), grid.point(number, 1)
    yield line("edge", x1, y1, x2, y2)
    room = (grid.layout.width - 20) / max(1, len(axis.marks)) if grid.layout.narrow else 90
    last = number == grid.axes - 1
    texts = distinct([text for _, text in axis.marks], room)
    for (place, full), text in zip(axis.marks, texts, strict=True):
        x, y = grid.point(number, place)
        if grid.layout.narrow:
            anchor = "start" if place < 0.05 else "end" if place > 0.95 else "middle"
            shift = {"start": -22, "end": 22, "middle": 0}[anchor]
            yield words(
                "tick over", x + shift, y + 17, text, anchor=anchor, room=room, full=full if text != full else ""
            )
            yield line("edge", x, y - 3, x, y + 3)
        else:
            side, anchor, title = (8 if last else -8), "start" if last else "end", full if text != full else ""
            yield words("tick over", x + side, y + 4, text, anchor=anchor, room=room, full=title)
            yield line("edge", x - 3, y, x + 3, y)
    if grid.layout.narrow:
        yield words("axis over", 4, y1 - 10, axis.name, room=grid.layout.width - 8, full=axis.name)
    else:
        anchor = "end" if last else "start" if number == 0 else "middle"
        at = grid.layout.width - 2 if last else 2 if number == 0 else x1
        room = (grid.layout.width - 140) / max(1, grid.axes - 1) + 40
        yield words(
            "axis over", at, 26 if number % 2 == 0 or grid.axes < 5 else 12, axis.name, anchor=anchor, room=room
        )


def _good(arms: Sequence[ShownArm], measure: Measure) -> set[str]:
    """Keys of the best quarter, by mean."""
    ordered = sorted(arms, key=lambda arm: arm.mean or 0.0, reverse=measure.better == "higher")
    return {arm.key for arm in ordered[: math.ceil(len(ordered) / 4)]}
