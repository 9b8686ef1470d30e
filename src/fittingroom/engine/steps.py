"""Long work in steps: a generator that yields how much is done, and of how much, and returns what came of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

Result = TypeVar("Result")


def finish(
    steps: Generator[tuple[int, int], None, Result],
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Result:
    """Do all of it in one go; ``progress`` hears of each step."""
    while True:
        try:
            progress(*next(steps))
        except StopIteration as end:
            result: Result = end.value
            return result
