"""What a training run says while it runs: frozen records, in this order.

    for each phase, and the run proper:
      yield Started(...)
      for epoch in 1..epochs, or until the time budget is used up:
        for each batch:
            augment; normalize; forward; loss; backward; clip; step
            yield Progressed(...)              at most five times a second
        validate
        yield EpochEnded(...)                  says whether these are the best weights so far
      yield Ended(...)                         whatever the reason

Between two records the training stands still, so whoever listens can save the weights as they are at that
moment. The engine's loop yields them, the store remembers them, the terminal and the page show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class EpochMetrics:
    """What one epoch gave. ``train_*`` are means over the epoch's batches as trained (dropout and augmentation on)."""

    epoch: int
    """Counted from 1."""
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    """Of the epoch's last step."""
    seconds: float
    """Training and validation of this epoch, without saving."""
    phase: str | None = None
    """Name of the phase that it belongs to; None for the run proper."""
    images: int | None = None
    """Images trained on: fewer than there are where a time budget ran out. None in runs of older versions."""


@dataclass(frozen=True)
class Started:
    """Training begins: what each epoch will see, and the machine's part in it."""

    epochs: int | None
    """Epochs to train; None with a time budget."""
    steps_per_epoch: int
    training_images: int
    validation_images: int
    parameters: int
    phase: str | None = None
    """Name of the phase that begins; None for the run proper."""
    budget: float | None = None
    """Seconds to train for."""
    first_epoch: int = 0
    """Epochs trained before, from which the numbers count on."""


@dataclass(frozen=True)
class Progressed:
    """Some steps of an epoch are done."""

    epoch: int
    step: int
    """Steps done in this epoch."""
    steps: int
    images: int
    """Images seen in this epoch."""
    loss: float
    """Mean over the epoch so far."""
    accuracy: float
    learning_rate: float
    images_per_second: float
    """Over the epoch so far."""
    done: float = 0.0
    """Share of the training, by epochs or by the time budget."""


@dataclass(frozen=True)
class EpochEnded:
    """An epoch is trained and validated."""

    metrics: EpochMetrics
    best: bool
    """Whether these are the best weights so far."""
    watching: str
    """Early stopping in words: what it watches, best so far, patience left; empty without early stopping."""


StopReason = Literal["stopped", "paused", "handed_back", "pruned"]
"""Who asked: a user for good, a user for now, a worker that ends and leaves the run to the next, or a search that has
found better ones."""
Reason = Literal["completed", "early_stop", StopReason]


@dataclass(frozen=True)
class Ended:
    """Training is over, and why, in words."""

    reason: Reason
    epochs: int
    """Whole epochs done."""
    explanation: str


Event: TypeAlias = Started | Progressed | EpochEnded | Ended
