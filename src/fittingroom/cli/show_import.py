"""What an import understood and how far it has come, in a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from fittingroom.cli.show import print_json, say, table
from fittingroom.data.naming import shown

if TYPE_CHECKING:
    from fittingroom.data.incoming import Preview

SIZES_SHOWN = 12


def understood(name: str, preview: Preview, *, taken: bool, as_json: bool) -> None:
    """Classes with their counts, sizes, conversions, problems; ``taken``: the workspace has a data set of this name."""
    height_width = preview.size
    if as_json:
        print_json(
            {
                "name": name,
                "name_taken": taken,
                "path": shown(preview.path),
                "kind": preview.kind,
                "importable": not preview.faults,
                "images": preview.images,
                "classes": preview.class_names,
                "counts": {"training": preview.training, "test": preview.test},
                "shape": None if height_width is None else (preview.channels, *height_width),
                "channels": preview.channels,
                "sizes": [{"height": size[0], "width": size[1], "images": number} for size, number in preview.sizes],
                "remarks": preview.remarks,
                "conversions": preview.conversions,
                "name_problems": preview.name_problems,
                "faults": preview.faults,
            }
        )
        return
    say(f"{preview.kind} {escape(shown(preview.path))}, to be imported as [bold]{escape(name)}[/bold]:", "")
    parts = {"training": preview.training} | ({} if preview.test is None else {"test": preview.test})
    rows = table("class", *parts, right=tuple(parts))
    for index, class_name in enumerate(preview.class_names):
        rows.add_row(escape(class_name), *(f"{counts[index]:,}" for counts in parts.values()))
    rows.add_row("[bold]all[/bold]", *(f"[bold]{sum(counts):,}[/bold]" for counts in parts.values()))
    say(rows, "", *_facts(preview))
    for note in preview.notes:
        say(f"[yellow]note:[/yellow] {escape(note)}")
    if taken:
        say(f'[yellow]note:[/yellow] the workspace has a data set "{escape(name)}" already; other content needs --name')
    for fault in preview.faults:
        say(f"[red]fault:[/red] {escape(fault)}")
    say("", "Nothing was written. " + ("It cannot be imported so." if preview.faults else "It can be imported so."))


def _facts(preview: Preview) -> Iterator[str]:
    sizes = [f"{height}×{width} ({number:,} images)" for (height, width), number in preview.sizes[:SIZES_SHOWN]]
    more = len(preview.sizes) - SIZES_SHOWN
    yield f"Sizes (height×width): {', '.join(sizes)}{f' and {more:,} more' if more > 0 else ''}."
    yield f"Channels: {preview.channels} ({'grey' if preview.channels == 1 else 'colour'})."
    yield "Test part: " + ("given." if preview.test is not None else "none; 15 % of all will be cut off and sealed.")


@contextmanager
def looking() -> Iterator[Callable[[int, int], None]]:
    """Shows how many files or images have been looked at, where a terminal is there."""
    with _bar("Looking at everything") as bar:
        task = bar.add_task("", total=None)

        def tell(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of or None, description=f"{done:,} of {of:,}")

        yield tell


@contextmanager
def reading() -> Iterator[Callable[[int], None]]:
    """Shows how many images have been read, where a terminal is there."""
    with _bar("Importing; Ctrl-C ends it, and nothing is left") as bar:
        task = bar.add_task("", total=None)

        def tell(images: int) -> None:
            bar.update(task, description=f"{images:,} images")

        yield tell


def _bar(doing: str) -> Progress:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn(doing), BarColumn(bar_width=30), TextColumn("{task.description}"))
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
