"""Training settings: schedules against hand-computed values, Keras' scheduler functions and torch; what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from fittingroom.errors import InvalidSpec
from fittingroom.spec.train import (
    Adadelta,
    Adam,
    AdamW,
    Constant,
    Cosine,
    CrossEntropy,
    EarlyStop,
    Exponential,
    OneCycle,
    RmsProp,
    Sgd,
    Step,
    TrainSpec,
)


def test_defaults_are_those_of_keras_3() -> None:
    assert Sgd() == Sgd(learning_rate=0.01, momentum=0.0, nesterov=False)
    assert Adam() == Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7)
    assert AdamW() == AdamW(learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7)
    assert Adadelta() == Adadelta(learning_rate=0.001, rho=0.95, epsilon=1e-7)
    assert RmsProp() == RmsProp(learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7)


def source_a_linear(epoch: int, lr: float) -> float:
    return lr if epoch < 150 else lr * 0.9875


def source_a_perceptron(epoch: int, lr: float) -> float:
    return lr if epoch < 30 else lr * 0.98


def as_keras_would(scheduler: Callable[[int, float], float], epochs: int) -> list[float]:
    """Keras' LearningRateScheduler: at the start of each epoch, counted from 0, the function gets the current rate."""
    rates, rate = [], 0.05
    for epoch in range(epochs):
        rate = scheduler(epoch, rate)
        rates.append(rate)
    return rates


@pytest.mark.parametrize(
    ("scheduler", "factor", "start_epoch", "epochs"),
    [(source_a_linear, 0.9875, 150, 300), (source_a_perceptron, 0.98, 30, 50)],
)
@pytest.mark.parametrize("within", [0.0, 0.001, 0.5, 0.999])
def test_exponential_is_source_as_scheduler(
    scheduler: Callable[[int, float], float], factor: float, start_epoch: int, epochs: int, within: float
) -> None:
    train = TrainSpec(epochs=epochs, optimizer=Sgd(0.05), schedule=Exponential(factor=factor, start_epoch=start_epoch))
    rates = [train.learning_rate(epoch + within) for epoch in range(epochs)]
    assert rates == pytest.approx(as_keras_would(scheduler, epochs), rel=1e-12)
    assert rates[start_epoch - 1] == 0.05
    assert rates[start_epoch] == pytest.approx(0.05 * factor)


def test_exponential_falls_from_the_first_epoch_unless_told() -> None:
    assert [Exponential(0.5).multiplier(epoch, 9) for epoch in (0, 0.9, 1, 2)] == [0.5, 0.5, 0.25, 0.125]


def test_step_falls_after_every_so_many_epochs() -> None:
    schedule = Step(factor=0.1, every=3)
    rates = [schedule.multiplier(epoch + 0.5, 9) for epoch in range(9)]
    assert rates == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01])


def test_constant_stays() -> None:
    assert {Constant().multiplier(epoch / 7, 3) for epoch in range(21)} == {1.0}


