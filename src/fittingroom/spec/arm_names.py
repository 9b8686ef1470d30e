"""What arms are called: by their values, and so that a name can stand in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fittingroom.spec.run import LONGEST_NAME
from fittingroom.spec.settings import NONE
from fittingroom.spec.study import ArmSpec

WITH, WITHOUT = "with", "without"
"""Values of an axis over a whole item or list: as the base has it, or left out."""
CALLED = {"rate": "dropout"}
"""Settings whose own name says too little."""
BARE = {"on", "off", "true", "false"}


def name_of(choice: Mapping[str, Any], by_hand: ArmSpec | None) -> str:
    """Of the arm with one value for each axis: ``relu``; with several axes ``relu, batch size 128``."""
    alone = len(choice) == 1 and not by_hand
    words = [by_hand.name] if by_hand else []
    for path, value in choice.items():
        text, what = text_of(value), path.rpartition(".")[2].replace("_", " ").replace("*", "").strip()
        if value in (WITH, WITHOUT):
            words.append(f"{text} {'augmentation' if path == 'augment' else what}")
            continue
        needs = isinstance(value, int | float) or value == NONE
        words.append(f"{what} {text}" if needs and not (alone and not isinstance(value, str)) else text)
    return ", ".join(words)[:LONGEST_NAME]


def text_of(value: Any) -> str:
    """A value of an axis, short: ``sgd``, ``0.1``, ``rotate 10, mirror``."""
    if isinstance(value, Mapping):
        words = [str(value[tag]) for tag in ("name", "kind", "layer") if tag in value]
        more = [
            f"{key.replace('_', ' ')} {text_of(each)}"
            for key, each in value.items()
            if key not in ("name", "kind", "layer")
        ]
        return " ".join([*words, *more]) or "{}"
    if isinstance(value, list | tuple):
        return ", ".join(text_of(each) for each in value) or NONE
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


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
