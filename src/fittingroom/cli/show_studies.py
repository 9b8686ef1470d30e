"""How studies look in a terminal, and what they are as JSON."""

from __future__ import annotations

import json
import statistics
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from fittingroom.cli.output import terminal
from fittingroom.cli.show import duration, print_json, say, table, when
from fittingroom.measure.caution import Caution
from fittingroom.measure.judgement import ArmSummary, Judgement
from fittingroom.measure.lost import out_of_time
from fittingroom.measure.study import MEASURES, ArmResults, Measure, Outcome, StudyResults
from fittingroom.measure.told import seconds_decimals
from fittingroom.measure.verdicts import judge
from fittingroom.queue.stored import open_store
from fittingroom.queue.studies import StudySummary, read_study, summary_of
from fittingroom.queue.study_results import epochs_of
from fittingroom.queue.study_time import TimeLeft, time_left
from fittingroom.report.found import cautions_in
from fittingroom.spec.mistakes import many
from fittingroom.spec.run import from_plain
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace

MOST_SEEDS_SHOWN = 5
"""Columns of seeds; the values of more are in the JSON and in the report."""


def studies(found: Sequence[StudySummary], *, as_json: bool) -> None:
    """One line for each study."""
    if as_json:
        print_json([plain_summary(each) for each in found])
        return
    if not found:
        say("No studies yet. See those that are shipped with: fittingroom study presets")
        return
    rows = table("study", "state", "runs", "arms", "seeds", "measure", "created", right=("runs", "arms", "seeds"))
    for each in found:
        state = each.state + (f", {each.states['failed']} failed" if each.states.get("failed") else "")
        runs = f"{each.finished} of {each.runs}"
        measure = MEASURES[each.measure].words if each.measure else "–"
        state = f"{state}, cannot be read" if each.problem else state
        rows.add_row(each.id, state, runs, str(each.arms), str(each.seeds), measure, when(each.created))
    say(rows)
    for each in found:
        if each.problem:
            say("", *(escape(line) for line in f"{each.id} cannot be read: {each.problem}".splitlines()))


def presets(texts: Mapping[str, str], *, as_json: bool) -> None:
    """The shipped studies with their questions."""
    plain = {name: tomllib.loads(text) for name, text in texts.items()}
    if as_json:
        print_json([{"name": name, "question": each.get("question", "")} for name, each in plain.items()])
        return
    rows = table("study", "asks")
    for name, each in plain.items():
        rows.add_row(name, escape(each.get("question", "")))
    say(rows, "", "Run one with: fittingroom study run NAME --small")


def study(name: str, workspace: Workspace, *, as_json: bool) -> None:
    """What a study has found by now: arms and seeds, and what they show."""
    results = read_study(name, workspace)
    with open_store(workspace) as store:
        summary, left = summary_of(store, results.study), time_left(store, results.study)
        found = cautions_in(store, results)
    if as_json:
        print_json(plain_study(results, summary, left, found))
        return
    judged = judge(results)
    say(f"[bold]{escape(results.study)}[/bold]  {escape(results.name)}")
    if results.question:
        say(escape(results.question))
    say("", _table(results, judged), "", *_told(results, summary, left))
    if judged.headline:
        say("", f"[bold]{escape(judged.headline)}[/bold]", *map(escape, judged.sentences))
        say("", *(f"[dim]{escape(each)}[/dim]" for each in judged.scope))
    if found:
        say("", *(f"[yellow]warning:[/yellow] {escape(each.text)} {escape(each.advice)}" for each in found))


def plain_study(
    results: StudyResults, summary: StudySummary, left: TimeLeft | None, found: Sequence[Caution]
) -> dict[str, Any]:
    """A study as JSON. Accuracies of runs are shares; mean, sd and interval of an arm are in ``unit``."""
    judged = judge(results)
    return {
        **{
            key: getattr(results, key) for key in ("study", "name", "question", "measure", "margin", "target", "images")
        },
        "unit": judged.measure.unit,
        "state": summary.state,
        "states": dict(summary.states),
        "axes": results.axes,
        "beyond": results.beyond,
        "control": results.control,
        "seconds_left": left and left.seconds,
        "arms": [_plain_arm(arm, judged.arm(arm.key)) for arm in results.arms],
        "headline": judged.headline,
        "verdicts": judged.sentences,
        "scope": judged.scope,
        "comparisons": judged.to_json()["comparisons"],
        "warnings": [asdict(each) for each in found],
    }


def plain_summary(summary: StudySummary) -> dict[str, Any]:
    """A line of the list as JSON."""
    return {
        "study": summary.id,
        **{key: getattr(summary, key) for key in ("name", "question", "state", "arms", "seeds", "measure", "runs")},
        "states": dict(summary.states),
        "epochs_done": summary.epochs_done,
        "epochs": summary.epochs,
        "created": summary.created.isoformat(),
        "problem": summary.problem,
    }


