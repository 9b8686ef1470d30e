"""What the weights of a stored run say of themselves, read without torch: form of the images, classes, background."""

from __future__ import annotations

from dataclasses import dataclass

from fittingroom.errors import WorkspaceError
from fittingroom.queue.stored import artifact_path
from fittingroom.queue.weights import CLASSIFIER, head
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace


@dataclass(frozen=True)
class Outline:
    """A trained network seen from outside."""

    run: str
    sha256: str
    """Of the weights."""
    epoch: int
    """After which these weights were kept."""
    shape: tuple[int, int, int]
    """Channels, height, width."""
    class_names: tuple[str, ...]
    background: float
    """Median value along the border of the training images, 0 to 1: dark or bright."""


def outline_of(run: RunDetails, workspace: Workspace) -> Outline:
    """The outline of a run's best weights; raises InvalidInput where it has none yet, and WorkspaceError."""
    path = artifact_path(run, "best", workspace)
    try:
        described = head(path)[1][CLASSIFIER]
        given = described["preprocessing"]
        channels, height, width = map(int, given["shape"])
        return Outline(
            run=run.id,
            sha256=run.artifacts["best"].sha256,
            epoch=int(described["epoch"]),
            shape=(channels, height, width),
            class_names=tuple(map(str, given["class_names"])),
            background=float(given["background"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkspaceError(f"cannot read the weights in {path}: {error}; train the run again") from None
