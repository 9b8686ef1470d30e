"""``fittingroom study``: variations of a run, compared over several seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fittingroom.cli.options import HELP, AsJson, InQueue, Settings, Threads, WorkspaceFolder, examples
from fittingroom.workspace import Workspace

study_app = typer.Typer(
    help="Studies: variations of a run, compared over several seeds: run, list, show, stop, delete, undelete.", **HELP
)


def complete_study(incomplete: str) -> list[str]:
    """Ids of studies that begin so, newest first."""
    from fittingroom.queue.studies import studies

    workspace = Workspace.find()
    if not workspace.database.exists():
        return []
    return [study.id for study in studies(workspace) if study.id.startswith(incomplete)]


def complete_study_preset(incomplete: str) -> list[str]:
    """Names of shipped studies that begin so; the shell itself offers files."""
    from fittingroom.spec.study import study_presets

    return [name for name in study_presets() if name.startswith(incomplete)]


StudyName = Annotated[
    str,
    typer.Argument(
        metavar="STUDY", help="A study's id, such as activations-1, or its name.", autocompletion=complete_study
    ),
]


@study_app.command(
    "run",
    epilog=examples(
        "fittingroom study run a-activations-mlp --small",
        "fittingroom study run my-study.toml --seeds 5",
        "fittingroom study run my-study.toml --set train.epochs=3 --queue",
    ),
)
def study_run(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|PRESET",
            help="A study file (TOML or JSON), or a shipped study's name.",
            autocompletion=complete_study_preset,
        ),
    ],
    small: Annotated[bool, typer.Option("--small", help="A first look that takes minutes, as the study says.")] = False,
    seeds: Annotated[int | None, typer.Option(min=1, max=100, help="Runs of each arm.")] = None,
    settings: Settings = None,
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Begin nothing more after so long at work: 30m, 2h.")
    ] = None,
    priority: Annotated[
        int | None,
        typer.Option(
            min=-100, max=100, help="Which runs in the queue come first: higher ones; single runs have 0, studies -1."
        ),
    ] = None,
    threads: Threads = None,
    in_queue: InQueue = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Train all arms of a study with all seeds; what is trained already is not trained again.

    The same command goes on after Ctrl-C or a kill. A file with more seeds or values trains only what is new.
    """
    from fittingroom.cli import studying

    spec = studying.load(source, small=small, seeds=seeds, settings=settings or [], budget=budget)
    do = studying.leave if in_queue else studying.train
    do(spec, Workspace.find(workspace), threads=threads, priority=priority, as_json=as_json)


@study_app.command("list")
def study_list(workspace: WorkspaceFolder = None, as_json: AsJson = False) -> None:
    """List studies, newest first, and how far they are."""
    from fittingroom.cli import show_studies
    from fittingroom.queue.studies import studies

    show_studies.studies(studies(Workspace.find(workspace)), as_json=as_json)


@study_app.command("show", epilog=examples("fittingroom study show activations-1"))
def study_show(study: StudyName, workspace: WorkspaceFolder = None, as_json: AsJson = False) -> None:
    """Show what a study has found by now: every arm and seed, mean, spread, and what that shows."""
    from fittingroom.cli import show_studies

    show_studies.study(study, Workspace.find(workspace), as_json=as_json)


@study_app.command(
    "report",
    epilog=examples(
        "fittingroom study report activations-1", "fittingroom study report activations-1 --out study.html"
    ),
)
def study_report(
    study: StudyName,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="./STUDY.html unless given.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Write a study's report as one HTML file: question, set-up, results, verdicts, warnings, and how to rerun it."""
    from fittingroom.cli import show
    from fittingroom.report.study import report_study

    show.report(report_study(study, Workspace.find(workspace), out, replace=force), as_json=as_json)


@study_app.command("stop", epilog=examples("fittingroom study stop activations-1"))
def study_stop(study: StudyName, workspace: WorkspaceFolder = None, as_json: AsJson = False) -> None:
    """Stop all runs of a study that wait or are trained; study run goes on with them."""
    from fittingroom.cli import show, show_studies
    from fittingroom.queue.studies import stop_study

    stopped = stop_study(study, Workspace.find(workspace))
    if as_json:
        show.print_json(show_studies.plain_summary(stopped))
    elif stopped.state == "running":
        show.say(f"{stopped.id} is stopped; what is being trained ends within a step.")
    else:
        show.say(f"{stopped.id} is {stopped.state}: {stopped.finished} of {stopped.runs} runs have finished.")


@study_app.command("delete", epilog=examples("fittingroom study delete activations-1 --keep-runs"))
def study_delete(
    study: StudyName,
    keep_runs: Annotated[bool, typer.Option("--keep-runs", help="Leave its runs where they are.")] = False,
    workspace: WorkspaceFolder = None,
    as_json: AsJson = False,
) -> None:
    """Forget a study and move its runs to the trash, from which each can be brought back."""
    from fittingroom.cli import show
    from fittingroom.queue.studies import delete_study, find_study

    place = Workspace.find(workspace)
    name = find_study(study, place).id
    deleted = delete_study(name, place, keep_runs=keep_runs)
    if as_json:
        show.print_json({"study": name, "deleted_runs": deleted})
    elif keep_runs:
        show.say(f"{name} is forgotten; its runs are still there.")
    else:
        show.say(f"{name} is forgotten, and its runs ({deleted}) lie in the trash: fittingroom runs list --deleted")
    if not as_json:
        show.say(f"Bring it back with: fittingroom study undelete {name}")


@study_app.command("undelete", epilog=examples("fittingroom study undelete activations-1"))
def study_undelete(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="The id of a deleted study.")],
    workspace: WorkspaceFolder = None,
) -> None:
    """Bring a deleted study back, with those of its runs that lie in the trash."""
    from fittingroom.cli import show
    from fittingroom.queue.studies import restore_study

    restore_study(study, Workspace.find(workspace))
    show.say(f"{study} is back.")


@study_app.command(
    "presets", epilog=examples("fittingroom study presets", "fittingroom study presets a-activations-mlp > mine.toml")
)
def study_presets_command(
    name: Annotated[
        str | None, typer.Argument(help="Print this study's file.", autocompletion=complete_study_preset)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the shipped studies, or print one as a file to start your own from."""
    from fittingroom.cli import show, show_studies
    from fittingroom.spec.study import study_presets

    if name is None:
        show_studies.presets(study_presets(), as_json=as_json)
    else:
        show.shipped(name, study_presets(), "shipped study")
