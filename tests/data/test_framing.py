"""Images of other sizes, proportions and channels than an import is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittingroom.data.sources import import_data, preview_data
from fittingroom.data.wanted import Wanted
from fittingroom.errors import InvalidInput
from fittingroom.workspace import Workspace

STRIPES = np.array([[10, 20, 30, 40]] * 2, np.uint8)
"""2×4: the middle columns are 20 and 30."""


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """Two classes of one image 2×4 each, and one of 4×4 in colour."""
    for name, pixels in (("a/1", STRIPES), ("b/1", STRIPES), ("b/2", np.full((4, 4, 3), (200, 0, 0), np.uint8))):
        (tmp_path / "wide" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "wide" / f"{name}.png")
    return tmp_path / "wide"


def test_crop_cuts_out_the_centre(wide: Path, workspace: Workspace) -> None:
    data = import_data(wide, workspace, wanted=Wanted(size=(2, 2), fit="crop", channels=1))
    assert data.images[0, :, :, 0].tolist() == [[20, 30], [20, 30]]
    assert "scaled to cover 2×2 and cut to its centre" in data.origin


def test_pad_centres_on_white(wide: Path, workspace: Workspace) -> None:
    data = import_data(wide, workspace, wanted=Wanted(size=(4, 4), channels=1))
    assert data.images[0, :, :, 0].tolist() == [[255] * 4, *STRIPES.tolist(), [255] * 4]


def test_stretch_gives_up_proportions(wide: Path, workspace: Workspace) -> None:
    data = import_data(wide, workspace, wanted=Wanted(size=(6, 4), fit="stretch", channels=1))
    assert data.images[0, :, :, 0].tolist() == [STRIPES[0].tolist()] * 6
    assert data.origin.endswith("colour made grey in 1 of 3 images; stretched to 6×4")


def test_channels_are_made_as_asked(wide: Path, workspace: Workspace) -> None:
    grey = import_data(wide, workspace, "grey", wanted=Wanted(size=(4, 4), channels=1))
    colour = import_data(wide, workspace, "colour", wanted=Wanted(size=(4, 4), channels=3))
    assert (grey.channels, colour.channels) == (1, 3)
    assert set(grey.images[2].ravel().tolist()) == {round(0.299 * 200)}
    assert "grey repeated in 3 channels in 2 of 3 images" in colour.origin


def test_a_preview_knows_the_result_and_shows_it(wide: Path) -> None:
    plain = preview_data(wide)[1]
    assert (plain.size, len(plain.faults)) == (None, 1)
    assert "2 of 2×4, 1 of 4×4; import them with one size, such as --size 2x4" in plain.faults[0]
    cropped = preview_data(wide, wanted=Wanted(size=(2, 2), fit="crop", channels=1))[1]
    assert (cropped.size, cropped.channels, cropped.faults) == ((2, 2), 1, ())
    shown = cropped.exemplars()
    assert [len(images) for images in shown] == [1, 2]
    assert shown[0][0].tolist() == [[[20], [30]], [[20], [30]]]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Wanted(fit="squeeze"), 'fit = "squeeze" is no way to bring images to a size; give one of pad, crop, stretch'),  # type: ignore[arg-type]
        (Wanted(channels=4), r"channels = 4 is neither 1 \(grey\) nor 3 \(colour\); give one of them"),  # type: ignore[arg-type]
        (Wanted(size=(0, 4)), r"size = \(0, 4\) is no height and width"),
    ],
)
def test_wishes_that_cannot_be_meant_are_refused(wanted: Wanted, told: str, wide: Path, workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match=told):
        import_data(wide, workspace, wanted=wanted)
    assert not workspace.root.exists()