def epochs_of_run(run: RunDetails) -> int | None:
    """That a run trains at most; None with a time budget."""
    return epochs_of(from_plain(json.loads(run.spec)))


def figure(value: float, measure: Measure) -> str:
    """A figure in the unit in which it is told: ``87.61 %``, ``0.3412``, ``0:42``, ``9.3``."""
    if measure.unit == "s":
        return seconds(value)
    return f"{spread(value, measure)} %" if measure.unit == "points" else spread(value, measure)


def spread(value: float, measure: Measure) -> str:
    """A number in that unit, without it: ``0.12``."""
    digits = seconds_decimals(value) if measure.unit == "s" else {"points": 2, "epochs": 1}.get(measure.unit, 4)
    return f"{value:.{digits}f}"


def seconds(value: float) -> str:
    """``0:42``; with more digits below a second: ``0.0023 s``."""
    return duration(value) if value >= 1 or not value else f"{value:.{seconds_decimals(value)}f} s"


def _table(results: StudyResults, judged: Judgement) -> Table:
    measure = judged.measure
    seeds = sorted({outcome.seed for arm in results.arms for outcome in arm.outcomes})
    shown = seeds if len(seeds) <= MOST_SEEDS_SHOWN and terminal().width >= 90 + 10 * len(seeds) else []
    columns = [f"seed {seed}" for seed in shown]
    figures = ("n", "mean", "sd", "95 % interval", "parameters", "time")
    rows = table("arm", *columns, *figures, right=(*columns, *figures))
    for arm in results.arms:
        own, found = {outcome.seed: outcome for outcome in arm.outcomes}, judged.arm(arm.key)
        cells = [_cell(own.get(seed), measure) for seed in shown]
        mean = "–" if found.mean is None else figure(found.mean, measure)
        sd = "–" if found.sd is None else spread(found.sd, measure)
        interval = "–" if found.interval is None else " to ".join(spread(end, measure) for end in found.interval)
        times = list(arm.values("train_seconds").values())
        time = seconds(statistics.mean(times)) if times else "–"
        rows.add_row(escape(arm.name), *cells, str(found.n), mean, sd, interval, f"{arm.parameters:,}", time)
    return rows


def _cell(outcome: Outcome | None, measure: Measure) -> str:
    """A value, or the state of a run that has none."""
    if outcome is None:
        return "–"
    value = outcome.figures.get(measure.name)
    if value is None:
        return "never" if outcome.state == "finished" else outcome.state
    return figure(value * measure.scale, measure)


def _told(results: StudyResults, summary: StudySummary, left: TimeLeft | None) -> list[str]:
    measure = MEASURES[results.measure]
    on_images = measure.name in ("validation_accuracy", "validation_loss")
    of = f"of the best epoch, on {results.images:,} validation images" if on_images else "of each run"
    unit = f" ({measure.unit})" if measure.unit else ""
    lines = [
        f"{measure.words.capitalize()} {of}; mean, standard deviation (sd) "
        f"and 95 % interval of the mean over n seeds{unit}; time: mean of a run."
    ]
    if summary.finished < summary.runs:
        states = ", ".join(f"{count} {state}" for state, count in sorted(summary.states.items()))
        lines.append(f"{many(summary.runs, 'run')}: {states}.")
    if summary.states.get("stopped") or summary.states.get("paused") or summary.states.get("missing"):
        lines.append(go_on(results))
    if left and summary.state in ("running", "queued"):
        lines.append(f"About {duration(left.seconds)} left{' at most' if left.at_most else ''}: from {left.rests_on}.")
    if results.beyond:
        lines.append(f"The arms differ also in {', '.join(results.beyond)}: a difference may come from there.")
    return [escape(line) for line in lines]


def go_on(results: StudyResults) -> str:
    """How what was stopped is trained after all."""
    if any(out_of_time(outcome) for arm in results.arms for outcome in arm.outcomes):
        return "The study's time is spent. Give it more and go on with: fittingroom study run FILE --budget TIME"
    return "Go on with the same: fittingroom study run FILE"


def _plain_arm(arm: ArmResults, found: ArmSummary) -> dict[str, Any]:
    return {
        "arm": arm.key,
        "name": arm.name,
        "settings": dict(arm.settings),
        "parameters": arm.parameters,
        "runs": [
            {
                "run": outcome.run,
                "seed": outcome.seed,
                "state": outcome.state,
                "message": outcome.message,
                **outcome.figures,
            }
            for outcome in arm.outcomes
        ],
        **{key: getattr(found, key) for key in ("n", "mean", "sd", "interval")},
    }
