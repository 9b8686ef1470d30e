"""The report of a study: one HTML file that says what was asked, what came of it, and what that shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from fittingroom.measure.judgement import ArmSummary
from fittingroom.measure.study import MEASURES, ArmResults, Measure, Outcome
from fittingroom.report import figures
from fittingroom.report.found import StudyFound, read_found
from fittingroom.report.page import render, save
from fittingroom.report.scales import axis_words, told
from fittingroom.report.ways import axes_of
from fittingroom.spec.arm_names import text_of
from fittingroom.spec.mistakes import many
from fittingroom.spec.run import RunSpec, to_plain
from fittingroom.workspace import Workspace

NONE = "–"


@dataclass(frozen=True)
class Row:
    """One arm in the table of results."""

    name: str
    best: bool
    n: str
    mean: str
    half: str
    sd: str
    images: str
    """The interval over images."""
    best_epoch: str
    to_target: str
    """Epochs, or how many runs never got there; empty where the study has no target."""
    seconds: str
    parameters: str


@dataclass(frozen=True)
class Drawn:
    """A figure with what it is called."""

    title: str
    about: str
    svg: Markup


def report_study(study: str, workspace: Workspace, out: Path | None = None, *, replace: bool = False) -> Path:
    """Write the report of a study, as it stands, to ``out`` (``STUDY.html`` here unless given).

    Raises NotFound, and InvalidInput for a file that is there already unless it is to be replaced.
    """
    found = read_found(study, workspace)
    return save(study_html(found), out or Path(f"{found.results.study}.html"), replace=replace)


def study_html(found: StudyFound, now: datetime | None = None) -> str:
    """The report as HTML; ``now`` is when it was made."""
    results, judged, spec = found.results, found.judged, found.spec
    measure = MEASURES[results.measure]
    on_images = measure.name in ("validation_accuracy", "validation_loss")
    seeds = sorted({outcome.seed for arm in results.arms for outcome in arm.outcomes})
    finished = sum(outcome.state == "finished" for arm in results.arms for outcome in arm.outcomes)
    return render(
        "study.html",
        title=results.name,
        found=found,
        measure=measure,
        told_measure=axis_words(measure),
        of=f" of the best epoch, on {results.images:,} validation images" if on_images else " of each run",
        on_images=on_images,
        target=None if results.target is None else f"{100 * results.target:g} %",
        counts=f"{len(results.arms)} arm{'s' * (len(results.arms) != 1)} × {len(seeds)} seed{'s' * (len(seeds) != 1)}",
        finished=finished,
        runs=sum(len(arm.outcomes) for arm in results.arms),
        verdicts=judged.sentences,
        varied=list(_varied(found)),
        setup=list(setup_of(next(iter(found.specs.values()), spec.base), found.data)),
        rows=[_row(arm, judged.arm(arm.key), judged.best, measure, results.target) for arm in results.arms],
        seeds=seeds,
        values=[(arm, _values(arm, seeds, measure)) for arm in results.arms],
        figures=list(_figures(found)),
        toml=spec.to_toml(),
        made=(now or datetime.now()).astimezone().strftime("%Y-%m-%d %H:%M"),
        created=found.created.astimezone().strftime("%Y-%m-%d %H:%M"),
    )


def setup_of(spec: RunSpec, data: str) -> Iterator[tuple[str, str]]:
    """What a run is, in lines: what each is about, and what the spec says of it; defaults of layers are left out."""
    plain, full = to_plain(spec), to_plain(spec, full=True)
    yield (
        "data",
        (
            f"{data or spec.data.source}, {spec.data.division.words} (split seed {spec.data.split_seed}), "
            f"normalized: {spec.data.normalize}"
        ),
    )
    yield "network", " → ".join(text_of(_said(layer)) for layer in plain["network"])
    if spec.augment:
        yield "augmentation", "; ".join(text_of(each) for each in plain["augment"])
    train = full["train"]
    length = f"{train['budget']} of training" if train.get("budget") else many(spec.train.epochs, "epoch")
    yield "training", f"{length}, batches of {spec.train.batch_size:,}, {text_of(_said(train['optimizer']))}"
    for key in ("schedule", "early_stop", "loss"):
        if train.get(key):
            yield key.replace("_", " "), text_of(_said(train[key])).replace("_", " ")
    if full.get("start"):
        yield "begins with", text_of(_said(full["start"]))
    if spec.phases:
        yield "phases before", ", ".join(phase.name for phase in spec.phases)


def _said(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A record without what it leaves open or switched off, and without names that only number its items."""
    kind, name = str(plain.get("layer", "")), str(plain.get("name", ""))
    numbered = bool(kind) and name.rstrip("0123456789").rstrip("_") == kind
    return {
        key: value
        for key, value in plain.items()
        if not (value is None or value is False or value == 0 or (key == "name" and numbered))
    }


