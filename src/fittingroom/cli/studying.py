"""``study run``: all runs of a study, trained by workers of its own or left to others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import typer
from rich.markup import escape

from fittingroom import queue
from fittingroom.cli import show, show_studies
from fittingroom.cli.study_live import Lines, Live, as_plain, in_turn, told
from fittingroom.errors import InvalidInput
from fittingroom.library.interrupt import stopping_on_signals
from fittingroom.library.several import train_several, worker_command
from fittingroom.library.study_timing import time_arms
from fittingroom.queue.stored import open_store
from fittingroom.queue.studies import Entered, enter_study, prefer_study, read_study
from fittingroom.queue.together import Comparison
from fittingroom.spec.mistakes import many
from fittingroom.spec.run import setting_of
from fittingroom.spec.study import StudySpec, load_study_spec, study_from_plain
from fittingroom.workspace import Workspace

INTERRUPTED = 130
"""The exit status of a study that was stopped before all of its runs had ended."""


def load(source: str, *, small: bool, seeds: int | None, settings: Sequence[str], budget: str | None) -> StudySpec:
    """A study from a file or a shipped one, with settings of every arm changed."""
    spec = load_study_spec(source)
    if small and spec.small is None:
        raise InvalidInput(f"{source} says of nothing how it is smaller; add [small], or leave --small out")
    spec = spec.smaller() if small else spec
    changed = {**spec.set, **dict(setting_of(each) for each in settings)}
    spec = replace(spec, seeds=spec.seeds if seeds is None else seeds, set=changed)
    return spec if budget is None else study_from_plain({**spec.to_json(), "budget": budget}, origin="--budget")


def train(spec: StudySpec, workspace: Workspace, *, threads: int | None, priority: int | None, as_json: bool) -> None:
    """Train what is missing of a study and print it live, then its table.

    Exit status 1 if one of its runs failed, 130 if it was stopped before all had ended.
    """
    with stopping_on_signals() as stop:
        entered = _enter(spec, workspace, threads, priority)
        results = read_study(entered.study, workspace)
        live = (Lines if as_json else Live)(results, workspace, search=spec.search)
        live.begin(entered)
        runs = live.waiting()
        if runs:
            live.expect(time_arms(entered.study, workspace, threads=threads, stop=stop))
            comparison = comparison_of(runs[0], workspace)
            command = worker_command(workspace, as_json=True, more=("--comparison", comparison, "--idle", "0"))
            with live:
                train_several(
                    runs, workspace, command, stop=stop, hear=live.hear, tell=live.tell,
                    more=lambda: [] if stop() else live.more(),
                )  # fmt: skip
        gave_up = stop() is not None and bool(live.waiting_or_left())
    show_studies.study(entered.study, workspace, as_json=as_json)
    if gave_up:
        raise typer.Exit(INTERRUPTED)
    if any(outcome.state == "failed" for _, outcome in in_turn(read_study(entered.study, workspace))):
        raise typer.Exit(1)


def _enter(spec: StudySpec, workspace: Workspace, threads: int | None, priority: int | None) -> Entered:
    entered = enter_study(spec, workspace, threads)
    if priority is not None:
        prefer_study(entered.study, priority, workspace)
    return entered


def leave(spec: StudySpec, workspace: Workspace, *, threads: int | None, priority: int | None, as_json: bool) -> None:
    """Leave what is missing of a study to the workers."""
    entered = _enter(spec, workspace, threads, priority)
    there = queue.workers(workspace)
    if as_json:
        count = len(in_turn(read_study(entered.study, workspace)))
        show.print_json({"event": "entered", **as_plain(entered), "runs": count, "workers": len(there)})
        return
    for line in told(entered, read_study(entered.study, workspace)):
        show.say(escape(line))
    if there:
        show.say(f"{many(len(there), 'worker')} there.")
    else:
        show.say("No worker is there; start one with: fittingroom worker")


def comparison_of(run: str, workspace: Workspace) -> str:
    """The id of the comparison that a run of a study belongs to."""
    with open_store(workspace) as store:
        found = Comparison.of(store.run(run).lineage)
    assert found is not None
    return found.id
