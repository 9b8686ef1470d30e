"""Images with nothing on them: of one value, or with hardly a pixel that differs from the background."""

from __future__ import annotations

import numpy as np

from fittingroom.data.check.finding import Finding, graded, share
from fittingroom.data.check.looks import CONSTANT, DIFFERENT, Looks
from fittingroom.data.check.parts import UNUSED, Parts

EMPTY = 0.01
"""Share of the pixels below which an image is nearly empty."""
WHAT_TO_DO = "look at them and leave out those on which nothing can be seen"


def empty_images(looks: Looks, parts: Parts) -> list[Finding]:
    """Constant and nearly empty images of all parts."""
    used = np.flatnonzero(parts.part != UNUSED)
    constant = used[looks.range[used] <= CONSTANT]
    nearly = used[(looks.range[used] > CONSTANT) & (looks.filled[used] < EMPTY)]
    nearly = nearly[np.argsort(looks.filled[nearly], kind="stable")]
    found = []
    if len(constant):
        found.append(
            Finding(
                "constant_images",
                graded(len(constant), len(used), severe=0.01),
                len(constant),
                len(used),
                constant,
                f"{share(len(constant), len(used))} images have one value all over (within {CONSTANT} of 255 levels): "
                "there is nothing to be learned from them but a label.",
                "leave them out, and look for what went wrong when they were made",
            )
        )
    if len(nearly):
        found.append(
            Finding(
                "nearly_empty_images",
                graded(len(nearly), len(used), severe=0.01),
                len(nearly),
                len(used),
                nearly,
                f"{share(len(nearly), len(used))} images have fewer than {100 * EMPTY:.0f} % of their pixels further "
                f"than {DIFFERENT} of 255 levels from their background.",
                WHAT_TO_DO,
                scores=looks.filled[nearly],
                measure="share of pixels that differ from the background",
            )
        )
    return found
