"""``fittingroom runs``: what has been trained, and what can be done with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from fittingroom.cli.keeping_commands import keeping_app
from fittingroom.cli.label_commands import label_app
from fittingroom.cli.options import (
    HELP,
    AsJson,
    InQueue,
    RunName,
    Settings,
    WorkspaceFolder,
    examples,
)
from fittingroom.workspace import Workspace

runs_app = typer.Typer(
    help="Stored runs: list, show, compare, resume, restart, rename, tag, delete, export, import.", **HELP
)
runs_app.add_typer(label_app)
runs_app.add_typer(keeping_app)


@runs_app.command("list")
def runs_list(
    limit: Annotated[int | None, typer.Option(min=1, help="Show only the newest runs.")] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Show the deleted ones that can be brought back.")] = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """List stored runs, newest first, and the disk space they take."""
    from fittingroom.cli import show_list
    from fittingroom.library.stored import list_runs
    from fittingroom.queue.trash import deleted_runs, disk_use

    place = Workspace.find(workspace)
    if deleted:
        show_list.trash(deleted_runs(place)[:limit], as_json=as_json)
    else:
        show_list.runs(list_runs(place, limit), disk_use(place), as_json=as_json)


@runs_app.command("show", epilog=examples("fittingroom runs show last", "fittingroom runs show cnn-1 --plot cnn.png"))
def runs_show(
    run: RunName,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the curves as a .png, .svg or .pdf file.")
    ] = None,
    joined: Annotated[
        bool, typer.Option("--joined", help="With --plot: begin with the curves of the runs that it was forked from.")
    ] = False,
    epochs: Annotated[bool, typer.Option("--epochs", help="Print the table of epochs.")] = False,
    confusion: Annotated[bool, typer.Option("--confusion", help="Print the confusion matrix.")] = False,
    toml: Annotated[bool, typer.Option("--toml", help="Print only the spec file that repeats the run.")] = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show a run: its curves, what they say, and its scores for each class."""
    from fittingroom.cli import show_runs
    from fittingroom.library.run import Run

    stored = Run(run, Workspace.find(workspace))
    if toml:
        typer.echo(stored.spec.to_toml(), nl=False)
        return
    if plot is not None:
        stored.plot(plot, joined=joined)
    show_runs.run(stored, with_epochs=epochs, with_confusion=confusion, as_json=as_json)
    if plot is not None and not as_json:
        typer.echo(f"Curves saved as {plot}.")


@runs_app.command("compare", epilog=examples("fittingroom runs compare mlp-1 cnn-1"))
def runs_compare(run: RunName, other: RunName, workspace: WorkspaceFolder = None, as_json: AsJson = False) -> None:
    """Compare two runs image by image: on how many they differ, and whether one is right more often (McNemar)."""
    from fittingroom.cli import show
    from fittingroom.library.stored import find_run
    from fittingroom.queue.pairs import compare_runs

    place = Workspace.find(workspace)
    pair = compare_runs(find_run(place, run), find_run(place, other), place)
    if as_json:
        show.print_json(pair.to_json())
    else:
        show.say(*map(escape, pair.sentences))


@runs_app.command("robustness", epilog=examples("fittingroom runs robustness last"))
def runs_robustness(run: RunName, workspace: WorkspaceFolder = None, as_json: AsJson = False) -> None:
    """Measure what is left of a run's accuracy when validation images are harmed: noise, blur, shift and others."""
    from fittingroom.cli import show_runs
    from fittingroom.library.run import Run

    stored = Run(run, Workspace.find(workspace))
    show_runs.robustness(stored.id, stored.robustness(), as_json=as_json)


