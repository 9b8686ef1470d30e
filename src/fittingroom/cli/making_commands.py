"""``fittingroom data synthesize``, ``download`` and ``export``: data sets made, got, and handed on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fittingroom.cli.options import AsJson, WorkspaceFolder, complete_preset
from fittingroom.workspace import Workspace


def synthesize(
    name: Annotated[str, typer.Option(help="Name of the data set.")] = "digits",
    images: Annotated[int | None, typer.Option(help="Images in all parts together; 10000 unless given.")] = None,
    size: Annotated[int | None, typer.Option(help="Height and width in pixels; 28 unless given.")] = None,
    seed: Annotated[int | None, typer.Option(help="Other seeds give other images; 0 unless given.")] = None,
    characters: Annotated[str | None, typer.Option(help="One class for each; 0123456789 unless given.")] = None,
    background: Annotated[str | None, typer.Option(metavar="dark|light|both", help="Dark unless given.")] = None,
    fonts: Annotated[list[str] | None, typer.Option(metavar="FOLDER", help="A folder with fonts of your own.")] = None,
    system_fonts: Annotated[
        bool | None, typer.Option("--system-fonts/--no-system-fonts", help="Use the fonts of this system, too.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any setting of the recipe: rotation=30.")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Begin with a recipe, such as a data set's recipe.toml.")
    ] = None,
    preview: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw one page to look at, and no data set.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a page that is there already.")] = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Draw digits from fonts; no font family of the test images is among those of the training images."""
    from fittingroom.cli import show_making
    from fittingroom.data.naming import shown
    from fittingroom.data.synthetic import keeping, parts
    from fittingroom.errors import InvalidInput
    from fittingroom.workspace import write_atomically

    given: dict[str, Any] = {
        "images": images, "size": size, "seed": seed, "characters": characters, "background": background,
        "fonts": tuple(fonts) if fonts else None, "system_fonts": system_fonts,
    }  # fmt: skip
    begun = keeping.with_settings(recipe, {key: value for key, value in given.items() if value is not None}, settings)
    if preview is not None:
        if preview.exists() and not force:
            raise InvalidInput(f"{shown(preview)} is there already; give another name, or replace it with --force")
        page = parts.preview(begun)
        write_atomically(preview, lambda file: file.write(page))
        typer.echo(f"{shown(preview)}: training images on the left, test images on the right")
        return
    with show_making.bar("Drawing", begun.images) as tell:
        made = keeping.synthesize(begun, Workspace.find(workspace), name, tell)
    show_making.synthesized(made, as_json=as_json)


def download(
    name: Annotated[str, typer.Argument(help="mnist, kmnist, emnist (Balanced) or cifar-10.")],
    called: Annotated[str | None, typer.Option("--name", help="Another name in the workspace.")] = None,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Get a well-known data set from the internet, checked against its published checksums."""
    from fittingroom.cli import show_data, show_making
    from fittingroom.data.downloading import download as get
    from fittingroom.library.describe import describe_data

    place = Workspace.find(workspace)
    with show_making.stages() as tell:
        data = get(name, place, called, tell)
    show_data.data_set(describe_data(data.source, place), as_json=as_json)


def export(
    name: Annotated[str, typer.Argument(help="A data set's name, or a path that can be imported.")],
    to: Annotated[str, typer.Option("--to", metavar="npz|folder", help="One npz file, or a folder per class.")],
    out: Annotated[Path | None, typer.Option(metavar="PATH", help="NAME.npz or NAME, here, unless given.")] = None,
    divided: Annotated[
        bool, typer.Option("--divided", help="Training, validation and test, as a run divides them by default.")
    ] = False,
    augment: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|PRESET",
            help="Vary the training images by this spec's augmentation; divided as it says.",
            autocompletion=complete_preset,
        ),
    ] = None,
    copies: Annotated[int, typer.Option(help="Variations of each training image, in place of it.")] = 1,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Write a data set for other programs: as npz with Keras' names, or as a folder of PNG files for each class."""
    from fittingroom.cli import show_making
    from fittingroom.library.exporting import export_data

    with show_making.stages() as tell:
        written = export_data(
            name, to, out, divided=divided, augment=augment, copies=copies, workspace=workspace,
            told=lambda done, total: tell(f"Writing {to}", done, total),
        )  # fmt: skip
    show_making.exported(written, as_json=as_json)
