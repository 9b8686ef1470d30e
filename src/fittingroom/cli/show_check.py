"""How the report of a data check looks in a terminal, and what it is as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from fittingroom.cli.output import aside
from fittingroom.cli.show import print_json, say, table
from fittingroom.errors import InvalidInput

if TYPE_CHECKING:
    from fittingroom.data.check.finding import Finding, Report
    from fittingroom.data.dataset import Dataset

EXAMPLES = 5
COLOURS = {"severe": "red", "worth a look": "yellow", "for information": "cyan"}


@contextmanager
def progress() -> Iterator[Callable[[float], None]]:
    """A bar beside what is printed, where somebody watches."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(compact=True), console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("checking", total=1.0)
        yield lambda done: bar.update(task, completed=done)


def say_waiting(free: int) -> None:
    """That trainings use the cores."""
    aside(f"waiting for trainings on this machine to end: {free} of its cores are free; Ctrl-C gives up")


def report(found: Report, data: Dataset, *, as_json: bool) -> None:
    """Every finding with what it means, examples and what to do; then what was looked for and not found."""
    if as_json:
        print_json({**found.to_json(), "classes": data.class_names})
        return
    say(f"[bold]{escape(found.name)}[/bold]: {found.images:,} images, {_counted(found)}", "")
    if found.findings:
        rows = table("found", "severity", "count", "of", right=("count", "of"))
        for finding in found.findings:
            rows.add_row(named(finding.kind), _severity(finding), f"{finding.count:,}", f"{finding.n:,}")
        say(rows)
    for finding in found.findings:
        say("", f"[bold]{named(finding.kind)}[/bold]  {_severity(finding)}", escape(finding.text))
        if examples := _examples(finding, data):
            say(f"Examples: {escape(examples)}")
        say(f"What to do: {escape(finding.fix)}.")
    say("")
    if found.clean:
        say(f"Looked for and not found: {', '.join(named(kind) for kind in found.clean)}.")
    for sentence in found.left_out:
        say(escape(f"Not checked: {sentence}"))


def draw(found: Report, data: Dataset, folder: Path) -> None:
    """One file for each finding that is about images, ``KIND.png``; raises InvalidInput."""
    from fittingroom.data.check.sheets import picture  # Pillow, needed only here

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for finding in found.findings:
            if (png := picture(finding, data)) is not None:
                (folder / f"{finding.kind}.png").write_bytes(png)
    except OSError as error:
        raise InvalidInput(f"cannot write pictures into {folder}: {error.strerror}; choose another folder") from error


def named(kind: str) -> str:
    """``exact_copies`` as words."""
    return kind.replace("_", " ")


def _counted(found: Report) -> str:
    number = len(found.findings)
    if not number:
        return "nothing found"
    severe = sum(finding.severity == "severe" for finding in found.findings)
    return f"{number} finding{'s' * (number != 1)}, {severe or 'none'} of them severe"


def _severity(finding: Finding) -> str:
    return f"[{COLOURS[finding.severity]}]{finding.severity}[/{COLOURS[finding.severity]}]"


def _examples(finding: Finding, data: Dataset) -> str:
    """Positions of the first images or pairs, with their classes and figures."""

    def shown(image: int) -> str:
        return f"{image} ({data.class_names[data.labels[image]]})"

    images = finding.images[:EXAMPLES].tolist()
    if finding.pairs is not None:
        show = shown if finding.kind == "label_conflicts" else str
        texts = [f"{show(one)} and {show(other)}" for one, other in finding.pairs[:EXAMPLES].tolist()]
    elif finding.suggested is not None:
        classes = [data.class_names[label] for label in finding.suggested[:EXAMPLES].tolist()]
        texts = [f"{shown(image)} rather {name}" for image, name in zip(images, classes, strict=True)]
    else:
        texts = [str(image) for image in images]
    if finding.scores is not None:
        scores = finding.scores[:EXAMPLES].tolist()
        digits = 5 if finding.pairs is not None else 2
        texts = [f"{text} [{score:.{digits}g}]" for text, score in zip(texts, scores, strict=True)]
    more = len(finding.images if finding.pairs is None else finding.pairs) - EXAMPLES
    measured = f" (in brackets: {finding.measure})" if finding.scores is not None else ""
    return "; ".join(texts) + (f"; and {more:,} more" if more > 0 else "") + measured if texts else ""
