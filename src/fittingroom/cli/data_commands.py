"""``fittingroom data`` and ``fittingroom network``: what can be trained on, and what would be trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli import making_commands
from fittingroom.cli.cleaning_commands import cleaning_app
from fittingroom.cli.options import HELP, AsJson, Settings, SpecSource, WorkspaceFolder, examples
from fittingroom.errors import InvalidInput
from fittingroom.workspace import Workspace

data_app = typer.Typer(help="Data sets: the built-in ones, and your own labelled images.", **HELP)
data_app.add_typer(cleaning_app)
network_app = typer.Typer(help="Networks: shapes, parameter counts, faults.", **HELP)


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
    """List the data sets that can be trained on, and those that can be downloaded."""
    from fittingroom.cli import show_data
    from fittingroom.data.downloading import downloadable
    from fittingroom.data.sources import names

    place = Workspace.find(workspace)
    show_data.data_sets([*names(place), *downloadable(place)], as_json=as_json)


@data_app.command("show", epilog=examples("fittingroom data show fashion-mnist", "fittingroom data show photos/"))
def data_show(
    name: Annotated[str, typer.Argument(help="A data set's name, or the path of labelled images.")],
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show classes, counts for each part, size, mean and spread, and how often its test set has been opened."""
    from fittingroom.cli import show_data
    from fittingroom.library.describe import describe_data

    show_data.data_set(describe_data(name, Workspace.find(workspace)), as_json=as_json)


@data_app.command(
    "import",
    epilog=examples("fittingroom data import photos/ --dry-run", "fittingroom data import digits.npz --name my-digits"),
)
def data_import(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="A folder with one folder of images for each class, or a file; see docs/reference/data-formats.md.",
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the data set; the folder's own unless given.")] = None,
    size: Annotated[
        str | None, typer.Option(metavar="HxW", help="Bring all images to this size, such as 64x64.")
    ] = None,
    fit: Annotated[
        str,
        typer.Option(
            metavar="pad|crop|stretch",
            help="How images of other proportions come to --size: pad with white, crop to the centre, or stretch.",
        ),
    ] = "pad",
    channels: Annotated[int | None, typer.Option(metavar="1|3", help="Make all images grey (1) or colour (3).")] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            metavar="folder|PATTERN|COLUMN",
            help="Images that no split may divide: those in one folder below their class, or with the same text where "
            "this regular expression of their paths has its (…) group; in lists of images, what a column says.",
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of a table or list that tells the class.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what was understood, and write nothing; exit status 2 on faults.")
    ] = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Copy labelled images into the workspace as a data set. Your own files stay as they are."""
    from fittingroom.cli import show_data, show_import
    from fittingroom.data.formats import parse_size
    from fittingroom.data.sources import import_data, names, preview_data
    from fittingroom.data.wanted import Wanted
    from fittingroom.library.describe import describe_data

    place = Workspace.find(workspace)
    wanted = Wanted(parse_size(size or ""), fit, channels, groups, label)  # type: ignore[arg-type]  # checked there
    if dry_run:
        with show_import.looking() as looked:
            name, preview = preview_data(path, name, progress=looked, wanted=wanted)
        taken = any(info.name == name for info in names(place))
        show_import.understood(name, preview, taken=taken, as_json=as_json)
        if preview.faults:
            raise typer.Exit(2)
        return
    with show_import.reading() as read:
        imported = import_data(path, place, name=name, progress=read, wanted=wanted)
    try:
        described = describe_data(imported.source, place)
    except InvalidInput as error:
        raise InvalidInput(
            f"{imported.name} is imported, but default settings cannot divide it: {error}. "
            f"Where [data] of a run can do so, say it there; else take it back with: "
            f"fittingroom data remove {imported.name}"
        ) from error
    show_data.data_set(described, as_json=as_json)


@data_app.command(
    "check",
    epilog=examples("fittingroom data check fashion-mnist", "fittingroom data check photos/ --no-labels --json"),
)
def data_check(
    name: Annotated[str, typer.Argument(help="A data set's name, or a folder with one folder per class.")],
    labels: Annotated[
        bool, typer.Option("--labels/--no-labels", help="Also train small networks that find labels which are wrong.")
    ] = True,
    again: Annotated[bool, typer.Option("--again", help="Although the report of an earlier check is kept.")] = False,
    pictures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write the images of each finding into a folder, as PNG files."),
    ] = None,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Tell what is wrong with a data set: copies, contradictions, odd images and labels, and what to do about them."""
    from fittingroom.cli import show_check
    from fittingroom.library.check import check_data
    from fittingroom.library.fit import load

    data = load(name, workspace=workspace)
    with show_check.progress() as tell:
        found = check_data(data, labels=labels, again=again, progress=tell, waiting=show_check.say_waiting)
    if pictures is not None:
        show_check.draw(found, data, pictures)
    show_check.report(found, data, as_json=as_json)


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


data_app.command(
    "synthesize",
    epilog=examples(
        "fittingroom data synthesize --preview page.png",
        "fittingroom data synthesize --images 20000 --size 32 --name drawn --set rotation=30",
    ),
)(making_commands.synthesize)
data_app.command("download", epilog=examples("fittingroom data download mnist"))(making_commands.download)
data_app.command(
    "export",
    epilog=examples(
        "fittingroom data export fashion-mnist --to npz",
        "fittingroom data export digits --to folder --augment b-augmented --copies 5 --out varied",
    ),
)(making_commands.export)
