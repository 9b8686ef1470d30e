"""All commands. Each function is one command: it calls the library and hands the result to ``cli.show``.

Imports of the library stand inside the commands, so that help and completion are quick.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fittingroom.cli.options import AsJson, RunName, Settings, SpecSource, WorkspaceFolder, complete_run
from fittingroom.workspace import Workspace

HELP: dict[str, Any] = {
    "no_args_is_help": True,
    "rich_markup_mode": "rich",
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
app = typer.Typer(
    help="The workbench for fitting image classifiers.\n\nBegin with: [bold]fittingroom train starter[/bold]",
    pretty_exceptions_enable=False,
    **HELP,
)
data_app = typer.Typer(help="Data sets: the built-in one, and your own image folders.", **HELP)
network_app = typer.Typer(help="Networks: shapes, parameter counts, faults.", **HELP)
runs_app = typer.Typer(help="Stored runs: list, show, resume, restart, delete.", **HELP)
app.add_typer(data_app, name="data")
app.add_typer(network_app, name="network")
app.add_typer(runs_app, name="runs")


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


def examples(*lines: str) -> str:
    """The foot of a command's help."""
    return "Examples:\n\n" + "\n\n".join(f"  {line}" for line in lines)


@app.command(
    epilog=examples(
        "fittingroom train starter",
        "fittingroom train my-run.toml --set train.epochs=20 --seed 3",
        "fittingroom train cnn --json | tail -1",
    )
)
def train(
    source: SpecSource,
    settings: Settings = None,
    seed: Annotated[int | None, typer.Option(help="Same as --set seed=N.")] = None,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Train the run that a spec file or preset describes, live. Ctrl-C ends it with the best weights kept."""
    from fittingroom.cli import training

    overrides = [*(settings or []), *([f"seed={seed}"] if seed is not None else [])]
    training.train(source, overrides, Workspace.find(workspace), as_json=as_json)


@app.command(epilog=examples("fittingroom presets", "fittingroom presets cnn > my-run.toml"))
def presets(
    name: Annotated[str | None, typer.Argument(help="Print this preset's spec file.")] = None, as_json: AsJson = False
) -> None:
    """List the shipped runs, or print one as a spec file to start your own from."""
    from fittingroom.cli import show_data
    from fittingroom.errors import NotFound, did_you_mean
    from fittingroom.spec.run import presets as shipped

    texts = shipped()
    if name is None:
        show_data.presets(texts, as_json=as_json)
    elif name in texts:
        typer.echo(texts[name], nl=False)
    else:
        raise NotFound(f'there is no preset "{name}"; {did_you_mean(name, texts)}')


@app.command(epilog=examples("fittingroom test last", "fittingroom test cnn-1 cnn-2 cnn-3 --json"))
def test(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", autocompletion=complete_run)],
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Open the sealed test set and score runs on it. Each call is counted as one opening, and the count is shown."""
    from fittingroom.cli import show_runs
    from fittingroom.library.run import Run, open_tests

    place = Workspace.find(workspace)
    show_runs.test_scores(open_tests([Run(run, place) for run in dict.fromkeys(runs)]), as_json=as_json)


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


@network_app.command("show", epilog=examples("fittingroom network show cnn", "fittingroom network show my-run.toml"))
def network_show(
    source: SpecSource, settings: Settings = None, workspace: WorkspaceFolder = None, as_json: AsJson = False
) -> None:
    """Show every layer with its output shape and parameter count, and every fault; exit status 2 on faults."""
    from fittingroom.cli import show_data
    from fittingroom.library.describe import describe

    described = describe(source, settings or [], Workspace.find(workspace))
    show_data.network(described, as_json=as_json)
    if described.faults:
        raise typer.Exit(2)


@data_app.command("list")
def data_list(workspace: WorkspaceFolder = None, as_json: AsJson = False) -> None:
    """List the data sets that can be trained on."""
    from fittingroom.cli import show_data
    from fittingroom.data.sources import names

    show_data.data_sets(names(Workspace.find(workspace)), as_json=as_json)


@data_app.command("show", epilog=examples("fittingroom data show fashion-mnist", "fittingroom data show photos/"))
def data_show(
    name: Annotated[str, typer.Argument(help="A data set's name, or a folder with one folder per class.")],
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show classes, counts for each part, size, mean and spread, and how often its test set has been opened."""
    from fittingroom.cli import show_data
    from fittingroom.library.describe import describe_data

    show_data.data_set(describe_data(name, Workspace.find(workspace)), as_json=as_json)


@data_app.command("import", epilog=examples("fittingroom data import photos/ --name my-photos"))
def data_import(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder with one folder of images for each class.")],
    name: Annotated[str | None, typer.Option(help="Name of the data set; the folder's own unless given.")] = None,
    size: Annotated[
        str | None, typer.Option(metavar="HxW", help="Bring all images to this size, such as 64x64.")
    ] = None,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Copy an image folder into the workspace as a data set."""
    from fittingroom.cli import show, show_data
    from fittingroom.data.sources import import_folder
    from fittingroom.library.describe import describe_data

    place = Workspace.find(workspace)
    imported = import_folder(path, place, name=name, size=show.parse_size(size))
    show_data.data_set(describe_data(imported.source, place), as_json=as_json)


@data_app.command("remove")
def data_remove(
    name: Annotated[str, typer.Argument(help="Name of an imported data set.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    workspace: WorkspaceFolder = None,
) -> None:
    """Remove an imported data set from the workspace. Your own folder stays as it is."""
    from fittingroom.data.sources import BUILT_IN, remove

    if not yes and name not in BUILT_IN:
        typer.confirm(f'Remove the data set "{name}" from the workspace?', abort=True)
    remove(name, Workspace.find(workspace))
    typer.echo(f'Removed "{name}".')


@runs_app.command("list")
def runs_list(
    limit: Annotated[int | None, typer.Option(min=1, help="Show only the newest runs.")] = None,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """List stored runs, newest first."""
    from fittingroom.cli import show_runs
    from fittingroom.library.stored import list_runs

    show_runs.runs(list_runs(Workspace.find(workspace), limit), as_json=as_json)


@runs_app.command("show", epilog=examples("fittingroom runs show last", "fittingroom runs show cnn-1 --plot cnn.png"))
def runs_show(
    run: RunName,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the curves as a .png, .svg or .pdf file.")
    ] = None,
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
        stored.plot(plot)
    show_runs.run(stored, with_epochs=epochs, with_confusion=confusion, as_json=as_json)
    if plot is not None and not as_json:
        typer.echo(f"Curves saved as {plot}.")


@runs_app.command("resume", epilog=examples("fittingroom runs resume last"))
def runs_resume(run: RunName, workspace: WorkspaceFolder = None, as_json: AsJson = False) -> None:
    """Go on with a run that was stopped, killed or broken: from its last checkpoint to the very same weights."""
    from fittingroom.cli import training

    training.resume(run, Workspace.find(workspace), as_json=as_json)


@runs_app.command("restart", epilog=examples("fittingroom runs restart starter-1"))
def runs_restart(run: RunName, workspace: WorkspaceFolder = None, as_json: AsJson = False) -> None:
    """Train a stored run's spec again from its beginning, as a new run that remembers where it comes from."""
    from fittingroom.cli import training

    training.restart(run, Workspace.find(workspace), as_json=as_json)


@runs_app.command("delete")
def runs_delete(
    run: RunName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    workspace: WorkspaceFolder = None,
) -> None:
    """Delete a run and its weights for good. Openings of the test set stay counted."""
    from fittingroom.library.stored import delete_run, find_run

    place = Workspace.find(workspace)
    found = find_run(place, run)
    if not yes:
        typer.confirm(f"Delete {found.id} ({found.state}, {found.epochs_done} epochs) and its weights?", abort=True)
    delete_run(place, found.id)
    typer.echo(f"Deleted {found.id}.")
