"""``data import``: what was understood before anything is written, and an import that is interrupted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from fittingroom.data import prepared
from fittingroom.workspace import Workspace
from tests.cli.conftest import Outcome

Fittingroom = Callable[..., Outcome]


def test_a_dry_run_says_what_was_understood_and_writes_nothing(fittingroom: Fittingroom, photos: Path) -> None:
    Image.new("L", (8, 8)).save(photos / "left" / "LAST.png")
    Image.new("L", (8, 8)).save(photos / "left" / "last.png")
    before = sorted(photos.rglob("*"))
    told = fittingroom("data", "import", photos, "--dry-run", "--json")
    assert told.status == 0
    assert told.json == {
        "name": "photos",
        "name_taken": False,
        "path": str(photos),
        "kind": "image folder",
        "importable": True,
        "images": 92,
        "classes": ["left", "middle", "right"],
        "counts": {"training": [32, 30, 30], "test": None},
        "shape": [1, 8, 8],
        "channels": 1,
        "sizes": [{"height": 8, "width": 8, "images": 92}],
        "remarks": [],
        "conversions": [],
        "name_problems": ["files left/LAST.png and left/last.png differ in upper and lower case only"],
        "faults": [],
    }
    assert "left           32" in fittingroom("data", "import", photos, "--dry-run").out
    assert "imported" not in {each["kind"] for each in fittingroom("data", "list", "--json").json}
    assert sorted(photos.rglob("*")) == before


def test_a_dry_run_of_what_cannot_be_imported_has_status_2(fittingroom: Fittingroom, photos: Path) -> None:
    Image.new("L", (9, 8)).save(photos / "left" / "wide.png")
    (photos / "left" / "none.png").write_bytes(b"")
    told = fittingroom("data", "import", photos, "--dry-run", "--json")
    assert told.status == 2
    assert (told.json["importable"], told.json["shape"]) == (False, None)
    unreadable, sizes = told.json["faults"]
    assert unreadable.startswith("1 of 92 image files in")
    assert unreadable.endswith("left/none.png is empty")
    assert "90 of 8×8, 1 of 8×9" in sizes
    (photos / "left" / "none.png").unlink()
    assert fittingroom("data", "import", photos, "--dry-run", "--size", "8x8", "--fit", "crop").status == 0
    assert fittingroom("data", "import", photos, "--dry-run", "--fit", "squeeze").status == 2


def test_an_interrupted_import_leaves_nothing(
    fittingroom: Fittingroom, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, blocks = prepared.Digest.add, []

    def interrupted(self: prepared.Digest, block: object) -> None:
        add(self, block)  # type: ignore[arg-type]
        blocks.append(block)
        if len(blocks) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(prepared.Digest, "add", interrupted)
    ended = fittingroom("data", "import", photos)
    assert (ended.status, len(blocks)) == (130, 5)
    assert list(Workspace.find().data.iterdir()) == []


def test_an_import_that_default_settings_cannot_divide_says_that_it_is_done(
    fittingroom: Fittingroom, tmp_path: Path
) -> None:
    rows = [f"{min(at, 20)},{at},{at},{at},{at + 1}" for at in range(24)]
    (tmp_path / "scarce.csv").write_text("\n".join(rows))
    told = fittingroom("data", "import", tmp_path / "scarce.csv")
    assert told.status == 2
    assert "scarce is imported, but default settings cannot divide it: " in told.err
    assert "fittingroom data remove scarce" in told.err
    assert fittingroom("data", "remove", "scarce", "--yes").status == 0
