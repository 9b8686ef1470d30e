"""Every fault and every note of a run on its data, with its text."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from fittingroom.spec.augment import AnyAugment, Rotation, Shift
from fittingroom.spec.data import DataSpec
from fittingroom.spec.faults import DataFacts, faults, notes
from fittingroom.spec.layers import AnyLayer, BatchNorm, Classify, Conv, Dense, Dropout, Flatten, MaxPool, Residual
from fittingroom.spec.run import RunSpec
from fittingroom.spec.train import Constant, Cosine, EarlyStop, Exponential, OneCycle, Sgd, Step, TrainSpec

FACTS = DataFacts(
    channels=1,
    height=28,
    width=28,
    class_names=tuple("ABCDEFGHIJ"),
    training_images=55_000,
    validation_images=5_000,
    test_images=10_000,
)
PLAIN: tuple[AnyLayer, ...] = (Flatten(), Classify())


def spec(network: Sequence[AnyLayer] = PLAIN, augment: Sequence[AnyAugment] = (), **train: Any) -> RunSpec:
    return RunSpec(data=DataSpec("clothes"), network=tuple(network), augment=tuple(augment), train=TrainSpec(**train))


def told(run: RunSpec, **facts: Any) -> list[str]:
    return [str(fault) for fault in faults(run, dataclasses.replace(FACTS, **facts))]


def noted(run: RunSpec, **facts: Any) -> list[str]:
    return notes(run, dataclasses.replace(FACTS, **facts))


def test_a_run_without_faults_has_none_and_no_notes() -> None:
    assert told(spec()) == []
    assert noted(spec()) == []


def test_the_facts_give_the_shape_and_the_number_of_classes() -> None:
    assert (FACTS.shape, FACTS.classes) == ((1, 28, 28), 10)


def test_the_network_is_checked_on_the_shape_of_the_data() -> None:
    layers = [Conv(32, padding="same"), MaxPool(), MaxPool(), Dense(30), Classify()]
    assert told(spec(layers)) == [
        "network[3]: layer 4, dense: needs a flat input but gets 32×7×7; insert flatten before it"
    ]
    assert told(spec(layers), height=64, width=32) == [
        "network[3]: layer 4, dense: needs a flat input but gets 32×16×8; insert flatten before it"
    ]


@pytest.mark.parametrize(("count", "said"), [(0, "0 weights"), (1, "1 weight"), (9, "9 weights"), (11, "11 weights")])
def test_class_weights_have_to_match_the_classes(count: int, said: str) -> None:
    assert told(spec(class_weights=(1.0,) * count)) == [
        f'train.class_weights: has {said}, but the data has 10 classes; give one weight for each class, or "balanced"'
    ]


def test_matching_or_balanced_class_weights_are_fine() -> None:
    assert told(spec(class_weights=(1.0,) * 10)) == []
    assert told(spec(class_weights="balanced")) == []


def test_nesterov_needs_momentum() -> None:
    assert told(spec(optimizer=Sgd(nesterov=True))) == [
        "train.optimizer.nesterov: looks ahead along a momentum of 0; set momentum above 0, or nesterov = false"
    ]
    assert told(spec(optimizer=Sgd(momentum=0.9, nesterov=True))) == []


@pytest.mark.parametrize("layer", [BatchNorm(), Residual(1)])
def test_batch_normalization_needs_batches(layer: AnyLayer) -> None:
    assert told(spec([layer, *PLAIN], batch_size=1)) == [
        "train.batch_size: is 1, and batch normalization needs at least 2; raise batch_size"
    ]
    assert told(spec([layer, *PLAIN], batch_size=2)) == []
    assert told(spec(batch_size=1)) == []


def test_all_faults_are_told_at_once() -> None:
    paths = [
        fault.path
        for fault in faults(
            spec([BatchNorm(), Dense(3)], batch_size=1, optimizer=Sgd(nesterov=True), class_weights=(1.0,)), FACTS
        )
    ]
    assert paths == ["network", "network[1]", "train.class_weights", "train.optimizer.nesterov", "train.batch_size"]


@pytest.mark.parametrize(
    ("run", "note"),
    [
        (
            spec(epochs=5, early_stop=EarlyStop(patience=5)),
            "train.early_stop.patience is 5 and training has 5 epochs: it can never stop early.",
        ),
        (
            spec(epochs=1, early_stop=EarlyStop(patience=5)),
            "train.early_stop.patience is 5 and training has 1 epoch: it can never stop early.",
        ),
        (
            spec(epochs=30, schedule=Exponential(start_epoch=30)),
            "train.schedule.start_epoch is 30 and training has 30 epochs: the learning rate never falls.",
        ),
        (
            spec(epochs=10, schedule=Step(every=10)),
            "train.schedule.every is 10 and training has 10 epochs: the learning rate never falls.",
        ),
        (
            spec(epochs=2, schedule=Cosine(warmup=2.5)),
            "train.schedule.warmup is 2.5 and training has 2 epochs: the full learning rate is never reached.",
        ),
        (spec([Flatten(), Dropout(0), Classify()]), "dropout_1 has rate 0 and changes nothing."),
        (
            spec(augment=[Rotation(), Shift(0)]),
            "augment[1], shift, has strength 0 and changes nothing.",
        ),
    ],
)
def test_what_has_no_effect_is_noted(run: RunSpec, note: str) -> None:
    assert noted(run) == [note]
    assert told(run) == [], "a note stops nothing"


@pytest.mark.parametrize(
    "run",
    [
        spec(epochs=6, early_stop=EarlyStop(patience=5)),
        spec(epochs=31, schedule=Exponential(start_epoch=30)),
        spec(epochs=11, schedule=Step(every=10)),
        spec(epochs=3, schedule=Constant(warmup=2.5)),
        spec(epochs=1, schedule=OneCycle()),
        spec([Flatten(), Dropout(0.1), Classify()], augment=[Shift(0, vertical=0.1)]),
    ],
)
def test_what_has_an_effect_is_not_noted(run: RunSpec) -> None:
    assert noted(run) == []


def test_a_batch_larger_than_the_data_is_noted() -> None:
    assert noted(spec(batch_size=1000), training_images=999) == [
        "train.batch_size is 1,000, but there are only 999 training images: each epoch is a single step."
    ]
    assert noted(spec(batch_size=1000), training_images=1000) == []


def test_few_validation_images_are_noted_with_their_uncertainty() -> None:
    # 1.96 · √(0.9 · 0.1 / 36) = 0.098
    assert noted(spec(), validation_images=36) == [
        "validation has only 36 images, so its accuracy is uncertain by 10 points or more either way."
    ]
    assert "uncertain by 6 points" in noted(spec(), validation_images=99)[0]
    assert noted(spec(), validation_images=100) == []
    assert noted(spec(), validation_images=1)[0].startswith("validation has only 1 image, so")


def test_what_is_frozen_and_reset_has_to_be_there() -> None:
    assert told(
        spec([Conv(4, name="one"), Flatten(), Dense(3), Classify()], freeze_up_to="on", reset=("two", "flatten_1"))
    ) == [
        'train.reset: there is no layer "two"; known are: classify_1, dense_1, one',
        'train.reset: "flatten_1" has no weights that could be fresh; leave it out',
        'train.freeze_up_to: there is no layer "on"; did you mean "one"?',
    ]
    assert told(spec([Flatten(), Dense(3), Classify()], freeze_up_to="classify_1")) == [
        'train.freeze_up_to: "classify_1" leaves nothing to train; name an earlier layer'
    ]
    assert told(spec([Flatten(), Dense(3), Classify()], freeze_up_to="dense_1")) == []


def test_freezing_and_resetting_without_a_start_is_said_to_do_nothing_good() -> None:
    frozen = spec([Flatten(), Dense(3), Classify()], freeze_up_to="dense_1", reset=("classify_1",))
    assert noted(frozen) == [
        "Nothing is learned up to dense_1: its layers keep the weights that they begin with.",
        "train.reset changes nothing: classify_1 would begin with fresh weights anyway.",
    ]


def test_with_a_budget_nothing_is_said_about_epochs() -> None:
    settings = {"epochs": 2, "early_stop": EarlyStop(patience=5), "schedule": Step(every=9)}
    assert len(noted(spec([Flatten(), Dense(3), Classify()], **settings))) == 2
    assert noted(spec([Flatten(), Dense(3), Classify()], budget="60s", **settings)) == []
