"""A time budget: how far a training is by the clock, and exactly so again from the trace that it leaves.

Schedules are laid over the share of the training that is done. By epochs that share is known beforehand. By time it
depends on how fast the machine was, so the share at every step is recorded; whoever follows the trace in place of the
clock trains the very same weights.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

VALIDATION_COST = 1 / 3
"""What an image costs that is only passed forward, in times of one that is trained on; until it was measured."""
WARM = 5
"""Steps after which their time can be relied on: the first are slow, while memory and caches fill."""
RECENT = 50
"""Steps whose time tells how long the next one takes."""
FIRST_SHARE = 1e-6


@dataclass
class Budget:
    """Seconds to train for, what is spent of them, and the share of them at the middle of every step so far."""

    seconds: float
    spent: float = 0.0
    """By earlier processes: the time between them does not count."""
    closing: float = 0.0
    """Seconds that have to be left for the last validation and its saving."""
    closed: bool = False
    """Whether ``closing`` was measured; before that it is a guess."""
    ended: bool = False
    """Whether it has cut an epoch: then no step follows, however quick the validation was."""
    trace: list[float] = field(default_factory=list)
    follow: Sequence[float] | None = None
    """The trace of another training, which decides in place of the clock."""
    begun: float | None = None
    steps: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    """Seconds of this process's latest steps."""
    quickest: float = math.inf
    """Seconds of the quickest of all its steps."""
    savings: list[float] = field(default_factory=list)
    """Seconds that whoever listens took after each epoch of this process."""

    def begin(self) -> None:
        """The clock runs from now on."""
        self.begun = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds spent on this training, by all its processes."""
        return self.spent + (0.0 if self.begun is None else time.perf_counter() - self.begun)

    @property
    def step(self) -> float:
        """Seconds that a step takes."""
        return median(self.steps) if self.steps else 0.0

    @property
    def over(self) -> bool:
        """Whether no step fits in any more. There is always one."""
        if self.follow is not None:
            return len(self.trace) >= len(self.follow)
        return self.ended or (bool(self.trace) and self.elapsed + self.step / 2 > self.seconds - self.closing)

    @property
    def share(self) -> float:
        """Of the last step."""
        return self.trace[-1] if self.trace else 0.0

    def next_share(self) -> float:
        """The share at the middle of the step that comes now; it is recorded."""
        if self.follow is not None:
            share = self.follow[len(self.trace)]
        else:
            usable = max(self.seconds - self.closing, self.step, 1e-9)
            share = min(1.0, max(self.share, FIRST_SHARE, (self.elapsed + self.step / 2) / usable))
        self.trace.append(share)
        return share

    def stepped(self, seconds: float, images: int, validation_images: int) -> None:
        """Learn from a step with so many images how long steps take, and what a validation may take."""
        self.steps.append(seconds)
        self.quickest = min(self.quickest, seconds)
        if not self.closed and len(self.steps) >= WARM:
            self.closing = VALIDATION_COST * validation_images * self.quickest / images

    def validated(self, seconds: float, saving: float) -> None:
        """Learn how long a validation takes, and the saving after it; once in a while a disk or database is slow."""
        self.savings.append(saving)
        self.closing, self.closed = seconds + median(self.savings), True
