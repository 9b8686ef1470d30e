"""What follows an epoch: which weights are the best, and whether it is time to stop. Each explains itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.train import EarlyStop, Monitor


@dataclass
class Best:
    """The best value of one measure so far, and its epoch. The first of equals stays the best; NaN never is."""

    monitor: Monitor
    min_delta: float = 0.0
    epoch: int = 0
    value: float = field(default=math.nan)

    def improved(self, metrics: EpochMetrics) -> bool:
        """Whether this epoch beats the best so far by more than ``min_delta``; then it is the best."""
        value: float = getattr(metrics, self.monitor)
        gain = value - self.value if self.monitor == "validation_accuracy" else self.value - value
        if math.isnan(value) or not (self.epoch == 0 or gain > self.min_delta):
            return False
        self.epoch, self.value = metrics.epoch, value
        return True

    def __str__(self) -> str:
        if self.monitor == "validation_accuracy":
            return f"{100 * self.value:.2f} %"
        return f"{self.value:.4f}"


class EarlyStopping:
    """Counts the epochs since what it watches last improved; see ``spec.train.EarlyStop``."""

    def __init__(self, spec: EarlyStop) -> None:
        self.patience = spec.patience
        self.best = Best(spec.monitor, spec.min_delta)
        self.waited = 0
        self.measure = spec.monitor.replace("_", " ")

    def saw(self, metrics: EpochMetrics) -> None:
        """Take in one epoch."""
        self.waited = 0 if self.best.improved(metrics) else self.waited + 1

    @property
    def exhausted(self) -> bool:
        return self.waited >= self.patience

    def __str__(self) -> str:
        waited = f"{self.waited} epoch{'s' * (self.waited != 1)} without a better one" if self.waited else "just now"
        return (
            f"Early stopping watches {self.measure}: best {self.best} at epoch {self.best.epoch} ({waited}); "
            f"it stops after {self.patience}."
        )

    def why_stopped(self, epoch: int) -> str:
        return (
            f"Stopped early after epoch {epoch}: {self.measure} has not improved on {self.best} "
            f"(epoch {self.best.epoch}) for {self.waited} epoch{'s' * (self.waited != 1)}, the patience that was set."
        )

    def why_not(self) -> str:
        """Why training went to its last epoch."""
        if self.exhausted:
            return (
                f"Early stopping would have ended it here too: {self.measure} has not improved on {self.best} "
                f"(epoch {self.best.epoch})."
            )
        if self.waited == 0:
            return f"Early stopping did not stop it: {self.measure} was still improving at the last epoch."
        return (
            f"Early stopping did not stop it: {self.measure} was best {self.waited} "
            f"epoch{'s' * (self.waited != 1)} ago, and {self.patience} without improvement would have been needed."
        )
