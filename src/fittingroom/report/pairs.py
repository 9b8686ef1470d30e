"""Arms against arms: a matrix of differences where every pair was compared, else one row for each comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fittingroom.measure.study import StudyResults
from fittingroom.report.cells import MOST_ACROSS, cell, middle
from fittingroom.report.dots import REACH, interval
from fittingroom.report.names import fitted
from fittingroom.report.scales import Scale, scale_of, tick_text, told
from fittingroom.report.shown import ShownArm, measure_of, shown
from fittingroom.report.svg import BOLD, Layout, both, hint, legend, line, path, picture, tag, width_of, words

NAMES = 0.3
"""Share of a matrix's width that the column of names gets at most."""
NOTHING = "Nothing could be compared yet."


@dataclass(frozen=True)
class Difference:
    """One arm less another, in the unit that the measure is told in."""

    first: str
    """Key of an arm, as is ``second``."""
    second: str
    value: float
    low: float | None
    """Interval of the difference, corrected for how many are told; None where there are too few seeds, as is high."""
    high: float | None
    decided: bool
    """Whether the corrected interval leaves zero out."""

    @property
    def turned(self) -> Difference:
        """The second arm less the first."""
        low, high = (None if end is None else -end for end in (self.high, self.low))
        return Difference(self.second, self.first, -self.value, low, high, self.decided)


@dataclass(frozen=True)
class _Place:
    """A rectangle of a picture."""

    x: float
    y: float
    width: float
    height: float


def differences(results: StudyResults, found: Sequence[Difference]) -> str:
    """Rows less columns, where all pairs of three to six arms were compared and fit; else one row for each."""
    arms = _compared(results, found)
    whole = len(found) == len(arms) * (len(arms) - 1) // 2 and 2 < len(arms) <= MOST_ACROSS[True]
    widest = max((width_of(told(-abs(each.value), measure_of(results), signed=True)) for each in found), default=0.0)
    return both(
        lambda layout: (draw_matrix if whole and widest <= (1 - NAMES) * layout.width / len(arms) else draw_forest)(
            results, found, layout
        )
    )


def draw_matrix(results: StudyResults, found: Sequence[Difference], layout: Layout) -> str:
    """Every arm less every other; coloured, bold and with an arrow where that is decided."""
    measure, arms = measure_of(results), _compared(results, found)
    pairs = {(each.first, each.second): each for each in found}
    pairs |= {(each.second, each.first): each.turned for each in found}
    left = min(NAMES * layout.width, max((width_of(arm.name) for arm in arms), default=0) + 30)
    width, height, top = min(96.0, (layout.width - left) / max(1, len(arms))), 36.0, 26.0
    by_name = all(width_of(arm.name) < width - 6 for arm in arms)
    names = fitted([arm.name for arm in arms], left - (6 if by_name else 6 + width_of("1 · ")))
    parts: list[str] = []
    for row, arm in enumerate(arms):
        number = "" if by_name else f"{row + 1} · "
        parts.append(
            words(
                "name",
                left + (row + 0.5) * width,
                16,
                str(row + 1) if number else arm.name,
                anchor="middle",
                full=arm.name,
            )
        )
        parts.append(
            words("name", 0, top + row * height + 22, f"{number}{names.texts[row]}", room=left - 6, full=arm.name)
        )
        for column, other in enumerate(arms):
            place = _Place(left + column * width, top + row * height, width, height)
            parts += _pair(pairs.get((arm.key, other.key)), arm is other, results, place)
    unit = f" in {measure.unit}" if measure.unit else ""
    notes = [f"row less column{unit}", "bold with an arrow: decided, after correction", *names.notes]
    note, more = legend(notes, top + len(arms) * height + 20, layout)
    title = f"Differences in {measure.words}, arm by arm"
    return picture(layout, top + len(arms) * height + 10 + more, title, _in_words(found, results), [*parts, note])


def draw_forest(results: StudyResults, found: Sequence[Difference], layout: Layout) -> str:
    """One row for each comparison: the difference and its interval, against zero and the margin."""
    measure, (common, names) = measure_of(results), _rows(results, found)
    left = 8.0 if layout.narrow else min(270.0, max((width_of(name) for name in names), default=0) + 12)
    scale = scale_of(_reached(found, results.margin), left + 8, layout.width - (12.0 if layout.narrow else 78.0))
    row_height, top = 42.0 if layout.narrow else 26.0, 30.0 if common else 8.0
    bottom = top + row_height * max(1, len(found))
    parts = [*_ground(scale, results.margin, top, bottom, layout)]
    if common:
        parts.append(words("name strong", 0, 14, common, room=layout.width / BOLD))
    room = layout.width - 70 if layout.narrow else left - 8
    shown_names = fitted(names, room)
    for row, (each, name, short) in enumerate(zip(found, names, shown_names.texts, strict=True)):
        y = top + row_height * row + (31 if layout.narrow else row_height / 2)
        text, strong = (y - 16 if layout.narrow else y + 4), " strong" * each.decided
        difference = told(each.value, measure, signed=True)
        parts.append(words(f"name{strong} over", 0, text, short, room=room, full=name if short != name else ""))
        parts.append(words(f"figure-text{strong} over", layout.width - 2, text, difference, anchor="end"))
        parts += _measured(each, y, scale, hint(_said(each, results)))
    if not found:
        parts.append(words("muted", layout.width / 2, top + 18, NOTHING, anchor="middle"))
    unit = f" ({measure.unit})" if measure.unit else ""
    about = f"difference in {measure.words}{unit}"
    parts.append(words("axis", (scale.begin + scale.end) / 2, bottom + 34, about, anchor="middle"))
    notes = ["line: interval, corrected for all comparisons", "filled, bold: decided", "shaded: within the margin"]
    notes += shown_names.notes
    note, more = legend(notes, bottom + 58, layout)
    title = f"Differences in {measure.words} between arms"
    return picture(layout, bottom + 50 + more, title, _in_words(found, results), [*parts, note])


