"""The report of one run: one HTML file with its set-up, its curves, its scores and what they do not say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from fittingroom.errors import FittingRoomError, NotFound
from fittingroom.measure.evaluate import Evaluation
from fittingroom.measure.history import History
from fittingroom.queue.history import history_of
from fittingroom.queue.stored import open_store, reading_of, spec_of, validation_of
from fittingroom.report.found import Machine, machines_of
from fittingroom.report.lines import accuracy_lines, loss_lines
from fittingroom.report.page import render, save
from fittingroom.report.study import setup_of
from fittingroom.spec.run import RunSpec
from fittingroom.store import Opening, RunDetails, Store
from fittingroom.workspace import Workspace

MOST_CLASSES = 20
"""Classes up to which the confusion matrix is shown whole."""


@dataclass(frozen=True)
class RunFound:
    """A run: what was asked, what came of it, and what is known of where it was trained."""

    run: RunDetails
    spec: RunSpec
    history: History
    evaluation: Evaluation | None
    problem: str
    """Why there is no evaluation, where there should be one."""
    reading: tuple[str, ...]
    tested: tuple[Opening, ...]
    """Every look at its test score."""
    openings: int
    """How often the test set of its data was opened, by whatever run."""
    machines: tuple[Machine, ...]


def report_run(run: str, workspace: Workspace, out: Path | None = None, *, replace: bool = False) -> Path:
    """Write the report of a run, as it stands, to ``out`` (``RUN.html`` here unless given).

    Raises NotFound, and InvalidInput for a file that is there already unless it is to be replaced.
    """
    found = read_run(run, workspace)
    return save(run_html(found), out or Path(f"{found.run.id}.html"), replace=replace)


def read_run(run: str, workspace: Workspace) -> RunFound:
    """Everything about a run, by its id, or the newest as ``last``; raises NotFound."""
    with open_store(workspace) as store:
        details = store.run(run)
        history = history_of(details, lambda name: _origin(store, name))
        tested, openings = tuple(store.test_results(details.id)), store.openings(details.fingerprint)
    evaluation, problem = _evaluated(details, workspace)
    return RunFound(
        run=details,
        spec=spec_of(details),
        history=history,
        evaluation=evaluation,
        problem=problem,
        reading=tuple(reading_of(details)),
        tested=tested,
        openings=openings,
        machines=machines_of([attempt.plan for attempt in details.attempts]),
    )


def run_html(found: RunFound, now: datetime | None = None) -> str:
    """The report as HTML; ``now`` is when it was made."""
    run, evaluation = found.run, found.evaluation
    epochs, boundaries = found.history.epochs, found.history.boundaries
    classes = len(evaluation.class_names) if evaluation else 0
    return render(
        "run.html",
        title=run.name,
        found=found,
        facts=list(_facts(found)),
        setup=list(setup_of(found.spec, run.data or "")),
        figures=[
            ("Accuracy (%)", Markup(accuracy_lines(epochs, boundaries))),
            ("Loss (nats)", Markup(loss_lines(epochs, boundaries))),
        ],
        scores=evaluation.rows() if evaluation else [],
        confusion=_confusion(evaluation) if evaluation and classes <= MOST_CLASSES else [],
        toml=found.spec.to_toml(),
        made=(now or datetime.now()).astimezone().strftime("%Y-%m-%d %H:%M"),
        created=run.created.astimezone().strftime("%Y-%m-%d %H:%M"),
    )  # fmt: skip


def _facts(found: RunFound) -> list[tuple[str, str, str]]:
    """Name, figure, and what it was measured on."""
    run, evaluation = found.run, found.evaluation
    best = f"weights of epoch {run.best_epoch}" if run.best_epoch else ""
    told = evaluation.told if evaluation else None
    accuracy = "–" if run.validation_accuracy is None else f"{100 * run.validation_accuracy:.1f} %"
    return [
        (
            "validation accuracy",
            told.value if told else accuracy,
            f"{told.margin} · {told.measured_on}" if told else best,
        ),
        ("validation loss", "–" if run.validation_loss is None else f"{run.validation_loss:.3f}", best),
        ("parameters", f"{run.parameters:,}", ""),
        ("training time", f"{run.train_seconds:,.1f} s", f"{run.epochs_done} epochs"),
    ]


def _confusion(evaluation: Evaluation) -> list[tuple[str, list[tuple[int, bool]]]]:
    """Rows of true classes: how often each class was predicted, and whether that is right."""
    names = evaluation.class_names
    return [
        (name, [(count, column == row) for column, count in enumerate(counts)])
        for row, (name, counts) in enumerate(zip(names, evaluation.confusion.tolist(), strict=True))
    ]


def _evaluated(run: RunDetails, workspace: Workspace) -> tuple[Evaluation | None, str]:
    if "predictions" not in run.artifacts:
        return None, ""
    try:
        return validation_of(run, workspace)[0], ""
    except FittingRoomError as error:
        return None, str(error)


def _origin(store: Store, run: str) -> RunDetails | None:
    try:
        return store.run(run)
    except NotFound:
        return None
