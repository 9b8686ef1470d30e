"""The commands. Each function is one: it calls the library and hands the result to ``cli.show``.

Groups of commands have files of their own. Imports of the library stand inside the commands, so that help and
completion are quick.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fittingroom.cli.bench_command import bench
from fittingroom.cli.data_commands import data_app, network_app
from fittingroom.cli.options import (
    HELP,
    AsJson,
    InQueue,
    RunName,
    Settings,
    SpecSource,
    Threads,
    WorkspaceFolder,
    complete_run,
    examples,
)
from fittingroom.cli.run_commands import runs_app
from fittingroom.cli.study_commands import study_app
from fittingroom.cli.web_commands import web
from fittingroom.cli.worker_commands import worker_app
from fittingroom.workspace import Workspace

app = typer.Typer(
    help="The workbench for fitting image classifiers.\n\nBegin with: [bold]fittingroom train starter[/bold]",
    pretty_exceptions_enable=False,
    **HELP,
)
app.add_typer(data_app, name="data")
app.add_typer(network_app, name="network")
app.add_typer(runs_app, name="runs")
app.add_typer(study_app, name="study")
app.add_typer(worker_app, name="worker")
app.command("web", epilog=examples("fittingroom web", "fittingroom web --port 9000 --no-browser"))(web)
app.command("bench", epilog=examples("fittingroom bench", "fittingroom bench my-run.toml --out speed.md"))(bench)


def version(asked: bool) -> None:
    """Print the version and end."""
    if asked:
        from fittingroom import __version__

        typer.echo(f"fittingroom {__version__}")
        raise typer.Exit


@app.callback()
def common(
    _version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What stands before any command."""


@app.command(
    epilog=examples(
        "fittingroom train starter",
        "fittingroom train my-run.toml --set train.epochs=20 --seed 3",
        "fittingroom train cnn --budget 60s",
        "fittingroom train cnn --json | tail -1",
        "fittingroom train cnn --seeds 3",
    )
)
def train(
    source: SpecSource,
    settings: Settings = None,
    seed: Annotated[int | None, typer.Option(help="Same as --set seed=N.")] = None,
    seeds: Annotated[
        int,
        typer.Option(min=1, max=100, help="Train so many runs that differ in nothing but their seeds, counted up."),
    ] = 1,
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Time to train for, such as 60s or 5m: --set train.budget=TIME.")
    ] = None,
    threads: Threads = None,
    in_queue: InQueue = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Train the run that a spec file or preset describes, live. Ctrl-C ends it with the best weights kept.

    Several runs go on at the same time where all of them are done sooner so.
    """
    overrides = list(settings or [])
    overrides += [f"seed={seed}"] if seed is not None else []
    overrides += [f"train.budget={budget}"] if budget is not None else []
    place = Workspace.find(workspace)
    if seeds > 1:
        from fittingroom.cli import several

        do = several.leave if in_queue else several.train
        do(source, overrides, seeds, place, threads=threads, as_json=as_json)
        return
    if in_queue:
        from fittingroom.cli import queueing

        queueing.train(source, overrides, place, threads=threads, as_json=as_json)
        return
    from fittingroom.cli import training

    training.train(source, overrides, place, threads=threads, as_json=as_json)


@app.command(epilog=examples("fittingroom presets", "fittingroom presets cnn > my-run.toml"))
def presets(
    name: Annotated[str | None, typer.Argument(help="Print this preset's spec file.")] = None, as_json: AsJson = False
) -> None:
    """List the shipped runs, or print one as a spec file to start your own from."""
    from fittingroom.cli import show, show_data
    from fittingroom.spec.run import presets as shipped

    if name is None:
        show_data.presets(shipped(), as_json=as_json)
    else:
        show.shipped(name, shipped(), "preset")


@app.command(
    epilog=examples(
        "fittingroom test last", "fittingroom test cnn-1 cnn-2 cnn-3 --json", "fittingroom test activations-1"
    )
)
def test(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|STUDY...",
            help="A study stands for the finished runs of its best arm on validation images.",
            autocompletion=complete_run,
        ),
    ],
    all_arms: Annotated[
        bool, typer.Option("--all-arms", help="Of a study, score the finished runs of all arms.")
    ] = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Open the sealed test set and score runs on it. Each call is counted as one opening, and the count is shown."""
    from fittingroom.cli import show_runs
    from fittingroom.cli.output import aside
    from fittingroom.library.run import Run, open_tests
    from fittingroom.queue.studies import runs_named

    place = Workspace.find(workspace)
    named = [runs_named(name, place, all_arms=all_arms) for name in runs]
    for told in (each.told for each in named if each.told):
        aside(told)
    chosen = dict.fromkeys(run for each in named for run in each.runs)
    show_runs.test_scores(open_tests([Run(run, place) for run in chosen]), as_json=as_json)


@app.command(epilog=examples("fittingroom predict last shoe.jpg", "fittingroom predict starter-1 *.png --top 3"))
def predict(
    run: RunName,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files of any size.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show.")] = 3,
    invert: Annotated[
        Literal["auto", "yes", "no"], typer.Option(help="Whether dark-on-light images are inverted, or the reverse.")
    ] = "auto",
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Predict the class of image files, and say how each was fitted to the network."""
    from fittingroom.cli import show_runs
    from fittingroom.library.run import Run

    stored = Run(run, Workspace.find(workspace))
    show_runs.predictions(stored, stored.predict(*images, invert=invert), top, as_json=as_json)
