"""How runs, scores and predictions look in a terminal, and what they are as JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fittingroom.cli.show import duration, percent, print_json, say, size, table, times, when
from fittingroom.cli.show_list import remembered
from fittingroom.errors import FittingRoomError
from fittingroom.queue.together import Comparison

WORST = 5
"""Mistakes that are shown."""

if TYPE_CHECKING:
    from fittingroom.engine.predict import Prediction
    from fittingroom.engine.score import TestScore
    from fittingroom.library.run import Run
    from fittingroom.measure.evaluate import Evaluation
    from fittingroom.measure.robustness import Robustness
    from fittingroom.store import RunDetails


def run(stored: Run, *, with_epochs: bool, with_confusion: bool, as_json: bool) -> None:
    """Everything about one run."""
    details = stored.details
    evaluation, problem = _evaluated(stored)
    if as_json:
        print_json({**run_json(stored, evaluation), "problem": problem})
        return
    about = [details.state, escape(details.data or "–"), f"{details.parameters:,} parameters", when(details.created)]
    about.append(size(details.bytes))
    if origin := details.lineage.get("from"):
        about.append(escape(f"{details.lineage['kind']} of {origin}"))
    if details.name != stored.spec.name:
        about.insert(0, escape(details.name))
    say(f"[bold]{details.id}[/bold]  {' · '.join(about)}", *remembered(details))
    if shares := str(Comparison.of(details.lineage) or ""):
        say(escape(shares))
    if details.state in {"stopped", "paused", "failed", "interrupted"}:
        say(f"Go on with: fittingroom runs resume {details.id}")
    if details.message:
        say(escape(details.message))
    if not details.epochs:
        say("No epoch was validated, so there is nothing to show.")
        return
    from fittingroom.measure.terminal import terminal_curves

    columns = min(shutil.get_terminal_size().columns, 100)
    history = stored.history()
    say("", escape(terminal_curves(history.epochs, width=columns, boundaries=history.boundaries)), "")
    say(*(escape(sentence) for sentence in stored.reading()), "")
    if with_epochs:
        say(epoch_table(stored), "")
    if problem:
        say(f"[red]The evaluation cannot be shown:[/red] {escape(problem)}")
    if evaluation:
        _show_evaluation(stored, evaluation, with_confusion=with_confusion)


def _evaluated(stored: Run) -> tuple[Evaluation | None, str | None]:
    """The evaluation of a run, or why there is none although there should be."""
    if "predictions" not in stored.details.artifacts:
        return None, None
    try:
        return stored.confusion(), None
    except FittingRoomError as error:
        return None, str(error)


def _cautions(evaluation: Evaluation) -> list[str]:
    return [f"[yellow]caution:[/yellow] {escape(caution)}" for caution in evaluation.cautions]


def _show_evaluation(stored: Run, evaluation: Evaluation, *, with_confusion: bool) -> None:
    say(f"Best weights, epoch {stored.details.best_epoch}: accuracy {evaluation.headline}, loss {evaluation.loss:.4f}, "
        f"calibration error {percent(evaluation.calibration_error)}")  # fmt: skip
    say(*_cautions(evaluation), "", class_table(evaluation))
    if with_confusion:
        say("", "Confusion matrix: rows are the true class, columns what was predicted.", confusion_table(evaluation))
    say("", *most_confused(evaluation))
    if stored.worst_mistakes(1):
        say("", "Wrong with the highest confidence (images by their position in the data set):", mistake_table(stored))


def run_json(stored: Run, evaluation: Evaluation | None) -> dict[str, Any]:
    """The contract of ``runs show --json``."""
    details = stored.details
    epochs = [asdict(metrics) for metrics in details.epochs]
    weights = {
        kind: {"epoch": artifact.epoch, "sha256": artifact.sha256, "path": str(artifact.path)}
        for kind, artifact in details.artifacts.items()
        if kind in {"best", "last"}
    }
    return {
        "run": details.id,
        "name": details.name,
        "tags": list(details.tags),
        "note": details.note,
        "state": details.state,
        "message": details.message,
        "created": details.created.isoformat(),
        "bytes": details.bytes,
        "spec": json.loads(details.spec),
        "plan": details.plan,
        "lineage": details.lineage,
        "attempts": [
            {
                "number": attempt.number,
                "host": attempt.owner.host,
                "process": attempt.owner.pid,
                "started": attempt.started.isoformat(),
                "ended": attempt.ended.isoformat() if attempt.ended else None,
            }
            for attempt in details.attempts
        ],
        "epochs": epochs,
        "weights": weights,
        "validation": evaluation.to_json() if evaluation else None,
        "worst_mistakes": [
            {
                "image": mistake.image,
                "true": evaluation.class_names[mistake.true],
                "predicted": evaluation.class_names[mistake.predicted],
                "confidence": mistake.confidence,
            }
            for mistake in stored.worst_mistakes(WORST)
        ]
        if evaluation
        else [],
        "reading": stored.reading(),
        "history": asdict(stored.history()),
    }


def epoch_table(stored: Run) -> Table:
    """Every epoch's figures, the best marked."""
    right = ("epoch", "training loss", "training accuracy", "validation loss", "validation accuracy", "rate", "time")
    phases = any(metrics.phase for metrics in stored.epochs)
    rows = table(*(["phase"] if phases else []), *right, "", right=right)
    for metrics in stored.epochs:
        rows.add_row(
            *([escape(metrics.phase or "")] if phases else []),
            str(metrics.epoch), f"{metrics.train_loss:.4f}", percent(metrics.train_accuracy),
            f"{metrics.validation_loss:.4f}", percent(metrics.validation_accuracy), f"{metrics.learning_rate:.3g}",
            duration(metrics.seconds), "best weights" if metrics.epoch == stored.details.best_epoch else "",
        )  # fmt: skip
    return rows


