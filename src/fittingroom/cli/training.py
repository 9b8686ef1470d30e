"""Commands that train: what a run will see, then the run itself, then what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fittingroom import queue
from fittingroom.cli import show, show_runs
from fittingroom.cli.output import aside, forget_output, terminal
from fittingroom.engine.prepare import PreparedRun
from fittingroom.engine.resume import prepare_continue, prepare_fork, prepare_restart, prepare_resume
from fittingroom.engine.run import execute, prepared_with_cores
from fittingroom.library.fit import train_prepared
from fittingroom.library.interrupt import stopping_on_signals
from fittingroom.library.stored import find_run
from fittingroom.spec.events import Event
from fittingroom.spec.run import load_run_spec, schedule_of
from fittingroom.spec.start import weights_of
from fittingroom.spec.train import batches
from fittingroom.spec.transfer import Transfer
from fittingroom.workspace import Workspace


def train(
    source: str, overrides: Sequence[str], workspace: Workspace, *, threads: int | None = None, as_json: bool
) -> None:
    """Train what ``source`` describes and print it live, as text or as JSON lines."""
    spec = load_run_spec(source, overrides=overrides)
    status = Console(stderr=True).status("Reading the data, and trying what is fastest on this machine …")
    with ExitStack() as cores:
        with status:
            prepared = cores.enter_context(prepared_with_cores(spec, workspace, threads, say_waiting))
        live(prepared, workspace, as_json=as_json)


def resume(run: str, workspace: Workspace, *, as_json: bool) -> None:
    """Go on with a stored run, printed likewise."""
    found = queue.as_left(find_run(workspace, run).id, workspace, tell=aside)
    live(prepare_resume(found, workspace), workspace, as_json=as_json)


def restart(run: str, workspace: Workspace, *, replay: bool = False, as_json: bool) -> None:
    """Start a stored run over as a new one, printed likewise."""
    live(prepare_restart(find_run(workspace, run), workspace, replay=replay), workspace, as_json=as_json)


def go_on(
    run: str, workspace: Workspace, *, epochs: int, schedule: str | None, overrides: Sequence[str], as_json: bool
) -> None:
    """Train a stored run for more epochs as a new one, printed likewise."""
    chosen = None if schedule is None else schedule_of(schedule)
    details = find_run(workspace, run)
    prepared = prepare_continue(details, workspace, epochs=epochs, schedule=chosen, overrides=overrides)
    live(prepared, workspace, as_json=as_json)


def fork(run: str, workspace: Workspace, *, overrides: Sequence[str], weights: str, as_json: bool) -> None:
    """Begin a new run with a stored one's weights and other settings, printed likewise."""
    live(
        prepare_fork(find_run(workspace, run), workspace, overrides=overrides, weights=weights_of(weights)),
        workspace,
        as_json=as_json,
    )


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
            execute(prepared, hear, stop, waiting=say_waiting)
    finally:
        for run in begun:
            print_event(show_runs.outcome(find_run(workspace, run)))


def say_waiting(free: int) -> None:
    """That other trainings use the cores: beside the JSON lines, for it belongs to no run yet."""
    aside(
        f"Waiting for other trainings on this machine: {free} of its cores are free. Nothing has started yet; Ctrl-C "
        "gives up."
    )


def print_event(line: dict[str, object]) -> None:
    """One JSON line; when nobody reads any more, the training goes on unwatched."""
    try:
        show.print_json(line)
    except BrokenPipeError:
        forget_output()


def announce(prepared: PreparedRun, console: Console) -> None:
    """Before the first step: what each epoch will see, on what machine, and what to know."""
    if prepared.resumes and (prepared.training.epoch or prepared.training.step):
        at, training = prepared.resumes.id, prepared.training
        where = f"epoch {training.epoch + 1}, step {training.step + 1}"
        console.print(f"[bold]{at}[/bold] goes on with {where}.", highlight=False)
    for stage in prepared.stages[prepared.number :]:
        facts, train = stage.facts, stage.spec.train
        steps = f"{len(batches(facts.training_images, train.batch_size)):,} steps"
        many = f"{train.epochs} epoch{'s' * (train.epochs != 1)}"
        console.print(
            f"[bold]{escape(stage.spec.name)}[/bold] on {escape(stage.data.name)}: "
            f"{facts.training_images:,} training images in {steps} "
            f"{f'an epoch, for {train.budget},' if train.budget else f'for each of {many},'} "
            f"{facts.validation_images:,} validation images, {facts.test_images:,} test images sealed",
            highlight=False,
        )
    console.print(f"{prepared.parameters:,} parameters · plan: {escape(str(prepared.plan))}", highlight=False)
    if prepared.plan.why:
        console.print(f"why this way: {escape(prepared.plan.explanation)}", style="dim", highlight=False)
    if prepared.transfer.origin or prepared.training.network.frozen:
        console.print(transfer_table(prepared.transfer))
    if prepared.transfer.dropped:
        console.print(f"not taken over: {escape(', '.join(prepared.transfer.dropped))}", highlight=False)
    for note in prepared.notes:
        console.print(f"[yellow]note:[/yellow] {escape(note)}", highlight=False)


def transfer_table(transfer: Transfer) -> Table:
    """What every layer with weights begins with, and whether it is trained."""
    rows = show.table("layer", "begins with", "", "parameters", right=("parameters",))
    for start in transfer.layers:
        if start.weights == "none":
            continue
        begins = f"weights of {transfer.origin}" if start.weights == "kept" else "fresh weights"
        begins += f" ({start.why})" if start.why else ""
        rows.add_row(
            escape(start.layer), escape(begins), "frozen" if start.frozen else "trained", f"{start.parameters:,}"
        )
    return rows
