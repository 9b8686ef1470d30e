"""The training loop: ``train`` yields events and knows no page, file or database.

Everything random is drawn from the seed for one epoch and step, so the loop can be left after any step and, from
the same state, goes on to the same weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fittingroom.engine.augment import Means, augment
from fittingroom.engine.images import Normalization, Part
from fittingroom.engine.network import StackedNetwork
from fittingroom.engine.pace import Budget
from fittingroom.engine.random import stream
from fittingroom.engine.trial import computing
from fittingroom.errors import TrainingDiverged
from fittingroom.measure.patience import Best, EarlyStopping
from fittingroom.spec.augment import AnyAugment
from fittingroom.spec.events import Ended, EpochEnded, EpochMetrics, Event, Progressed, Started, StopReason
from fittingroom.spec.train import TrainSpec, batches

SECONDS_BETWEEN_PROGRESS = 0.2
Stop = Callable[[], StopReason | None]
"""Is asked after every step; a reason ends the training."""
ASKED: dict[StopReason, str] = {
    "stopped": "Stopped on request",
    "paused": "Paused on request",
    "handed_back": "Handed back to the queue",
    "pruned": "Ended by the search, which has found better ones,",
}


@dataclass
class Training:
    """Everything that a training is made of, and where it stands."""

    network: StackedNetwork
    optimizer: torch.optim.Optimizer
    spec: TrainSpec
    seed: int
    training: Part
    validation: Part
    normalize: Normalization
    precision: str = "fp32"
    """Of the steps, see ``trial.Choice``; validation is always computed in float32."""
    augmentation: Sequence[AnyAugment] = ()
    augmented_by: Means = "torch"
    class_weights_K: Tensor | None = None
    first_epoch: int = 0
    """Epochs done before this training began, by what it goes on from; numbers count on from there."""
    phase: str | None = None
    budget: Budget | None = None

    epoch: int = 0
    """Whole epochs done, those before this training included."""
    step: int = 0
    """Steps done in the epoch that is under way."""
    taken: int = 0
    """Steps since the run began, through all its phases."""
    seen: int = 0
    """Images trained on since the run began."""
    sums: EpochSums = field(default_factory=lambda: EpochSums())
    """Of the epoch that is under way."""
    best: Best = field(init=False)
    early_stopping: EarlyStopping | None = field(init=False)
    validation_probabilities_NK: NDArray[np.float32] | None = None
    """Of the last validation."""

    def __post_init__(self) -> None:
        self.best = Best(self.spec.best_by)
        self.early_stopping = EarlyStopping(self.spec.early_stop) if self.spec.early_stop else None

    @property
    def batches(self) -> range:
        return batches(len(self.training), self.spec.batch_size)

    @property
    def epochs_done(self) -> float:
        """Of this training, with the fraction of the present one; 0 while it finishes an epoch that it found begun."""
        return max(0.0, self.epoch - self.first_epoch + self.step / len(self.batches))

    @property
    def done(self) -> float:
        """The share of this training that is done, from 0 to 1."""
        return self.budget.share if self.budget else self.epochs_done / self.spec.epochs

    @property
    def over(self) -> bool:
        """Whether no step is left; early stopping is another matter."""
        return self.budget.over if self.budget else self.epoch - self.first_epoch >= self.spec.epochs

    def next_learning_rate(self) -> float:
        """Of the step that comes now: the schedule is read at its middle."""
        if self.budget:
            self.budget.next_share()
        return self.learning_rate_at(self.step)

    def learning_rate_at(self, step: int) -> float:
        """Of a step (from 0) of the epoch that is under way; with a budget it has to be the last one."""
        epochs = max(0.0, self.epoch - self.first_epoch + (step + 0.5) / len(self.batches))
        return self.spec.learning_rate(epochs, epochs / self.budget.share if self.budget else None)


@dataclass
class EpochSums:
    """Sums over the images of an epoch so far. They stay on the device, because reading them waits for it."""

    images: int = 0
    seconds: float = 0.0
    loss: Tensor | float = 0.0
    correct: Tensor | float = 0.0

    def add(self, loss: Tensor, logits_NK: Tensor, labels_N: Tensor) -> None:
        self.images += len(labels_N)
        self.loss = self.loss + loss.detach().double() * len(labels_N)
        self.correct = self.correct + (logits_NK.detach().argmax(1) == labels_N).sum()

    @property
    def mean_loss(self) -> float:
        return float(self.loss) / self.images

    @property
    def accuracy(self) -> float:
        return float(self.correct) / self.images


def train(run: Training, stop: Stop = lambda: None) -> Iterator[Event]:
    """Train from where ``run`` stands to the last epoch, early stopping, or until ``stop()`` gives a reason.

    See ``spec.events`` for what is yielded when. Raises TrainingDiverged when the loss is no longer finite.
    """
    if run.budget:
        run.budget.begin()
    yield Started(
        epochs=None if run.budget else run.spec.epochs,
        steps_per_epoch=len(run.batches),
        training_images=len(run.training),
        validation_images=len(run.validation),
        parameters=run.network.parameters_in_all,
        phase=run.phase,
        budget=run.budget.seconds if run.budget else None,
        first_epoch=run.first_epoch,
    )
    while not run.over or run.step:
        if run.early_stopping and run.early_stopping.exhausted:
            yield Ended("early_stop", run.epoch, run.early_stopping.why_stopped(run.epoch))
            return
        for progress in train_epoch(run):
            if progress:
                yield progress
            if reason := stop():
                yield Ended(reason, run.epoch, f"{ASKED[reason]} during epoch {run.epoch + 1}.")
                return
        trained = run.sums.seconds
        metrics = validate(run)
        told = time.perf_counter()
        run.epoch, run.step, run.sums = run.epoch + 1, 0, EpochSums()
        best = run.best.improved(metrics)
        if run.early_stopping:
            run.early_stopping.saw(metrics)
        yield EpochEnded(metrics, best, str(run.early_stopping or ""))
        if run.budget:
            run.budget.validated(metrics.seconds - trained, time.perf_counter() - told)
    explanation = why_complete(run)
    if run.early_stopping:
        explanation += f" {run.early_stopping.why_not()}"
    yield Ended("completed", run.epoch, explanation)


def why_complete(run: Training) -> str:
    """What has come to its end, in words."""
    if run.budget:
        epochs = len(run.budget.trace) / len(run.batches)
        what = (
            "trace is followed to its end"
            if run.budget.follow is not None
            else f"budget of {run.spec.budget} is used up"
        )
        return f"The {what}, after {epochs:.1f} epochs."
    further = "further " if run.first_epoch else ""
    return (
        f"The one {further}epoch is done." if run.spec.epochs == 1 else f"All {run.spec.epochs} {further}epochs done."
    )


def train_epoch(run: Training) -> Iterator[Progressed | None]:
    """The rest of the epoch that is under way, or of the budget; yields after every step, a record where one is due."""
    run.network.train()
    order = stream(run.seed, "order", run.epoch + 1).permutation(len(run.training))
    told = 0.0
    for start in run.batches[run.step :]:
        if run.step and cut(run):
            return  # the time was used up while whoever listens was busy, or when an earlier process was killed
        began = time.perf_counter()
        learning_rate = run.next_learning_rate()
        images_NCHW, labels_N = run.training.batch(order[start : start + run.spec.batch_size])
        train_step(run, images_NCHW, labels_N, learning_rate)
        seconds = time.perf_counter() - began
        run.step, run.taken, run.seen = run.step + 1, run.taken + 1, run.seen + len(labels_N)
        run.sums.seconds += seconds
        if run.budget:
            run.budget.stepped(seconds, len(labels_N), len(run.validation))
        last = run.step == len(run.batches) or cut(run)
        if not last and run.sums.seconds - told < SECONDS_BETWEEN_PROGRESS:
            yield None
            continue
        told = run.sums.seconds
        check_finite(run)
        yield Progressed(
            epoch=run.epoch + 1,
            step=run.step,
            steps=len(run.batches),
            images=run.sums.images,
            loss=run.sums.mean_loss,
            accuracy=run.sums.accuracy,
            learning_rate=learning_rate,
            images_per_second=run.sums.images / run.sums.seconds,
            done=run.done,
        )
        if last:
            return


def cut(run: Training) -> bool:
    """Whether the time budget is used up; if so, it is from now on."""
    if run.budget and run.over:
        run.budget.ended = True
    return run.budget is not None and run.budget.ended


def train_step(run: Training, images_NCHW: Tensor, labels_N: Tensor, learning_rate: float) -> None:
    """Augment, normalize, forward, loss, backward, clip, step."""
    moment = {"seed": run.seed, "epoch": run.epoch + 1, "step": run.step + 1}
    if run.augmentation:
        images_NCHW = augment(images_NCHW, run.augmentation, run.augmented_by, **moment)
    run.network.at(**moment)
    with computing(run.precision, run.training.device):
        logits_NK = run.network(run.normalize(images_NCHW)).float()
    losses_N = F.cross_entropy(logits_NK, labels_N, reduction="none", label_smoothing=run.spec.loss.label_smoothing)
    if run.class_weights_K is not None:
        losses_N = losses_N * run.class_weights_K[labels_N]
    loss = losses_N.mean()
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if run.spec.clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(run.network.parameters(), run.spec.clip_norm)
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate
    run.optimizer.step()
    run.sums.add(loss, logits_NK, labels_N)


def validate(run: Training) -> EpochMetrics:
    """What the epoch gave: plain cross-entropy and accuracy of the network at rest, on the validation images."""
    began = time.perf_counter()
    logits_NK, labels_N = logits(run.network, run.validation, run.normalize)
    logarithms_NK = logits_NK.double().log_softmax(1)
    run.validation_probabilities_NK = logarithms_NK.exp().float().cpu().numpy()
    return EpochMetrics(
        epoch=run.epoch + 1,
        train_loss=run.sums.mean_loss,
        train_accuracy=run.sums.accuracy,
        validation_loss=float(F.nll_loss(logarithms_NK, labels_N)),
        validation_accuracy=float((logits_NK.argmax(1) == labels_N).double().mean()),
        learning_rate=run.learning_rate_at(run.step - 1),
        seconds=run.sums.seconds + time.perf_counter() - began,
        phase=run.phase,
        images=run.sums.images,
    )


@torch.inference_mode()
def logits(network: StackedNetwork, part: Part, normalize: Normalization) -> tuple[Tensor, Tensor]:
    """logits_NK and labels_N for every image of ``part``, in order, the network at rest."""
    network.eval()
    batches = [(network(normalize(images_NCHW)), labels_N) for images_NCHW, labels_N in part.in_order()]
    outputs, labels = zip(*batches, strict=True)
    return torch.cat(outputs), torch.cat(labels)


def check_finite(run: Training) -> None:
    """Raise TrainingDiverged, with what usually helps, when the loss is NaN or infinite."""
    if math.isfinite(run.sums.mean_loss):
        return
    clip = "" if run.spec.clip_norm else ", or limit the gradient with train.clip_norm=1.0"
    raise TrainingDiverged(
        f"the training loss became {run.sums.mean_loss} in epoch {run.epoch + 1}, step {run.step} of "
        f"{len(run.batches)}: the steps are too large; "
        f"try train.optimizer.learning_rate={run.spec.optimizer.learning_rate / 10:g} "
        f"(it is {run.spec.optimizer.learning_rate:g}){clip}"
    )
