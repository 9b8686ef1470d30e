"""Data sets that people do not bring themselves: digits drawn from fonts, and well-known ones from the internet."""

from __future__ import annotations

import os
from typing import Any

from fittingroom.data import downloading
from fittingroom.data.dataset import Dataset
from fittingroom.data.synthetic import keeping
from fittingroom.data.synthetic.recipe import Recipe
from fittingroom.workspace import Workspace


def synthesize(name: str = "digits", *, workspace: str | os.PathLike[str] | None = None, **settings: Any) -> Dataset:
    """Draw digits from the fonts of this machine, and keep them in the workspace as the data set ``name``.

    ``settings`` are those of the recipe: ``synthesize(images=20_000, size=32, seed=1, rotation=30)``; all of them are
    in ``docs/reference/synthetic-digits.md``. No font family of the test images is among those of the training images.
    The same recipe with the same fonts gives the same images. Raises InvalidSpec for settings that cannot be, and
    InvalidData when there are too few fonts.
    """
    return keeping.synthesize(Recipe(**settings), Workspace.find(workspace), name).data


def download(name: str, *, workspace: str | os.PathLike[str] | None = None) -> Dataset:
    """Get "mnist", "kmnist", "emnist" or "cifar-10" from the internet, and keep it in the workspace under that name.

    Checked against published checksums; what is cut short goes on with the next call, and what is there already is
    not downloaded again. Raises NotFound, DownloadFailed and WorkspaceError.
    """
    return downloading.download(name, Workspace.find(workspace))
