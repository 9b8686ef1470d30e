"""What may have gone wrong in a study, found in its results by stated rules: pure functions of plain records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from fittingroom.data.copies import Copies
from fittingroom.measure.caution import Caution, Histories, Specs, keys_of, named, runs_of, seeds_of, values_of
from fittingroom.measure.edge import edge_of_range
from fittingroom.measure.lost import no_result
from fittingroom.measure.rising import still_rising
from fittingroom.measure.study import PRUNED, TO_COME, StudyResults
from fittingroom.measure.too_good import too_good, validation_in_training


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
        *edge_of_range(results, known),
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
    """Arms with one result, and no run that may still bring another, or was pruned on purpose."""
    left = TO_COME | {PRUNED}
    arms = [
        arm for arm in results.arms
        if len(values_of(arm, results)) == 1 and not any(outcome.state in left for outcome in arm.outcomes)
    ]  # fmt: skip
    if len(results.arms) < 2 or not arms:
        return
    have = "has one result" if len(arms) == 1 else "have one result each"
    text = (
        f"{_capital(named(arms))} {have}. The same training with another seed gives another figure, and one run "
        "cannot say by how much: no difference can be told from chance."
    )
    wanted = max(3, seeds_of(results))
    fix = f"Train every arm with at least {wanted} seeds."
    yield Caution("single seed", keys_of(arms), runs_of(arms), text, fix)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
