"""What has happened to a run, in words and in order: from its making through every attempt at it to its end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fittingroom.measure.patience import Best
from fittingroom.queue.together import Comparison
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import RunSpec
from fittingroom.store import AttemptRecord, Request, RunDetails
from fittingroom.web import figures

MOST_IMPROVEMENTS = 12
"""Of each attempt; of more, the last ones are told."""
TAIL_BYTES = 200_000
MOST_LINES = 40


@dataclass(frozen=True)
class Entry:
    """Something that happened."""

    text: str
    time: datetime | None = None
    """By the clock, where it was written down."""
    spent: float | None = None
    """Seconds of training until then."""


def story(run: RunDetails, spec: RunSpec, trained_by: Mapping[int, int], asked: Request | None) -> list[Entry]:
    """Everything that is remembered of what happened to it; ``trained_by``: the attempt at each epoch."""
    found = [Entry(origin_text(run), run.created)]
    comparison = Comparison.of(run.lineage)
    if comparison is not None and (shares := str(comparison)):
        found.append(Entry(f"Shares the cores with the others of its comparison. {shares}"))
    if run.queued is not None and run.queued > run.created:
        found.append(Entry("Put into the queue.", run.queued))
    improved = improvements(run.epochs, spec)
    for attempt in run.attempts:
        found.append(Entry(attempt_text(attempt), attempt.started))
        own = [entry for epoch, entry in improved if trained_by.get(epoch) == attempt.number]
        if len(own) > MOST_IMPROVEMENTS:
            found.append(Entry(f"{len(own) - MOST_IMPROVEMENTS} earlier improvements."))
        found += own[-MOST_IMPROVEMENTS:]
        if attempt.number < run.attempt:
            found.append(
                Entry(f"Attempt {attempt.number} ended.", attempt.ended)
                if attempt.ended
                else Entry(f"Attempt {attempt.number} was lost: its process ended without a word.")
            )
    if asked is not None:
        found.append(Entry(f"It has been asked to {asked}."))
    if run.state not in {"queued", "running"} or run.message:
        ended = run.attempts[-1].ended if run.attempts else None
        found.append(Entry(f"{run.state.capitalize()}. {run.message or ''}".strip(), ended))
    return sorted_by_time(found)


def sorted_by_time(entries: list[Entry]) -> list[Entry]:
    """By the clock; what has none stays behind what it followed."""
    keys, last = [], entries[0].time
    for entry in entries:
        last = entry.time or last
        keys.append(last)
    order = sorted(range(len(entries)), key=lambda index: (keys[index] is None, keys[index], index))
    return [entries[index] for index in order]


def origin_text(run: RunDetails) -> str:
    """How it came to be."""
    kind, source = run.lineage.get("kind", "new"), run.lineage.get("from")
    if source is None:
        return "Created."
    epoch = run.lineage.get("epoch")
    after = f", after epoch {epoch}" if epoch is not None else ""
    return f"Created as a {kind} of {source}{after}."


def attempt_text(attempt: AttemptRecord) -> str:
    plan, owner = attempt.plan, attempt.owner
    threads, how = plan.get("threads"), []
    if "precision" in plan:
        how.append(str(plan["precision"]))
    if isinstance(threads, int):
        how.append(f"{threads} thread{'s' * (threads != 1)}")
    return f"Attempt {attempt.number} began: {', '.join([f'process {owner.pid} on {owner.host}', *how])}."


def plan_reason(plan: Mapping[str, Any] | None) -> str:
    """Why a plan was chosen, with what a trial measured; plans from archives may hold anything."""
    why, trial = (plan or {}).get("why"), (plan or {}).get("trial")
    if not isinstance(why, str) or not why:
        return ""
    tried = []
    for each in trial if isinstance(trial, list | tuple) else ():
        took = each.get("milliseconds") if isinstance(each, dict) else None
        if isinstance(took, int | float):
            tried.append(f"{each.get('precision')} {each.get('way')} {took:.1f} ms")
        elif isinstance(each, dict):
            tried.append(f"{each.get('precision')} {each.get('way')} {each.get('remark')}")
    return f"Why this way: {why}" + (f". A step took: {', '.join(tried)}." if tried else ".")


def improvements(epochs: tuple[EpochMetrics, ...], spec: RunSpec) -> list[tuple[int, Entry]]:
    """The epochs whose weights were the best so far, by what decides that in each phase."""
    trains = {phase.name: phase.train for phase in spec.phases}
    found, spent, phase, best = [], 0.0, object(), Best(spec.train.best_by)
    for epoch in epochs:
        spent += epoch.seconds
        if epoch.phase != phase:
            phase = epoch.phase
            best = Best(trains.get(epoch.phase or "", spec.train).best_by)
        if best.improved(epoch):
            where = f'Phase "{epoch.phase}", epoch' if epoch.phase else "Epoch"
            text = f"{where} {epoch.epoch}: best so far, validation loss {figures.loss(epoch.validation_loss)}"
            text += f", accuracy {figures.percent(epoch.validation_accuracy)}."
            found.append((epoch.epoch, Entry(text, spent=spent)))
    return found


def worker_lines(run: str, log: Path) -> list[str]:
    """What workers have said of a run, newest last; nothing where there is no log. Reads a file."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    told: list[str] = []
    ours = False
    for line in text.splitlines():
        spoken_of = re.match(r"([\w-]+): ", line)  # a line without a name goes on from the one before
        ours = spoken_of[1] == run if spoken_of else ours
        told += [line] * ours
    return told[-MOST_LINES:]
