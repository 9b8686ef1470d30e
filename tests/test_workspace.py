"""Where things are kept, and writing that leaves a complete file or none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import platformdirs
import pytest

from fittingroom.errors import WorkspaceError
from fittingroom.workspace import Workspace, cache_folder, write_atomically

OLD, NEW = b"old" * 1000, b"new" * 1000


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FITTINGROOM_WORKSPACE", raising=False)
    monkeypatch.delenv("FITTINGROOM_CACHE", raising=False)


def test_the_chosen_folder_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITTINGROOM_WORKSPACE", str(tmp_path / "environment"))
    assert Workspace.find(tmp_path / "chosen").root == tmp_path / "chosen"
    assert Workspace.find().root == tmp_path / "environment"


def test_the_environment_wins_over_the_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Path(platformdirs.user_data_dir("fittingroom", appauthor=False))
    assert Workspace.find().root == ours
    monkeypatch.setenv("FITTINGROOM_WORKSPACE", "")
    assert Workspace.find().root == ours
    monkeypatch.setenv("FITTINGROOM_WORKSPACE", str(tmp_path))
    assert Workspace.find().root == tmp_path


def test_the_cache_is_the_environments_else_the_platforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == Path(platformdirs.user_cache_dir("fittingroom", appauthor=False))
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path


def test_paths_become_absolute_and_tilde_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Workspace.find("lab").root == tmp_path / "lab"
    assert Workspace.find("~/lab").root == tmp_path / "home" / "lab"
    assert Workspace.find("~no_such_user_here/lab").root == tmp_path / "~no_such_user_here" / "lab"


def test_everything_lies_inside_the_workspace(tmp_path: Path) -> None:
    workspace = Workspace.find(tmp_path)
    assert workspace.database == tmp_path / "fittingroom.sqlite"
    assert workspace.data == tmp_path / "data"
    assert workspace.attempt("cnn-3", 2) == tmp_path / "runs" / "cnn-3" / "attempt-2"
    assert list(tmp_path.iterdir()) == [], "asking for a path makes nothing"


def test_create_makes_the_folder_once_or_again(tmp_path: Path) -> None:
    workspace = Workspace.find(tmp_path / "a" / "b")
    assert workspace.create() is workspace
    workspace.create()
    assert workspace.root.is_dir()


def test_a_file_in_the_way_of_the_workspace_is_explained(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(OLD)
    with pytest.raises(WorkspaceError) as caught:
        Workspace.find(tmp_path / "taken").create()
    assert str(caught.value) == (
        f"cannot create the workspace folder {tmp_path / 'taken'}: File exists; "
        "choose another with --workspace or FITTINGROOM_WORKSPACE"
    )


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "weights"
    write_atomically(path, lambda file: file.write(NEW))
    assert path.read_bytes() == NEW
    assert list(path.parent.iterdir()) == [path]


def test_the_old_file_stands_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(OLD)

    def write(file: BinaryIO) -> None:
        file.write(NEW)
        file.flush()
        assert path.read_bytes() == OLD

    write_atomically(path, write)
    assert path.read_bytes() == NEW


def test_the_new_file_takes_the_place_of_the_old_in_one_step(tmp_path: Path) -> None:
    path, open_elsewhere = tmp_path / "weights", tmp_path / "link"
    path.write_bytes(OLD)
    open_elsewhere.hardlink_to(path)
    write_atomically(path, lambda file: file.write(NEW))
    assert path.read_bytes() == NEW
    assert open_elsewhere.read_bytes() == OLD, "who reads the old file reads it to its end"


def test_the_file_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights"
    sizes = []

    def fsync(descriptor: int) -> None:
        assert not path.exists()
        sizes.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(path, lambda file: file.write(NEW))
    assert sizes == [len(NEW)]


@pytest.mark.parametrize("stopped_by", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_write_leaves_nothing_behind(tmp_path: Path, stopped_by: type[BaseException]) -> None:
    path = tmp_path / "weights"
    path.write_bytes(OLD)

    def write(file: BinaryIO) -> None:
        file.write(NEW)
        raise stopped_by

    with pytest.raises(stopped_by):
        write_atomically(path, write)
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_two_writes_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "weights"

    def write(file: BinaryIO) -> None:
        write_atomically(path, lambda inner: inner.write(OLD))
        file.write(NEW)

    write_atomically(path, write)
    assert path.read_bytes() == NEW
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["taken", "taken/inside"])
def test_a_file_in_the_way_of_a_folder_is_explained(tmp_path: Path, place: str) -> None:
    (tmp_path / "taken").write_bytes(OLD)
    path = tmp_path / place / "weights"
    with pytest.raises(WorkspaceError) as caught:
        write_atomically(path, lambda file: file.write(NEW))
    assert str(caught.value).startswith(f"cannot write {path}: ")
    assert str(caught.value).endswith("; check that you may write there or choose another workspace with --workspace")
    assert (tmp_path / "taken").read_bytes() == OLD


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize("older", [True, False])
def test_a_full_disk_keeps_the_old_file_and_says_so(tmp_path: Path, older: bool) -> None:
    path = tmp_path / "weights"
    if older:
        path.write_bytes(OLD)
    program = f"""
import pathlib, resource
from fittingroom.errors import WorkspaceError
from fittingroom.workspace import write_atomically
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_atomically(pathlib.Path({str(path)!r}), lambda file: file.write(bytes(100_000)))
except WorkspaceError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout == (
        f"cannot write {path}: File too large; free some space or choose another workspace with --workspace\n"
    )
    assert said.stderr == ""
    assert (path.read_bytes() if path.exists() else None) == (OLD if older else None)
    assert list(tmp_path.iterdir()) == ([path] if older else [])
