"""Where a draft can take trained weights from, for the page to offer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from fittingroom.errors import NotFound
from fittingroom.queue.origin import SUFFIX
from fittingroom.store import RunDetails, RunSummary
from fittingroom.web.drafts import Draft
from fittingroom.web.figures import percent
from fittingroom.web.site import Site

NEWEST_RUNS = 200


@dataclass(frozen=True)
class Offer:
    """What the form of the weights shows."""

    source: str
    """What is chosen; empty for fresh weights."""
    runs: Sequence[RunSummary]
    """Those that have weights and are not being trained."""
    weights: Sequence[tuple[str, str]]
    """Of the chosen run, each with its label."""
    chosen: str
    """Which of them."""
    goes_on: bool
    """Whether the optimizer and all else goes on too; a run that is continued says so."""

    @property
    def is_file(self) -> bool:
        return self.source.endswith(SUFFIX)


def offer(draft: Draft, site: Site) -> Offer:
    """What there is for a draft; reads the database."""
    source, chosen = str(draft.at("start.source") or ""), str(draft.at("start.weights") or "best")
    runs = [run for run in site.store.runs(NEWEST_RUNS) if run.best_epoch is not None and is_left(run)]
    weights: list[tuple[str, str]] = []
    if source and not source.endswith(SUFFIX):
        with suppress(NotFound):  # then the fault says so
            run = site.store.run(source)
            weights = weights_of(run)
            runs = runs if run.id in {each.id for each in runs} else [*runs, run]
    if source and not weights:
        weights = [(chosen, chosen)]
    return Offer(source, runs, weights, chosen, bool(draft.at("start.go_on")))


def is_left(run: RunSummary) -> bool:
    """Whether nobody trains it, or is about to."""
    return run.state not in {"queued", "running"} and run.queued is None


def weights_of(run: RunDetails) -> list[tuple[str, str]]:
    """What of a run's weights is there, each with its label."""
    found = []
    if "best" in run.artifacts:
        accuracy = f", {percent(run.validation_accuracy)} on validation" if run.validation_accuracy is not None else ""
        found.append(("best", f"best: epoch {run.best_epoch}{accuracy}"))
    if "last" in run.artifacts:
        found.append(("last", f"last: after epoch {run.artifacts['last'].epoch}"))
    kept = sorted(int(kind.rpartition("-")[2]) for kind in run.artifacts if kind.startswith("checkpoint-"))
    return [*found, *((str(epoch), f"epoch {epoch}") for epoch in kept)]
