"""What the curves of a training run say, in words and by stated rules. Pure Python.

Losses are mean cross-entropies in nats; accuracies are shares between 0 and 1; epochs are counted from 1.
Values that are not finite (a diverged loss) are never the best and break no function here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from statistics import fmean

from fittingroom.errors import InvalidInput
from fittingroom.spec.events import EpochMetrics

CLEAR_RISE = 1.05
"""A validation loss counts as risen when it ends at least 5 % above the lowest."""
CLEAR_FALL = 0.99
RUN_OUT = 0.05
"""A validation loss counts as still improving when it is at least 1 % below what was reached three epochs ago."""
RISING_Z = 1.645
"""One-sided 5 % point of the normal distribution, for the Mann–Kendall test."""


def lowest_loss(epochs: Sequence[EpochMetrics]) -> EpochMetrics | None:
    """The epoch with the lowest validation loss, the first on ties; None where no loss is finite."""
    finite = [epoch for epoch in epochs if math.isfinite(epoch.validation_loss)]
    return min(finite, key=lambda epoch: (epoch.validation_loss, epoch.epoch), default=None)


def highest_accuracy(epochs: Sequence[EpochMetrics]) -> EpochMetrics | None:
    """The epoch with the highest validation accuracy, the first on ties; None where no accuracy is finite."""
    finite = [epoch for epoch in epochs if math.isfinite(epoch.validation_accuracy)]
    return min(finite, key=lambda epoch: (-epoch.validation_accuracy, epoch.epoch), default=None)


def epochs_to(target: float, epochs: Sequence[EpochMetrics]) -> int | None:
    """The first epoch whose validation accuracy is at least ``target`` (a share); None where none is."""
    _check_target(target)
    return next((epoch.epoch for epoch in epochs if epoch.validation_accuracy >= target), None)


def seconds_to(target: float, epochs: Sequence[EpochMetrics]) -> float | None:
    """Seconds of training up to the end of the first epoch that reached ``target`` (a share); None where none did."""
    _check_target(target)
    elapsed = itertools.accumulate(epoch.seconds for epoch in epochs)
    reached = (epoch.validation_accuracy >= target for epoch in epochs)
    return next((seconds for seconds, enough in zip(elapsed, reached, strict=True) if enough), None)


def _check_target(target: float) -> None:
    if not 0 <= target <= 1:
        raise InvalidInput(f"an accuracy target is a share between 0 and 1, not {target:g}; write 0.9 for 90 %")


def reading(epochs: Sequence[EpochMetrics], *, regularized: Sequence[str] = ()) -> list[str]:
    """What happened in a run, as plain sentences; no sentence where no rule applies.

    - *Best*: the epochs of the lowest validation loss and of the highest validation accuracy, always told.
    - *Diverged*: a training or validation loss that is not finite; the first such epoch is named and nothing is
      said about trends.
    - *Rising*: see ``rising_since``. With it, *overfitting* is said only if the mean training loss of the last three
      epochs is below the training loss of the epoch where validation loss was lowest.
    - *Still improving*: the last of at least two epochs has the lowest validation loss, at least 1 % below the
      lowest that was reached three epochs earlier (in shorter runs: below the first epoch's). It says so where the
      learning rate has come down to a twentieth of its highest.
    - *Neither*: at least three epochs since the lowest validation loss and no clear rise.
    - *Below*: at the last epoch training accuracy lies below validation accuracy; the caller names what is on in
      training alone (dropout, augmentation).
    """
    sentences = [_best(epochs)]
    diverged = next((epoch for epoch in epochs if not _finite(epoch)), None)
    sentences.append(_diverged(diverged) if diverged else _trend(epochs))
    if epochs and epochs[-1].train_accuracy < epochs[-1].validation_accuracy:
        with_it = f", with {' and '.join(regularized)} on" if regularized else ""
        sentences.append(
            f"Training accuracy is a mean over the epoch, while the weights still changed{with_it}, so it can lie "
            "below validation."
        )
    return [sentence for sentence in sentences if sentence]


def rising_since(epochs: Sequence[EpochMetrics]) -> EpochMetrics | None:
    """The epoch of the lowest validation loss, if the loss has clearly been rising since; else None.

    Two conditions: the mean of the last three epochs lies at least 5 % above the lowest loss; and the epochs after
    the lowest have a rising trend by the Mann–Kendall test (H. B. Mann, Econometrica 13, 1945; one-sided, 5 %,
    normal approximation with continuity correction), which asks in how many pairs of epochs the later loss is the
    higher one. Three epochs can never pass that test, so the earliest answer comes four epochs after the lowest.
    All losses must be finite.
    """
    lowest = lowest_loss(epochs)
    if lowest is None:
        return None
    after = [epoch.validation_loss for epoch in epochs if epoch.epoch > lowest.epoch]
    risen = len(after) > 3 and fmean(after[-3:]) >= CLEAR_RISE * lowest.validation_loss
    return lowest if risen and _mann_kendall_z(after) > RISING_Z else None


def _mann_kendall_z(values: Sequence[float]) -> float:
    """Standard score of (rising pairs - falling pairs); positive where later values tend to be higher."""
    n = len(values)
    score = sum((later > earlier) - (later < earlier) for earlier, later in itertools.combinations(values, 2))
    corrected = score - math.copysign(1, score) if score else 0
    return corrected / math.sqrt(n * (n - 1) * (2 * n + 5) / 18)


def _finite(epoch: EpochMetrics) -> bool:
    return math.isfinite(epoch.train_loss) and math.isfinite(epoch.validation_loss)


def _best(epochs: Sequence[EpochMetrics]) -> str:
    loss, accuracy = lowest_loss(epochs), highest_accuracy(epochs)
    told = []
    if loss:
        told.append(f"lowest validation loss {show_loss(loss.validation_loss)} at epoch {loss.epoch}")
    if accuracy:
        share = show_percent(accuracy.validation_accuracy)
        told.append(f"highest validation accuracy {share} at epoch {accuracy.epoch}")
    text = "; ".join(told)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _diverged(epoch: EpochMetrics) -> str:
    which = "validation" if math.isfinite(epoch.train_loss) else "training"
    return f"At epoch {epoch.epoch} the {which} loss was no longer a finite number: a lower learning rate may help."


def _trend(epochs: Sequence[EpochMetrics]) -> str:
    if _still_improving(epochs):
        if epochs[-1].learning_rate < RUN_OUT * max(epoch.learning_rate for epoch in epochs):
            return (
                "Still improving at the last epoch, where the learning rate has run out: more epochs help only with "
                "the schedule laid over them."
            )
        return "Still improving at the last epoch: more epochs may help."
    if risen := rising_since(epochs):
        return _rise(epochs, risen)
    lowest = lowest_loss(epochs)
    waited = epochs[-1].epoch - lowest.epoch if lowest else 0
    if lowest and waited >= 3:
        return f"Validation loss has neither fallen further nor clearly risen in the {waited} epochs since its lowest."
    return ""


def _still_improving(epochs: Sequence[EpochMetrics]) -> bool:
    if len(epochs) < 2 or lowest_loss(epochs) is not epochs[-1]:
        return False
    earlier = min(epoch.validation_loss for epoch in (epochs[:-3] or epochs[:1]))
    return epochs[-1].validation_loss <= CLEAR_FALL * earlier


def _rise(epochs: Sequence[EpochMetrics], lowest: EpochMetrics) -> str:
    change = f"({show_loss(lowest.validation_loss)} → {show_loss(epochs[-1].validation_loss)})"
    rise = f"Validation loss has been rising since epoch {lowest.epoch} {change}"
    if fmean(epoch.train_loss for epoch in epochs[-3:]) < lowest.train_loss:
        return f"{rise} while training loss kept falling: the network is overfitting."
    return f"{rise}; training loss has not fallen since then either."


def show_loss(loss: float) -> str:
    """``0.236``: three decimals, three significant digits below 0.1 and from 1,000, ``–`` where not finite."""
    if not math.isfinite(loss):
        return "–"
    return f"{loss:.3f}" if 0.1 <= abs(loss) < 1000 else f"{loss:.3g}"


def show_percent(share: float) -> str:
    """``91.6 %`` for 0.916, ``–`` where not finite."""
    return f"{share:.1%}".replace("%", " %") if math.isfinite(share) else "–"
