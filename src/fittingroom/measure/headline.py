"""The one sentence to remember of a study."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fittingroom.measure.judgement import ArmSummary, Comparison, Judgement
from fittingroom.measure.told import counted, digits, level, listed


def headline(judged: Judgement) -> str:
    """The one sentence to remember."""
    words = judged.measure.words
    still = " so far" if judged.provisional else ""
    with_mean = [arm for arm in judged.arms if arm.mean is not None]
    if judged.best is None:
        return f"No arm has a mean {words} to compare{still}."
    if len(with_mean) == 1:
        return f"{with_mean[0].name} alone has a mean {words}{still}: there is nothing to compare it with."
    if judged.control is not None and judged.arm(judged.control).mean is None:
        name = judged.arm(judged.control).name
        return f"{name} has no mean {words}{still}: there is nothing to compare the other arms with."
    if judged.family == 0 and any(arm.n > 1 for arm in with_mean):
        return f"No two arms have two seeds in common{still}: nothing can be said about their {words}."
    if judged.family == 0:
        return (
            f"With one seed for each arm nothing can be said about their {words}{still}: another seed alone may turn "
            "the order around."
        )
    if judged.control is not None and len(judged.arms) > 2:
        return _against_control(judged, still)
    best = judged.arm(judged.best)
    among = f"the {len(with_mean)} arms" if len(with_mean) > 2 else "the two arms"
    if len(with_mean) < len(judged.arms):
        among += f" that can be compared (of {len(judged.arms)})"
    if judged.winner is not None:
        corrected = f", corrected for {judged.family:,} comparisons" if judged.family > 1 else ""
        slight = _slight(judged, [each for each in judged.comparisons if each.a == best.key and each.differs])
        shown = f"its {words} is shown to be {_than_all(judged)}"
        return f"{best.name} is the best of {among}{still}: {shown}{corrected}{slight}."
    beaten = {comparison.b for comparison in judged.comparisons if comparison.a == best.key and comparison.differs}
    first = [arm.name for arm in with_mean if _same(arm, best)]
    if len(first) > 1:
        return (
            f"No arm is shown to be the best of {among}{still}: {listed(first)} share the {_most(judged)} mean {words} "
            f"({_level(best, judged)})."
        )
    open_ = [arm.name for arm in with_mean if arm.key != best.key and arm.key not in beaten]
    return (
        f"No arm is shown to be the best of {among}{still}: {best.name} has the {_most(judged)} mean {words} "
        f"({_level(best, judged)}), but is not shown to be better than {listed(open_)}."
    )


def _against_control(judged: Judgement, still: str) -> str:
    """Which arms are shown to be better or worse than the one that all are compared with."""
    assert judged.control is not None
    control, words = judged.arm(judged.control), judged.measure.words
    tested = [each for each in judged.comparisons if each.p is not None]
    better = [judged.arm(each.a).name for each in tested if each.differs and each.b == control.key]
    worse = [judged.arm(each.b).name for each in tested if each.differs and each.a == control.key]
    other = {"higher": "lower", "lower": "higher"}[judged.measure.better]
    shown = [
        f"{listed(names)} {'has' if len(names) == 1 else 'have'} a {direction} {words}"
        for names, direction in ((better, judged.measure.better), (worse, other))
        if names
    ]
    corrected = f", corrected for {judged.family:,} comparisons" if judged.family > 1 else ""
    if not shown:
        return f"No arm is shown to differ from {control.name}{still}{corrected}."
    slight = _slight(judged, [each for each in tested if each.differs])
    return f"Compared with {control.name}{still}, {' and '.join(shown)}{corrected}{slight}{_rest(tested)}."


def _slight(judged: Judgement, shown: Sequence[Comparison]) -> str:
    """How many of the differences that are shown are also shown to be smaller than what matters."""
    small = sum(each.equal for each in shown)
    if not small:
        return ""
    some = "" if small == len(shown) else f"in {small:,} of these {len(shown):,} comparisons "
    return f", but {some}by less than {judged.margin_words}, which is what would matter"


def _rest(tested: Sequence[Comparison]) -> str:
    rest = sum(not each.differs for each in tested)
    return f"; {counted(rest, 'other')} {'is' if rest == 1 else 'are'} not shown to differ from it" if rest else ""


def _same(a: ArmSummary, b: ArmSummary) -> bool:
    """Whether their means are the same, but for the order in which values were added."""
    return a.mean is not None and b.mean is not None and math.isclose(a.mean, b.mean, rel_tol=1e-12)


def _most(judged: Judgement) -> str:
    return "highest" if judged.measure.better == "higher" else "lowest"


def _than_all(judged: Judgement) -> str:
    others = sum(arm.mean is not None for arm in judged.arms) - 1
    return f"{judged.measure.better} than that of {'the other' if others == 1 else 'every other one'}"


def _level(arm: ArmSummary, judged: Judgement) -> str:
    assert arm.mean is not None
    return level(arm.mean, judged.measure, digits(judged.measure, arm.interval))
