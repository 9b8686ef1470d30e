"""Whether the best learning rate lies at the edge of those that were tried."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean

from fittingroom.measure.caution import Caution, Specs, runs_of, values_of
from fittingroom.measure.study import MEASURES, PRUNED, ArmResults, StudyResults
from fittingroom.spec.run import RunSpec

FEWEST_TRIED = 3
"""Learning rates below which every one of them is at an edge."""
TRIED = frozenset({"finished", "failed", PRUNED})
"""States of runs that say something of their learning rate."""
PATH = "train.optimizer.learning_rate"


def edge_of_range(results: StudyResults, specs: Specs) -> Iterator[Caution]:
    """The best arm has the smallest or the largest learning rate of those that were trained to an end.

    Rates are those of an axis, over all arms; else those of the arms that differ from the best in nothing else.
    """
    sign = -1 if MEASURES[results.measure].better == "higher" else 1
    tried = [arm for arm in results.arms if any(outcome.state in TRIED for outcome in arm.outcomes)]
    scored = [arm for arm in tried if values_of(arm, results)]
    if not scored:
        return
    best = min(scored, key=lambda arm: sign * fmean(values_of(arm, results)))
    paths = [path for path in best.settings if path.rpartition(".")[2] == "learning_rate"]
    found = [_on_axis(tried, path) for path in paths]
    if PATH not in paths:
        found.append(_otherwise_alike(best, tried, specs))
    for rates in found:
        yield from _at_edge(best, rates)


def _on_axis(arms: Sequence[ArmResults], path: str) -> dict[str, float]:
    """Rates by arm."""
    return {arm.key: rate for arm in arms if (rate := _number(arm.settings.get(path))) is not None}


def _otherwise_alike(best: ArmResults, arms: Sequence[ArmResults], specs: Specs) -> dict[str, float]:
    """The rates in the specs of arms that are the best one but for the rate: set by hand, or in tables as values."""
    known = {arm.key: specs[arm.key] for arm in arms if arm.key in specs}
    if best.key not in known:
        return {}
    wanted = _without_rate(known[best.key])
    return {key: spec.train.optimizer.learning_rate for key, spec in known.items() if _without_rate(spec) == wanted}


def _without_rate(spec: RunSpec) -> str:
    optimizer = replace(spec.train.optimizer, learning_rate=1.0)
    return replace(spec, train=replace(spec.train, optimizer=optimizer)).content_id


def _at_edge(best: ArmResults, rates: dict[str, float]) -> Iterator[Caution]:
    tried, rate = set(rates.values()), rates.get(best.key)
    if rate is None or len(tried) < FEWEST_TRIED or rate not in (min(tried), max(tried)):
        return
    edge, beyond = ("smallest", rate / 3) if rate == min(tried) else ("largest", rate * 3)
    text = (
        f"The best arm, {best.name}, has the {edge} learning rate that was tried ({rate:g} of {min(tried):g} to "
        f"{max(tried):g}). A better one may lie beyond, and arms that need another rate are at a disadvantage."
    )
    fix = f"Add values beyond the edge, such as {beyond:.1g}, until the best lies inside the range."
    yield Caution("edge of the range", (best.key,), runs_of([best]), text, fix)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
