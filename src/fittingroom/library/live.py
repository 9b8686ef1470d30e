"""Training as it happens, in a terminal or a notebook: a progress bar, or plain lines where nobody watches."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from fittingroom.measure.evaluate import show_accuracy
from fittingroom.spec.events import Ended, EpochEnded, Event, Progressed, Started


class LiveProgress:
    """Shows the events of one run; use it as a context manager and pass ``hear`` to ``execute``."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.animated = console.is_terminal or console.is_jupyter
        self.started: Started | None = None
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            disable=not self.animated,
            expand=True,
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
                self.started = event
                total = event.epochs * event.steps_per_epoch
                self.task = self.bar.add_task(f"epoch 1/{event.epochs}", total=total, figures="")
                self.console.print(f"Run [bold]{run}[/bold] has started.", highlight=False)
            case Progressed():
                self._progress(event)
            case EpochEnded():
                self._epoch(event)
            case Ended():
                self.console.print(event.explanation, highlight=False)

    def _progress(self, event: Progressed) -> None:
        assert self.started is not None
        assert self.task is not None
        self.bar.update(
            self.task,
            completed=(event.epoch - 1) * event.steps + event.step,
            description=f"epoch {event.epoch}/{self.started.epochs}",
            figures=f"{event.images_per_second:,.0f} images/s · loss {event.loss:.3f} · "
            f"training accuracy {100 * event.accuracy:.1f} %",
        )

    def _epoch(self, event: EpochEnded) -> None:
        assert self.started is not None
        metrics = event.metrics
        width = len(str(self.started.epochs))
        accuracy = show_accuracy(metrics.validation_accuracy, self.started.validation_images, "validation")
        if metrics.epoch > 1:  # what it is measured on is said once
            accuracy = accuracy.partition(" (")[0]
        self.console.print(
            f"epoch {metrics.epoch:>{width}}/{self.started.epochs}  {metrics.seconds:6.1f} s  "
            f"training loss {metrics.train_loss:.4f}  validation loss {metrics.validation_loss:.4f}  "
            f"accuracy {accuracy}{'  best so far' if event.best else ''}",
            highlight=False,
        )
