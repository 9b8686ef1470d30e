"""``fittingroom data exclude`` and ``restore``: take images out of a data set for a reason, and bring them back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli.options import HELP, AsJson, WorkspaceFolder, examples
from fittingroom.errors import InvalidInput
from fittingroom.workspace import Workspace

cleaning_app = typer.Typer(**HELP)
Name = Annotated[str, typer.Argument(help="A data set's name, or a folder of images.")]
Images = typer.Option(
    metavar="FILE|NUMBERS", help="Numbers of images such as 3,17,200-210, counted from 0, or a file that lists them."
)


@cleaning_app.command(
    "exclude", epilog=examples('fittingroom data exclude my-photos --images 3,17,200-210 --reason "blurred"')
)
def data_exclude(
    name: Name,
    images: Annotated[str, Images],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    by: Annotated[str, typer.Option(help="What found them, such as the kind of a finding of data check.")] = "",
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Take images out of a data set: they are in no part then. Nothing is deleted, and all others stay in theirs.

    Runs that have been trained keep the data that they had.
    """
    from fittingroom.data.cleaning import exclude
    from fittingroom.data.sources import load

    place = Workspace.find(workspace)
    exclude(load(name, place), _images(images), reason, place, by)
    _show(name, place, as_json=as_json)


@cleaning_app.command("restore", epilog=examples("fittingroom data restore my-photos"))
def data_restore(
    name: Name,
    images: Annotated[str | None, Images] = None,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Bring back images that were excluded from a data set: all of them unless some are named."""
    from fittingroom.data.cleaning import restore
    from fittingroom.data.sources import load

    place = Workspace.find(workspace)
    restore(load(name, place), None if images is None else _images(images), place)
    _show(name, place, as_json=as_json)


def _images(text: str) -> list[int]:
    """What ``--images`` says, or the file that it names."""
    from fittingroom.data.cleaning import images_in

    path = Path(text)
    try:
        return images_in(path.read_text(encoding="utf-8") if path.is_file() else text)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{text} cannot be read as a list of images: {error}; give a text file") from error


def _show(name: str, workspace: Workspace, *, as_json: bool) -> None:
    from fittingroom.cli import show_data
    from fittingroom.library.describe import describe_data

    show_data.data_set(describe_data(name, workspace), as_json=as_json)
