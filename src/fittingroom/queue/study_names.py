"""Arms by names that can stand in a sentence, also where a study varies nothing but a number."""

from __future__ import annotations

from collections.abc import Sequence

CALLED = {"rate": "dropout"}
"""Settings whose own name says too little."""
BARE = {"on", "off", "true", "false"}


def in_words(name: str, axes: Sequence[str]) -> str:
    """``batch size 128`` for an arm of a study that calls it ``128``; other names as they are."""
    if len(axes) != 1 or not _is_bare(name):
        return name
    what = axes[0].rpartition(".")[2].replace("_", " ").replace("*", "").strip()
    return f"{CALLED.get(what, what)} {name}"


def _is_bare(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return name in BARE
    return True
