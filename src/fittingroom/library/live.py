"""Training as it happens, in a terminal or a notebook: a progress bar, or plain lines where nobody watches."""

from __future__ import annotations

import time
from importlib.util import find_spec
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from fittingroom.measure.evaluate import show_accuracy
from fittingroom.spec.events import Ended, EpochEnded, Event, Progressed, Started

SECONDS_BETWEEN_LINES = 20.0
"""How often plain output says where an epoch stands."""
WIDE = 140
"""Columns in which the line of an epoch has room for all its figures."""


class LiveProgress:
    """Shows the events of one run; use it as a context manager and pass ``hear`` to ``execute``.

    A bar needs a terminal, or a notebook with ipywidgets.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.animated = console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)
        self.wide = not console.is_terminal or console.width >= WIDE
        self.started: Started | None = None
        self.said = time.monotonic()
        self.throughput = 0.0
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=8),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(compact=True),
            TextColumn("left  {task.fields[figures]}"),
            console=console,
            transient=True,
            disable=not self.animated,
        )
        self.task: TaskID | None = None

    def __enter__(self) -> LiveProgress:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.bar.stop()

    def hear(self, run: str, event: Event) -> None:
        """Show one event."""
        match event:
            case Started():
                self._start(run, event)
            case Progressed():
                self._progress(event)
            case EpochEnded():
                self._epoch(event)
            case Ended():
                self._say(event.explanation)

    def waiting(self, free: int) -> None:
        """Say that other trainings use the cores."""
        self._say(
            f"Waiting for other trainings on this machine: {free} of its cores are free. Nothing has started yet; "
            "Ctrl-C gives up."
        )

    def _start(self, run: str, event: Started) -> None:
        if self.task is not None:
            self.bar.remove_task(self.task)
        self.task = self.bar.add_task(f"epoch {event.first_epoch + 1}", total=1.0, figures="")
        if self.started is None:
            self._say(f"Run [bold]{run}[/bold] has started.")
        if event.phase is not None:
            self._say(f'Phase "{escape(event.phase)}":')
        elif self.started is not None:
            self._say("The run proper:")
        self.started = event

    def _progress(self, event: Progressed) -> None:
        assert self.started is not None
        assert self.task is not None
        self.throughput = event.images_per_second
        figures = (
            f"training {100 * event.accuracy:.1f} % · loss {event.loss:.3f} · {event.images_per_second:,.0f} images/s"
        )
        epoch = f"epoch {self._numbered(event.epoch)}"
        self.bar.update(self.task, completed=event.done, description=epoch, figures=figures)
        if not self.animated and time.monotonic() - self.said > SECONDS_BETWEEN_LINES:
            self._say(f"{epoch}  {100 * event.step / event.steps:3.0f} % of it · {figures}")

    def _epoch(self, event: EpochEnded) -> None:
        assert self.started is not None
        metrics = event.metrics
        accuracy = show_accuracy(metrics.validation_accuracy, self.started.validation_images, "validation")
        if metrics.epoch > self.started.first_epoch + 1:  # what it is measured on is said once
            accuracy = accuracy.partition(" (")[0]
        speed = f"{self.throughput:,.0f} images/s  training loss {metrics.train_loss:.4f}  " if self.wide else ""
        self._say(
            f"epoch {self._numbered(metrics.epoch)}  {metrics.seconds:5.1f} s  {speed}"
            f"{'validation ' * self.wide}loss {metrics.validation_loss:.4f}  accuracy {accuracy}"
            f"{'  best so far' if event.best else ''}"
        )

    def _numbered(self, epoch: int) -> str:
        """``3/10``, or ``3`` where a time budget decides how many there will be."""
        assert self.started is not None
        if self.started.epochs is None:
            return str(epoch)
        last = self.started.first_epoch + self.started.epochs
        return f"{epoch:>{len(str(last))}}/{last}"

    def _say(self, line: str) -> None:
        self.console.print(line, highlight=False, soft_wrap=not self.console.is_terminal)
        self.said = time.monotonic()
