"""Commands about the queue: leave a run to the workers, ask them for something, and be one."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.markup import escape

from fittingroom import queue
from fittingroom.cli import show
from fittingroom.cli.output import aside, forget_output
from fittingroom.errors import InvalidInput
from fittingroom.library.several import worker_command
from fittingroom.spec.run import load_run_spec, schedule_of
from fittingroom.spec.start import weights_of
from fittingroom.store import RunDetails, WorkerRecord
from fittingroom.workspace import Workspace

if TYPE_CHECKING:
    from fittingroom.engine.worker import Said


def train(source: str, overrides: Sequence[str], workspace: Workspace, *, threads: int | None, as_json: bool) -> None:
    """Leave what ``source`` describes to the workers."""
    if threads is not None:
        raise InvalidInput(f"--threads {threads} is for the worker to say, not with --queue; leave it out")
    waits(queue.submit(load_run_spec(source, overrides=overrides), workspace), workspace, as_json=as_json)


def resume(run: str, workspace: Workspace, *, as_json: bool) -> None:
    """Let workers go on with a stored run."""
    waits(queue.resume(run, workspace, tell=aside).id, workspace, as_json=as_json)


def restart(run: str, workspace: Workspace, *, replay: bool, as_json: bool) -> None:
    """Let workers start a stored run over, as a new one."""
    waits(queue.submit_again(run, workspace, replay=replay), workspace, as_json=as_json)


def go_on(
    run: str, workspace: Workspace, *, epochs: int, schedule: str | None, overrides: Sequence[str], as_json: bool
) -> None:
    """Leave more epochs of a stored run to the workers."""
    chosen = None if schedule is None else schedule_of(schedule)
    name = queue.submit_continued(run, workspace, epochs=epochs, schedule=chosen, overrides=overrides)
    waits(name, workspace, as_json=as_json)


def fork(run: str, workspace: Workspace, *, overrides: Sequence[str], weights: str, as_json: bool) -> None:
    """Leave a new run with a stored one's weights to the workers."""
    name = queue.submit_forked(run, workspace, overrides=overrides, weights=weights_of(weights))
    waits(name, workspace, as_json=as_json)


def waits(run: str, workspace: Workspace, *, as_json: bool) -> None:
    """Say that a run is in the queue, and who will take it up."""
    there = queue.workers(workspace)
    if as_json:
        show.print_json({"run": run, "state": "queued", "workers": len(there)})
    elif there:
        show.say(f"[bold]{run}[/bold] is in the queue; {many(len(there), 'worker')} there.")
    else:
        show.say(f"[bold]{run}[/bold] is in the queue. No worker is there; start one with: fittingroom worker")


def ask(run: str, workspace: Workspace, request: Callable[..., RunDetails], wanted: str, *, as_json: bool) -> None:
    """Stop or pause a run, and say what came of it."""
    found = request(run, workspace, tell=aside)
    if as_json:
        show.print_json({"run": found.id, "state": found.state, "message": found.message})
    elif found.state == "running":
        show.say(
            f"{found.id} is still running: its process has been asked, and ends after its step, unless it is gone; "
            "look again with: fittingroom runs list"
        )
    elif found.state == wanted:
        show.say(
            f"{found.id} is {found.state}. {escape(found.message or '')} Go on with: fittingroom runs resume {found.id}"
        )
    else:
        show.say(f"{found.id} is {found.state}: {escape(found.message or 'it has ended by itself')}")


def work(
    workspace: Workspace,
    *,
    threads: int | None,
    idle: float,
    as_json: bool,
    comparison: str | None = None,
    helps: bool = False,
) -> None:
    """Be a worker until there is nothing to do, or somebody asks for the end.

    One for the runs of a ``comparison`` ends also when whoever started it is gone; one that ``helps`` another starts
    no further ones, and says only what it does with runs.
    """
    from fittingroom.engine.worker import work as execute_queued_runs
    from fittingroom.library.interrupt import stopping_on_signals

    def say(said: Said) -> None:
        if not helps or said.run is not None:
            (tell_json if as_json else tell)(said)

    is_alone = until_input_ends() if comparison else lambda: False
    helper = None if helps else worker_command(workspace, as_json=as_json, more=("--helps", "--idle", "0"))
    with stopping_on_signals() as stop:
        execute_queued_runs(
            workspace, threads=threads, idle=idle, stop=lambda: stop() or is_alone(), tell=say,
            comparison=comparison, helper=helper,
        )  # fmt: skip


def until_input_ends() -> Callable[[], bool]:
    """Gives a function that says whether standard input has come to its end: whoever held its other end is gone."""
    ended = threading.Event()

    def read() -> None:
        with suppress(OSError):
            while os.read(sys.stdin.fileno(), 1024):  # below Python's own buffers, which a thread must not keep at exit
                pass
        ended.set()

    threading.Thread(target=read, name="input", daemon=True).start()
    return ended.is_set


def tell(said: Said) -> None:
    """What a worker does, as a line."""
    ended = ""
    if said.state:
        ended = f"{said.state}, " + (f"{show.percent(said.validation_accuracy)}, " if said.validation_accuracy else "")
    quietly(lambda: show.say(escape(f"{said.run or 'worker'}: {ended}{said.message}")))


def tell_json(said: Said) -> None:
    """What a worker does, as a JSON line."""
    quietly(lambda: show.print_json(asdict(said)))


def quietly(say: Callable[[], None]) -> None:
    """Say it; when nobody reads any more, the worker goes on unheard."""
    try:
        say()
    except BrokenPipeError:
        forget_output()


def list_workers(workspace: Workspace, *, as_json: bool) -> None:
    """The workers that are there, and what they do."""
    there = queue.workers(workspace)
    if as_json:
        show.print_json([described(worker) for worker in there])
        return
    if not there:
        show.say("No worker is there; start one with: fittingroom worker")
        return
    rows = show.table("worker", "process", "threads", "since", "trains", right=("process", "threads"))
    for worker in there:
        process, since = f"{worker.owner.host} {worker.owner.pid}", show.when(worker.started)
        rows.add_row(worker.id, process, str(worker.threads), since, worker.run or "–")
    show.say(rows)


def stop_workers(workspace: Workspace, *, as_json: bool) -> None:
    """Ask all workers to end, and say which have."""
    asked, left = queue.stop_workers(workspace)
    if as_json:
        remain = {worker.id for worker in left}
        show.print_json([{**described(worker), "ended": worker.id not in remain} for worker in asked])
        return
    if not asked:
        show.say("No worker is there, so there is nothing to stop.")
    elif len(asked) > len(left):
        show.say(f"{many(len(asked) - len(left), 'worker')} gone; what they trained is back in the queue.")
    for worker in left:
        show.say(
            f"Worker {worker.id} (process {worker.owner.pid} on {worker.owner.host}) has been asked, but is still "
            "there; it ends after its step, unless it is gone"
        )


def described(worker: WorkerRecord) -> dict[str, object]:
    """A worker as JSON."""
    return {
        "worker": worker.id,
        "host": worker.owner.host,
        "process": worker.owner.pid,
        "threads": worker.threads,
        "started": worker.started.isoformat(),
        "run": worker.run,
    }


def many(count: int, noun: str) -> str:
    """``1 worker is``, ``2 workers are``."""
    return f"{count} {noun} is" if count == 1 else f"{count} {noun}s are"
