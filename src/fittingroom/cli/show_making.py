"""How the making of a data set looks in a terminal, and what it is as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from fittingroom.cli.show import print_json, say
from fittingroom.cli.show_data import identity

if TYPE_CHECKING:
    from fittingroom.data.synthetic.keeping import Synthesized
    from fittingroom.library.exporting import Exported

TOLD = 5


@contextmanager
def bar(doing: str, total: int) -> Iterator[Callable[[int], object]]:
    """A bar beside what is printed, where somebody watches; called with how much is done."""
    with stages() as tell:
        yield lambda done: tell(doing, done, total)


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], object]]:
    """A bar likewise; called with what is being done, how much of it is done, and of how much."""
    console = Console(stderr=True)
    shown = Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with shown:
        task = shown.add_task("")
        yield lambda doing, done, total: shown.update(task, description=escape(doing), completed=done, total=total)


def synthesized(made: Synthesized, *, as_json: bool) -> None:
    """What was drawn, from which fonts, and what was left out."""
    data = made.data
    families = {
        name: [family.name for family in part.families]
        for name, part in zip(("training", "validation", "test"), made.parts, strict=True)
    }
    images = {name: part.images for name, part in zip(families, made.parts, strict=True)}
    if as_json:
        print_json(
            {
                **identity(data),
                "images": images,
                "families": families,
                "left_out": made.left_out,
                "origin": data.origin,
            }
        )
        return
    say(f"[bold]{escape(data.name)}[/bold]: {len(data):,} images of {data.height}×{data.width}")
    for part, names in families.items():
        say(f"{part}: {images[part]:,} images from {escape(', '.join(names))}")
    for reason in made.left_out[:TOLD]:
        say(f"[dim]left out: {escape(reason)}[/dim]")
    if len(made.left_out) > TOLD:
        say(f"[dim]… and {len(made.left_out) - TOLD} more fonts (all of them with --json)[/dim]")


def exported(written: Exported, *, as_json: bool) -> None:
    """Where it is, how many images each part has, and what should be known of it."""
    if as_json:
        print_json({"path": str(written.path), "images": written.images, "notes": written.notes})
        return
    counts = ", ".join(f"{images:,} {part}" for part, images in written.images.items())
    say(f"{escape(str(written.path))}: {counts} images", *(escape(note) for note in written.notes))
