"""What data says of its own division, in forms other than folders: validation images, and groups."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fittingroom.data.sources import import_data, preview_data
from fittingroom.data.wanted import Wanted
from fittingroom.errors import InvalidData, InvalidInput
from fittingroom.workspace import Workspace
from tests.data.making import png
from tests.data.written import IMAGES, LABELS, arrow_table

Make = Callable[[Path], Path]
PEOPLE = ["ann", "bob", "ann", "cid", "", "bob"]
LIST = "path,label,split,person\n" + "".join(
    f"{kind}/{number}.png,{kind},{split},{person}\n"
    for kind, number, split, person in zip(
        ["cat"] * 3 + ["dog"] * 3, range(6), ["train", "val", "test"] * 2, PEOPLE, strict=True
    )
)


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    for number in range(6):
        file = tmp_path / "pets" / ("cat" if number < 3 else "dog") / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(IMAGES[number]))
    (tmp_path / "pets" / "list.csv").write_text(LIST)
    return tmp_path / "pets" / "list.csv"


def test_a_list_names_validation_images_and_groups(listing: Path, workspace: Workspace) -> None:
    data = import_data(listing, workspace, "pets", wanted=Wanted(groups="person"))
    assert np.array_equal(data.images[..., 0], IMAGES[[0, 1, 3, 4, 2, 5]]), "training by class, then test"
    assert data.own_validation is not None
    assert data.own_validation.tolist() == [1, 3]
    assert data.groups is not None
    ann, bob, cid, alone, *test = data.groups.tolist()
    assert len({ann, bob, cid, alone}) == 4
    assert test == [ann, bob]
    assert "3 groups of images" in data.origin
    assert import_data(listing, workspace, "plain").groups is None


def test_a_list_has_folders_and_patterns_too(listing: Path, workspace: Workspace) -> None:
    by_folder = import_data(listing, workspace, "folders", wanted=Wanted(groups="folder"))
    assert by_folder.groups is not None
    assert by_folder.groups.tolist() == [0, 0, 1, 1, 0, 1]
    by_name = import_data(listing, workspace, "names", wanted=Wanted(groups=r"/([0-3]|\d)"))
    assert by_name.groups is not None
    assert len(set(by_name.groups.tolist())) == 6


def test_an_archive_is_divided_as_a_folder_is(tmp_path: Path, workspace: Workspace) -> None:
    names = ["train/cat/a/0.png", "train/dog/b/1.png", "val/cat/a/2.png", "val/dog/c/3.png"]
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(f"pets/{name}", png(IMAGES[number]))
    data = import_data(tmp_path / "pets.zip", workspace, wanted=Wanted(groups="folder"))
    assert np.array_equal(data.images[..., 0], IMAGES[[0, 2, 1, 3]])
    assert data.own_validation is not None
    assert data.own_validation.tolist() == [1, 3]
    assert data.groups is not None
    assert data.groups.tolist() == [0, 0, 1, 2]


def test_arrays_may_have_a_validation_part_and_no_groups(tmp_path: Path, workspace: Workspace) -> None:
    np.savez(tmp_path / "pets.npz", x_val=IMAGES[8:], y_val=LABELS[8:], x_train=IMAGES[:8], y_train=LABELS[:8])
    data = import_data(tmp_path / "pets.npz", workspace)
    assert data.own_validation is not None
    assert data.own_validation.tolist() == [8, 9, 10]
    assert np.array_equal(data.images[..., 0], IMAGES)
    with pytest.raises(InvalidInput, match=r'groups = "person", but the images of this npz file have neither'):
        import_data(tmp_path / "pets.npz", workspace, "grouped", wanted=Wanted(groups="person"))


def test_a_table_of_pixels_may_name_groups_and_another_label(tmp_path: Path, workspace: Workspace) -> None:
    rows = [[*map(str, IMAGES[n].ravel()), PEOPLE[n], "odd" if n % 2 else "even"] for n in range(6)]
    names = [*(f"p{n}" for n in range(16)), "person", "parity"]
    table = tmp_path / "pets.csv"
    table.write_text("\n".join(",".join(row) for row in [names, *rows]) + "\n")
    wanted = Wanted(groups="person", label="parity")
    data = import_data(table, workspace, wanted=wanted)
    assert data.class_names == ("even", "odd")
    assert np.array_equal(data.images[..., 0], IMAGES[:6])
    assert data.groups is not None
    assert data.groups.tolist() == [0, 1, 0, 2, 3, 1]
    assert preview_data(table, wanted=wanted)[1].training == (3, 3)
    with pytest.raises(InvalidData, match='has no column "nobody"; its columns are p0'):
        import_data(table, workspace, "none", wanted=Wanted(groups="nobody"))


def test_parquet_names_validation_images_and_groups(tmp_path: Path, workspace: Workspace) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    (tmp_path / "pets").mkdir()
    for part, which in (("train", slice(0, 8)), ("validation", slice(8, 11))):
        table = arrow_table(which)
        people = pyarrow.array([f"person {number % 3}" for number in range(which.start, which.stop)])
        parquet.write_table(table.append_column("person", people), tmp_path / "pets" / f"{part}.parquet")  # type: ignore[attr-defined]
    data = import_data(tmp_path / "pets", workspace, wanted=Wanted(groups="person"))
    assert data.own_validation is not None
    assert data.own_validation.tolist() == [8, 9, 10]
    assert data.groups is not None
    assert data.groups.tolist() == [number % 3 for number in range(11)]
