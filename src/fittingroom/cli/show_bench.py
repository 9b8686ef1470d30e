"""How a benchmark looks in a terminal, as JSON and as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from fittingroom import __version__
from fittingroom.cli.output import aside
from fittingroom.cli.show import print_json, say, size, table
from fittingroom.errors import InvalidInput
from fittingroom.spec.mistakes import many

if TYPE_CHECKING:
    from fittingroom.library.bench import Benchmark, Measured

BUSY = 0.1
"""A share of the processors; where other programs use more, figures are not to be relied on."""


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar beside what is printed, where somebody watches."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.percentage:>3.0f} %"),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("")
        yield lambda doing, done, total: bar.update(task, description=escape(doing), completed=done, total=total)


def say_waiting(free: int) -> None:
    """That trainings use the cores."""
    aside(f"waiting for trainings on this machine to end: {free} of its cores are free; Ctrl-C gives up")


def benchmark(found: Benchmark, *, as_json: bool) -> None:
    """All figures, each way to train a line."""
    if as_json:
        print_json(_plain(found))
        return
    rows = table(*_head(), right=_head()[2:])
    for row in _rows(found):
        rows.add_row(*map(escape, row))
    say(rows, "", *(escape(line) for line in _plans(found)), "", escape(_where(found)))
    if warning := _busy(found):
        say(f"[yellow]note:[/yellow] {warning}")


def check_place(out: Path | None) -> None:
    """Raise InvalidInput, before anything is measured, where a file can surely not be written."""
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise InvalidInput(f"{out} cannot be a file; give a name in a folder that exists")


def write(found: Benchmark, out: Path) -> None:
    """All figures as Markdown; raises InvalidInput."""
    lines = [_head(), ["---"] * 2 + ["---:"] * (len(_head()) - 2), *_rows(found)]
    text = [_where(found), "", *("| " + " | ".join(cells) + " |" for cells in lines), ""]
    text += [*(f"- {line}" for line in _plans(found)), "", *filter(None, [_busy(found)])]
    try:
        out.write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"cannot write {out}: {error.strerror}; choose another folder or name") from error


def _head() -> list[str]:
    return ["run", "trained", "threads", "images/s (range)", "an epoch", "memory", "times as fast"]


def _rows(found: Benchmark) -> list[list[str]]:
    return [_row(each, found.compared(each)) for each in found.measured]


def _row(each: Measured, against: Measured) -> list[str]:
    return [
        each.workload,
        each.way,
        str(each.threads),
        _spread(each.images_per_second, ",.0f"),
        f"{each.epoch_seconds:.1f} s",
        size(each.peak_memory),
        "1" if each is against else _spread(each.times(against), ".2f"),
    ]


def _spread(values: Sequence[float], form: str) -> str:
    if len(values) == 1:
        return f"{values[0]:{form}}"
    return f"{statistics.median(values):{form}} ({min(values):{form}} – {max(values):{form}})"


def _plans(found: Benchmark) -> list[str]:
    """What was chosen for each, in words."""
    return [
        f"{each.workload}, {each.way}: {each.parameters:,} parameters on {each.data}, batches of {each.batch_size:,}; "
        f"{each.how}; ready after {each.prepare_seconds:.1f} s"
        for each in found.measured
    ]


def _where(found: Benchmark) -> str:
    from fittingroom.library.bench import IMAGES

    machine, pace, against = found.machine, found.pace, found.compared(found.measured[0])
    versions = ", ".join(f"{name} {version}" for name, version in _versions(found).items())
    figures = "medians (ranges)" if pace.turns > 1 else "one figure each, which says nothing of how much it varies"
    return (
        f"{found.started}, {machine['processor']}, cores: {machine['cores']}, {size(machine['memory'])} of memory, "
        f"{machine['system']}, load before the start: {machine['load_before']:.1f}. {versions}. "
        f"n = {many(pace.turns, 'turn')} of {pace.seconds:g} s for each, alternating; {figures}, training steps alone. "
        f"An epoch is {IMAGES:,} images. Memory is the most that a process had at once. Times as fast as the same run "
        f"trained {against.way} with {against.threads} thread{'s' * (against.threads > 1)}, turn by turn."
    )


def _versions(found: Benchmark) -> dict[str, str]:
    return {"fittingroom": __version__, **found.versions}


def _busy(found: Benchmark) -> str:
    if found.others <= BUSY:
        return ""
    return (
        f"Other programs used up to {100 * found.others:.0f} % of the processors meanwhile; measure again when "
        "the machine is quiet."
    )


def _plain(found: Benchmark) -> dict[str, Any]:
    """The contract of ``--json``."""
    return {
        "started": found.started,
        "machine": found.machine,
        "versions": _versions(found),
        "turns": found.pace.turns,
        "seconds_per_turn": found.pace.seconds,
        "others": found.others,
        "measured": [_plain_measured(each, found.compared(each)) for each in found.measured],
    }


def _plain_measured(each: Measured, against: Measured) -> dict[str, Any]:
    turns = asdict(each)
    words = {key: turns[key] for key in ("threads", "device", "plan", "data", "batch_size", "parameters", "steps")}
    return {
        "run": each.workload,
        "trained": each.way,
        **words,
        "images_per_second": each.median,
        "images_per_second_of_turns": each.images_per_second,
        "epoch_seconds": each.epoch_seconds,
        "times_as_fast": statistics.median(each.times(against)),
        "compared_with": against.way,
        "prepare_seconds": each.prepare_seconds,
        "peak_memory": each.peak_memory,
        "others": max(each.others),
    }
