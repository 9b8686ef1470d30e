"""Two axes against each other, as a table of cells."""

from __future__ import annotations

from fittingroom.measure.study import StudyResults
from fittingroom.report.names import distinct
from fittingroom.report.scales import axis_words, scale_of, told
from fittingroom.report.shown import best_of, measure_of, shown
from fittingroom.report.svg import Layout, both, hint, picture, tag, width_of, words
from fittingroom.report.ways import axes_of, axis_name, draw_ways

NAMES = 0.34
"""Share of the width that the column of names gets at most."""
MOST_ACROSS = {True: 6, False: 12}
"""Columns that are readable, in a narrow picture and in a wide one."""


def fits_two_axes(results: StudyResults) -> bool:
    """Whether the arms vary along exactly two axes, with few enough values across."""
    paths = axes_of(results)
    return len(paths) == 2 and len(_values(results, paths[1])) <= MOST_ACROSS[False] and len(results.arms) > 1


def two_axes(results: StudyResults) -> str:
    """The mean of each combination of two axes, stronger colour being better; as lines where cells are too narrow."""
    return both(lambda layout: (draw_two_axes if _has_room(results, layout) else draw_ways)(results, layout))


def _has_room(results: StudyResults, layout: Layout) -> bool:
    """Whether its figures fit into the cells whole."""
    measure, columns = measure_of(results), min(len(_values(results, path)) for path in axes_of(results)[:2])
    widest = max((width_of(told(arm.mean, measure)) for arm in shown(results)), default=0.0)
    return widest <= (1 - NAMES) * layout.width / max(1, columns)


def draw_two_axes(results: StudyResults, layout: Layout) -> str:
    """The same in one layout; the axis with fewer values lies across."""
    measure, found = measure_of(results), {arm.key: arm for arm in shown(results)}
    down, across = sorted(axes_of(results)[:2], key=lambda path: -len(_values(results, path)))
    rows, columns = _values(results, down), _values(results, across)
    cells = {(arm.settings.get(down, "–"), arm.settings.get(across, "–")): found[arm.key] for arm in results.arms}
    means = [arm.mean for arm in found.values() if arm.mean is not None]
    strength = scale_of(means, 0.08, 0.5) if measure.better == "higher" else scale_of(means, 0.5, 0.08)
    best = best_of(list(found.values()), measure)
    left = min(NAMES * layout.width, max(width_of(text) for text in [*rows, axis_name(down)]) + 12)
    width, height, top = min(120.0, (layout.width - left) / max(1, len(columns))), 38.0, 44.0
    parts = [
        words("axis", left + 4, 14, axis_name(across), room=layout.width - left, full=across),
        words("axis", 0, 34, axis_name(down), room=left, full=down),
    ]
    for column, (text, short) in enumerate(zip(columns, distinct(columns, width - 6), strict=True)):
        full = text if short != text else ""
        parts.append(
            words("name", left + (column + 0.5) * width, 34, short, anchor="middle", room=width - 6, full=full)
        )
    for row, (name, short) in enumerate(zip(rows, distinct(rows, left - 8), strict=True)):
        full = name if short != name else ""
        parts.append(words("name", 0, top + row * height + 23, short, room=left - 8, full=full))
        for column, value in enumerate(columns):
            x, y = left + column * width, top + row * height
            arm = cells.get((name, value))
            if arm is None or arm.mean is None:
                parts += [cell("none", x, y, width, height), middle("muted", x, y, width, height, "–")]
                continue
            half = f" ± {told(arm.half, measure)}" if arm.half is not None else ""
            said = f"{arm.name}: {told(arm.mean, measure)}{half}, {arm.count}"
            parts.append(cell("", x, y, width, height, said, opacity=strength(arm.mean)))
            parts.append(middle("strong" if arm is best else "", x, y, width, height, told(arm.mean, measure)))
            parts += [tag("rect", "ring", x=x + 2, y=y + 2, width=width - 4, height=height - 4)] * (arm is best)
    bottom = top + len(rows) * height
    parts.append(words("muted", 0, bottom + 20, f"mean {axis_words(measure)} · framed: the best", room=layout.width))
    about = " ".join(f"{arm.name}: {told(arm.mean, measure)}." for arm in found.values()) or "There are no arms yet."
    title = f"Mean {measure.words} by {axis_name(down)} and {axis_name(across)}"
    return picture(layout, bottom + 30, title, about, parts)


def cell(kind: str, x: float, y: float, width: float, height: float, said: str = "", opacity: float = -1) -> str:
    more = {"fill_opacity": opacity} if opacity >= 0 else {}
    return tag("rect", f"cell {kind}".rstrip(), hint(said), x=x, y=y, width=width, height=height, rx=3, **more)


def middle(kind: str, x: float, y: float, width: float, height: float, text: str) -> str:
    return words(kind, x + width / 2, y + height / 2 + 5, text, anchor="middle", room=width)


def _values(results: StudyResults, path: str) -> list[str]:
    """Of an axis: numbers in order, words as the study has them."""
    found = list(dict.fromkeys(arm.settings.get(path, "–") for arm in results.arms))
    try:
        return sorted(found, key=float)
    except ValueError:
        return found
