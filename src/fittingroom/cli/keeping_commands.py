"""What is kept of ``fittingroom runs``, and where: delete with undo, export, import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli.options import (
    HELP,
    AsJson,
    RunName,
    WorkspaceFolder,
    complete_deleted,
    complete_run,
    examples,
)
from fittingroom.workspace import Workspace

keeping_app = typer.Typer(**HELP)


@keeping_app.command(
    "delete", epilog=examples("fittingroom runs delete starter-1", "fittingroom runs delete cnn-1 cnn-2")
)
def runs_delete(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", autocompletion=complete_run)],
    _yes: Annotated[bool, typer.Option("--yes", "-y", help="Not needed: nothing is asked, it can be undone.")] = False,
    workspace: WorkspaceFolder = None,
) -> None:
    """Move runs to the trash, where they can be brought back for 30 days. Openings of the test set stay counted."""
    from fittingroom.cli.show import size
    from fittingroom.library.stored import find_run
    from fittingroom.queue import trash

    place = Workspace.find(workspace)
    chosen = {found.id: found for found in [find_run(place, run) for run in runs]}
    for run, found in chosen.items():
        trash.delete_run(place, run)
        typer.echo(f"Deleted {run} ({size(found.bytes)}).")
    typer.echo(
        f"Bring back with: fittingroom runs undelete {' '.join(chosen)}\n"
        f"Removed for good after {trash.KEPT.days} days, or with: fittingroom runs purge"
    )
    trash.purge(place)


@keeping_app.command("undelete", epilog=examples("fittingroom runs undelete starter-1"))
def runs_undelete(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", autocompletion=complete_deleted)],
    workspace: WorkspaceFolder = None,
) -> None:
    """Bring deleted runs back, as they were. Lists of them: fittingroom runs list --deleted."""
    from fittingroom.queue import trash

    place = Workspace.find(workspace)
    for run in dict.fromkeys(runs):
        trash.restore_run(place, run)
        typer.echo(f"{run} is back.")


@keeping_app.command("purge", epilog=examples("fittingroom runs purge", "fittingroom runs purge starter-1 --yes"))
def runs_purge(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Deleted runs; all unless given.", autocompletion=complete_deleted),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    workspace: WorkspaceFolder = None,
) -> None:
    """Remove deleted runs and their files for good."""
    from fittingroom.cli.show import size
    from fittingroom.queue import trash

    place = Workspace.find(workspace)
    there = {run.id: run for run in trash.deleted_runs(place)}
    chosen = list(dict.fromkeys(runs or there))
    if not chosen:
        typer.echo("No deleted runs, so there is nothing to remove.")
        return
    going = f"{', '.join(chosen)} ({size(sum(there[run].bytes for run in chosen if run in there))})"
    if not yes and set(chosen) <= there.keys():  # else there is nothing to ask about: they are refused
        typer.confirm(f"Remove {going} for good?", abort=True)
    trash.purge(place, chosen)
    typer.echo(f"Removed {going}.")


@keeping_app.command(
    "export", epilog=examples("fittingroom runs export last", "fittingroom runs export cnn-1 best.zip")
)
def runs_export(
    run: RunName,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="./RUN.fittingroom.zip unless given.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Write a run with all its files to one archive, for another machine or another person."""
    from fittingroom.cli.show import print_json, size
    from fittingroom.library.archive import export_run

    written = export_run(run, file, workspace=workspace, replace=force)
    count = written.stat().st_size
    if as_json:
        print_json({"file": str(written), "bytes": count})
    else:
        typer.echo(f"Exported to {written} ({size(count)}). Import it with: fittingroom runs import {written}")


@keeping_app.command(
    "report", epilog=examples("fittingroom runs report last", "fittingroom runs report cnn-1 --out cnn.html")
)
def runs_report(
    run: RunName,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="./RUN.html unless given.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Write a run's report as one HTML file: set-up, curves, scores of each class, machine, and how to rerun it."""
    from fittingroom.cli import show
    from fittingroom.report.run import report_run

    show.report(report_run(run, Workspace.find(workspace), out, replace=force), as_json=as_json)


@keeping_app.command("import", epilog=examples("fittingroom runs import cnn-1.fittingroom.zip"))
def runs_import(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive that fittingroom runs export has written.")],
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Read a run from an archive, under a new name. Safe with archives from anyone: all of it is checked first."""
    from fittingroom.cli.show import print_json
    from fittingroom.library.archive import import_run

    run = import_run(file, workspace=workspace)
    if as_json:
        print_json({"run": run})
    else:
        typer.echo(f"Imported as {run}. Look at it with: fittingroom runs show {run}")