def class_table(evaluation: Evaluation) -> Table:
    """Precision, recall and F1 of each class."""
    head, *body = evaluation.rows()
    rows = table(*head, right=head[1:])
    for row in body:
        rows.add_row(*(escape(cell) for cell in row))
    return rows


def confusion_table(evaluation: Evaluation) -> Table:
    """Counts, true classes in rows."""
    rows = table("true", *(name[:9] for name in evaluation.class_names), right=[n[:9] for n in evaluation.class_names])
    for name, counts in zip(evaluation.class_names, evaluation.confusion.tolist(), strict=True):
        rows.add_row(escape(name), *(str(count) if count else "·" for count in counts))
    return rows


def mistake_table(stored: Run) -> Table:
    """The worst mistakes: image, true class, what it was taken for, with what confidence."""
    names = stored.confusion().class_names
    rows = table("image", "true", "taken for", "confidence", right=("image", "confidence"))
    for mistake in stored.worst_mistakes(WORST):
        classes = (escape(names[mistake.true]), escape(names[mistake.predicted]))
        rows.add_row(str(mistake.image), *classes, percent(mistake.confidence))
    return rows


def most_confused(evaluation: Evaluation) -> list[str]:
    """The three pairs of classes that are mixed up most, in words."""
    counts = evaluation.confusion
    pairs = [
        (int(counts[true, predicted]), true, predicted)
        for true in range(len(counts))
        for predicted in range(len(counts))
        if true != predicted and counts[true, predicted]
    ]
    names = evaluation.class_names
    return [
        escape(f"{count:,} of {evaluation.support[true]:,} {names[true]} images are taken for {names[predicted]}.")
        for count, true, predicted in sorted(pairs, reverse=True)[:3]
    ]


def after_training(stored: Run, console: Console) -> None:
    """What came of a training, and what to type next."""
    details = stored.details
    if details.best_epoch is None:
        console.print(
            f"{stored.id} ended before its first epoch was validated, so there are no best weights; go on with: "
            f"fittingroom runs resume {stored.id}",
            highlight=False,
        )
        return
    evaluation = stored.confusion()
    console.print(f"\n[bold]{stored.id}[/bold]: accuracy [bold]{evaluation.headline}[/bold] with the weights of epoch "
                  f"{details.best_epoch}, trained in {duration(details.train_seconds)}", highlight=False)  # fmt: skip
    for caution in _cautions(evaluation):
        console.print(caution, highlight=False)
    for sentence in stored.reading():
        console.print(escape(sentence), highlight=False)
    again = {"stopped", "paused"} & {stored.state}
    console.print(
        f"\nNext:  {f'fittingroom runs resume {stored.id}    goes on where it was left' if again else ''}"
        f"{chr(10) * bool(again)}{'       ' * bool(again)}"
        f"fittingroom runs show {stored.id}      curves, scores for each class\n"
        f"       fittingroom predict {stored.id} IMAGE  what it sees in your own pictures\n"
        f"       fittingroom test {stored.id}           opens the sealed test set, and counts it",
        highlight=False,
    )


