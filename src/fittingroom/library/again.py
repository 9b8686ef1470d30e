"""From one run to the next: resume, restart, continue, fork. The command line's ``runs`` commands as function calls."""

from __future__ import annotations

import os

from rich.console import Console

from fittingroom import queue
from fittingroom.engine.prepare import PreparedRun
from fittingroom.engine.resume import prepare_continue, prepare_fork, prepare_restart, prepare_resume
from fittingroom.library.fit import train_prepared
from fittingroom.library.run import Run
from fittingroom.spec.run import schedule_of
from fittingroom.spec.start import Which
from fittingroom.spec.train import Schedule
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace

Place = str | os.PathLike[str] | None


def resume(run: Run | str, *, workspace: Place = None, show: bool = True) -> Run:
    """Go on with a run that was stopped, paused, killed or broken: from its last checkpoint to the very same weights.

    Raises InvalidInput for a run that is finished or being trained, or whose data set has changed.
    """
    details, place = _found(run, workspace)
    found = queue.as_left(details.id, place, tell=Console(quiet=not show).print)
    return _trained(prepare_resume(found, place), show)


def restart(run: Run | str, *, replay: bool = False, workspace: Place = None, show: bool = True) -> Run:
    """Train a run's spec from its beginning, as a new run; ``replay`` follows the trace of one with a time budget."""
    details, place = _found(run, workspace)
    return _trained(prepare_restart(details, place, replay=replay), show)


def continue_training(
    run: Run | str,
    *overrides: str,
    epochs: int,
    schedule: Schedule | str | None = None,
    workspace: Place = None,
    show: bool = True,
) -> Run:
    """Train on for so many epochs from a run's last weights, optimizer and all, as a new run.

    ``schedule`` (``Cosine()``, or its name) is laid over the new epochs; it is needed unless the learning rate was
    constant.
    """
    schedule = schedule_of(schedule) if isinstance(schedule, str) else schedule
    details, place = _found(run, workspace)
    return _trained(prepare_continue(details, place, epochs=epochs, schedule=schedule, overrides=overrides), show)


def fork(run: Run | str, *overrides: str, weights: Which = "best", workspace: Place = None, show: bool = True) -> Run:
    """Begin a new run with a run's weights and other settings: ``fork(run, "train.freeze_up_to=conv_2")``.

    Raises InvalidSpec with every reason why the weights do not fit, or would be judged on images that they know.
    """
    details, place = _found(run, workspace)
    return _trained(prepare_fork(details, place, overrides=overrides, weights=weights), show)


def _found(run: Run | str, workspace: Place) -> tuple[RunDetails, Workspace]:
    found = Run(run, workspace) if isinstance(run, str) else Run(run.id, run.workspace)
    return found.details, found.workspace


def _trained(prepared: PreparedRun, show: bool) -> Run:
    return train_prepared(prepared, Console(quiet=not show))
