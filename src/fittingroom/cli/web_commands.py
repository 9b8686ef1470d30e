"""``fittingroom web``: the workbench in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from fittingroom.cli.options import WorkspaceFolder
from fittingroom.workspace import Workspace


def web(
    port: Annotated[int | None, typer.Option(help="8640 unless given, or the next one that is free.")] = None,
    host: Annotated[
        str, typer.Option(help="Where to listen; other machines can reach any but 127.0.0.1.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    workspace: WorkspaceFolder = None,
) -> None:
    """Open the workbench in a browser. Ctrl-C closes it; what is being trained goes on."""
    from fittingroom.web.serve import serve

    serve(Workspace.find(workspace), port=port, host=host, browser=browser, say=typer.echo)
