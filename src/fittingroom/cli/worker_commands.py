"""``fittingroom worker``: the processes that execute queued runs."""

from __future__ import annotations

from typing import Annotated

import typer

from fittingroom.cli.options import HELP, AsJson, Threads, WorkspaceFolder, examples
from fittingroom.workspace import Workspace

worker_app = typer.Typer(
    help="Execute queued runs, and see who does.", **{**HELP, "no_args_is_help": False, "invoke_without_command": True}
)


@worker_app.callback(epilog=examples("fittingroom worker", "fittingroom worker --idle 60 --threads 2"))
def worker(
    context: typer.Context,
    threads: Threads = None,
    idle: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="End by itself after so long without a run.")
    ] = 600,
    comparison: Annotated[str | None, typer.Option(hidden=True)] = None,
    helps: Annotated[bool, typer.Option("--helps", hidden=True)] = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Execute queued runs, one after the other, or those of a comparison at once where that is quicker.

    Ctrl-C hands what is in hand back to the queue and ends.
    """
    if context.invoked_subcommand is not None:
        return
    from fittingroom.cli import queueing

    place = Workspace.find(workspace)
    queueing.work(place, threads=threads, idle=idle, as_json=as_json, comparison=comparison, helps=helps)


@worker_app.command("list")
def worker_list(workspace: WorkspaceFolder = None, as_json: AsJson = False) -> None:
    """List the workers that are there, and what they train."""
    from fittingroom.cli import queueing

    queueing.list_workers(Workspace.find(workspace), as_json=as_json)


@worker_app.command("stop")
def worker_stop(workspace: WorkspaceFolder = None, as_json: AsJson = False) -> None:
    """Ask all workers to end; each hands its run back to the queue, with its last step saved."""
    from fittingroom.cli import queueing

    queueing.stop_workers(Workspace.find(workspace), as_json=as_json)
