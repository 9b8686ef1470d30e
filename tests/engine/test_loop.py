"""The training loop: what it says, that it learns, and that plain torch gives the same."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.engine.images import Part
from fittingroom.engine.loop import train
from fittingroom.engine.prepare import PreparedRun
from fittingroom.engine.random import stream
from fittingroom.errors import TrainingDiverged
from fittingroom.spec.events import Ended, EpochEnded, Event, Progressed, Started, StopReason

Prepare = Callable[..., PreparedRun]
LINEAR = (fr.Flatten(), fr.Classify())


def ended(events: list[Event]) -> list[EpochEnded]:
    return [event for event in events if isinstance(event, EpochEnded)]


def test_events_come_in_order(prepare: Prepare) -> None:
    events = list(train(prepare(epochs=2).training))
    started = events[0]
    assert started == Started(epochs=2, steps_per_epoch=7, training_images=210, validation_images=90, parameters=1087)
    kinds = [type(event) for event in events[1:]]
    assert kinds[-1] is Ended
    assert [kind for kind in kinds if kind is not Progressed] == [EpochEnded, EpochEnded, Ended]
    last_of_epoch = events[events.index(ended(events)[0]) - 1]
    assert isinstance(last_of_epoch, Progressed)
    assert (last_of_epoch.epoch, last_of_epoch.step, last_of_epoch.steps, last_of_epoch.images) == (1, 7, 7, 210)
    assert events[-1] == Ended("completed", 2, "All 2 epochs done.")


def test_it_learns(prepare: Prepare) -> None:
    last = ended(list(train(prepare(epochs=8, optimizer=fr.Adam(0.01)).training)))[-1].metrics
    assert last.validation_accuracy > 0.95
    assert last.validation_loss < 0.3


def test_one_epoch_equals_a_plain_torch_loop(prepare: Prepare) -> None:
    """Oracle: default layout, no rewrite, no fused optimizer, its own arithmetic for loss and normalization."""
    network = (
        fr.Conv(5, 3, activation="relu"),
        fr.MaxPool(2),
        fr.GlobalPool(),
        fr.Dense(7, activation="tanh"),
        fr.Classify(),
    )
    run = prepare(
        network, seed=3, epochs=1, optimizer=fr.Sgd(0.05, momentum=0.9, nesterov=True),
        loss=fr.CrossEntropy(label_smoothing=0.1), class_weights=(1.0, 2.0, 3.0), clip_norm=0.5,
        schedule=fr.Cosine(),
    )  # fmt: skip
    plain = nn.Sequential(
        nn.Conv2d(1, 5, 3), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 7),
        nn.Tanh(), nn.Linear(7, 3),
    )  # fmt: skip
    for (_, weight), own in zip(run.training.network.weights().items(), plain.parameters(), strict=True):
        own.data.copy_(weight)
    optimizer = torch.optim.SGD(plain.parameters(), 0.05, momentum=0.9, nesterov=True, foreach=False)
    images = run.stage.data.images[run.stage.splits.train].astype(np.float64) / 255
    labels = torch.from_numpy(run.stage.data.labels[run.stage.splits.train])
    inputs = torch.from_numpy((images - images.mean()) / images.std()).float().permute(0, 3, 1, 2).contiguous()
    counts = np.bincount(labels.numpy())
    weights = torch.tensor([1.0, 2.0, 3.0]) * len(labels) / float((np.array([1, 2, 3]) * counts).sum())
    order = stream(3, "order", 1).permutation(len(labels))
    for step in range(7):
        rows = torch.from_numpy(order[32 * step : 32 * step + 32])
        logarithms = F.log_softmax(plain(inputs[rows]), 1)
        target = F.one_hot(labels[rows], 3) * 0.9 + 0.1 / 3
        loss = (-(target * logarithms).sum(1) * weights[labels[rows]]).mean()
        optimizer.param_groups[0]["lr"] = 0.05 * (1 + math.cos(math.pi * (step + 0.5) / 7)) / 2
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        optimizer.step()
    list(train(run.training))
    for (name, weight), own in zip(run.training.network.weights().items(), plain.parameters(), strict=True):
        torch.testing.assert_close(
            weight, own.data, atol=2e-6, rtol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_balanced_class_weights_are_those_of_scikit_learn(prepare: Prepare, stripes: Callable[..., Dataset]) -> None:
    from sklearn.utils.class_weight import compute_class_weight

    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [200, 60, 40])
    data = fr.load(generator.integers(0, 256, (300, 8, 8), dtype=np.uint8), labels, name="unbalanced")
    run = prepare(LINEAR, data=data, class_weights="balanced")
    trained_on = data.labels[run.stage.splits.train]
    expected = compute_class_weight("balanced", classes=np.arange(3), y=trained_on)
    assert run.training.class_weights_K is not None
    np.testing.assert_allclose(run.training.class_weights_K.numpy(), expected, rtol=1e-6)


def test_learning_rate_follows_the_schedule_step_by_step(prepare: Prepare) -> None:
    run = prepare(LINEAR, epochs=4, optimizer=fr.Sgd(1.0), schedule=fr.Step(factor=0.5, every=2, warmup=1))
    events = list(train(run.training))
    assert [event.metrics.learning_rate for event in ended(events)] == pytest.approx([6.5 / 7, 1.0, 0.5, 0.5])


def test_training_accuracy_is_of_the_images_as_trained_and_validation_is_not_augmented(prepare: Prepare) -> None:
    """With steps too small to learn anything, only the images differ: noise for training, none for validation."""
    still = {"epochs": 1, "optimizer": fr.Sgd(1e-12)}
    plain = ended(list(train(prepare(LINEAR, **still).training)))[0].metrics
    noisy = ended(list(train(prepare(LINEAR, augment=(fr.Noise(0.5),), **still).training)))[0].metrics
    assert noisy.validation_loss == pytest.approx(plain.validation_loss, abs=1e-6)
    assert abs(noisy.train_loss - plain.train_loss) > 0.05


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("stopped", "Stopped on request"),
        ("paused", "Paused on request"),
        ("handed_back", "Handed back to the queue"),
    ],
)
def test_stopping_ends_within_the_step(prepare: Prepare, reason: StopReason, words: str) -> None:
    run = prepare(epochs=3)
    answers = iter([None] * 9 + [reason])
    events = list(train(run.training, lambda: next(answers)))
    assert events[-1] == Ended(reason, 1, f"{words} during epoch 2.")
    assert (run.training.epoch, run.training.step) == (1, 3)


def test_early_stopping_ends_it_and_explains(prepare: Prepare) -> None:
    run = prepare(LINEAR, epochs=50, optimizer=fr.Sgd(1e-12), early_stop=fr.EarlyStop(patience=3, min_delta=0.01))
    events = list(train(run.training))
    assert len(ended(events)) == 4
    assert isinstance(events[-1], Ended)
    assert events[-1].reason == "early_stop"
    assert events[-1].explanation.startswith("Stopped early after epoch 4: validation loss has not improved on ")
    assert "best" in ended(events)[0].watching


def test_a_loss_that_is_no_number_stops_the_run_with_advice(prepare: Prepare) -> None:
    deep = (fr.Flatten(), fr.Dense(20), fr.Dense(20), fr.Classify())
    run = prepare(deep, epochs=5, optimizer=fr.Sgd(100.0, momentum=0.9))
    with pytest.raises(TrainingDiverged) as caught:
        list(train(run.training))
    message = str(caught.value)
    assert message.startswith("the training loss became ")
    assert "in epoch 1, step " in message
    assert "try train.optimizer.learning_rate=10 (it is 100), or limit the gradient with" in message


@pytest.mark.parametrize(("images", "batch", "sizes"), [(7, 3, [3, 3]), (8, 3, [3, 3, 2]), (1, 3, [1]), (3, 3, [3])])
def test_a_last_batch_of_one_image_is_left_out(prepare: Prepare, images: int, batch: int, sizes: list[int]) -> None:
    run = prepare(LINEAR, batch_size=batch).training
    run.training = Part(run.training.data, run.training.indices[:images])
    starts = run.batches
    assert [min(start + batch, images) - start for start in starts] == sizes


def test_colour_images_and_unit_scaling(prepare: Prepare, stripes: Callable[..., Dataset]) -> None:
    run = prepare(data=stripes(channels=3), normalize="unit", epochs=6, optimizer=fr.Adam(0.01))
    images_NCHW, _ = run.training.training.batch(np.arange(4))
    assert images_NCHW.shape == (4, 3, 8, 8)
    assert torch.equal(run.training.normalize(images_NCHW), images_NCHW)
    assert ended(list(train(run.training)))[-1].metrics.validation_accuracy > 0.9
