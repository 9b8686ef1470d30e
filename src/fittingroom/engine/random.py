"""Where everything random comes from: the run's seed, a purpose, and counters such as epoch and step.

A stream depends on nothing else, so the order of calls elsewhere changes nothing, a run can be resumed anywhere,
and adding a layer or an augmentation leaves the draws of the others as they were.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np


def stream(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """A generator (SFC64) for one purpose at one moment, independent of all others.

    ``purpose`` is a text such as ``"order"`` or ``"dropout/dropout_1"``; ``counters`` are whole numbers >= 0.
    """
    words = (seed, *_words(purpose), *counters)
    # the same entropy in its final form, which costs a quarter of letting SeedSequence split each number
    entropy = np.array(words, np.uint32) if max(words) < 2**32 else words
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(entropy)))


@lru_cache(1024)
def _words(purpose: str) -> tuple[int, ...]:
    digest = hashlib.sha256(purpose.encode()).digest()
    return tuple(int.from_bytes(digest[at : at + 4], "little") for at in (0, 4, 8, 12))