def outcome(details: RunDetails) -> dict[str, object]:
    """The last JSON document of a training."""
    images = sum(epoch.images or 0 for epoch in details.epochs)
    return {
        "run": details.id,
        "state": details.state,
        "epochs": details.epochs_done,
        "best_epoch": details.best_epoch,
        "train_seconds": details.train_seconds,
        "images_per_second": images / details.train_seconds if details.train_seconds else None,
        "validation_accuracy": details.validation_accuracy,
        "validation_loss": details.validation_loss,
        "message": details.message,
    }


def test_scores(scores: Sequence[TestScore], *, as_json: bool) -> None:
    """Scores on the sealed test set, and how often it has been opened."""
    for score in scores:
        evaluation = score.evaluation
        if as_json:
            print_json(
                {
                    "run": score.run,
                    "test_accuracy": evaluation.accuracy,
                    "test_accuracy_interval": evaluation.interval,
                    "test_loss": evaluation.loss,
                    "test_images": evaluation.n,
                    "openings": score.openings,
                }
            )
        else:
            say(f"[bold]{score.run}[/bold]: accuracy [bold]{evaluation.headline}[/bold], loss {evaluation.loss:.4f}")
            say(*_cautions(evaluation))
    if as_json:
        return
    for openings in sorted({score.openings for score in scores}):
        say(f"The test set of this data has now been opened {times(openings)} in this workspace.")
        if openings > 1:
            say("The more often it is opened to choose between runs, the less its score says about new images.")


def robustness(run: str, found: Robustness, *, as_json: bool) -> None:
    """Accuracy on harmed validation images, by kind and strength; bold where it is worse beyond chance."""
    from fittingroom.measure.evaluate import show_accuracy
    from fittingroom.measure.robustness import KINDS

    worse = found.worse()
    if as_json:
        harmed = {
            kind.name: [
                {"strength": each.strength, "accuracy": each.accuracy, "accuracy_interval": each.interval,
                 "worse": (kind.name, each.strength) in worse}
                for each in found.harmed[kind.name]
            ]
            for kind in KINDS
        }  # fmt: skip
        print_json({"run": run, "split": "validation", "images": found.n, "accuracy": found.clean.accuracy,
                    "accuracy_interval": found.clean.interval, "harmed": harmed})  # fmt: skip
        return
    say(f"[bold]{run}[/bold]: accuracy {show_accuracy(found.clean.accuracy, found.n, 'validation')}, and of the same "
        "images harmed:")  # fmt: skip
    rows = table(
        "", *(f"step {step}" for step in range(1, 5)), "what a step is", right=[f"step {n}" for n in range(1, 5)]
    )
    for kind in KINDS:
        cells = []
        for each in found.harmed[kind.name]:
            mark = "bold" if (kind.name, each.strength) in worse else "not bold"
            cells.append(f"{kind.shown(each.strength)}  [{mark}]{100 * each.accuracy:.1f} %[/{mark}]")
        rows.add_row(kind.name, *cells, kind.says)
    say(rows, *found.reading, "Bold: worse beyond chance (exact McNemar tests, Holm's correction, 5 %).")


def predictions(stored: Run, found: Sequence[Prediction], top: int, *, as_json: bool) -> None:
    """The likeliest classes of each image, and how it was fitted to the network."""
    if as_json:
        print_json(
            [
                {
                    "run": stored.id,
                    "image": prediction.image,
                    "fitted": prediction.fitted,
                    "prediction": prediction.probabilities[0][0],
                    "probabilities": dict(prediction.probabilities),
                }
                for prediction in found
            ]
        )
        return
    say(f"{stored.id}, weights of epoch {stored.classifier.epoch}")
    for prediction in found:
        say("", f"[bold]{escape(prediction.image)}[/bold]", f"  fitted: {', '.join(prediction.fitted) or 'as it is'}")
        for name, probability in prediction.probabilities[:top]:
            bar = "█" * round(20 * probability)
            say(f"  {100 * probability:5.1f} %  {bar:<20}  {escape(name)}")
