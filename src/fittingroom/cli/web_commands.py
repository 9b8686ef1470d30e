"""``fittingroom web``: the workbench in a browser."""

from __future__ import annotations

from pathlib import Path
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
    data_root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            resolve_path=True,
            help="Browsers on other machines may import images from folders below it; those on this one from any.",
        ),
    ] = None,
    upload_limit: Annotated[
        str, typer.Option(metavar="SIZE", help="The most that a browser may upload at once; 0 for no uploads.")
    ] = "2GB",
    workspace: WorkspaceFolder = None,
) -> None:
    """Open the workbench in a browser. Ctrl-C closes it; what is being trained goes on."""
    from fittingroom.cli.show import parse_bytes
    from fittingroom.web.serve import serve

    serve(
        Workspace.find(workspace), port=port, host=host, browser=browser, data_root=data_root,
        upload_limit=parse_bytes(upload_limit, "--upload-limit"), say=typer.echo,
    )  # fmt: skip