def _ground(scale: Scale, margin: float, top: float, bottom: float, layout: Layout) -> Iterator[str]:
    low, high = scale(-margin), scale(margin)
    yield tag("rect", "margin", x=low, y=top, width=max(1.0, high - low), height=bottom - top)
    for tick in scale.ticks(4 if layout.narrow else 7):
        yield line("grid", scale(tick), top, scale(tick), bottom)
        yield words("tick", scale(tick), bottom + 16, tick_text(tick), anchor="middle")
    yield line("zero", scale(0), top, scale(0), bottom)


def _measured(each: Difference, y: float, scale: Scale, said: str) -> Iterator[str]:
    if each.low is not None and each.high is not None:
        yield from interval(each.low, each.high, y, scale, said)
    kind = "on-front" if each.decided else "off-front"
    yield tag("circle", kind, said, cx=scale(each.value), cy=y, r=4.5, data_value=f"{each.value:.10g}")


def _reached(found: Sequence[Difference], margin: float) -> list[float]:
    """What the scale holds: every difference, zero and the margin, and intervals as far as they do not drown these."""
    values = [*(each.value for each in found), 0.0, margin, -margin]
    low, high = min(values), max(values)
    ends = [end for each in found for end in (each.low, each.high) if end is not None]
    return values + [min(max(end, low - REACH * (high - low)), high + REACH * (high - low)) for end in ends]


def _pair(pair: Difference | None, own: bool, results: StudyResults, at: _Place) -> Iterator[str]:
    measure = measure_of(results)
    if pair is None:
        yield cell("diagonal" if own else "none", at.x, at.y, at.width, at.height)
        return
    good = (pair.value > 0) == (measure.better == "higher")
    kind = ("better" if good else "worse") if pair.decided else "open"
    yield cell(kind, at.x, at.y, at.width, at.height, _said(pair, results))
    text = told(pair.value, measure, signed=True)
    yield middle("strong" if pair.decided else "muted", at.x, at.y + 3, at.width, at.height, text)
    if pair.decided:
        x, y, way = at.x + at.width / 2, at.y + 7, -3 if pair.value > 0 else 3
        yield path("arrow", [(x - 4, y - way), (x + 4, y - way), (x, y + way)], closed=True)


def _compared(results: StudyResults, found: Sequence[Difference]) -> list[ShownArm]:
    keys = {key for each in found for key in (each.first, each.second)}
    return [arm for arm in shown(results) if arm.key in keys]


def _rows(results: StudyResults, found: Sequence[Difference]) -> tuple[str, list[str]]:
    """What stands above all rows, where every comparison has one arm in common, and what stands before each."""
    names = _names(results)
    firsts, seconds = ({getattr(each, side) for each in found} for side in ("first", "second"))
    if len(found) > 1 and len(seconds) == 1:
        return f"less {names.get(found[0].second, '')}", [names.get(each.first, each.first) for each in found]
    if len(found) > 1 and len(firsts) == 1:
        return f"{names.get(found[0].first, '')}, less", [names.get(each.second, each.second) for each in found]
    return "", [_pair_name(each, names) for each in found]


def _names(results: StudyResults) -> Mapping[str, str]:
    return {arm.key: arm.name for arm in results.arms}


def _pair_name(each: Difference, names: Mapping[str, str]) -> str:
    return f"{names.get(each.first, each.first)} − {names.get(each.second, each.second)}"


def _said(each: Difference, results: StudyResults) -> str:
    measure = measure_of(results)
    interval = f", interval {told(each.low, measure)} to {told(each.high, measure)}" if each.low is not None else ""
    verdict = "decided" if each.decided else "not told apart"
    return f"{_pair_name(each, _names(results))}: {told(each.value, measure, signed=True)}{interval}, {verdict}."


def _in_words(found: Sequence[Difference], results: StudyResults) -> str:
    return " ".join(_said(each, results) for each in found) or NOTHING
