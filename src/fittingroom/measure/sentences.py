"""What a judgement says, in sentences that hold: with n, intervals and what they were corrected for."""

from __future__ import annotations

from collections.abc import Iterator

from fittingroom.measure.judgement import ArmSummary, Comparison, Judgement
from fittingroom.measure.study import PRUNED, TO_COME
from fittingroom.measure.told import (
    amount,
    counted,
    decimals,
    digits,
    listed,
    probability,
    span,
)


def compared(comparison: Comparison, judged: Judgement) -> str:
    """The verdict on two arms."""
    a, b = judged.arm(comparison.a), judged.arm(comparison.b)
    if _of_never(comparison, judged):
        return _never(a, b, comparison)
    if comparison.difference is None:
        return f"{a.name} and {b.name} have no seed with a result in both: nothing can be said."
    if comparison.n == 1:
        difference = amount(comparison.difference, judged.measure, 2)
        return (
            f"{a.name} and {b.name} have one seed in common (difference {difference}): nothing can be said, another "
            "seed may turn it around."
        )
    if comparison.interval is None:
        return _without_spread(a, b, comparison, judged)
    if comparison.differs:
        return _differ(a, b, comparison, judged)
    if not comparison.open and comparison.equivalence is not None:
        equivalence = comparison.equivalence
        places = digits(judged.measure, equivalence.interval)
        return (
            f"{a.name} and {b.name} are equal within {judged.margin_words} with {counted(comparison.n, 'seed')} "
            f"(difference {amount(comparison.difference, judged.measure, places)}, 90 % interval "
            f"{span(equivalence.interval, places)})."
        )
    return _cannot_tell(a, b, comparison, judged)


def _differ(a: ArmSummary, b: ArmSummary, comparison: Comparison, judged: Judgement) -> str:
    assert comparison.difference is not None
    assert comparison.interval is not None
    assert comparison.adjusted_interval is not None
    assert comparison.adjusted_p is not None
    places = digits(judged.measure, comparison.interval, comparison.adjusted_interval)
    adjusted = ""
    if judged.family > 1:
        adjusted = f"; adjusted for {judged.family:,} comparisons {span(comparison.adjusted_interval, places)}"
    said = (
        f"{a.name} has a {judged.measure.better} {judged.measure.words} than {b.name} with "
        f"{counted(comparison.n, 'seed')} (difference {amount(comparison.difference, judged.measure, places)}, "
        f"95 % interval {span(comparison.interval, places)}{adjusted}; {probability(comparison.adjusted_p)})"
    )
    if comparison.equal:
        return f"{said}, but by less than {judged.margin_words}, which is what would matter."
    return said + "."


def _cannot_tell(a: ArmSummary, b: ArmSummary, comparison: Comparison, judged: Judgement) -> str:
    assert comparison.difference is not None
    assert comparison.interval is not None
    alone = comparison.interval.low > 0 or comparison.interval.high < 0
    places = digits(judged.measure, comparison.interval, comparison.adjusted_interval if alone else None)
    told = span(comparison.interval, places)
    if alone and comparison.adjusted_interval is not None:
        told += f"; that is for this comparison alone, adjusted for all {judged.family:,} it is "
        told += span(comparison.adjusted_interval, places)
    return (
        f"{a.name} and {b.name} cannot be told apart with {counted(comparison.n, 'seed')} "
        f"(difference {amount(comparison.difference, judged.measure, places)}, 95 % interval {told})"
        f"{_needed(comparison, judged)}."
    )


def _needed(comparison: Comparison, judged: Judgement) -> str:
    seeds = comparison.seeds_needed
    if seeds is None:
        return ""
    if seeds.high is not None and seeds.high <= comparison.n:
        return f"; so many seeds would in 4 of 5 studies have found a difference of {judged.margin_words}"
    return f"; to settle a difference of {judged.margin_words} takes {seeds} seeds"


def _without_spread(a: ArmSummary, b: ArmSummary, comparison: Comparison, judged: Judgement) -> str:
    assert comparison.difference is not None
    seeds = f"all {counted(comparison.n, 'seed')}" if comparison.n > 2 else "both seeds"
    if comparison.p is not None:
        return f"{a.name} and {b.name} came to the same {judged.measure.words} with {seeds}."
    return (
        f"{a.name} and {b.name} differ by the same {amount(comparison.difference, judged.measure, 2)} with {seeds}: "
        "how much that varies was not seen, so there is no interval and no verdict; more seeds will show it."
    )


def _never(a: ArmSummary, b: ArmSummary, comparison: Comparison) -> str:
    runs_a, runs_b = a.n + len(a.never), b.n + len(b.never)
    said = (
        f"{a.name} reached the target in {a.n} of {counted(runs_a, 'run')}, {b.name} in {b.n} of {runs_b:,}: "
        "runs that never did have no figure to take a mean of"
    )
    beats = comparison.beats
    if beats is None:
        return f"{said}."
    ties = f", {beats.ties} undecided" if beats.ties else ""
    return f"{said}; with the same seed, {a.name} was ahead in {beats.wins} of {counted(beats.n, 'seed')}{ties}."


def _compared(judged: Judgement) -> Iterator[str]:
    """The verdict on each pair, what is decided first, and one sentence for all of those of which there is none."""
    apart = [each for each in judged.comparisons if each.difference is None and not _of_never(each, judged)]
    together = len(apart) > 1
    said = [each for each in judged.comparisons if not (together and each in apart)]
    yield from (each.text for each in sorted(said, key=lambda each: not each.differs))
    if together:
        names = [judged.arm(key).name for key in dict.fromkeys(key for each in apart for key in (each.a, each.b))]
        yield (
            f"Of {len(apart):,} pairs among {listed(names, 4)} nothing can be said: they have no seed with a result in "
            "both."
        )


def _of_never(comparison: Comparison, judged: Judgement) -> bool:
    return any(judged.arm(key).never for key in (comparison.a, comparison.b))


def sentences(judged: Judgement) -> tuple[str, ...]:
    """All verdicts, then what chance alone would do, and what has no result."""
    said = [*_compared(judged)]
    if judged.optimism is not None and len(judged.arms) > 2:
        arms = sum(arm.mean is not None for arm in judged.arms)
        shift = amount(judged.optimism, judged.measure, decimals(judged.optimism, judged.measure))
        direction = "more" if judged.measure.better == "higher" else "less"
        said.append(
            f"The best of {arms} arms looks good by being the best: if all {arms} were equal, it would by chance alone "
            f"have {shift} {direction} than their average."
        )
    for arm in judged.arms:
        if arm.never:
            runs = arm.n + len(arm.never)
            never = f"{len(arm.never)} of {counted(runs, 'run')}"
            said.append(f"{arm.name}: {never} never reached the target, so there is no mean over its runs.")
    gone = [
        (arm, seed, state) for arm in judged.arms for seed, state in arm.unfinished if state not in TO_COME | {PRUNED}
    ]
    without = [f"{arm.name} seed {seed} ({state})" for arm, seed, state in gone]
    if without:
        said.append(
            f"Without a result: {listed(without, 8)}. Only seeds that both arms have are compared; an arm whose worse "
            "runs failed looks better than it is."
        )
    return tuple(said)
