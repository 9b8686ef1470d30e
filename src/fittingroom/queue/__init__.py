"""What is asked for: runs for the workers, and what is wanted of them. Knows neither torch nor SQL."""

from __future__ import annotations

from fittingroom.queue.ask import as_left, pause, resume, stop, stop_workers, workers
from fittingroom.queue.submit import submit, submit_again, submit_continued, submit_forked, submit_seeds

__all__ = [
    "as_left",
    "pause",
    "resume",
    "stop",
    "stop_workers",
    "submit",
    "submit_again",
    "submit_continued",
    "submit_forked",
    "submit_seeds",
    "workers",
]
