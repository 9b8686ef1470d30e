"""Data sets that are made, not brought: digits drawn from fonts."""

from __future__ import annotations

import os
from typing import Any

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
