"""Studies: everything that can be asked for and told of them, for the command line, the page and reports.

study_entry       submit a study, or what is missing of it
study_results     what its runs have come to by now
study_summaries   the same as one line of a list
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from statistics import mean

from fittingroom.errors import InvalidInput, NotFound
from fittingroom.measure.study import MEASURES
from fittingroom.queue.stored import open_store
from fittingroom.queue.study_entry import BEHIND, Entered, add_seeds, enter_study, go_on_searching, submit_study
from fittingroom.queue.study_results import (
    Curve,
    curves_of,
    read_curves,
    read_study,
    results_of,
    spec_of_study,
)
from fittingroom.queue.study_summaries import StudySummary, find_study, studies, summaries_of, summary_of
from fittingroom.spec.mistakes import many
from fittingroom.workspace import Workspace

__all__ = [
    "BEHIND",
    "Curve",
    "Entered",
    "StudySummary",
    "add_seeds",
    "curves_of",
    "delete_study",
    "enter_study",
    "find_study",
    "go_on_searching",
    "prefer_study",
    "read_curves",
    "read_study",
    "restore_study",
    "results_of",
    "runs_named",
    "spec_of_study",
    "stop_study",
    "studies",
    "submit_study",
    "summaries_of",
    "summary_of",
]
OPEN = {"queued", "running", "interrupted"}


def stop_study(study: str, workspace: Workspace) -> StudySummary:
    """Stop all runs of a study that wait or are trained; returns it as it is then.

    Those that are trained keep their best weights, and end within a step. ``submit_study`` takes all of them up again.
    """
    with open_store(workspace) as store:
        record = store.studies.study(study)
        store.studies.mark_stopped(record.id)
        store.queue.stop_waiting([run.id for run in store.studies.places(record.id).values()])
        for run in store.studies.places(record.id).values():  # those that a process has in hand, or had
            if run.state in OPEN:
                with suppress(InvalidInput):  # it has just ended, or was deleted
                    store.queue.ask(run.id, "stop")
        return summary_of(store, record.id)


def prefer_study(study: str, priority: int, workspace: Workspace) -> None:
    """Let the runs of a study wait before those of a lower priority; single runs have 0, studies -1 at first."""
    with open_store(workspace) as store:
        store.studies.prefer(store.studies.study(study).id, priority)


def delete_study(study: str, workspace: Workspace, *, keep_runs: bool = False) -> int:
    """Forget a study and move its runs to the trash, from which each can be brought back; returns how many.

    ``keep_runs``: leave them where they are. Raises InvalidInput while one of its runs waits or is trained.
    """
    with open_store(workspace) as store:
        record = store.studies.study(study)
        runs = list(store.studies.places(record.id).values())
        if is_open := [run.id for run in runs if run.state in OPEN]:
            raise InvalidInput(
                f"{record.id} cannot be deleted while runs of it wait or are trained ({', '.join(is_open[:3])}); stop "
                f"it first: fittingroom study stop {record.id}"
            )
        for run in [] if keep_runs else runs:
            store.trash.delete(run.id)
        store.studies.delete(record.id)
        return 0 if keep_runs else len(runs)


def restore_study(study: str, workspace: Workspace) -> None:
    """Bring a deleted study back, and its runs that are in the trash; raises NotFound."""
    with open_store(workspace) as store:
        for run in store.studies.restore(study):
            with suppress(InvalidInput):  # it was kept, or is gone for good
                store.trash.restore(run)


@dataclass(frozen=True)
class Named:
    """The runs that a name stands for."""

    runs: tuple[str, ...]
    told: str = ""
    """Which of a study's they are, and why; empty for a run."""


def runs_named(name: str, workspace: Workspace, *, all_arms: bool = False) -> Named:
    """The run of that id (or ``last``), or the finished runs of a study's arm that its validation figures favour.

    The test set then chooses nothing; ``all_arms`` gives the finished runs of all of them. Raises NotFound, and
    InvalidInput for a study of which no run has finished.
    """
    with open_store(workspace) as store:
        try:
            return Named((store.run(name).id,))
        except NotFound as error:
            try:
                results = results_of(store, name)
            except NotFound:
                raise error from None
    finished = {
        arm.name: tuple(each.run for each in arm.outcomes if each.run and each.state == "finished")
        for arm in results.arms
    }
    if not any(finished.values()):
        raise InvalidInput(f"no run of {results.study} has finished, so there is nothing to score; let it go on first")
    if all_arms:
        told = f"All {len(results.arms)} arms of {results.study}: whichever is best here is best partly by luck."
        return Named(tuple(run for runs in finished.values() for run in runs), told)
    measure = MEASURES[results.measure]
    means = {arm.name: mean(values) for arm in results.arms if (values := arm.values(measure.name).values())}
    if not means:
        raise InvalidInput(
            f"no arm of {results.study} has a {measure.words} yet, by which to choose; let it go on first"
        )
    best = (max if measure.better == "higher" else min)(means, key=means.__getitem__)
    told = (
        f"{best}: the arm of {results.study} with the best mean {measure.words}, {many(len(finished[best]), 'run')}. "
        "The others are not scored, so that the test set chooses nothing."
    )
    return Named(finished[best], told)
