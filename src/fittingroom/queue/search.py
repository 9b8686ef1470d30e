"""Which combination a search study tries next, by a tree-structured Parzen estimator (Bergstra et al. 2011; Optuna).

What is chosen depends on nothing but the study and what it has tried, so that it is the same whoever asks.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fittingroom.spec.study import Range, StudySpec

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

DRAWN_FIRST = 5
"""Combinations that are drawn before anything can be learned from them."""
RUNGS = (0.25, 0.5)
"""The shares of a run's epochs after which it may be pruned."""
ENOUGH = 4
"""Runs of other arms that have to have come as far before one is."""


@dataclass(frozen=True)
class Tried:
    """One combination, and what it has come to."""

    choice: Mapping[str, Any]
    """A value for each axis, by its path."""
    value: float | None
    """Mean of the measure over its seeds, in the measure's own direction; None while unknown, or where it failed."""
    ended: bool
    """Whether nothing more is to come of it."""


def next_choice(study: StudySpec, tried: Sequence[Tried], *, higher_is_better: bool) -> dict[str, Any]:
    """A value for each axis, by its path: the combination to try next.

    Combinations under way count as poor ones, so that several processes do not try the same (a constant liar).
    """
    import optuna  # takes 0.2 s, and only searches need it
    from optuna.trial import TrialState, create_trial

    assert study.search is not None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seed = study.search.seed + len(tried)
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=DRAWN_FIRST, constant_liar=True)
    history = optuna.create_study(direction="maximize" if higher_is_better else "minimize", sampler=sampler)
    spaces = {path: _space(axis) for path, axis in study.vary.items()}
    for each in tried:
        params = {path: _inward(study.vary[path], value) for path, value in each.choice.items()}
        known = each.ended and each.value is not None
        state = TrialState.COMPLETE if known else TrialState.FAIL if each.ended else TrialState.RUNNING
        value = each.value if known else None
        history.add_trial(create_trial(params=params, distributions=spaces, value=value, state=state))
    asked = history.ask(spaces).params
    return {path: _outward(axis, asked[path]) for path, axis in study.vary.items()}


def falls_behind(epoch: int, epochs: int, accuracy: float, others: Sequence[float]) -> bool:
    """Whether a run is to be ended after an epoch of so many: its validation accuracy is below the median of others'.

    ``others``: those of runs of other arms after the same epoch. The median rule of Golovin et al. (2017, Vizier), at
    ``RUNGS`` only.
    """
    rungs = {max(1, math.ceil(share * epochs)) for share in RUNGS} - {epochs}
    return epoch in rungs and len(others) >= ENOUGH and accuracy < statistics.median(others)


def _space(axis: Any) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(axis, Range):
        return CategoricalDistribution(tuple(range(len(axis))))
    if axis.whole:
        return IntDistribution(round(axis.low), round(axis.high), log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)


def _inward(axis: Any, value: Any) -> Any:
    """A value as Optuna has it: values of lists, which may be tables, go by their place."""
    return value if isinstance(axis, Range) else list(axis).index(value)


def _outward(axis: Any, value: Any) -> Any:
    """A value as a spec has it; numbers of ranges with four digits, which people can read."""
    if not isinstance(axis, Range):
        return axis[value]
    return value if axis.whole else min(max(float(f"{value:.4g}"), axis.low), axis.high)
