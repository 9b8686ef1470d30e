"""``train --seeds``: several runs that differ in nothing but their seeds, trained together and shown as they go on."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict
from types import TracebackType

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from fittingroom import queue
from fittingroom.cli import show, show_runs
from fittingroom.cli.output import aside, forget_output, terminal
from fittingroom.cli.queueing import waits
from fittingroom.library.interrupt import stopping_on_signals
from fittingroom.library.several import News, train_several, worker_command
from fittingroom.library.stored import find_run
from fittingroom.queue.stored import spec_of
from fittingroom.queue.together import Comparison
from fittingroom.spec.mistakes import many
from fittingroom.spec.run import RunSpec, load_run_spec
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace


def train(
    source: str, overrides: Sequence[str], count: int, workspace: Workspace, *, threads: int | None, as_json: bool
) -> None:
    """Train so many runs of what ``source`` describes and print them live; exit status 1 if one of them failed."""
    spec = load_run_spec(source, overrides=overrides)
    live = Lines() if as_json else Live(spec, terminal())
    with stopping_on_signals() as stop:
        runs = queue.submit_seeds(spec, count, workspace, threads=threads)
        comparison = Comparison.of(find_run(workspace, runs[0]).lineage)
        assert comparison is not None
        live.begin(runs, spec, to_measure=threads is None)
        command = worker_command(workspace, as_json=True, more=("--comparison", comparison.id, "--idle", "0"))
        with live:
            ended = train_several(runs, workspace, command, stop=stop, hear=live.hear, tell=live.tell)
    live.end(ended)
    if any(run.state == "failed" for run in ended):
        raise typer.Exit(1)


def leave(
    source: str, overrides: Sequence[str], count: int, workspace: Workspace, *, threads: int | None, as_json: bool
) -> None:
    """Leave so many runs of what ``source`` describes to the workers."""
    spec = load_run_spec(source, overrides=overrides)
    for run in queue.submit_seeds(spec, count, workspace, threads=threads):
        waits(run, workspace, as_json=as_json)


class Lines:
    """Everything as JSON lines, each with its run."""

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, runs: Sequence[str], spec: RunSpec, *, to_measure: bool) -> None:
        """Nothing to say: each run says itself that it begins."""

    def hear(self, news: News) -> None:
        run = news.run
        if news.began:
            comparison = Comparison.of(run.lineage)
            self._print(run, "started", seed=spec_of(run).seed, attempt=run.attempt, plan=run.plan,
                        shares=str(comparison or ""))  # fmt: skip
        for epoch in news.epochs:
            self._print(run, "epochended", metrics=asdict(epoch), best=epoch.epoch == run.best_epoch)
        if news.progress:
            told = {key: value for key, value in asdict(news.progress).items() if key != "time"}
            self._print(run, "progressed", **told)
        if news.ended:
            self._print(run, "ended", state=run.state, explanation=run.message)

    def tell(self, line: str) -> None:
        aside(line)

    def end(self, runs: Sequence[RunDetails]) -> None:
        """What came of each."""
        for run in runs:
            self._write(show_runs.outcome(run))

    def _print(self, run: RunDetails, event: str, **more: object) -> None:
        self._write({"run": run.id, "event": event, **more})

    @staticmethod
    def _write(line: dict[str, object]) -> None:
        try:
            show.print_json(line)
        except BrokenPipeError:  # nobody reads any more: the trainings go on unwatched
            forget_output()


class Live:
    """A bar for each run that is being trained, and a line for each epoch; only the lines where nobody watches."""

    def __init__(self, spec: RunSpec, console: Console) -> None:
        self.console = console
        stages = [stage.train for stage in spec.stages]
        self.epochs = None if any(train.budget for train in stages) else sum(train.epochs for train in stages)
        self.shares = ""
        self.tasks: dict[str, TaskID] = {}
        self.bars = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=8), TextColumn("{task.fields[figures]}"),
            console=console, transient=True, refresh_per_second=4, disable=not console.is_terminal,
        )  # fmt: skip

    def __enter__(self) -> Live:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.bars.stop()

    def begin(self, runs: Sequence[str], spec: RunSpec, *, to_measure: bool) -> None:
        """Which runs there are, and what comes before the first of them."""
        told = f"Runs {', '.join(runs)}, with the seeds {spec.seed} to {spec.seed + len(runs) - 1}."
        self.tell(f"{told} How they share the cores is measured first, unless it is known." if to_measure else told)

    def hear(self, news: News) -> None:
        """Show what is new."""
        run = news.run
        if news.began:
            self._began(run)
        for epoch in news.epochs:
            best = "  best so far" if epoch.epoch == run.best_epoch else ""
            phase = f'phase "{epoch.phase}", ' if epoch.phase else ""
            self.tell(
                f"{run.id}  {phase}epoch {self._numbered(epoch.epoch)}  {epoch.seconds:5.1f} s  "
                f"loss {epoch.validation_loss:.4f}  accuracy {show.percent(epoch.validation_accuracy)}{best}"
            )
        if (at := news.progress) and run.id in self.tasks:
            figures = f"training {100 * at.accuracy:.1f} % · loss {at.loss:.3f} · {at.images_per_second:,.0f} images/s"
            epoch_at = f"{run.id}  epoch {self._numbered(int(at.epoch) + 1)}"
            self.bars.update(self.tasks[run.id], completed=at.epoch, description=epoch_at, figures=figures)
        if news.ended:
            self.tell(f"{run.id}  {run.state}. {run.message or ''}".strip())
            if (task := self.tasks.pop(run.id, None)) is not None:
                self.bars.remove_task(task)

    def tell(self, line: str) -> None:
        self.console.print(escape(line), highlight=False, soft_wrap=not self.console.is_terminal)

    def end(self, runs: Sequence[RunDetails]) -> None:
        """What came of each, and of all of them."""
        figures = ("accuracy", "loss", "best epoch", "time")
        rows = show.table("run", "seed", "state", *figures, right=("seed", *figures))
        for run in runs:
            loss = "–" if run.validation_loss is None else f"{run.validation_loss:.4f}"
            best = f"{run.best_epoch} of {run.epochs_done}" if run.best_epoch else "–"
            rows.add_row(run.id, str(spec_of(run).seed), run.state, show.percent(run.validation_accuracy), loss, best,
                         show.duration(run.train_seconds))  # fmt: skip
        self.console.print()
        self.console.print(rows)
        self.tell(told_of_all(runs))
        unfinished = [run.id for run in runs if run.state in {"stopped", "paused", "failed"}]
        if unfinished:
            self.tell(f"Go on with: fittingroom runs resume {unfinished[0]}{' (and so on)' * (len(unfinished) > 1)}")

    def _began(self, run: RunDetails) -> None:
        shares = str(Comparison.of(run.lineage) or "")
        if shares and shares != self.shares:
            self.shares = shares
            self.tell(shares)
        self.tell(f"{run.id}  {'goes on' if run.attempt > 1 else 'begins'}, seed {spec_of(run).seed}.")
        if run.id not in self.tasks:
            self.tasks[run.id] = self.bars.add_task(run.id, total=self.epochs, figures="")

    def _numbered(self, epoch: int) -> str:
        """``3/10``, or ``3`` where a time budget decides how many there will be."""
        return str(epoch) if self.epochs is None else f"{min(epoch, self.epochs)}/{self.epochs}"


def told_of_all(runs: Sequence[RunDetails]) -> str:
    """The mean over the seeds of the runs that have finished, and how much they differ."""
    found = [run.validation_accuracy for run in runs if run.state == "finished" and run.validation_accuracy is not None]
    if len(found) < 2:
        return "Accuracy and loss are of the best epoch, on the validation images."
    spread = 100 * statistics.stdev(found)
    return (
        f"Validation accuracy over {many(len(found), 'seed')}: mean {show.percent(statistics.mean(found))}, standard "
        f"deviation {spread:.2f} points. Accuracy and loss are of the best epoch, on the validation images."
    )
