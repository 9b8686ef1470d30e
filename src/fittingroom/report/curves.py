"""Curves with bands: validation accuracy by epoch, the mean and the range of the seeds of each arm."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles

from fittingroom.measure.quantities import epoch_ticks
from fittingroom.measure.study import StudyResults
from fittingroom.report.names import Fitted, fitted
from fittingroom.report.scales import Scale, round_ticks, tick_text
from fittingroom.report.svg import (
    Layout,
    both,
    clipped,
    hint,
    legend,
    line,
    path,
    picture,
    spread,
    tag,
    width_of,
    words,
)

Curve = Sequence[tuple[int, float]]
"""(epoch, validation accuracy as a share), in order."""
Curves = Mapping[str, Mapping[int, Curve]]
"""By arm and seed."""
MOST_TOGETHER = 6
"""Arms in one picture: there are as many colours that are told apart without colour vision."""
LONG = 12
"""Epochs from which on the lowest tenth of all values, of the climb, may lie below the picture."""
TITLE = "Validation accuracy by epoch: mean and range of the seeds"
LEGEND = ("line: mean", "band: range of the seeds", "number: mean at the last common epoch")


@dataclass(frozen=True)
class _Band:
    """One arm: in percent, by epoch."""

    name: str
    epochs: tuple[int, ...]
    """Those that every seed has come to."""
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    beyond: tuple[tuple[tuple[float, float], ...], ...]
    """Of each seed that went further: (epoch, percent) from there."""
    seeds: int

    @property
    def last(self) -> float:
        return self.mean[-1]

    @property
    def values(self) -> list[float]:
        return [*self.low, *self.high, *(value for tail in self.beyond for _, value in tail)]


def curves(results: StudyResults, found: Curves) -> str:
    """All arms in one picture up to six, above that a small one for each; arms without an epoch are left out.

    Nothing where no run has two epochs: there is no course to see.

    Lines are means over all seeds up to the last epoch that every seed has come to; beyond it each seed has a thin
    line of its own.
    """
    bands = [band for arm in results.arms if (band := _band(arm.name, found.get(arm.key, {})))]
    if bands and not any(len(band.epochs) > 1 or band.beyond for band in bands):
        return ""
    if len(bands) > MOST_TOGETHER:
        return both(lambda layout: draw_small_multiples(bands, layout))
    return both(lambda layout: draw_together(bands, layout))


def _band(name: str, seeds: Mapping[int, Curve]) -> _Band | None:
    runs = [
        {epoch: 100 * share for epoch, share in curve if math.isfinite(share)} for _, curve in sorted(seeds.items())
    ]
    runs = [run for run in runs if run]
    if not runs:
        return None
    epochs = tuple(sorted(set.intersection(*(set(run) for run in runs))))
    if not epochs:
        return None
    columns = [[run[epoch] for run in runs] for epoch in epochs]
    tails = (
        tuple((float(epoch), value) for epoch, value in sorted(run.items()) if epoch >= epochs[-1]) for run in runs
    )
    return _Band(
        name,
        epochs,
        tuple(fmean(column) for column in columns),
        tuple(min(column) for column in columns),
        tuple(max(column) for column in columns),
        tuple(tail for tail in tails if len(tail) > 1),
        len(runs),
    )


def draw_together(bands: Sequence[_Band], layout: Layout) -> str:
    """Overlaid, each with its name at its end (narrow: below, in the order of the ends)."""
    top, height = 10.0, 230.0 if layout.narrow else 300.0
    labels = (
        0.0 if layout.narrow else min(190.0, max((width_of(_label(band, band.name)) for band in bands), default=0) + 16)
    )
    left, right = 44.0, layout.width - (14.0 if layout.narrow else labels + 8)
    across, up = _scales(_limits(bands), left, right, top + height, top)
    names = _names(bands, layout.width - 50 if layout.narrow else labels - 16)
    drawn = [part for index, band in enumerate(bands) for part in _drawn(band, across, up, _style(index))]
    parts = [*_frame(across, up, layout), clipped(left, top, right - left, height, drawn)]
    bottom = top + height + 44
    if layout.narrow:
        for row, index in enumerate(sorted(range(len(bands)), key=lambda each: -bands[each].last)):
            y = bottom + 10 + 20 * row
            label = _label(bands[index], names.texts[index])
            parts += [path(f"curve {_style(index)}", [(6, y), (38, y)]),
                      words("name", 46, y + 4, label, room=layout.width - 50)]  # fmt: skip
        bottom += 20 * len(bands) + 6
    else:
        places = spread([up(band.last) for band in bands], 16, top + 4, top + height)
        for index, (band, y) in enumerate(zip(bands, places, strict=True)):
            end = across(band.epochs[-1])
            parts.append(line("leader", end, up(band.last), right + 6, y))
            label = _label(band, names.texts[index])
            parts.append(words(f"series-{index + 1} strong", right + 9, y + 4, label, room=labels - 16, full=band.name))
    if not bands:
        parts.append(words("muted", layout.width / 2, top + height / 2, "no epoch has been validated yet",
                           anchor="middle"))  # fmt: skip
    note, more = legend([*LEGEND, *names.notes], bottom + 14, layout)
    return picture(layout, bottom + 6 + more, TITLE, _in_words(bands), [*parts, note])


def draw_small_multiples(bands: Sequence[_Band], layout: Layout) -> str:
    """A small picture for each arm, on one scale, with the range of all arms and the best one behind it."""
    longest = max(width_of(_label(band, band.name)) for band in bands)
    columns = 2 if layout.narrow else 4 if longest < layout.width / 4 - 20 else 3
    width, height, head, foot = (layout.width - 40) / columns, 84.0, 20.0, 22.0
    rows = math.ceil(len(bands) / columns)
    names = _names(bands, width - 14)
    limits, around, best = _limits(bands), _around(bands), max(bands, key=lambda band: band.last)
    parts: list[str] = []
    for index, band in enumerate(bands):
        row, column = divmod(index, columns)
        left, top = 40 + column * width, row * (height + head + foot) + head
        across, up = _scales(limits, left, left + width - 12, top + height, top)
        outline = [(across(epoch), up(value)) for epoch, value in around]
        behind = [path("all-arms", outline, closed=True)]
        behind += [path("best-arm", _points(best, across, up))] * (band is not best)
        parts += _small_frame(across, up, first=column == 0, feet=index + columns >= len(bands))
        parts.append(clipped(left, top, width - 12, height, [*behind, *_drawn(band, across, up, "series-1")]))
        parts.append(words("name", left, top - 6, _label(band, names.texts[index]), room=width - 14, full=band.name))
    bottom = rows * (height + head + foot) + 8
    note, more = legend([*LEGEND, "grey: range of all arms", "dashes: the highest", *names.notes], bottom + 14, layout)
    return picture(layout, bottom + 6 + more, TITLE, _in_words(bands), [*parts, note])


def _around(bands: Sequence[_Band]) -> list[tuple[int, float]]:
    """The outline of all means: (epoch, highest), and back (epoch, lowest)."""
    means: dict[int, list[float]] = {}
    for band in bands:
        for epoch, value in zip(band.epochs, band.mean, strict=True):
            means.setdefault(epoch, []).append(value)
    epochs = sorted(means)
    return [(epoch, max(means[epoch])) for epoch in epochs] + [(epoch, min(means[epoch])) for epoch in reversed(epochs)]


def _drawn(band: _Band, across: Scale, up: Scale, style: str) -> Iterator[str]:
    outline = [(across(epoch), up(value)) for epoch, value in zip(band.epochs, band.high, strict=True)]
    back = [(across(epoch), up(value)) for epoch, value in zip(band.epochs, band.low, strict=True)]
    if band.seeds > 1 and len(outline) > 1:
        yield path(f"band {style}", [*outline, *reversed(back)], closed=True)
    for tail in band.beyond:
        yield path(f"single {style}", [(across(epoch), up(value)) for epoch, value in tail])
    points = _points(band, across, up)
    if len(points) == 1:
        yield tag("circle", f"on-front {style}", hint(band.name), cx=points[0][0], cy=points[0][1], r=3)
    else:
        yield path(f"curve {style}", points, hint(f"{_label(band, band.name)}, {_seeds(band)}"))


def _points(band: _Band, across: Scale, up: Scale) -> list[tuple[float, float]]:
    return [(across(epoch), up(value)) for epoch, value in zip(band.epochs, band.mean, strict=True)]


def _limits(bands: Sequence[_Band]) -> tuple[int, float, float]:
    """The last epoch, and what the upright scale shows."""
    last = max((int(end) for band in bands for end in [band.epochs[-1], *(t[-1][0] for t in band.beyond)]), default=2)
    return max(2, last), *_range(bands)


def _scales(
    limits: tuple[int, float, float], left: float, right: float, bottom: float, top: float
) -> tuple[Scale, Scale]:
    last, low, high = limits
    return Scale(1, last, left, right), Scale(low, high, bottom, top)


def _range(bands: Sequence[_Band]) -> tuple[float, float]:
    """What the upright scale shows: all ends, and of the climb what does not press them together."""
    values = [value for band in bands for value in band.values]
    if not values:
        return 0.0, 100.0
    ends, top = [band.low[-1] for band in bands], max(values)
    long = max(len(band.epochs) for band in bands) >= LONG
    climb = quantiles(values, n=10)[0] if long else min(values)
    low = max(min(values), min(*ends, climb, top))
    room = max(0.06 * (top - low), 0.1)
    return max(0.0, low - room), min(100.0, top + room) if top < 100 else 100.0 + room * 0.2


def _frame(across: Scale, up: Scale, layout: Layout) -> Iterator[str]:
    for level in up.ticks(6):
        y = up(level)
        yield line("grid", across.begin, y, across.end, y)
        yield words("tick", across.begin - 6, y + 4, f"{tick_text(level)} %", anchor="end")
    for epoch in epoch_ticks(1, int(across.high), 5 if layout.narrow else 10):
        yield words("tick", across(epoch), up.begin + 16, str(epoch), anchor="middle")
    yield words("axis", (across.begin + across.end) / 2, up.begin + 34, "epoch", anchor="middle")


def _small_frame(across: Scale, up: Scale, *, first: bool, feet: bool) -> Iterator[str]:
    for level in round_ticks(up.low, up.high, 3):
        y = up(level)
        yield line("grid", across.begin, y, across.end, y)
        if first:
            yield words("tick", across.begin - 4, y + 4, f"{tick_text(level)} %", anchor="end")
    if feet:
        yield words("tick", across.begin, up.begin + 14, "1")
        yield words("tick", across.end, up.begin + 14, str(int(across.high)), anchor="end")


def _style(index: int) -> str:
    return f"series-{index + 1} dash-{index + 1}"


def _label(band: _Band, name: str) -> str:
    return f"{band.last:.1f} {name}"


def _names(bands: Sequence[_Band], room: float) -> Fitted:
    """As they fit beside the figures."""
    return fitted([band.name for band in bands], room - max((width_of(_label(band, "")) for band in bands), default=0))


def _seeds(band: _Band) -> str:
    return f"{band.seeds} seed{'s' * (band.seeds != 1)}"


def _in_words(bands: Sequence[_Band]) -> str:
    said = [
        f"{band.name}: {band.mean[0]:.1f} % after epoch {band.epochs[0]}, {band.last:.1f} % after epoch "
        f"{band.epochs[-1]}, {_seeds(band)}."
        for band in bands
    ]
    return " ".join(said) or "No epoch has been validated yet."
