"""Arms by names that can stand in a sentence."""

from __future__ import annotations

from dataclasses import replace

from fittingroom.measure.study import ArmResults, StudyResults
from fittingroom.report.ways import axis_name

CALLED = {"rate": "dropout"}
"""Settings whose own name says too little."""
BARE = {"on", "off", "true", "false"}


def in_words(results: StudyResults) -> StudyResults:
    """The same results, the arms called ``batch size 128`` where the study calls them ``128``."""
    if len(results.axes) != 1:
        return results
    (path,) = results.axes
    what = CALLED.get(axis_name(path), axis_name(path))
    return replace(results, arms=tuple(_named(arm, what) for arm in results.arms))


def _named(arm: ArmResults, what: str) -> ArmResults:
    return replace(arm, name=f"{what} {arm.name}") if _is_bare(arm.name) else arm


def _is_bare(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return name in BARE
    return True
