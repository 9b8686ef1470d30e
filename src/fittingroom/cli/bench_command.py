"""``fittingroom bench``: how fast this machine trains."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli.options import AsJson, WorkspaceFolder, complete_preset
from fittingroom.workspace import Workspace


def bench(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE|PRESET]...",
            help="Spec files or presets; cnn, mlp and starter unless given.",
            autocompletion=complete_preset,
        ),
    ] = None,
    turns: Annotated[
        int | None, typer.Option(min=1, max=1000, help="How often each is measured; 5 unless given.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A glance of some seconds, not a measurement.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.md", help="Also write a Markdown table with machine and versions.")
    ] = None,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Measure how fast this machine trains, in about a minute: images per second and memory. Nothing is stored."""
    from dataclasses import replace

    from fittingroom.cli import show_bench
    from fittingroom.library.bench import QUICK, USUAL, WORKLOADS, bench

    show_bench.check_place(out)
    pace = QUICK if quick else USUAL
    with show_bench.progress() as tell:
        found = bench(
            tuple(dict.fromkeys(sources or WORKLOADS)),
            pace if turns is None else replace(pace, turns=turns),
            workspace=Workspace.find(workspace),
            waiting=show_bench.say_waiting,
            tell=tell,
        )
    show_bench.benchmark(found, as_json=as_json)
    if out is not None:
        show_bench.write(found, out)
