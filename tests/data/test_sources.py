"""Opening, listing, importing and removing data sets by name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fittingroom.data.dataset import Dataset
from fittingroom.data.forms import gallery
from fittingroom.data.sources import from_arrays, import_data, load, names, remove
from fittingroom.errors import InvalidData, InvalidInput, NotFound, WorkspaceError
from fittingroom.workspace import Workspace

Picture = Callable[..., NDArray[np.uint8]]


@pytest.fixture
def shoes(tmp_path: Path, picture: Picture) -> Path:
    for name in ("boot/1.png", "boot/2.png", "clog/1.png", "clog/2.png"):
        picture(tmp_path / "shoes" / name)
    return tmp_path / "shoes"


def test_a_folder_is_prepared_once_and_again_when_it_changes(
    shoes: Path, cache: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shoes.parent)
    data = load("shoes")
    assert (data.name, data.source, data.class_names) == ("shoes", str(shoes), ("boot", "clog"))
    reads: list[object] = []
    original = gallery.read
    monkeypatch.setattr(gallery, "read", lambda of, wanted: (reads.append(of), original(of, wanted))[1])
    assert load(data.source).fingerprint == load(Path("shoes")).fingerprint == data.fingerprint
    assert not reads
    picture(shoes / "clog" / "3.png")
    changed = load("shoes")
    assert (len(data), len(changed), len(reads)) == (4, 5, 1)
    assert data.images[3].tolist() == changed.images[3].tolist()  # what is open stays readable
    assert len(list((cache / "data").iterdir())) == 1


def test_the_same_images_elsewhere_have_the_same_fingerprint(shoes: Path, workspace: Workspace) -> None:
    opened = load(shoes)
    imported = import_data(shoes, workspace, name="clogs")
    in_memory = from_arrays(opened.images, opened.labels, opened.class_names)
    assert opened.fingerprint == imported.fingerprint == in_memory.fingerprint
    assert len({opened.source, imported.source, in_memory.source}) == 3


def test_an_import_is_independent_of_its_files(shoes: Path, workspace: Workspace) -> None:
    data = import_data(shoes, workspace)
    assert (data.name, data.source) == ("shoes", "shoes")
    assert data.origin == f"image folder {shoes}"
    for file in shoes.glob("*/*.png"):
        file.unlink()
    assert load("shoes", workspace).images.tolist() == data.images.tolist()
    assert load("shoes").fingerprint == data.fingerprint  # the workspace of the environment
    assert [entry.name for entry in workspace.data.iterdir()] == ["shoes"]


def test_a_taken_name_is_refused_unless_the_content_is_the_same(
    shoes: Path, workspace: Workspace, picture: Picture
) -> None:
    first = import_data(shoes, workspace)
    assert import_data(shoes, workspace).fingerprint == first.fingerprint
    picture(shoes / "clog" / "3.png")
    with pytest.raises(InvalidInput) as refused:
        import_data(shoes, workspace)
    assert str(refused.value) == (
        'the workspace already has a data set "shoes" with other content; choose another name, or remove that one first'
    )
    assert load("shoes", workspace).fingerprint == first.fingerprint
    assert [entry.name for entry in workspace.data.iterdir()] == ["shoes"]


def test_images_of_different_sizes_are_imported_with_a_size(
    shoes: Path, workspace: Workspace, picture: Picture
) -> None:
    picture(shoes / "clog" / "3.png", (12, 12, 3))
    with pytest.raises(
        InvalidData,
        match=r"4 of 6×5, 1 of 12×12; import them with one size, such as --size 6x5, in Python size=\(6, 5\)",
    ):
        load(shoes)
    data = import_data(shoes, workspace, size=(9, 7))
    assert data.images.shape == (5, 9, 7, 3)
    assert list(workspace.data.iterdir()) == [workspace.data / "shoes"]


@pytest.mark.parametrize("size", [(0, 5), (5,), (5, 5, 3), (5, 4097), (2.5, 3)])
def test_odd_sizes_are_refused(size: tuple[int, int], shoes: Path, workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="is no height and width; give two whole numbers from 1 to 4096"):
        import_data(shoes, workspace, size=size)


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a\\b", "two words", "cache:x", "-x", "x" * 65, "a\n"])
def test_names_that_could_be_paths_are_refused(name: str, shoes: Path, workspace: Workspace) -> None:
    with pytest.raises(InvalidInput) as refused:
        import_data(shoes, workspace, name=name)
    assert str(refused.value) == (
        f'"{name}" cannot be the name of a data set; give a name of at most 64 letters, digits, dashes, '
        "underscores and dots that begins with a letter or digit"
    )
    with pytest.raises(NotFound, match="none has been imported"):
        remove(name, workspace)


def test_built_in_names_are_kept(shoes: Path, workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match='"fashion-mnist" is the name of a built-in data set; give another name'):
        import_data(shoes, workspace, name="fashion-mnist")
    with pytest.raises(InvalidInput, match='"fashion-mnist" is built in and cannot be removed'):
        remove("fashion-mnist", workspace)


def test_the_list_names_everything_without_decoding(shoes: Path, workspace: Workspace, cache: Path) -> None:
    assert [info.name for info in names(workspace)] == ["fashion-mnist", "mnist-10k"]
    data = import_data(shoes, workspace, name="z-1.0")
    import_data(shoes, workspace, name="A_b")
    (workspace.data / ".z-1.0.123.tmp").mkdir()
    built_in, _, first, second = names(workspace)
    assert (built_in.kind, built_in.images, built_in.classes, built_in.shape) == ("built-in", 70_000, 10, (1, 28, 28))
    assert (first.name, first.kind) == ("A_b", "imported")
    assert (second.name, second.images, second.classes, second.shape) == ("z-1.0", 4, 2, (1, 6, 5))
    assert second.fingerprint == data.fingerprint
    assert not (cache / "data" / "fashion-mnist").exists()


def test_the_list_agrees_with_the_built_in_data(fashion: Dataset, workspace: Workspace) -> None:
    info = names(workspace)[0]
    assert (info.images, info.classes) == (len(fashion), len(fashion.class_names))
    assert (info.shape, info.fingerprint) == (fashion.shape, fashion.fingerprint)


def test_removing(shoes: Path, workspace: Workspace) -> None:
    data = import_data(shoes, workspace)
    import_data(shoes, workspace, name="boots")
    with pytest.raises(NotFound) as refused:
        remove("shoe", workspace)
    assert str(refused.value) == 'there is no imported data set "shoe"; did you mean "shoes"?'
    remove("shoes", workspace)
    assert [info.name for info in names(workspace)] == ["fashion-mnist", "mnist-10k", "boots"]
    assert [entry.name for entry in workspace.data.iterdir()] == ["boots"]
    assert int(data.images.sum()) > 0  # what is open stays readable
    (workspace.data / "boots" / "meta.json").unlink()
    remove("boots", workspace)  # damaged ones as well
    assert list(workspace.data.iterdir()) == []


def test_unknown_names_are_told_with_what_is_known(shoes: Path, workspace: Workspace, tmp_path: Path) -> None:
    import_data(shoes, workspace)
    with pytest.raises(NotFound) as refused:
        load("fashon-mnist", workspace)
    assert str(refused.value) == (
        'there is no data set "fashon-mnist"; did you mean "fashion-mnist"? '
        f"(a path must lead to labelled images, and {Path.cwd() / 'fashon-mnist'} does not exist)"
    )
    with pytest.raises(NotFound, match="known are: cifar-10, emnist, fashion-mnist, kmnist, mnist, mnist-10k, shoes"):
        load("zzz", workspace)
    for odd in ("", "nul\0", "x" * 5000, "~nobody-of-that-name/x", "../../etc/nothing"):
        with pytest.raises((NotFound, InvalidData)):
            load(odd, workspace)
    with pytest.raises(NotFound, match=r"there is no folder .*nowhere; give the path of labelled images"):
        import_data(tmp_path / "nowhere", workspace)


def test_a_name_wins_over_a_folder_of_that_name(
    shoes: Path, workspace: Workspace, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_data(shoes, workspace)
    picture(shoes / "clog" / "3.png")
    monkeypatch.chdir(shoes.parent)
    assert len(load("shoes", workspace)) == 4
    assert len(load("./shoes", workspace)) == 5
    assert len(load(Path("shoes"), workspace)) == 5


def test_a_workspace_that_cannot_be_written_is_told(shoes: Path, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "data").touch()
    broken = Workspace(tmp_path / "workspace")
    with pytest.raises(WorkspaceError) as refused:
        import_data(shoes, broken)
    assert str(refused.value).startswith(f"cannot prepare data set shoes in {broken.data / 'shoes'}: ")
    assert str(refused.value).endswith("; free some space or choose another workspace with --workspace")
    with pytest.raises(WorkspaceError, match="Not a directory; choose another workspace with --workspace"):
        names(broken)


def test_a_refused_import_leaves_nothing(shoes: Path, workspace: Workspace) -> None:
    whole = (shoes / "clog" / "2.png").read_bytes()
    (shoes / "clog" / "2.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidData, match=r"clog/2\.png is damaged"):
        import_data(shoes, workspace)
    assert list(workspace.data.iterdir()) == []
    with pytest.raises(InvalidData, match=r"clog/2\.png is damaged"):
        load(shoes)


def test_the_second_opening_decodes_no_picture(shoes: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(shoes)
    monkeypatch.setattr("fittingroom.data.pictures.pixels", lambda *_, **__: pytest.fail("decoded again"))
    assert load(shoes).fingerprint == first.fingerprint


def test_importing_this_room_loads_nothing_heavy() -> None:
    code = (
        "import sys, fittingroom.data.sources\n"
        "print(*sorted({'torch', 'sqlalchemy', 'matplotlib', 'scipy', 'pydantic'} & sys.modules.keys()))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == []
