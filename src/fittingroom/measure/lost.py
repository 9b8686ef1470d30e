"""Runs that ended without a result: what is left may be a choice of the lucky ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from fittingroom.measure.caution import Caution, keys_of, named
from fittingroom.measure.study import PRUNED, TO_COME, Outcome, StudyResults

SPENT = re.compile(r"budget of .* is spent")
"""In the message of a run that was not begun because the study's time was up."""


def no_result(results: StudyResults) -> Iterator[Caution]:
    """Runs that ended without one, but for those that the search has ended on purpose."""
    kept = TO_COME | {"finished", PRUNED}
    lost = {arm.key: [each for each in arm.outcomes if each.state not in kept] for arm in results.arms}
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
    runs = tuple(outcome.run for outcome in outcomes if outcome.run is not None)
    yield Caution("no result", keys_of(arms), runs, text, " ".join(_advice(outcomes)))


def out_of_time(outcome: Outcome) -> bool:
    """Whether the study's time was spent before it began."""
    return SPENT.search(outcome.message) is not None


def _advice(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What brings a result, for each way to have none."""
    failed = [each for each in outcomes if each.state == "failed"]
    spent = [each for each in outcomes if each not in failed and out_of_time(each)]
    if failed:
        yield (
            "What failed is left alone: mend what its message says, or try it again with `fittingroom runs resume "
            f"{failed[0].run or 'RUN'}`. Where an arm fails every time, that is its result."
        )
    if spent:
        yield "Give the study more time with --budget: what is left of it is trained then."
    if len(failed) + len(spent) < len(outcomes):
        yield "Run the study again: it goes on with what was stopped."
