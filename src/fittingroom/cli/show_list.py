"""How lists of runs look in a terminal, with the disk space they take, and what they are as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from fittingroom.cli.output import terminal
from fittingroom.cli.show import duration, percent, print_json, say, size, table, when

if TYPE_CHECKING:
    from fittingroom.store import DiskUse, RunSummary

WIDE, WIDEST = 125, 140
"""Columns from which lists show names and times, and from which they show everything."""


def runs(found: Sequence[RunSummary], use: DiskUse, *, as_json: bool) -> None:
    """One line for each run, and what the files of all runs of the workspace take."""
    if as_json:
        print_json([_plain(run) for run in found])
        return
    if not found:
        say("No runs yet. Begin with: fittingroom train starter", *_held_by_trash(use))
        return
    width = terminal().width
    right = ("accuracy", "loss", "best epoch", "time", "parameters")
    tagged = ("tags",)[: width >= WIDE and any(run.tags for run in found)]
    more = tagged + ("data", "created")[: 2 * (width >= WIDE)] + ("size",)[: width >= WIDEST]
    rows = table("run", "state", *right, *more, right=(*right, "size"))
    for run in found:
        best = f"{run.best_epoch} of {run.epochs_done}" if run.best_epoch else "–"
        loss = "–" if run.validation_loss is None else f"{run.validation_loss:.4f}"
        figures = (percent(run.validation_accuracy), loss, best, duration(run.train_seconds), f"{run.parameters:,}")
        tags = (escape(", ".join(run.tags)),)[: len(tagged)]
        about = (*tags, escape(run.data or "–"), when(run.created), size(run.bytes))
        rows.add_row(run.id, run.state, *figures, *about[: len(more)])
    say(rows, "", "Accuracy and loss are of the best epoch, on the validation images.")
    say(f"The files of all runs take {size(use.kept)}.", *_held_by_trash(use))


def trash(found: Sequence[RunSummary], *, as_json: bool) -> None:
    """One line for each deleted run, and how it is brought back."""
    if as_json:
        print_json([_plain(run) for run in found])
        return
    if not found:
        say("No deleted runs.")
        return
    rows = table("run", "state", "accuracy", "size", "deleted", right=("accuracy", "size"))
    for run in found:
        assert run.deleted is not None
        rows.add_row(run.id, run.state, percent(run.validation_accuracy), size(run.bytes), when(run.deleted))
    say(rows, "", f"Bring one back with: fittingroom runs undelete {found[0].id}")


def labels(run: RunSummary, *, as_json: bool) -> None:
    """What a run is called now, its tags and its note."""
    if as_json:
        print_json({"run": run.id, "name": run.name, "tags": list(run.tags), "note": run.note})
        return
    say(f"[bold]{run.id}[/bold]  {escape(run.name)}", *remembered(run))


def remembered(run: RunSummary) -> list[str]:
    """The tags and the note of a run, as far as there are any."""
    tags = [f"Tags: {escape(', '.join(run.tags))}"] if run.tags else []
    return [*tags, *([escape(run.note)] if run.note else [])]


def _held_by_trash(use: DiskUse) -> list[str]:
    if not use.deleted:
        return []
    return [f"Deleted runs still hold {size(use.deleted)}; free it with: fittingroom runs purge"]


def _plain(run: RunSummary) -> dict[str, Any]:
    return {
        "run": run.id,
        "name": run.name,
        "tags": list(run.tags),
        "note": run.note,
        "state": run.state,
        "created": run.created.isoformat(),
        "data": run.data,
        "epochs": run.epochs_done,
        "best_epoch": run.best_epoch,
        "validation_accuracy": run.validation_accuracy,
        "validation_loss": run.validation_loss,
        "train_seconds": run.train_seconds,
        "parameters": run.parameters,
        "bytes": run.bytes,
        "deleted": run.deleted and run.deleted.isoformat(),
    }
