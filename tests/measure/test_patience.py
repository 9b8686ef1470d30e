"""Which epoch is best and when to stop, on curves whose answer is plain to see."""

from __future__ import annotations

import math

import pytest

from fittingroom.measure.patience import Best, EarlyStopping
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.train import EarlyStop


def epoch(number: int, loss: float, accuracy: float = 0.5) -> EpochMetrics:
    return EpochMetrics(number, 1.0, 0.5, loss, accuracy, 0.01, 1.0)


def test_best_is_the_first_of_equals_and_never_nan() -> None:
    best = Best("validation_loss")
    improved = [best.improved(epoch(n, loss)) for n, loss in enumerate([math.nan, 0.5, 0.4, 0.4, 0.45], start=1)]
    assert improved == [False, True, True, False, False]
    assert (best.epoch, best.value, str(best)) == (3, 0.4, "0.4000")


def test_accuracy_is_better_when_higher() -> None:
    best = Best("validation_accuracy")
    assert [best.improved(epoch(n, 1.0, accuracy)) for n, accuracy in enumerate([0.7, 0.9, 0.8], start=1)] == [
        True,
        True,
        False,
    ]
    assert str(best) == "90.00 %"


def test_min_delta_is_the_smallest_change_that_counts() -> None:
    best = Best("validation_loss", min_delta=0.1)
    assert [best.improved(epoch(n, loss)) for n, loss in enumerate([1.0, 0.95, 0.85], start=1)] == [True, False, True]


def test_early_stopping_waits_for_its_patience_and_says_why() -> None:
    stopping = EarlyStopping(EarlyStop(patience=2))
    stopping.saw(epoch(1, 0.5))
    assert str(stopping) == (
        "Early stopping watches validation loss: best 0.5000 at epoch 1 (just now); it stops after 2."
    )
    stopping.saw(epoch(2, 0.6))
    assert not stopping.exhausted
    assert "(1 epoch without a better one)" in str(stopping)
    assert stopping.why_not() == (
        "Early stopping did not stop it: validation loss was best 1 epoch ago, "
        "and 2 without improvement would have been needed."
    )
    stopping.saw(epoch(3, 0.55))
    assert stopping.exhausted
    assert stopping.why_stopped(3) == (
        "Stopped early after epoch 3: validation loss has not improved on 0.5000 (epoch 1) "
        "for 2 epochs, the patience that was set."
    )


def test_patience_that_ends_with_the_last_epoch_stopped_nothing() -> None:
    stopping = EarlyStopping(EarlyStop(patience=1))
    stopping.saw(epoch(1, 0.5))
    stopping.saw(epoch(2, 0.6))
    assert stopping.why_not() == (
        "Early stopping would have ended it here too: validation loss has not improved on 0.5000 (epoch 1)."
    )


@pytest.mark.parametrize("patience", [1, 4])
def test_an_improvement_starts_the_waiting_anew(patience: int) -> None:
    stopping = EarlyStopping(EarlyStop(monitor="validation_accuracy", patience=patience))
    for number, accuracy in enumerate([0.5, 0.6, 0.7], start=1):
        stopping.saw(epoch(number, 1.0, accuracy))
        assert not stopping.exhausted
    assert stopping.why_not() == (
        "Early stopping did not stop it: validation accuracy was still improving at the last epoch."
    )
