"""The arms of a study that searches: those that were tried, and the one to try next once all of them have ended.

What is tried next is chosen by ``search`` from what has been stored, so that a search that was killed goes on as it
would have.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean
from typing import Any

from fittingroom.errors import Fault, InvalidSpec
from fittingroom.measure.study import MEASURES
from fittingroom.queue.search import DRAWN_FIRST, Tried, next_choice
from fittingroom.queue.study_results import PRUNED, results_of
from fittingroom.spec.arm_names import text_of
from fittingroom.spec.arms import Arm, arm_of
from fittingroom.spec.study import Range, StudySpec
from fittingroom.store import Store, StudyRecord

ENDED = {"finished", "failed", PRUNED}
MOST_REPEATS = 20
"""Choices in a row that were tried before; after so many there is taken to be nothing new."""


def searched_arms(spec: StudySpec, known: StudyRecord | None, store: Store) -> tuple[Arm, ...]:
    """Those tried so far, in turn, and what is to be tried next: several at first, later one when all have ended.

    Raises InvalidSpec for what a search cannot do.
    """
    assert spec.search is not None
    _check(spec)
    arms, tried = _so_far(spec, known, store) if known else ([], [])
    if all(each.ended for each in tried):
        wanted = min(spec.search.trials, len(arms) + 1 if arms else DRAWN_FIRST)
        repeats = 0
        while len(arms) < wanted and repeats < MOST_REPEATS:
            choice = next_choice(spec, tried, higher_is_better=MEASURES[spec.measure].better == "higher")
            arm, keys = arm_of(spec, choice), [each.key for each in arms]
            if arm.key in keys:
                tried.append(tried[keys.index(arm.key)])
                repeats += 1
            else:
                arms.append(arm)
                tried.insert(len(arms) - 1, Tried(choice, None, ended=False))
    return tuple(arms)


def _check(spec: StudySpec) -> None:
    assert spec.search is not None
    faults = []
    if spec.arms:
        told = "a search by tpe varies axes only, not arms by hand"
        faults.append(Fault("arms", told, 'make an axis of them, or write method = "random"'))
    if not spec.vary:
        faults.append(Fault("vary", "nothing varies", "add an axis to search along"))
    if faults:
        raise InvalidSpec(faults, title=f'the study "{spec.name}" has faults')


def _so_far(spec: StudySpec, known: StudyRecord, store: Store) -> tuple[list[Arm], list[Tried]]:
    """The arms that still belong to the search, and what each has come to."""
    arms, tried = [], []
    for found in results_of(store, known.id).arms:
        choice = _choice(spec, found.settings)
        if choice is None or (arm := arm_of(spec, choice)).key != found.key:
            continue
        values = list(found.values(spec.measure).values())
        ended = all(outcome.state in ENDED for outcome in found.outcomes)
        whole = ended and len(values) == len(found.outcomes)
        arms.append(arm)
        tried.append(Tried(choice, mean(values) if whole else None, ended))
    return arms, tried


def _choice(spec: StudySpec, settings: Mapping[str, str]) -> dict[str, Any] | None:
    """The values that are told as ``settings``; None where the axes no longer have them."""
    choice = {}
    for path, axis in spec.vary.items():
        text = settings.get(path, "")
        if isinstance(axis, Range):
            value: Any = int(text) if axis.whole else float(text)
        else:
            value = next((each for each in axis if text_of(each) == text), None)
        if value is None:
            return None
        choice[path] = value
    return choice
