"""What quick networks say of images that they were not trained on: for every training image, out of its fold.

The images are divided into folds; for each fold a small network is trained on the others, for some hundred steps, and
says how probable it finds every class for the images of the fold. Images larger than ``LARGEST`` are looked at
smaller. Nothing is stored; everything random comes from the seed.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fittingroom.data.check.folds import in_folds
from fittingroom.data.check.labels import FOLDS
from fittingroom.data.dataset import Dataset
from fittingroom.data.splits import Indices
from fittingroom.engine.desk import Desk
from fittingroom.engine.images import Normalization, Part
from fittingroom.engine.loop import EpochSums, Training, check_finite, train_epoch
from fittingroom.engine.network import StackedNetwork
from fittingroom.engine.optimizers import build_optimizer
from fittingroom.engine.plan import Wanted, choose_device, planning
from fittingroom.queue.wire import Message
from fittingroom.spec.compute import OPERATIONS, multiply_adds
from fittingroom.spec.data import DataSpec
from fittingroom.spec.layers import Activate, AnyLayer, BatchNorm, Classify, Conv, GlobalPool, MaxPool
from fittingroom.spec.network import summarize
from fittingroom.spec.train import CrossEntropy, Muon, OneCycle, TrainSpec

LARGEST = 32
"""Pixels, height or width, that the networks see."""
STEPS, EPOCHS = 720, (4, 20)
"""Steps that each network takes, about, within the least and the most epochs."""
BATCH, LEAST_BATCH, STEPS_OF_AN_EPOCH = 250, 16, 20
"""Images of a step; fewer where an epoch would have fewer steps than that."""
SEED = 0

Steps = Generator[tuple[int, int], None, NDArray[np.float32]]
Result = TypeVar("Result")


class SmallPart(Part):
    """Images no larger than the networks look at, by area averages."""

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        images_NCHW, labels_N = super().batch(rows)
        size = seen_size(*images_NCHW.shape[2:])
        if size != images_NCHW.shape[2:]:
            images_NCHW = F.interpolate(images_NCHW, size, mode="area").contiguous(memory_format=torch.channels_last)
        return images_NCHW, labels_N


def out_of_fold(data: Dataset, chosen: Indices, groups: NDArray[np.int64], folds: int, wanted: Wanted) -> Steps:
    """(n, classes): for each of the ``chosen`` images the probabilities by the network that has not seen it.

    Long work in steps. ``groups``: (N,), equal for exact copies, which share a fold. No other image is looked at.
    """
    fold = in_folds(chosen, data.labels, groups, folds, SEED)
    probabilities_NK = np.zeros((len(chosen), len(data.class_names)), np.float32)
    for number in range(folds):
        held_out = fold == number
        preparing = _preparing(data, chosen[~held_out], wanted)
        run = yield from _meanwhile(preparing, (number, folds))
        steps = run.spec.epochs * len(run.batches)
        for done in _trained(run):
            yield number * steps + done, folds * steps
        part = SmallPart(data, chosen[held_out], run.training.device)
        logits_NK = yield from _meanwhile(_answering(run, part), (number + 1, folds))
        probabilities_NK[held_out] = logits_NK.double().softmax(1).float().cpu().numpy()
    return probabilities_NK


def _meanwhile(
    steps: Generator[object, None, Result], told: tuple[int, int]
) -> Generator[tuple[int, int], None, Result]:
    """Work whose own progress is not worth telling: what is done stays the same while it lasts."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        yield told


def answer(desk: Desk, asked: Message) -> Generator[tuple[int, int], None, Message]:
    """For the page: ``probabilities_NK`` for the ``chosen`` images of a data set, with the ``groups`` of copies."""
    data = desk.data(asked.words["source"], asked.words["fingerprint"])
    wanted = Wanted(threads=1, settled=True)
    probabilities_NK = yield from out_of_fold(data, asked.arrays["chosen"], asked.arrays["groups"], FOLDS, wanted)
    return Message({}, {"probabilities_NK": probabilities_NK})


def quick_network(height: int, width: int) -> tuple[AnyLayer, ...]:
    """The network of the preset ``sprint-15s``, with as many pools as images of this size allow."""
    stride = 2 if min(height, width) >= 12 else 1
    side = -(-min(height, width) // stride)
    layers: list[AnyLayer] = [Conv(32, 4, stride=stride, padding="same", bias=False, initializer="he_uniform")]
    layers += [BatchNorm(momentum=0.6), Activate("relu")]
    for filters in (32, 64, 128):
        layers.append(Conv(filters, 3, padding="same", bias=False, initializer="dirac"))
        if filters < 128 and side >= 4:
            layers.append(MaxPool())
            side //= 2
        layers += [BatchNorm(momentum=0.6), Activate("relu")]
    return (*layers, GlobalPool("max"), Classify())


def quick_training(images: int) -> TrainSpec:
    """How a network is trained on so many images."""
    batch_size = min(BATCH, max(LEAST_BATCH, images // STEPS_OF_AN_EPOCH))
    steps = -(-images // batch_size)
    return TrainSpec(
        epochs=min(max(round(STEPS / steps), EPOCHS[0]), EPOCHS[1]),
        batch_size=batch_size,
        optimizer=Muon(0.02, weight_decay=0.1, momentum=0.9, beta_2=0.99),
        schedule=OneCycle(rise=0.2),
        loss=CrossEntropy(label_smoothing=0.1),
    )


def seen_size(height: int, width: int) -> tuple[int, int]:
    """The size at which images of this one are looked at."""
    shrink = max(height, width) / LARGEST
    return (height, width) if shrink <= 1 else (max(1, round(height / shrink)), max(1, round(width / shrink)))


def _preparing(data: Dataset, seen: Indices, wanted: Wanted) -> Generator[object, None, Training]:
    """A training that could begin; in steps, where the fastest way is tried first."""
    size, classes = seen_size(data.height, data.width), len(data.class_names)
    spec, layers, shape = quick_training(len(seen)), quick_network(*size), (data.channels, *size)
    network = StackedNetwork(layers, shape, classes)
    network.draw_initial_weights(SEED)
    part = SmallPart(data, seen, choose_device(spec.device))
    normalize = Normalization.of(data, seen, DataSpec(source=data.source))

    def batch() -> tuple[Tensor, Tensor]:
        images_NCHW, labels_N = part.batch(np.arange(min(spec.batch_size, len(part))))
        return normalize(images_NCHW), labels_N

    rows = summarize(layers, shape, classes).layers
    forward = sum(OPERATIONS * multiply_adds(row.layer, row.input_shape) for row in rows)
    plan = yield from planning(network, spec, batch, wanted, 3.0 * forward * len(seen) * spec.epochs)
    return Training(
        network=network,
        optimizer=build_optimizer(spec.optimizer, network.trainable()),
        spec=spec,
        seed=SEED,
        training=part,
        validation=part,
        normalize=normalize,
        precision=plan.precision,
    )


def _answering(run: Training, part: Part) -> Generator[None, None, Tensor]:
    """logits_NK for every image of ``part``, in order, the network at rest; a batch at a time."""
    found = []
    run.network.eval()
    for images_NCHW, _ in part.in_order():
        with torch.inference_mode():
            found.append(run.network(run.normalize(images_NCHW)))
        yield
    return torch.cat(found)


def _trained(run: Training) -> Generator[int, None, None]:
    """Train to the last epoch; yields the number of steps done, after each."""
    while not run.over:
        for _ in train_epoch(run):
            yield run.taken
        check_finite(run)
        run.epoch, run.step, run.sums = run.epoch + 1, 0, EpochSums()
