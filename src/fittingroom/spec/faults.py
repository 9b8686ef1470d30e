"""Everything that is wrong with a run, at once, before anything starts; and what will have no effect.

Bounds and names of single settings are checked when a spec is made; here is what depends on the data or on
several settings together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from fittingroom.errors import Fault, did_you_mean
from fittingroom.spec.division import DEFAULT_SHARE
from fittingroom.spec.layers import BatchNorm, Dropout, Residual, Shape
from fittingroom.spec.mistakes import many
from fittingroom.spec.network import has_weights, summarize
from fittingroom.spec.run import RunSpec
from fittingroom.spec.train import Exponential, OneCycle, Sgd, Step


@dataclasses.dataclass(frozen=True)
class DataFacts:
    """What a spec needs to know of its data set: sizes, class names, and images in each part after the split."""

    channels: int
    height: int
    width: int
    class_names: tuple[str, ...]
    training_images: int
    validation_images: int
    test_images: int

    @property
    def shape(self) -> Shape:
        return (self.channels, self.height, self.width)

    @property
    def classes(self) -> int:
        return len(self.class_names)


def faults(spec: RunSpec, facts: DataFacts) -> list[Fault]:
    """Every fault of ``spec`` on data with these facts, each with path, reason and fix; empty when it can run."""
    return [
        *(fault._replace(path=f"data.{fault.path}") for fault in spec.data.faults),
        *summarize(spec.network, facts.shape, facts.classes).faults,
        *_training_faults(spec, facts),
        *_transfer_faults(spec, facts),
    ]


def _training_faults(spec: RunSpec, facts: DataFacts) -> Iterator[Fault]:
    train = spec.train
    if isinstance(train.class_weights, tuple) and len(train.class_weights) != facts.classes:
        yield Fault(
            "train.class_weights",
            f"has {many(len(train.class_weights), 'weight')}, but the data has {facts.classes} classes",
            'give one weight for each class, or "balanced"',
        )
    if isinstance(train.optimizer, Sgd) and train.optimizer.nesterov and train.optimizer.momentum == 0:
        yield Fault(
            "train.optimizer.nesterov", "looks ahead along a momentum of 0", "set momentum above 0, or nesterov = false"
        )
    if train.batch_size < 2 and any(isinstance(layer, BatchNorm | Residual) for layer in spec.network):
        yield Fault("train.batch_size", "is 1, and batch normalization needs at least 2", "raise batch_size")


def _transfer_faults(spec: RunSpec, facts: DataFacts) -> Iterator[Fault]:
    names = [str(layer.name) for layer in spec.network]
    train, weightless = spec.train, {str(layer.name) for layer in spec.network if not has_weights(layer)}
    for name in train.reset:
        if name not in names:
            yield Fault("train.reset", f'there is no layer "{name}"', did_you_mean(name, set(names) - weightless))
        elif name in weightless:
            yield Fault("train.reset", f'"{name}" has no weights that could be fresh', "leave it out")
    freeze = train.freeze_up_to
    if freeze is not None and freeze not in names:
        yield Fault("train.freeze_up_to", f'there is no layer "{freeze}"', did_you_mean(freeze, names))
    elif freeze is not None:
        summary = summarize(spec.network, facts.shape, facts.classes, freeze)
        if not summary.faults and summary.trainable_parameters == 0:
            yield Fault("train.freeze_up_to", f'"{freeze}" leaves nothing to train', "name an earlier layer")
    if spec.start and spec.start.go_on and train.reset:
        yield Fault("train.reset", "cannot be had together with start.go_on", "leave one of the two out")


def notes(spec: RunSpec, facts: DataFacts, *, follows: bool = False) -> list[str]:
    """What will not do what its author may expect, as sentences; nothing here stops a run.

    ``follows``: whether it begins with the weights of a phase before it.
    """
    about_weights = () if follows or spec.start else _weight_notes(spec)
    return [*_notes(spec, facts), *about_weights]


def _notes(spec: RunSpec, facts: DataFacts) -> Iterator[str]:
    train = spec.train
    if train.batch_size > facts.training_images:
        yield (
            f"train.batch_size is {train.batch_size:,}, but there are only "
            f"{many(facts.training_images, 'training image')}: each epoch is a single step."
        )
    yield from () if train.budget else _epoch_notes(spec)
    for layer in spec.network:
        if isinstance(layer, Dropout) and layer.rate == 0:
            yield f"{layer.name} has rate 0 and changes nothing."
    for index, operation in enumerate(spec.augment):
        if operation.changes_nothing:
            yield f"augment[{index}], {operation.kind}, has strength 0 and changes nothing."
    if spec.data.folds and spec.data.validation != DEFAULT_SHARE:
        yield f"data.validation says nothing: fold {spec.data.fold or 0} of {spec.data.folds} validates."
    if facts.validation_images < 100:
        yield (
            f"validation has only {many(facts.validation_images, 'image')}, so its accuracy is uncertain by "
            f"{_half_width(facts.validation_images):.0f} points or more either way."
        )


def _weight_notes(spec: RunSpec) -> Iterator[str]:
    """What has no effect on weights that are fresh anyway."""
    train = spec.train
    if train.freeze_up_to:
        yield f"Nothing is learned up to {train.freeze_up_to}: its layers keep the weights that they begin with."
    if train.reset:
        yield f"train.reset changes nothing: {', '.join(train.reset)} would begin with fresh weights anyway."


def _epoch_notes(spec: RunSpec) -> Iterator[str]:
    """What does not happen within the epochs that there are."""
    train, schedule, epochs = spec.train, spec.train.schedule, many(spec.train.epochs, "epoch")
    if train.early_stop and train.early_stop.patience >= train.epochs:
        yield (
            f"train.early_stop.patience is {train.early_stop.patience} and training has {epochs}: "
            "it can never stop early."
        )
    if isinstance(schedule, Exponential) and schedule.start_epoch >= train.epochs:
        yield (
            f"train.schedule.start_epoch is {schedule.start_epoch} and training has {epochs}: "
            "the learning rate never falls."
        )
    if isinstance(schedule, Step) and schedule.every >= train.epochs:
        yield (f"train.schedule.every is {schedule.every} and training has {epochs}: the learning rate never falls.")
    if not isinstance(schedule, OneCycle) and schedule.warmup >= train.epochs:
        yield (
            f"train.schedule.warmup is {schedule.warmup:g} and training has {epochs}: "
            "the full learning rate is never reached."
        )


def _half_width(n: int) -> float:
    """Half of a 95 % interval for an accuracy near 90 % from ``n`` images, in points (normal approximation)."""
    return 196 * float((0.9 * 0.1 / max(n, 1)) ** 0.5)
