"""What people call runs and remember of them, in ``fittingroom runs``: rename, tag, note."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fittingroom.cli.options import HELP, AsJson, RunName, WorkspaceFolder, examples
from fittingroom.workspace import Workspace

label_app = typer.Typer(**HELP)


@label_app.command("rename", epilog=examples('fittingroom runs rename mlp-1 "more dropout"'))
def runs_rename(
    run: RunName,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people are to see, on one line.")],
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Give a run another name. What commands know it by, such as mlp-1, stays."""
    _change(run, workspace, as_json=as_json, name=name)


@label_app.command(
    "tag", epilog=examples("fittingroom runs tag mlp-1 best lab-3", "fittingroom runs tag mlp-1 best --remove")
)
def runs_tag(
    run: RunName,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Kept in lower case, with - for spaces.")],
    remove: Annotated[bool, typer.Option("--remove", help="Remove these tags instead.")] = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Add tags to a run, to find it by, or remove them."""
    _change(run, workspace, as_json=as_json, **{"remove" if remove else "add": tags})


@label_app.command("note", epilog=examples('fittingroom runs note mlp-1 "loss rises from epoch 30 on"'))
def runs_note(
    run: RunName,
    text: Annotated[str, typer.Argument(metavar="TEXT", help='What is to be remembered; "" removes the note.')],
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Write a run's note, in the place of the one that it had."""
    _change(run, workspace, as_json=as_json, note=text)


def _change(run: str, workspace: Path | None, *, as_json: bool, **change: Any) -> None:
    from fittingroom.cli.show_list import labels
    from fittingroom.library.stored import change_labels

    labels(change_labels(Workspace.find(workspace), run, **change), as_json=as_json)
