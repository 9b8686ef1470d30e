"""What is said about made-up curves."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from fittingroom.errors import InvalidInput
from fittingroom.measure.curves import (
    epochs_to,
    highest_accuracy,
    lowest_loss,
    reading,
    rising_since,
    seconds_to,
    show_loss,
    show_percent,
)
from fittingroom.spec.events import EpochMetrics

NAN = math.nan


def run(
    validation_loss: Sequence[float],
    train_loss: Sequence[float] | None = None,
    validation_accuracy: Sequence[float] | None = None,
    train_accuracy: float = 0.9,
) -> list[EpochMetrics]:
    """Epochs of two seconds each; training loss falls and accuracy rises unless given."""
    n = len(validation_loss)
    train_loss = train_loss or [1 / (epoch + 1) for epoch in range(n)]
    validation_accuracy = validation_accuracy or [0.8 + 0.001 * epoch for epoch in range(n)]
    return [
        EpochMetrics(i + 1, train_loss[i], train_accuracy, validation_loss[i], validation_accuracy[i], 0.001, 2.0)
        for i in range(n)
    ]


U_SHAPE = [0.9, 0.6, 0.4, 0.3, 0.25, 0.236, 0.24, 0.25, 0.262, 0.275, 0.291]


def test_a_falling_curve_is_still_improving():
    assert reading(run([0.9, 0.7, 0.55, 0.45, 0.4])) == [
        "Lowest validation loss 0.400 at epoch 5; highest validation accuracy 80.4 % at epoch 5.",
        "Still improving at the last epoch: more epochs may help.",
    ]


def test_a_u_shape_with_falling_training_loss_is_overfitting():
    assert reading(run(U_SHAPE)) == [
        "Lowest validation loss 0.236 at epoch 6; highest validation accuracy 81.0 % at epoch 11.",
        "Validation loss has been rising since epoch 6 (0.236 → 0.291) while training loss kept falling: "
        "the network is overfitting.",
    ]


def test_a_u_shape_of_both_losses_is_not_called_overfitting():
    assert reading(run(U_SHAPE, train_loss=U_SHAPE))[1] == (
        "Validation loss has been rising since epoch 6 (0.236 → 0.291); training loss has not fallen since then either."
    )


def test_a_rise_is_told_four_epochs_after_the_lowest_and_not_before():
    curve = [0.5, 0.4, 0.44, 0.48, 0.52, 0.56]
    assert rising_since(run(curve[:5])) is None
    assert reading(run(curve[:5]))[1] == (
        "Validation loss has neither fallen further nor clearly risen in the 3 epochs since its lowest."
    )
    assert rising_since(run(curve)) == run(curve)[1]


def test_a_rise_of_less_than_five_percent_is_not_told():
    assert rising_since(run([0.5, 0.4, *(0.4 + 0.0001 * i for i in range(1, 20))])) is None


def test_a_jump_that_stays_is_not_a_rising_trend():
    assert rising_since(run([0.5, 0.4, 0.46, 0.45, 0.46, 0.45, 0.46, 0.45, 0.455])) is None


@pytest.mark.parametrize(("order", "rising"), [((2, 1, 4, 3, 6, 5), False), ((2, 1, 4, 3, 5, 6), True)])
def test_the_trend_must_be_significant_at_five_percent(order, rising):
    # Kendall's exact table for 6 values: 9 more rising than falling pairs have p = 0.068, 11 have p = 0.028
    epochs = run([0.5, 0.4, *(0.5 + 0.01 * place for place in order)])
    assert rising_since(epochs) == (epochs[1] if rising else None)


def test_flat_noise_is_seldom_called_rising_and_a_true_rise_nearly_always():
    rng = np.random.default_rng(0)
    flat = [0.3 * (1 + 0.05 * rng.normal(size=30)) for _ in range(200)]
    rising = [values * np.linspace(1, 2, 30) for values in flat]
    assert sum(rising_since(run(values.tolist())) is not None for values in flat) <= 16
    assert sum(rising_since(run(values.tolist())) is not None for values in rising) >= 196


def test_a_flat_noisy_curve_gets_no_story():
    values = (0.3 + 0.005 * np.random.default_rng(1).normal(size=20)).tolist()
    lowest = values.index(min(values))
    assert reading(run(values))[1:] == [
        f"Validation loss has neither fallen further nor clearly risen in the {19 - lowest} epochs since its lowest."
    ]


def test_an_improvement_of_less_than_one_percent_is_not_told():
    assert len(reading(run([0.5, 0.3, 0.2999, 0.2998, 0.2997, 0.2996]))) == 1


def test_one_epoch_has_no_trend():
    assert reading(run([0.5])) == [
        "Lowest validation loss 0.500 at epoch 1; highest validation accuracy 80.0 % at epoch 1."
    ]


def test_no_epoch_gives_nothing_to_say():
    assert reading([]) == []
    assert lowest_loss([]) is None
    assert highest_accuracy([]) is None


def test_a_diverged_run_names_the_epoch_and_tells_no_trend():
    assert reading(run([0.5, 0.4, NAN, NAN], train_loss=[0.5, 0.4, math.inf, NAN])) == [
        "Lowest validation loss 0.400 at epoch 2; highest validation accuracy 80.3 % at epoch 4.",
        "At epoch 3 the training loss was no longer a finite number: a lower learning rate may help.",
    ]
    assert reading(run([0.5, NAN]))[1] == (
        "At epoch 2 the validation loss was no longer a finite number: a lower learning rate may help."
    )


def test_a_run_that_was_never_finite():
    epochs = run([NAN, NAN], validation_accuracy=[NAN, NAN])
    assert lowest_loss(epochs) is None
    assert highest_accuracy(epochs) is None
    assert reading(epochs) == [
        "At epoch 1 the validation loss was no longer a finite number: a lower learning rate may help."
    ]


def test_an_improvement_where_the_rate_has_run_out_is_told_so():
    epochs = run([0.5, 0.4, 0.3])
    falling = [replace(epoch, learning_rate=rate) for epoch, rate in zip(epochs, (0.1, 0.05, 0.004), strict=True)]
    assert reading(falling)[1] == (
        "Still improving at the last epoch, where the learning rate has run out: more epochs help only with the "
        "schedule laid over them."
    )
    enough = [replace(epoch, learning_rate=rate) for epoch, rate in zip(epochs, (0.1, 0.05, 0.006), strict=True)]
    assert reading(enough)[1] == "Still improving at the last epoch: more epochs may help."


def test_training_below_validation_is_explained_only_where_it_is_so():
    note = (
        "Training accuracy is a mean over the epoch, while the weights still changed, with dropout and augmentation "
        "on, so it can lie below validation."
    )
    below, above = run([0.5, 0.4], train_accuracy=0.7), run([0.5, 0.4], train_accuracy=0.9)
    assert reading(below, regularized=["dropout", "augmentation"])[-1] == note
    assert ", with dropout on, so" in reading(below, regularized=["dropout"])[-1]
    assert "still changed, so it can" in reading(below)[-1]
    assert not any("Training accuracy" in sentence for sentence in reading(above, regularized=["dropout"]))


def test_the_best_epoch_is_the_first_on_ties():
    epochs = run([0.5, 0.3, 0.3, NAN], validation_accuracy=[0.9, 0.8, 0.9, NAN])
    assert lowest_loss(epochs).epoch == 2
    assert highest_accuracy(epochs).epoch == 1


def test_epochs_and_seconds_to_a_target():
    epochs = run([0.5] * 4, validation_accuracy=[0.7, 0.9, 0.85, 0.95])
    assert (epochs_to(0.9, epochs), seconds_to(0.9, epochs)) == (2, 4.0)
    assert (epochs_to(0.91, epochs), seconds_to(0.91, epochs)) == (4, 8.0)
    assert (epochs_to(0.96, epochs), seconds_to(0.96, epochs)) == (None, None)
    assert (epochs_to(0.5, []), seconds_to(0.5, [])) == (None, None)


@pytest.mark.parametrize("measure", [epochs_to, seconds_to])
@pytest.mark.parametrize("target", [90, -0.1])
def test_a_target_in_percent_is_refused(measure, target):
    with pytest.raises(InvalidInput) as caught:
        measure(target, run([0.5]))
    assert str(caught.value) == (f"an accuracy target is a share between 0 and 1, not {target}; write 0.9 for 90 %")


@pytest.mark.parametrize(
    ("loss", "shown"),
    [(0.2364, "0.236"), (2.3026, "2.303"), (0.04123, "0.0412"), (1.234e-5, "1.23e-05"), (1e8, "1e+08"), (NAN, "–")],
)
def test_losses_are_shown_with_three_digits(loss, shown):
    assert show_loss(loss) == shown


def test_shares_are_shown_in_percent():
    assert show_percent(0.916) == "91.6 %"
    assert show_percent(1) == "100.0 %"
    assert show_percent(NAN) == "–"
