"""What several commands share: how help looks, options, and what they complete to in the shell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fittingroom.workspace import Workspace

HELP: dict[str, Any] = {
    "no_args_is_help": True,
    "rich_markup_mode": "rich",
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


def examples(*lines: str) -> str:
    """The foot of a command's help."""
    return "Examples:\n\n" + "\n\n".join(f"  {line}" for line in lines)


def complete_preset(incomplete: str) -> list[str]:
    """Names of presets that begin so; the shell itself offers files."""
    from fittingroom.spec.run import presets

    return [name for name in presets() if name.startswith(incomplete)]


def complete_run(incomplete: str) -> list[str]:
    """Ids of stored runs that begin so, newest first."""
    from fittingroom.library.stored import list_runs

    workspace = Workspace.find()
    if not workspace.database.exists():
        return []
    return [name for name in ["last", *(run.id for run in list_runs(workspace))] if name.startswith(incomplete)]


def complete_deleted(incomplete: str) -> list[str]:
    """Ids of deleted runs that begin so, those deleted last first."""
    from fittingroom.queue.trash import deleted_runs

    workspace = Workspace.find()
    if not workspace.database.exists():
        return []
    return [run.id for run in deleted_runs(workspace) if run.id.startswith(incomplete)]


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
WorkspaceFolder = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="DIR",
        help="Folder of runs and imported data; else $FITTINGROOM_WORKSPACE, else your user data folder.",
    ),
]
RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A run's name, such as starter-1; last is the newest.", autocompletion=complete_run
    ),
]
SpecSource = Annotated[
    str,
    typer.Argument(
        metavar="FILE|PRESET", help="A spec file (TOML or JSON), or a preset's name.", autocompletion=complete_preset
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change one setting: train.epochs=1, network.conv_1.filters=64."),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, help="CPU threads; all cores unless given. Part of the plan: other numbers, other last bits."),
]
InQueue = Annotated[
    bool, typer.Option("--queue", help="Leave it to the workers (fittingroom worker), and do not wait for it.")
]
