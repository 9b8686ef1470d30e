"""Images drawn from fonts: what is random, what is not, and how they are kept."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fittingroom.data.sources import load, names
from fittingroom.data.synthetic.drawing import Draws, draw
from fittingroom.data.synthetic.families import find_fonts
from fittingroom.data.synthetic.keeping import synthesize, with_settings
from fittingroom.data.synthetic.parts import divide, preview
from fittingroom.data.synthetic.recipe import Recipe
from fittingroom.errors import InvalidInput, InvalidSpec, NotFound
from fittingroom.workspace import Workspace

STILL: dict[str, Any] = {
    "shift": 0.0, "rotation": 0.0, "slant": 0.0, "stretch": 0.0, "weight": 0.0, "wobble": 0.0, "blur": 0.0,
    "contrast": 0.0, "noise": 0.0,
}  # fmt: skip


@pytest.fixture
def recipe(fonts: Path) -> Recipe:
    return Recipe(images=300, fonts=(os.fspath(fonts),), system_fonts=False)


def one(recipe: Recipe, image: int, part: int = 1) -> NDArray[np.uint8]:
    families = find_fonts(recipe.fonts, recipe.system_fonts, recipe.characters).families
    return draw(recipe, families, part, image)


def test_the_same_recipe_gives_the_same_data_set(recipe: Recipe, workspace: Workspace) -> None:
    first = synthesize(recipe, workspace, "one").data
    second = synthesize(recipe, workspace, "two").data
    other = synthesize(dataclasses.replace(recipe, seed=1), workspace, "three").data
    assert first.fingerprint == second.fingerprint != other.fingerprint
    assert synthesize(recipe, workspace, "one").data.fingerprint == first.fingerprint
    assert len({row.tobytes() for row in first.hashes}) == 300


def test_an_image_depends_on_its_number_and_not_on_how_many_there_are(recipe: Recipe) -> None:
    more = dataclasses.replace(recipe, images=3000)
    assert np.array_equal(one(recipe, 17), one(more, 17))
    assert not np.array_equal(one(recipe, 17), one(recipe, 27))  # the same class
    assert not np.array_equal(one(recipe, 17), one(recipe, 17, part=2))


def test_no_family_is_in_two_parts(recipe: Recipe, workspace: Workspace) -> None:
    made = synthesize(recipe, workspace)
    training, validation, test = ({family.name for family in part.families} for part in made.parts)
    assert all((training, validation, test))
    assert training.isdisjoint(validation | test)
    assert validation.isdisjoint(test)
    assert [part.images for part in made.parts] == [210, 30, 60]
    faces = [face for part in made.parts for family in part.families for face in family.faces]
    assert len(faces) == len(set(faces))
    assert made.data.test_start == 240
    assert made.data.counts(np.arange(240, 300)).tolist() == [6] * 10


def test_runs_hold_out_whole_families_or_those_for_validation(recipe: Recipe, workspace: Workspace) -> None:
    data = synthesize(recipe, workspace).data
    assert data.groups is not None
    by_default, given = data.split(0.1, 0), data.split("given", 0)
    assert given.validation.tolist() == list(range(210, 240))
    for parts in (by_default, given):
        train, validation, test = (
            set(data.groups[part].tolist()) for part in (parts.train, parts.validation, parts.test)
        )
        assert train.isdisjoint(validation)
        assert (train | validation).isdisjoint(test)
        assert len(parts.test) == 60


def test_groups_tell_the_family_that_was_drawn(recipe: Recipe, workspace: Workspace) -> None:
    still = dataclasses.replace(recipe, **STILL, smallest=0.7, largest=0.7)
    made = synthesize(still, workspace)
    assert made.data.groups is not None
    test = made.parts[2]
    for image in range(10):
        family = test.families[made.data.groups[240 + image] - made.data.groups[240:].min()]
        alone = draw(still, [family] * len(test.families), test.purpose, image)
        assert np.array_equal(made.data.images[240 + image, :, :, 0], alone)


def test_another_seed_divides_families_differently(recipe: Recipe) -> None:
    fonts = find_fonts(recipe.fonts, False, recipe.characters)
    tests = {divide(dataclasses.replace(recipe, seed=seed), fonts)[2].families for seed in range(20)}
    assert len(tests) > 3
    assert divide(recipe, fonts) == divide(recipe, fonts)


def test_what_was_drawn_is_told_and_kept_beside_it(recipe: Recipe, workspace: Workspace, fonts: Path) -> None:
    made = synthesize(recipe, workspace)
    kept = tomllib.loads((workspace.data / "digits" / "recipe.toml").read_text(encoding="utf-8"))
    assert kept["recipe"]["seed"] == 0
    assert kept["families"]["test"] == [family.name for family in made.parts[2].families]
    face = next(face for face in kept["faces"] if face["file"] == "cmr10.ttf")
    assert face["sha256"] == hashlib.sha256((fonts / "cmr10.ttf").read_bytes()).hexdigest()
    assert "families that the others do not have" in made.data.origin
    assert load("digits", workspace).fingerprint == made.data.fingerprint
    assert [info.kind for info in names(workspace) if info.name == "digits"] == ["imported"]
    again = with_settings(workspace.data / "digits" / "recipe.toml", {}, None)
    assert again == recipe


def test_without_any_variation_only_size_and_font_differ(recipe: Recipe) -> None:
    still = dataclasses.replace(recipe, **STILL, smallest=0.7, largest=0.7, size=40)
    for image in range(30):
        pixels = one(still, image)
        rows = np.flatnonzero(pixels.max(axis=1) > 100)
        assert abs((rows[0] + rows[-1]) / 2 - 19.5) <= 1.5  # in the middle
        assert len(rows) <= 0.7 * 40 + 2
        assert pixels[0].max() == 0
        assert pixels.max() > 200


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"rotation": 180.0}, True),
        ({"shift": 0.5}, True),
        ({"stretch": 0.6, "largest": 1.0, "rotation": 90.0, "slant": 1.0, "shift": 0.5}, True),
        ({"size": 8}, True),
        ({"size": 256, "images": 300}, True),
        ({"weight": 0.1, "wobble": 0.15}, True),
    ],
)
def test_characters_stay_in_the_image_and_can_be_seen(recipe: Recipe, changes: dict[str, Any], seen: bool) -> None:
    strong = dataclasses.replace(recipe, **{**STILL, **changes})
    for image in range(12):
        pixels = one(strong, image)
        assert pixels.shape == (strong.size, strong.size)
        assert pixels.max() > 120
        assert 0.01 < (pixels > 100).mean() < 0.6
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert (border > 128).mean() < 0.1


def test_backgrounds_are_dark_light_or_both(recipe: Recipe) -> None:
    def median(background: str) -> list[float]:
        drawn = dataclasses.replace(recipe, background=background)  # type: ignore[arg-type]
        return [float(np.median(one(drawn, image))) for image in range(40)]

    assert max(median("dark")) < 100
    assert min(median("light")) > 155
    both = np.array(median("both")) > 128
    assert 8 < both.sum() < 32


def test_noise_has_the_spread_that_is_asked_for() -> None:
    numbers = Draws(1, 2, 3).normal(100_000)
    assert abs(numbers.mean()) < 0.02
    assert numbers.std() == pytest.approx(1, abs=0.02)
    shares = Draws(1, 2, 3).shares(100_000)
    assert shares.min() >= 0
    assert shares.max() < 1
    assert shares.mean() == pytest.approx(0.5, abs=0.01)
    assert Draws(5).shares(2).tolist() == [0.8050029237453802, 0.8079407897364938]


def test_letters_keep_their_size_beside_each_other(fonts: Path) -> None:
    letters = Recipe(
        images=100, characters="oO", fonts=(os.fspath(fonts),), system_fonts=False, **STILL, smallest=0.8, largest=0.8
    )
    small, large = ((one(letters, 2 * image + which) > 100) for which in (0, 1) for image in (0,))
    assert 1.2 * small.any(axis=1).sum() < large.any(axis=1).sum()


def test_the_page_shows_training_and_test_images(recipe: Recipe) -> None:
    with Image.open(io.BytesIO(preview(recipe))) as page:
        assert page.size == (20 * 56, 10 * 56)
        first = np.asarray(page.convert("L"))[:56:2, :56:2]
    training = divide(recipe, find_fonts(recipe.fonts, False, recipe.characters))[0]
    assert np.array_equal(first, draw(recipe, training.families, training.purpose, 0))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"characters": "0120"}, '"0120" has "0" twice; name each class once'),
        ({"characters": "7"}, "characters: has 1 character; write at least 2 characters"),
        ({"characters": "0 1"}, "' ' cannot be drawn; give letters, digits or signs"),
        ({"smallest": 0.9}, "smallest: 0.9 is above largest = 0.8; give the smaller height first"),
        ({"test": 0.6, "validation": 0.4}, "leave nothing to train on; give smaller shares"),
        ({"images": 50}, "50 make 35, 5, 10 for training, validation and test, less than one for each class"),
        ({"size": 4}, "size: "),
        ({"fonts": ("fonts\udcff",)}, "is a name that cannot be written down; rename the folder"),
    ],
)
def test_recipes_that_cannot_be_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        Recipe(**changes)
    assert told in str(refused.value)


def test_the_least_number_of_images_that_is_told_is_enough() -> None:
    for changes in ({}, {"test": 0.05, "validation": 0.3}, {"characters": "ab"}):
        with pytest.raises(InvalidSpec) as refused:
            Recipe(images=3, **changes)
        Recipe(images=int(str(refused.value).rpartition(" ")[2].replace(",", "")), **changes)


def test_recipe_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="cannot be read: No such file"):
        with_settings(tmp_path / "no.toml", {}, None)
    (tmp_path / "odd.toml").write_bytes(b"\xff = 3")
    with pytest.raises(InvalidInput, match=r"odd\.toml is no TOML"):
        with_settings(tmp_path / "odd.toml", {}, None)
    (tmp_path / "row.toml").write_text("recipe = [1]")
    with pytest.raises(InvalidInput, match=r"no table \[recipe\]"):
        with_settings(tmp_path / "row.toml", {}, None)
    with pytest.raises(InvalidSpec, match='did you mean "rotation"'):
        with_settings(None, {}, ["rotatoin=30"])
    assert with_settings(None, {"size": 32}, ["rotation=30"]) == Recipe(size=32, rotation=30.0)


def test_whoever_stops_it_leaves_nothing(recipe: Recipe, workspace: Workspace) -> None:
    def stop(done: int) -> None:
        if done > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesize(recipe, workspace, progress=stop)
    assert list(workspace.data.iterdir()) == []


def test_a_taken_name_is_told(recipe: Recipe, workspace: Workspace) -> None:
    synthesize(recipe, workspace)
    with pytest.raises(InvalidInput, match='already has a data set "digits" with other content'):
        synthesize(dataclasses.replace(recipe, seed=1), workspace)
    with pytest.raises(InvalidInput, match="is the name of a built-in data set"):
        synthesize(recipe, workspace, "mnist-10k")


def test_only_given_fonts_are_used_when_asked(recipe: Recipe, fonts: Path, tmp_path: Path) -> None:
    for name in ("cmr10.ttf", "STIXGeneral.ttf", "DejaVuSans.ttf"):
        shutil.copy(fonts / name, tmp_path)
    alone = dataclasses.replace(recipe, fonts=(os.fspath(tmp_path),))
    parts = divide(alone, find_fonts(alone.fonts, alone.system_fonts, alone.characters))
    used = {face.path.name for part in parts for family in part.families for face in family.faces}
    assert used == {"cmr10.ttf", "STIXGeneral.ttf", "DejaVuSans.ttf"}