def _varied(found: StudyFound) -> Iterator[tuple[str, str]]:
    """Each axis with the values that were tried."""
    for path in axes_of(found.results):
        values = dict.fromkeys(arm.settings[path] for arm in found.results.arms if path in arm.settings)
        yield path, ", ".join(values) or NONE


def _row(arm: ArmResults, judged: ArmSummary, best: str | None, measure: Measure, target: float | None) -> Row:
    seconds = arm.values("train_seconds").values()
    half = (judged.interval.high - judged.interval.low) / 2 if judged.interval else None
    over = judged.over_images
    return Row(
        name=arm.name,
        best=arm.key == best,
        n=f"{judged.n} of {len(arm.outcomes)}" if judged.n < len(arm.outcomes) else str(judged.n),
        mean=told(judged.mean, measure),
        half=f"{told(judged.interval.low, measure)} to {told(judged.interval.high, measure)}"
        if judged.interval and half is not None
        else NONE,
        sd=told(judged.sd, measure),
        images=f"{told(over.low, measure)} to {told(over.high, measure)}" if over else NONE,
        best_epoch=_mean(arm, "best_epoch"),
        to_target="" if target is None else _to_target(arm),
        seconds=f"{told(sum(seconds) / len(seconds), MEASURES['train_seconds'])} s" if seconds else NONE,
        parameters=f"{arm.parameters:,}",
    )


def _mean(arm: ArmResults, measure: str) -> str:
    values = arm.values(measure).values()
    return told(sum(values) / len(values), MEASURES[measure]) if values else NONE


def _to_target(arm: ArmResults) -> str:
    """Runs that never reach it have no figure, so there is no mean of the others, which would be too good."""
    ended = sum(outcome.state == "finished" for outcome in arm.outcomes)
    never = ended - len(arm.values("epochs_to_target"))
    return f"{never} of {ended} never" if never else _mean(arm, "epochs_to_target")


def _values(arm: ArmResults, seeds: Sequence[int], measure: Measure) -> list[tuple[str, str]]:
    """For each seed what it came to, or the state of its run; and the run's id."""
    own = {outcome.seed: outcome for outcome in arm.outcomes}
    return [(_value(own.get(seed), measure), (own[seed].run if seed in own else None) or "") for seed in seeds]


def _value(outcome: Outcome | None, measure: Measure) -> str:
    if outcome is None:
        return NONE
    value = outcome.figures.get(measure.name)
    if value is None:
        return "never" if outcome.state == "finished" else outcome.state
    return told(measure.scale * value, measure)


def _figures(found: StudyFound) -> Iterator[Drawn]:
    results = found.results
    words = MEASURES[results.measure].words
    yield Drawn("Every seed, mean and interval", f"{words}, arm by arm", Markup(figures.dots(results)))
    if len(results.arms) > 1:
        yield Drawn("Differences between arms", "paired by seed, intervals corrected for all comparisons",
                    Markup(figures.differences(results, found.differences)))  # fmt: skip
    if by_epoch := figures.curves(results, found.curves):
        yield Drawn("Curves", "validation accuracy by epoch", Markup(by_epoch))
    if several := figures.combinations(results):
        yield Drawn("What was tried", "each combination and what it came to", Markup(several))
    yield Drawn("Time", "what accuracy costs in training time", Markup(figures.front(results)))
    if len({arm.parameters for arm in results.arms}) > 1:
        yield Drawn("Size", "what accuracy costs in parameters", Markup(figures.front(results, "parameters")))