def torch_rates(
    make: Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.LRScheduler], steps: int
) -> list[float]:
    """The rate before each of ``steps`` steps, for a full rate of 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_cosine_is_that_of_torch(final: float) -> None:
    expected = torch_rates(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=20, eta_min=final), 20)
    ours = [Cosine(final=final).multiplier(epoch, 20) for epoch in range(20)]
    assert ours == pytest.approx(expected, rel=1e-9)


def test_cosine_by_hand() -> None:
    assert Cosine().multiplier(0, 8) == 1
    assert Cosine().multiplier(4, 8) == pytest.approx(0.5)
    assert Cosine().multiplier(8 / 3, 8) == pytest.approx(0.75), "the cosine of 60 degrees is a half"
    assert Cosine(final=0.2).multiplier(8, 8) == pytest.approx(0.2)


@pytest.mark.parametrize("rise", [0.3, 0.1, 0.5])
def test_one_cycle_is_that_of_torch(rise: float) -> None:
    """Torch's curve begins with the first step and ends with the last, so its N steps span N - 1 intervals.

    Its peak is at step rise · N - 1, the share ``peak`` of them. What is compared is the curve, read at torch's steps.
    """
    steps = 200
    expected = torch_rates(
        lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 1.0, steps, pct_start=rise, cycle_momentum=False), steps
    )
    peak = (rise * steps - 1) / (steps - 1)
    ours = [OneCycle(rise=peak).multiplier(step, steps - 1) for step in range(steps)]
    assert ours == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert max(ours) == pytest.approx(1)


def test_one_cycle_by_hand() -> None:
    schedule = OneCycle()
    assert schedule.multiplier(0, 10) == pytest.approx(1 / 25)
    assert schedule.multiplier(1.5, 10) == pytest.approx((1 / 25 + 1) / 2), "half of the rise"
    assert schedule.multiplier(3, 10) == pytest.approx(1)
    assert schedule.multiplier(6.5, 10) == pytest.approx(0.5, abs=1e-5), "half of the fall"
    assert schedule.multiplier(10, 10) == pytest.approx(4e-6)


def test_warm_up_rises_in_a_line_and_multiplies_the_schedule() -> None:
    schedule = Cosine(warmup=2)
    plain = Cosine()
    assert schedule.multiplier(0, 8) == 0
    assert schedule.multiplier(0.5, 8) == pytest.approx(0.25 * plain.multiplier(0.5, 8))
    assert schedule.multiplier(1.5, 8) == pytest.approx(0.75 * plain.multiplier(1.5, 8))
    assert [schedule.multiplier(epoch, 8) for epoch in (2, 5, 8)] == [plain.multiplier(epoch, 8) for epoch in (2, 5, 8)]
    assert Constant(warmup=0.1).multiplier(0.05, 1) == pytest.approx(0.5), "a fraction of an epoch"


@pytest.mark.parametrize(
    "schedule", [Constant(warmup=3), Step(), Exponential(), Cosine(), OneCycle()], ids=lambda schedule: schedule.name
)
def test_every_schedule_stays_between_nothing_and_the_full_rate(schedule: Constant) -> None:
    for epochs in (1, 7, 100_000):
        rates = [schedule.multiplier(epochs * share / 97, epochs) for share in range(98)]
        assert all(math.isfinite(rate) and 0 <= rate <= 1 + 1e-12 for rate in rates)


def test_the_learning_rate_is_the_optimizers_times_the_schedules() -> None:
    train = TrainSpec(epochs=4, optimizer=Adam(0.02), schedule=Cosine())
    assert [train.learning_rate(epoch) for epoch in (0, 2, 4)] == pytest.approx([0.02, 0.01, 0])


def test_what_decides_the_best_epoch() -> None:
    assert TrainSpec().best_by == "validation_loss"
    assert TrainSpec(early_stop=EarlyStop("validation_accuracy")).best_by == "validation_accuracy"
    assert TrainSpec(early_stop=EarlyStop("validation_accuracy"), best="validation_loss").best_by == "validation_loss"
    assert TrainSpec(best="validation_accuracy").best_by == "validation_accuracy"


def test_class_weights_may_be_a_word_or_numbers() -> None:
    assert TrainSpec(class_weights="balanced").class_weights == "balanced"
    assert TrainSpec(class_weights=[1, 2.5]).class_weights == (1.0, 2.5)  # type: ignore[arg-type]
    assert TrainSpec(class_weights=None).class_weights is None


POSITIVE = "make every weight positive; only their ratios matter"
LIST = 'give one for each class, or "balanced"'


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"class_weights": [1, -2]}, f"class_weights: holds -2, which is no number above 0; {POSITIVE}"),
        ({"class_weights": [0.0]}, f"class_weights: holds 0.0, which is no number above 0; {POSITIVE}"),
        ({"class_weights": [math.nan]}, f"class_weights: holds nan, which is no number above 0; {POSITIVE}"),
        ({"class_weights": [1, math.inf]}, f"class_weights: holds inf, which is no number above 0; {POSITIVE}"),
        ({"class_weights": [True]}, f"class_weights: holds True, which is no number above 0; {POSITIVE}"),
        ({"class_weights": ["1"]}, f"class_weights: holds '1', which is no number above 0; {POSITIVE}"),
        ({"class_weights": "balance"}, f"class_weights: should be a list of numbers, not 'balance'; {LIST}"),
        ({"class_weights": 2}, f"class_weights: should be a list of numbers, not 2; {LIST}"),
        ({"class_weights": {"Shirt": 2}}, f"class_weights: should be a list of numbers, not {{'Shirt': 2}}; {LIST}"),
        ({"epochs": 0}, "epochs: should be greater than or equal to 1, not 0; use 1 or more"),
        ({"epochs": 2.5}, "epochs: should be a whole number, not 2.5; give a whole number"),
        ({"epochs": 10**6}, "epochs: should be less than or equal to 100000, not 1000000; use 100000 or less"),
        ({"batch_size": 0}, "batch_size: should be greater than or equal to 1, not 0; use 1 or more"),
        ({"batch_size": "256"}, "batch_size: should be a whole number, not '256'; write it without quotes"),
        ({"clip_norm": 0}, "clip_norm: should be greater than 0, not 0; use a number above 0"),
        ({"device": "gpu"}, "device: 'gpu' is not one of its values; did you mean \"cpu\"?"),
        ({"best": "val_loss"}, "best: 'val_loss' is not one of its values; did you mean \"validation_loss\"?"),
        ({"optimizer": "adam"}, "optimizer: should be a table of settings, not 'adam'; write { name = \"adam\" }"),
        ({"optimizer": "best"}, "optimizer: should be a table of settings, not 'best'; write { name = \"…\" }"),
        ({"optimizer": {"name": "adm"}}, 'optimizer: there is no optimizer "adm"; did you mean "adam"?'),
        ({"optimizer": {"learning_rate": 1}}, 'optimizer: does not say its kind (name is missing); add name = "…"'),
        (
            {"optimizer": Cosine()},
            "optimizer: Cosine() does not belong here; known are: adadelta, adam, adamw, muon, rmsprop, sgd",
        ),
        (
            {"optimizer": {"name": "sgd", "learning_rate": math.nan}},
            "optimizer.learning_rate: should be a finite number, not nan; give a finite number",
        ),
        ({"schedule": {"name": "cosin"}}, 'schedule: there is no schedule "cosin"; did you mean "cosine"?'),
        (
            {"schedule": {"name": "one_cycle", "warmup": 1}},
            'schedule.warmup: unknown key "warmup"; known are: final, name, rise, start',
        ),
        (
            {"loss": {"name": "mse"}},
            "loss.name: should be 'cross_entropy', not 'mse'; write 'cross_entropy', or leave it out",
        ),
        (
            {"loss": "cross_entropy"},
            "loss: should be a table of settings, not 'cross_entropy'; write { name = \"cross_entropy\" }",
        ),
        (
            {"early_stop": True},
            "early_stop: should be a table of settings, not True; "
            "write a table with the keys monitor, patience, min_delta",
        ),
        (
            {"early_stop": EarlyStop},
            "early_stop: should be a table of settings, not <class 'fittingroom.spec.train.EarlyStop'>; "
            "write EarlyStop(…), with parentheses",
        ),
    ],
)
def test_mistakes_in_the_table_train(settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        TrainSpec(**settings)
    assert str(caught.value) == f"TrainSpec cannot be made:\n  {fault}"


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: Adam(0), "learning_rate: should be greater than 0, not 0; use a number above 0"),
        (lambda: Adam(-0.0), "learning_rate: should be greater than 0, not -0.0; use a number above 0"),
        (lambda: Adam(beta_1=1), "beta_1: should be less than 1, not 1; use a number below 1"),
        (lambda: Sgd(momentum=-0.1), "momentum: should be greater than or equal to 0, not -0.1; use 0 or more"),
        (lambda: Sgd(nesterov="no"), "nesterov: should be true or false, not 'no'; give true or false"),
        (lambda: AdamW(weight_decay=2), "weight_decay: should be less than or equal to 1, not 2; use 1 or less"),
        (lambda: Step(factor=2), "factor: should be less than or equal to 1, not 2; use 1 or less"),
        (lambda: Step(every=0), "every: should be greater than or equal to 1, not 0; use 1 or more"),
        (
            lambda: Exponential(start_epoch=-1),
            "start_epoch: should be greater than or equal to 0, not -1; use 0 or more",
        ),
        (lambda: Cosine(warmup=-1), "warmup: should be greater than or equal to 0, not -1; use 0 or more"),
        (lambda: OneCycle(rise=0), "rise: should be greater than 0, not 0; use a number above 0"),
        (lambda: CrossEntropy(1), "label_smoothing: should be less than 1, not 1; use a number below 1"),
        (lambda: EarlyStop(patience=0), "patience: should be greater than or equal to 1, not 0; use 1 or more"),
        (lambda: EarlyStop(min_delta=-1), "min_delta: should be greater than or equal to 0, not -1; use 0 or more"),
    ],
)
def test_settings_out_of_bounds_are_refused(make: Callable[[], object], fault: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        make()
    assert str(caught.value).partition(" cannot be made:\n  ")[2] == fault


@pytest.mark.parametrize(
    ("written", "kept", "seconds"),
    [("60s", "60s", 60), ("5m", "300s", 300), ("1h30m", "5400s", 5400), ("0.5s", "0.5s", 0.5), (90, "90s", 90)],
)
def test_a_budget_is_a_time(written: Any, kept: str, seconds: float) -> None:
    train = TrainSpec(budget=written)
    assert (train.budget, train.budget_seconds) == (kept, seconds)
    assert TrainSpec(budget=train.budget) == train


@pytest.mark.parametrize("written", ["60", "s", "5x", "-5s", 0, -1, True, "5 minutes", "1e3s", "9999h", math.inf])
def test_what_is_no_time_is_refused(written: Any) -> None:
    with pytest.raises(InvalidSpec) as caught:
        TrainSpec(budget=written)
    assert [str(fault) for fault in caught.value.faults] == [
        f'budget: {written!r} is not a time to train for; write it like "60s", "5m" or "1h30m", up to 100 days'
    ]


def test_a_schedule_laid_over_a_budget_is_read_by_the_share_that_is_done() -> None:
    train = TrainSpec(epochs=3, optimizer=Sgd(0.1), schedule=Cosine(), budget="60s")
    assert train.learning_rate(7.5, 7.5 / 0.5) == pytest.approx(0.05)
