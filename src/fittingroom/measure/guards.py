"""What may have gone wrong in a study, found in its results by stated rules: pure functions of plain records."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from fittingroom.data.copies import Copies
from fittingroom.measure.caution import Caution, Histories, keys_of, named, runs_of, seeds_of
from fittingroom.measure.rising import still_rising
from fittingroom.measure.study import MEASURES, ArmResults, StudyResults
from fittingroom.measure.too_good import too_good, validation_in_training
from fittingroom.spec.run import RunSpec

TO_COME = frozenset({"queued", "running", "paused", "interrupted", "missing"})
"""States of runs that may still bring a result."""
FEWEST_TRIED = 3
"""Learning rates below which every one of them is at an edge."""
Specs = Mapping[str, RunSpec]
"""By arm."""


def cautions(
    results: StudyResults,
    histories: Histories | None = None,
    specs: Specs | None = None,
    *,
    tested: Collection[str] = (),
    copied: Mapping[str, Copies] | None = None,
) -> tuple[Caution, ...]:
    """Everything that is worth a warning, the gravest first; nothing where all is well.

    ``histories`` are the epochs of the runs, ``specs`` those of the arms, ``tested`` the ids of runs whose score on
    the sealed test set was looked at, ``copied`` for an arm how many of its validation images were trained on, where
    they were compared. What is left out is not looked at.
    """
    known, seen = specs or {}, histories or {}
    return (
        *validation_in_training(results, copied or {}),
        *too_good(results, known, seen),
        *chosen_on_test(results, tested),
        *differs_in_more(results),
        *single_seed(results),
        *edge_of_range(results),
        *still_rising(results, seen),
        *no_result(results),
    )


def chosen_on_test(results: StudyResults, tested: Collection[str]) -> Iterator[Caution]:
    """Runs of several arms were scored on the test set."""
    arms = [arm for arm in results.arms if any(outcome.run in tested for outcome in arm.outcomes)]
    if len(arms) < 2:
        return
    runs = tuple(run for run in runs_of(arms) if run in tested)
    text = (
        f"The sealed test set was opened for runs of {len(arms)} arms ({named(arms)}). Whoever chooses between them by "
        "these scores has chosen on the test set, and the score of the winner is too good for new images."
    )
    fix = "Choose by validation, and report the test score of the arm that validation chose, opened once."
    yield Caution("test set used for choice", keys_of(arms), runs, text, fix)


def differs_in_more(results: StudyResults) -> Iterator[Caution]:
    """Arms differ in settings that the study does not vary on purpose."""
    if not results.beyond:
        return
    more = f" and {len(results.beyond) - 6} more" if len(results.beyond) > 6 else ""
    text = (
        f"The arms differ in more than what the study varies: {', '.join(results.beyond[:6])}{more}. A difference "
        "between arms may come from there."
    )
    fix = "Make these settings the same in all arms, or say under about that they are meant."
    yield Caution("differs in more", keys_of(results.arms), (), text, fix)


def single_seed(results: StudyResults) -> Iterator[Caution]:
    """Arms with one result, and no run that may still bring another."""
    arms = [
        arm for arm in results.arms
        if len(_values(arm, results)) == 1 and not any(outcome.state in TO_COME for outcome in arm.outcomes)
    ]  # fmt: skip
    if len(results.arms) < 2 or not arms:
        return
    text = (
        f"{_capital(named(arms))} {'has' if len(arms) == 1 else 'have'} one result each. The same training with "
        "another seed gives another figure, and one run cannot say by how much: no difference can be told from chance."
    )
    wanted = max(3, seeds_of(results))
    fix = f"Train every arm with at least {wanted} seeds."
    yield Caution("single seed", keys_of(arms), runs_of(arms), text, fix)


def edge_of_range(results: StudyResults) -> Iterator[Caution]:
    """The best arm has the smallest or the largest learning rate of those that brought it that far."""
    measure = MEASURES[results.measure]
    sign = -1 if measure.better == "higher" else 1
    scored = [(sign * sum(found) / len(found), arm) for arm in results.arms if (found := _values(arm, results))]
    if not scored:
        return
    best = min(scored, key=lambda each: each[0])[1]
    for path in (path for path in best.settings if path.rpartition(".")[2] == "learning_rate"):
        tried = {rate for arm in results.arms if (rate := _number(arm.settings.get(path))) is not None}
        rate = _number(best.settings[path])
        if rate is None or len(tried) < FEWEST_TRIED or rate not in (min(tried), max(tried)):
            continue
        edge, beyond = ("smallest", rate / 3) if rate == min(tried) else ("largest", rate * 3)
        text = (
            f"The best arm, {best.name}, has the {edge} learning rate that was tried ({rate:g} of {min(tried):g} to "
            f"{max(tried):g}). A better one may lie beyond, and arms that need another rate are at a disadvantage."
        )
        fix = f"Add values beyond the edge, such as {beyond:.1g}, until the best lies inside the range."
        yield Caution("edge of the range", (best.key,), runs_of([best]), text, fix)


def no_result(results: StudyResults) -> Iterator[Caution]:
    """Runs that ended without a result: what is left may be a choice of the lucky ones."""
    lost = {
        arm.key: [each for each in arm.outcomes if each.state not in TO_COME and each.state != "finished"]
        for arm in results.arms
    }
    arms = [arm for arm in results.arms if lost[arm.key]]
    if not arms:
        return
    outcomes = [outcome for arm in arms for outcome in lost[arm.key]]
    total = sum(len(arm.outcomes) for arm in results.arms)
    states = ", ".join(f"{count} {state}" for state, count in Counter(each.state for each in outcomes).most_common())
    reasons = list(dict.fromkeys(each.message.strip() for each in outcomes if each.message.strip()))
    why = f" The first says: {reasons[0][:200].rstrip('.')}." if reasons else ""
    text = (
        f"{len(outcomes)} of {total} runs have no result ({states}), in {named(arms)}.{why} Means and comparisons rest "
        "on the others, which may be the lucky ones."
    )
    fix = "Run the study again: it trains what is missing. Where an arm fails every time, that is its result."
    runs = tuple(outcome.run for outcome in outcomes if outcome.run is not None)
    yield Caution("no result", keys_of(arms), runs, text, fix)


def _values(arm: ArmResults, results: StudyResults) -> list[float]:
    return [value for value in arm.values(results.measure).values() if math.isfinite(value)]


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
