"""The figures of a study, as text that stands in a page or a report: each is drawn for wide and for narrow places.

A place needs ``static/figures.css``; there is no script, and nothing is fetched.
"""

from __future__ import annotations

from fittingroom.measure.study import StudyResults
from fittingroom.report import STATIC
from fittingroom.report.cells import fits_two_axes, two_axes
from fittingroom.report.curves import Curve, Curves, curves
from fittingroom.report.dots import dots
from fittingroom.report.front import front, on_front
from fittingroom.report.pairs import Difference, differences
from fittingroom.report.ways import axes_of, ways

__all__ = ["Curve", "Curves", "Difference", "combinations", "curves", "differences", "dots", "front", "on_front",
           "style", "two_axes", "ways"]  # fmt: skip


def combinations(results: StudyResults) -> str:
    """What several axes came to: a table of cells for two, parallel coordinates for more; nothing for one."""
    if len(axes_of(results)) < 2:
        return ""
    return two_axes(results) if fits_two_axes(results) else ways(results)


def style() -> str:
    """The style sheet of the figures."""
    return (STATIC / "figures.css").read_text(encoding="utf-8")
