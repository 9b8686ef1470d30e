"""What there is to say of a run beside its figures, in sentences."""

from __future__ import annotations

import contextlib

from fittingroom.errors import FittingRoomError
from fittingroom.queue.stored import reading_of
from fittingroom.spec.run import RunSpec
from fittingroom.store import Request, RunDetails, Store
from fittingroom.web.standing import patience_of, place_text, stage_of


def said_of(run: RunDetails, spec: RunSpec, asked: Request | None, store: Store) -> list[str]:
    """Why it ended, what it waits for, early stopping, and what its curves say."""
    found = [run.message] if run.message and run.state != "running" else []
    if run.state == "queued":
        found.append(place_text(run, store.queue.managed()))
    if asked is not None:
        found.append(f"It has been asked to {asked}, and ends after the step at hand.")
    if run.state == "interrupted":
        again = "a worker takes it up again by itself" if run.queued else "Resume goes on from its last checkpoint"
        found.append(f"Its process ended without a word, killed or with its machine: {again}.")
    if run.state == "running":
        found.append(patience_text(run, spec))
    with contextlib.suppress(FittingRoomError):
        found += reading_of(run)
    return [sentence for sentence in found if sentence] or ["No epoch has been validated yet."]


def patience_text(run: RunDetails, spec: RunSpec) -> str:
    """Early stopping as it stands: what it watches, the best so far, and the patience that is left."""
    stage = stage_of(run, spec)
    stopping = patience_of(stage.train, stage.epochs)
    if stopping is None:
        return ""
    if not stage.epochs:
        epochs = f"{stopping.patience} epoch{'s' * (stopping.patience != 1)}"
        return f"Early stopping watches {stopping.measure}; it stops after {epochs} without a better one."
    left = max(0, stopping.patience - stopping.waited)
    return f"{stopping} Patience left: {left} epoch{'s' * (left != 1)}." if stopping.waited else str(stopping)
