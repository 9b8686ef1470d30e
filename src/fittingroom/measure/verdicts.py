"""``judge``: what the results of a study show, and what they do not."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fittingroom.errors import InvalidInput
from fittingroom.measure.evaluate import Interval, wilson
from fittingroom.measure.headline import headline
from fittingroom.measure.judgement import ArmSummary, Comparison, Judgement, SeedValue
from fittingroom.measure.multiplicity import Adjusted, adjust, holm, optimism
from fittingroom.measure.planning import seeds_needed
from fittingroom.measure.scope import scope
from fittingroom.measure.sentences import compared, sentences
from fittingroom.measure.stats import (
    ALPHA,
    Equivalence,
    Sample,
    beats_independent,
    beats_paired,
    equivalence,
    paired,
    sample,
    sign_flip,
    wilcoxon,
)
from fittingroom.measure.study import MEASURES, TO_COME, ArmResults, Measure, StudyResults

MOST_FOR_ALL_PAIRS = 6
"""Arms up to which every pair is told."""
TO_TARGET = frozenset({"epochs_to_target", "seconds_to_target"})
"""Measures that a finished run has none of where it never got that far."""

LARGEST = 1e100
"""What is larger is no figure, like infinity: squares of it are none either."""


def judge(results: StudyResults, measure: str | None = None) -> Judgement:
    """Summaries, paired comparisons and verdicts by the study's own measure, or by another one of ``MEASURES``.

    All pairs of arms count for Holm's procedure, also where only those with the best are told: the best was chosen by
    looking. With a control, which was named before, only the pairs with it are compared, and count. The study's margin
    belongs to its own measure; others have theirs. Raises InvalidInput for an unknown one.
    """
    name = results.measure if measure is None else measure
    if name not in MEASURES:
        raise InvalidInput(f'there is no measure "{name}" to compare arms by; choose one of {", ".join(MEASURES)}')
    chosen = MEASURES[name]
    margin = results.margin if name == results.measure else chosen.margin
    margin = margin if 0 < margin < LARGEST else 0.0
    arms = tuple(_summary(arm, chosen, results.images) for arm in results.arms)
    control = results.control
    pairs = [
        _Pair.of(a, b, chosen) for a, b in itertools.combinations(arms, 2) if control in (None, a.key, b.key)
    ]  # fmt: skip
    tested = [pair for pair in pairs if pair.sample is not None and pair.sample.n > 1]
    best = _best(arms, chosen)
    told = [pair for pair in pairs if control or len(arms) <= MOST_FOR_ALL_PAIRS or best in pair.keys]
    tests = _test(tested, margin)
    comparisons = tuple(_comparison(pair, chosen, margin, len(tested), tests.get(pair.keys)) for pair in told)
    judged = Judgement(
        study=results.study,
        measure=chosen,
        margin=margin,
        arms=arms,
        comparisons=comparisons,
        family=len(tested),
        best=best,
        winner=_winner(arms, comparisons, best),
        control=control,
        optimism=_optimism(arms),
        provisional=any(state in TO_COME for arm in arms for _, state in arm.unfinished),
    )
    judged = replace(
        judged, comparisons=tuple(replace(each, text=compared(each, judged)) for each in judged.comparisons)
    )
    return replace(
        judged,
        headline=headline(judged),
        sentences=sentences(judged),
        scope=scope(judged, results.images, results.divisions, searched=results.searched),
    )


def _summary(arm: ArmResults, measure: Measure, images: int) -> ArmSummary:
    found = {outcome.seed: outcome.figures.get(measure.name) for outcome in arm.outcomes}
    values = {
        seed: value * measure.scale for seed, value in found.items() if value is not None and abs(value) < LARGEST
    }
    ended = {outcome.seed for outcome in arm.outcomes if outcome.state == "finished"}
    never = tuple(sorted(seed for seed in ended if measure.name in TO_TARGET and found[seed] is None))
    mean = sample(list(values.values())) if values and not never else None
    return ArmSummary(
        key=arm.key,
        name=arm.name,
        parameters=arm.parameters,
        values=tuple(SeedValue(seed, values[seed]) for seed in sorted(values)),
        mean=mean.mean if mean else None,
        sd=mean.sd if mean else None,
        interval=_possible(mean.interval, measure) if mean and mean.interval else None,
        over_images=_over_images(mean.mean, measure, images) if mean else None,
        never=never,
        unfinished=tuple(
            (outcome.seed, "finished without a figure" if outcome.state == "finished" else outcome.state)
            for outcome in sorted(arm.outcomes, key=lambda outcome: outcome.seed)
            if outcome.seed not in values and outcome.seed not in never
        ),
    )


def _possible(interval: Interval, measure: Measure) -> Interval:
    """No measure is below 0, and no share above 1."""
    most = measure.scale if measure.on_images else math.inf
    return Interval(max(0.0, interval.low), min(most, interval.high))


def _over_images(mean: float, measure: Measure, images: int) -> Interval | None:
    if not measure.on_images or images < 1:
        return None
    low, high = wilson(min(1.0, max(0.0, mean / measure.scale)), images)
    return Interval(low * measure.scale, high * measure.scale)


def _better(measure: Measure) -> int:
    """What to multiply a value with so that higher is better."""
    return 1 if measure.better == "higher" else -1


def _best(arms: Sequence[ArmSummary], measure: Measure) -> str | None:
    means = {arm.key: _better(measure) * arm.mean for arm in arms if arm.mean is not None}
    return max(means, key=means.__getitem__) if means else None


@dataclass(frozen=True)
class _Pair:
    """Two arms, the better first, and their paired differences; no differences where a run never reached the target."""

    a: ArmSummary
    b: ArmSummary
    seeds: tuple[int, ...]
    differences: tuple[float, ...]
    sample: Sample | None

    @property
    def keys(self) -> tuple[str, str]:
        return self.a.key, self.b.key

    @classmethod
    def of(cls, a: ArmSummary, b: ArmSummary, measure: Measure) -> _Pair:
        values_a, values_b = dict(a.values), dict(b.values)
        seeds = tuple(sorted(values_a.keys() & values_b.keys()))
        if not seeds or a.never or b.never:
            return cls(a, b, seeds, (), None)
        found = paired([values_a[seed] for seed in seeds], [values_b[seed] for seed in seeds])
        if _better(measure) * found.mean < 0:
            return cls.of(b, a, measure)
        return cls(a, b, seeds, tuple(values_a[seed] - values_b[seed] for seed in seeds), found)


@dataclass(frozen=True)
class _Tests:
    """What the corrections over all comparisons leave of one."""

    adjusted: Adjusted
    equivalence: Equivalence | None
    equal: bool


def _test(pairs: Sequence[_Pair], margin: float) -> dict[tuple[str, str], _Tests]:
    samples = [pair.sample for pair in pairs if pair.sample is not None]
    equalities = [equivalence(sample, margin) if margin else None for sample in samples]
    equal_p = holm([1.0 if equality is None else equality.p for equality in equalities])
    return {
        pair.keys: _Tests(adjusted, equality, equality is not None and bool(p <= ALPHA))
        for pair, adjusted, equality, p in zip(pairs, adjust(samples), equalities, equal_p, strict=True)
    }


def _comparison(pair: _Pair, measure: Measure, margin: float, family: int, tests: _Tests | None) -> Comparison:
    found = pair.sample
    adjusted = tests.adjusted if tests else Adjusted(None, None, False)
    a, b = (_scores(arm, measure) for arm in (pair.a, pair.b))
    shared = sorted(a.keys() & b.keys())
    return Comparison(
        *pair.keys,
        seeds=pair.seeds,
        difference=found.mean if found else None,
        sd=found.sd if found else None,
        interval=found.interval if found else None,
        p=found.p if found else None,
        adjusted_interval=adjusted.interval,
        adjusted_p=adjusted.p,
        differs=adjusted.differs,
        sign_flip=sign_flip(pair.differences),
        wilcoxon=wilcoxon(pair.differences),
        beats=beats_paired([a[seed] for seed in shared], [b[seed] for seed in shared]) if shared else None,
        beats_any=beats_independent(list(a.values()), list(b.values())) if a and b else None,
        equivalence=tests.equivalence if tests else None,
        equal=tests is not None and tests.equal,
        seeds_needed=seeds_needed(found.sd, found.n, margin, ALPHA / family) if found and found.sd and margin else None,
    )


def _scores(arm: ArmSummary, measure: Measure) -> dict[int, float]:
    """Its values by seed, higher being better; a run that never reached the target is below all that did."""
    scores = {seed: _better(measure) * value for seed, value in arm.values}
    return scores | dict.fromkeys(arm.never, -math.inf)


def _winner(arms: Sequence[ArmSummary], comparisons: Sequence[Comparison], best: str | None) -> str | None:
    """The best arm, if it is shown to be better than every other that has been run twice; else None."""
    beaten = {comparison.b for comparison in comparisons if comparison.a == best and comparison.differs}
    others = {arm.key for arm in arms if arm.key != best and arm.mean is not None}
    return best if others and others <= beaten else None


def _optimism(arms: Sequence[ArmSummary]) -> float | None:
    """Over the seeds that all arms with a mean have."""
    values = [dict(arm.values) for arm in arms if arm.mean is not None]
    shared = sorted(set.intersection(*(set(each) for each in values))) if values else []
    return optimism([[each[seed] for seed in shared] for each in values]) if shared else None
