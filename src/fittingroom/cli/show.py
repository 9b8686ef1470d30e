"""What everything that is shown in a terminal has in common: tables, figures, JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from fittingroom.cli.output import terminal
from fittingroom.errors import InvalidInput, NotFound, did_you_mean


def print_json(value: object) -> None:
    """One JSON document on one line; what is not a number is null."""
    typer.echo(json.dumps(_finite(value), ensure_ascii=False, allow_nan=False))


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
    return value


def shipped(name: str, texts: Mapping[str, str], kind: str) -> None:
    """Print a shipped file, such as a preset; raises NotFound with the name that may be meant."""
    if name not in texts:
        raise NotFound(f'there is no {kind} "{name}"; {did_you_mean(name, texts)}')
    typer.echo(texts[name], nl=False)


def report(written: Path, *, as_json: bool) -> None:
    """A report that was written."""
    if as_json:
        print_json({"file": str(written), "bytes": written.stat().st_size})
    else:
        typer.echo(f"Report written to {written}.")


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """A quiet table; the columns named in ``right`` are aligned right."""
    made = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 3, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def say(*lines: object) -> None:
    """Print lines or tables."""
    console = terminal()
    for line in lines:
        console.print(line)


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


def duration(seconds: float) -> str:
    """``0:42``, ``1:02:03``; tenths below ten seconds."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(count: int) -> str:
    """``812 B``, ``1.2 MB``: decimal units, as disks and file managers count."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" or value >= 99.95 else f"{value:.1f} {unit}"


def parse_bytes(text: str, option: str) -> int:
    """``2GB`` -> 2,000,000,000: decimal units, or none for bytes. Raises InvalidInput."""
    found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([kmgt]?)b?", text.strip().lower())
    if found is None:
        raise InvalidInput(f'{option} is "{text}"; write a number and its unit, such as 500MB or 2GB')
    return int(float(found[1]) * 1000 ** " kmgt".index(found[2] or " "))


def when(time: datetime) -> str:
    """Local time, to the minute."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
