"""``fittingroom data synthesize`` and ``download`` as the shell calls them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from PIL import Image

from fittingroom.workspace import Workspace

FONTS = ("--fonts", str(Path(matplotlib.__file__).parent / "mpl-data/fonts/ttf"), "--no-system-fonts")


def test_digits_are_drawn_shown_and_opened(fittingroom: Callable[..., Any], tmp_path: Path) -> None:
    page = tmp_path / "page.png"
    shown = fittingroom("data", "synthesize", *FONTS, "--preview", page)
    assert (shown.status, shown.out) == (0, f"{page}: training images on the left, test images on the right\n")
    again = fittingroom("data", "synthesize", *FONTS, "--preview", page)
    assert (again.status, again.err) == (
        2, f"error: {page} is there already; give another name, or replace it with --force\n"
    )  # fmt: skip
    assert fittingroom("data", "synthesize", *FONTS, "--preview", page, "--force").status == 0
    with Image.open(page) as image:
        assert image.size == (1120, 560)
    assert "digits" not in [entry["name"] for entry in fittingroom("data", "list", "--json").json]

    made = fittingroom(
        "data", "synthesize", *FONTS, "--images", 200, "--name", "drawn", "--set", "rotation=40", "--json"
    )
    assert made.status == 0, made.err
    assert made.json["images"] == {"training": 140, "validation": 20, "test": 40}
    families = made.json["families"]
    assert set(families["test"]).isdisjoint(families["training"] + families["validation"])
    assert any("cmsy10" in reason for reason in made.json["left_out"])
    described = fittingroom("data", "show", "drawn", "--json").json
    assert described["fingerprint"] == made.json["fingerprint"]
    assert described["counts"]["test"] == [4] * 10

    text = fittingroom("data", "synthesize", *FONTS, "--images", 200, "--name", "other", "--size", 16, "--seed", 3)
    assert "other: 200 images of 16×16" in text.out
    assert "more fonts (all of them with --json)" in text.out


def test_a_recipe_is_drawn_again(fittingroom: Callable[..., Any], own_workspace: Workspace) -> None:
    first = fittingroom("data", "synthesize", *FONTS, "--images", 120, "--seed", 5, "--name", "one", "--json").json
    recipe = own_workspace.data / "one" / "recipe.toml"
    again = fittingroom("data", "synthesize", "--recipe", recipe, "--name", "two", "--json").json
    other = fittingroom("data", "synthesize", "--recipe", recipe, "--seed", 6, "--name", "three", "--json").json
    assert first["fingerprint"] == again["fingerprint"] != other["fingerprint"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--images", 50), "images: 50 make 35, 5, 10 for training, validation and test"),
        (("--set", "rotatoin=3"), 'unknown key "rotatoin"; did you mean "rotation"?'),
        (("--background", "grey"), "background"),
        (("--fonts", "/nowhere/at/all"), "there is no folder of fonts /nowhere/at/all"),
        (("--no-system-fonts",), "at least 3 families are needed"),
        (("--name", "mnist-10k"), '"mnist-10k" is the name of a built-in data set'),
        (("--recipe", "/nowhere.toml"), "the recipe /nowhere.toml cannot be read"),
        (("--preview", "/proc/page.png", *FONTS), "cannot write /proc/page.png"),
    ],
)
def test_what_cannot_be_drawn_is_told(
    fittingroom: Callable[..., Any], arguments: tuple[object, ...], told: str
) -> None:
    outcome = fittingroom("data", "synthesize", *arguments)
    assert outcome.status in (1, 2)
    assert told in outcome.err
    assert "Traceback" not in outcome.err


def test_downloads_that_cannot_be_are_told(fittingroom: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = fittingroom("data", "download", "cifar-100")
    assert (unknown.status, unknown.err) == (2, 'error: "cifar-100" cannot be downloaded; did you mean "cifar-10"?\n')
    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    offline = fittingroom("data", "download", "mnist")
    assert offline.status == 1
    assert "storage.googleapis.com" in offline.err
    assert "cannot be reached (Name or service not known)" in offline.err
    assert "mnist-10k and fashion-mnist are built in" in offline.err
    missing = fittingroom("data", "show", "mnist")
    assert '"fittingroom data download mnist" gets it' in missing.err


def unreachable(*_: object, **__: object) -> None:
    raise OSError(-2, "Name or service not known")
