"""``fittingroom train``: what a run will see, then the run itself, then what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape

from fittingroom.cli import show, show_runs
from fittingroom.cli.output import forget_output, terminal
from fittingroom.engine.resume import prepare_restart, prepare_resume
from fittingroom.engine.run import PreparedRun, execute, prepare_run
from fittingroom.library.fit import train_prepared
from fittingroom.library.interrupt import stopping_on_signals
from fittingroom.library.run import Run
from fittingroom.library.stored import find_run
from fittingroom.spec.events import Event
from fittingroom.spec.run import load_run_spec
from fittingroom.workspace import Workspace


def train(source: str, overrides: Sequence[str], workspace: Workspace, *, as_json: bool) -> None:
    """Train what ``source`` describes and print it live, as text or as JSON lines."""
    live(prepare_run(load_run_spec(source, overrides=overrides), workspace), workspace, as_json=as_json)


def resume(run: str, workspace: Workspace, *, as_json: bool) -> None:
    """Go on with a stored run, printed likewise."""
    live(prepare_resume(find_run(workspace, run), workspace), workspace, as_json=as_json)


def restart(run: str, workspace: Workspace, *, as_json: bool) -> None:
    """Start a stored run over as a new one, printed likewise."""
    live(prepare_restart(find_run(workspace, run), workspace), workspace, as_json=as_json)


def live(prepared: PreparedRun, workspace: Workspace, *, as_json: bool) -> None:
    """Train a prepared run and print it live, as text or as JSON lines."""
    if as_json:
        live_json(prepared, workspace)
        return
    console = terminal()
    announce(prepared, console)
    run = train_prepared(prepared, console)
    show_runs.after_training(run, console)


def live_json(prepared: PreparedRun, workspace: Workspace) -> None:
    """Every event as a JSON line, and at the end what came of it, also when it failed."""
    begun: list[str] = []

    def hear(run: str, event: Event) -> None:
        begun[:] = [run]
        print_event({"run": run, "event": type(event).__name__.lower(), **asdict(event)})

    try:
        with stopping_on_signals() as stop:
            execute(prepared, hear, stop)
    finally:
        for run in begun:
            print_event(outcome(Run(run, workspace), prepared))


def print_event(line: dict[str, object]) -> None:
    """One JSON line; when nobody reads any more, the training goes on unwatched."""
    try:
        show.print_json(line)
    except BrokenPipeError:
        forget_output()


def announce(prepared: PreparedRun, console: Console) -> None:
    """Before the first step: what each epoch will see, on what machine, and what to know."""
    facts, train = prepared.facts, prepared.spec.train
    console.print(
        f"[bold]{escape(prepared.spec.name)}[/bold] on {escape(prepared.data.name)}: "
        f"{facts.training_images:,} training images in {len(prepared.training.batches):,} steps for each of "
        f"{train.epochs} epoch{'s' * (train.epochs != 1)}, "
        f"{facts.validation_images:,} validation images, {facts.test_images:,} test images sealed",
        highlight=False,
    )
    console.print(f"{prepared.parameters:,} parameters · plan: {prepared.plan}", highlight=False)
    for note in prepared.notes:
        console.print(f"[yellow]note:[/yellow] {escape(note)}", highlight=False)


def outcome(run: Run, prepared: PreparedRun) -> dict[str, object]:
    """The last JSON document of a training."""
    details = run.details
    images = details.epochs_done * len(prepared.training.training)
    return {
        "run": run.id,
        "state": run.state,
        "epochs": details.epochs_done,
        "best_epoch": details.best_epoch,
        "train_seconds": details.train_seconds,
        "images_per_second": images / details.train_seconds if details.train_seconds else None,
        "validation_accuracy": details.validation_accuracy,
        "validation_loss": details.validation_loss,
        "message": details.message,
    }
