"""How long a training will take, as whoever timed it tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """What one of a run's trainings costs here. Seconds are those of one epoch, its validation included."""

    epoch: float
    shortest: float
    """If all steps took what the quicker ones took, and ``longest`` the slower ones."""
    longest: float
    validation: float
    """The part of an epoch that is validation."""
    steps: int
    """That were timed."""
    batch_size: int
    """Of the steps that were timed: smaller than the training's where one of its steps would have taken too long."""
    images: int
    """That an epoch trains on."""
    threads: int
    device: str
    others: float
    """The share of the machine's processors that other programs used meanwhile, from 0 to 1."""
    phase: str | None = None
    """Which training of the run; None for the run proper."""