@runs_app.command("resume", epilog=examples("fittingroom runs resume last"))
def runs_resume(
    run: RunName, in_queue: InQueue = False, workspace: WorkspaceFolder = None, as_json: AsJson = False
) -> None:
    """Go on with a run that was stopped, killed or broken: from its last checkpoint to the very same weights."""
    place = Workspace.find(workspace)
    if in_queue:
        from fittingroom.cli import queueing

        queueing.resume(run, place, as_json=as_json)
        return
    from fittingroom.cli import training

    training.resume(run, place, as_json=as_json)


@runs_app.command("restart", epilog=examples("fittingroom runs restart starter-1"))
def runs_restart(
    run: RunName,
    replay: Annotated[
        bool, typer.Option("--replay", help="Follow the trace of a run with a time budget, to the same weights.")
    ] = False,
    in_queue: InQueue = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Train a stored run's spec again from its beginning, as a new run that remembers where it comes from."""
    place = Workspace.find(workspace)
    if in_queue:
        from fittingroom.cli import queueing

        queueing.restart(run, place, replay=replay, as_json=as_json)
        return
    from fittingroom.cli import training

    training.restart(run, place, replay=replay, as_json=as_json)


@runs_app.command("stop", epilog=examples("fittingroom runs stop starter-1"))
def runs_stop(run: RunName, workspace: WorkspaceFolder = None, as_json: AsJson = False) -> None:
    """Stop a run, wherever it is trained, with its best weights kept; or take it out of the queue."""
    from fittingroom import queue
    from fittingroom.cli import queueing

    queueing.ask(run, Workspace.find(workspace), queue.stop, "stopped", as_json=as_json)


@runs_app.command("pause", epilog=examples("fittingroom runs pause starter-1"))
def runs_pause(run: RunName, workspace: WorkspaceFolder = None, as_json: AsJson = False) -> None:
    """Stop a run for now: runs resume goes on with it, here or (with --queue) by a worker."""
    from fittingroom import queue
    from fittingroom.cli import queueing

    queueing.ask(run, Workspace.find(workspace), queue.pause, "paused", as_json=as_json)


@runs_app.command(
    "continue",
    epilog=examples(
        "fittingroom runs continue mlp-1 --epochs 10",
        "fittingroom runs continue starter-1 --epochs 5 --schedule cosine --set train.optimizer.learning_rate=0.001",
    ),
)
def runs_continue(
    run: RunName,
    epochs: Annotated[int, typer.Option(min=1, help="How many more epochs.")],
    schedule: Annotated[
        str | None,
        typer.Option(help="Laid over the new epochs: constant, cosine, one_cycle, … Asked for unless it was constant."),
    ] = None,
    settings: Settings = None,
    in_queue: InQueue = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Train on from a run's last weights, optimizer and all, as a new run whose curves are joined to the old one's."""
    place, overrides = Workspace.find(workspace), settings or []
    if in_queue:
        from fittingroom.cli import queueing

        queueing.go_on(run, place, epochs=epochs, schedule=schedule, overrides=overrides, as_json=as_json)
        return
    from fittingroom.cli import training

    training.go_on(run, place, epochs=epochs, schedule=schedule, overrides=overrides, as_json=as_json)


@runs_app.command(
    "fork",
    epilog=examples(
        "fittingroom runs fork cnn-1 --set train.optimizer.learning_rate=0.0001",
        "fittingroom runs fork cnn-1 --set data.source=photos/ --set train.freeze_up_to=conv_2",
    ),
)
def runs_fork(
    run: RunName,
    settings: Settings = None,
    weights: Annotated[
        str, typer.Option(help="Which of the run's weights to begin with: best, last, or the number of a kept epoch.")
    ] = "best",
    in_queue: InQueue = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Begin a new run with a run's weights and other settings: other data, frozen layers, another optimizer."""
    place, overrides = Workspace.find(workspace), settings or []
    if in_queue:
        from fittingroom.cli import queueing

        queueing.fork(run, place, overrides=overrides, weights=weights, as_json=as_json)
        return
    from fittingroom.cli import training

    training.fork(run, place, overrides=overrides, weights=weights, as_json=as_json)
