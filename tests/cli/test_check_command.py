"""``fittingroom data check``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittingroom.data.check import kept
from tests.cli.conftest import Outcome

Call = Callable[..., Outcome]


@pytest.fixture
def faulty(photos: Path) -> Path:
    """The photos with a copy of one under another class, and a white one."""
    Image.open(photos / "left" / "3.png").save(photos / "middle" / "copy.png")
    Image.fromarray(np.full((8, 8), 255, np.uint8)).save(photos / "right" / "white.png")
    return photos


def test_findings_are_told_with_what_to_do(fittingroom: Call, faulty: Path) -> None:
    found = fittingroom("data", "check", faulty, "--no-labels")
    assert found.status == 0, found.err
    text = " ".join(found.out.split())
    assert "label conflicts severe 2" in text
    assert "(left)" in text
    assert "(middle)" in text
    assert "constant images" in text
    assert text.count("What to do:") >= 3
    assert "Looked for and not found: " in text
    assert "near copies" in text.partition("Looked for and not found: ")[2]
    assert "Labels by confident learning: not asked for" in text


def test_json_is_complete(fittingroom: Call, faulty: Path) -> None:
    report = fittingroom("data", "check", faulty, "--no-labels", "--json").json
    assert report["images"] == 92
    assert report["classes"] == ["left", "middle", "right"]
    assert {"fingerprint", "name", "left_out", "clean", "checked"} <= report.keys()
    conflict = next(each for each in report["findings"] if each["kind"] == "label_conflicts")
    assert conflict["severity"] == "severe"
    assert (conflict["count"], len(conflict["images"]), len(conflict["pairs"])) == (2, 2, 1)
    assert conflict["text"]
    assert conflict["fix"]


def test_a_check_is_kept_until_it_is_asked_for_again(
    fittingroom: Call, faulty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fittingroom("data", "check", faulty, "--no-labels", "--json")
    with monkeypatch.context() as patch:
        patch.setattr("fittingroom.library.check.check", lambda *asked: pytest.fail("checked again"))
        assert fittingroom("data", "check", faulty, "--no-labels", "--json").out == first.out
    assert fittingroom("data", "check", faulty, "--no-labels", "--json", "--again").out == first.out
    monkeypatch.setattr(kept, "EDITION", kept.EDITION + 1)
    assert fittingroom("data", "check", faulty, "--no-labels", "--json").out == first.out


def test_pictures_show_pairs_one_above_the_other(fittingroom: Call, faulty: Path, tmp_path: Path) -> None:
    found = fittingroom("data", "check", faulty, "--no-labels", "--pictures", tmp_path / "new" / "sheets")
    assert found.status == 0, found.err
    assert sorted(file.stem for file in (tmp_path / "new" / "sheets").iterdir()) == sorted(
        ["exact_copies", "label_conflicts", "constant_images", *found_besides(found)]
    )
    with Image.open(tmp_path / "new" / "sheets" / "label_conflicts.png") as image:
        pixels = np.array(image)
    assert pixels.shape == (128, 64, 4)
    assert np.array_equal(pixels[:64], pixels[64:])


def found_besides(found: Outcome) -> list[str]:
    """Kinds of outliers, which the faults may be too."""
    return [kind for kind in ("brightness_outliers", "contrast_outliers") if kind.replace("_", " ") + " " in found.out]


def test_pictures_that_cannot_be_written(fittingroom: Call, faulty: Path) -> None:
    found = fittingroom("data", "check", faulty, "--no-labels", "--pictures", faulty / "left" / "3.png")
    assert found.status == 2
    assert "choose another folder" in found.err


def test_a_data_set_that_is_not_there(fittingroom: Call) -> None:
    found = fittingroom("data", "check", "fashion-mnits")
    assert found.status == 2
    assert 'did you mean "fashion-mnist"?' in found.err


def test_ctrl_c_ends_a_check_without_a_trace(
    fittingroom: Call, faulty: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*asked: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "own-cache"))
    monkeypatch.setattr("fittingroom.data.check.checking.find_alike", interrupted)
    assert fittingroom("data", "check", faulty, "--no-labels").status == 130
    assert not list((tmp_path / "own-cache").rglob("checks/*"))
