"""Figures as the page writes them: rounded to what they can bear, with what they were measured on."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

from fittingroom.measure.evaluate import tell_accuracy

MISSING = "–"


def percent(value: float | None, digits: int = 1) -> str:
    """``91.6 %`` for 0.916."""
    return MISSING if value is None else f"{100 * value:.{digits}f} %"


def loss(value: float | None) -> str:
    """``0.241``."""
    return MISSING if value is None else f"{value:.3f}" if value < 10 else f"{value:.3g}"


def value(number: float) -> str:
    """Three digits of any number: ``0.0412``, ``−3.5``."""
    return f"{number:.3g}".replace("-", "−") if math.isfinite(number) else "no number"


def count(value: int | float | None) -> str:
    """``23,400``."""
    return MISSING if value is None else f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """``0:17``, ``12:05``, ``1:02:09``."""
    if seconds is None:
        return MISSING
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def roughly(seconds: float) -> str:
    """``3.4 s``, ``45 s``, ``12 min``, ``3 h 20 min``: no more digits than an estimate can bear."""
    if seconds < 9.95:
        return f"{seconds:.1f} s" if seconds >= 0.095 else f"{seconds:.2f} s" if seconds >= 0.005 else "under 0.01 s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, rest = divmod(round(minutes, -1), 60)
    return f"{hours} h {rest} min" if rest and hours < 24 else f"{seconds / 3600:,.0f} h"


def size(count: int) -> str:
    """``1.2 MB``."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def moment(time: datetime) -> str:
    """``2026-11-22 14:05``, in the machine's own time."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def clock(time: datetime) -> str:
    """``14:05:09``, with the day before it unless that is today; in the machine's own time."""
    local = time.astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M:%S}"


def margin(accuracy: float | None, n: int, split: str = "validation") -> str:
    """``± 0.8 · validation, n = 5,000``, or ``90.1 to 99.7 · …`` near the ends: a 95 % interval over images."""
    if accuracy is None or not n or not math.isfinite(accuracy):
        return ""
    told = tell_accuracy(accuracy, n, split)
    return f"{told.margin} · {told.measured_on}"


FILTERS: dict[str, Callable[..., str]] = {
    "percent": percent, "value": value, "loss": loss, "count": count, "duration": duration, "size": size,
    "moment": moment, "margin": margin, "roughly": roughly, "clock": clock,
}  # fmt: skip
