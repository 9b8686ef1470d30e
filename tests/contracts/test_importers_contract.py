"""What every importer promises, on one small data set written in every form."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

from fittingroom.data import formats
from fittingroom.data.sources import import_data, load, preview_data, remove
from fittingroom.data.wanted import Wanted
from fittingroom.errors import InvalidData, InvalidInput
from fittingroom.workspace import Workspace
from tests.data.written import CLASSES, FORMS, IMAGES, LABELS, TEST_START, Form

BOTH = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def own_workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder for what is imported."""
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


def names(form: Form) -> tuple[str, ...]:
    return ("0", "1", "2") if form.numbered else CLASSES


def contents(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.md5(file.read_bytes()).hexdigest() for file in files}


@BOTH
def test_every_form_gives_the_same_data_set(form: Form, source: Path, own_workspace: Workspace) -> None:
    path = form.write(source)
    before = contents(source)
    data = import_data(path, own_workspace, "pets")
    assert data.images.shape == (11, 4, 4, 1)
    assert np.array_equal(data.images[..., 0], IMAGES)
    assert data.labels.tolist() == LABELS.tolist()
    assert data.class_names == names(form)
    assert data.test_start == TEST_START
    assert contents(source) == before, "the files stay as they are"
    assert load(path).fingerprint == data.fingerprint


@BOTH
def test_a_preview_agrees_with_the_import(form: Form, source: Path, own_workspace: Workspace) -> None:
    path = form.write(source)
    told: list[tuple[int, int]] = []
    name, preview = preview_data(path, progress=lambda done, of: told.append((done, of)))
    assert name == "pets"
    assert preview.class_names == names(form)
    assert (preview.training, preview.test) == ((3, 2, 3), (1, 1, 1))
    assert (preview.sizes, preview.size, preview.channels) == ((((4, 4), 11),), (4, 4), 1)
    assert (preview.faults, preview.unreadable, preview.name_problems) == ((), (), ())
    assert told
    assert told[-1][1] == 11
    shown = preview.exemplars()
    assert [[image[..., 0].tolist() for image in images] for images in shown] == [
        IMAGES[:TEST_START][LABELS[:TEST_START] == label].tolist() for label in range(3)
    ]
    assert not own_workspace.root.exists()
    data = import_data(path, own_workspace)
    assert all(conversion in data.origin for conversion in preview.conversions)


@BOTH
def test_size_and_channels_are_brought_to_what_is_wanted(form: Form, source: Path, own_workspace: Workspace) -> None:
    path = form.write(source)
    wanted = Wanted(size=(4, 2), fit="crop", channels=3)
    _, preview = preview_data(path, wanted=wanted)
    data = import_data(path, own_workspace, wanted=wanted)
    assert np.array_equal(data.images, np.repeat(IMAGES[:, :, 1:3, None], 3, axis=3)), "the middle columns"
    assert (preview.size, preview.channels) == ((4, 2), 3)
    assert preview.exemplars()[0][0].shape == (4, 2, 3)


@BOTH
def test_what_a_listener_raises_ends_an_import_with_nothing_left(
    form: Form, source: Path, own_workspace: Workspace
) -> None:
    path = form.write(source)

    def stop(images: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_data(path, own_workspace, progress=stop)
    assert list(own_workspace.data.iterdir()) == []


def refusal(path: Path, workspace: Workspace) -> str:
    """Why an import is refused; "" when it is not."""
    try:
        import_data(path, workspace, "half")
    except InvalidData as error:
        return str(error)
    return ""


@BOTH
def test_a_truncated_file_is_named_and_leaves_nothing(form: Form, source: Path, own_workspace: Workspace) -> None:
    path = form.write(source)
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    for file in (file for file in files if file.name not in form.unread):
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        problem = refusal(path, own_workspace)
        if problem:
            assert file.name in problem
            assert not own_workspace.data.exists() or list(own_workspace.data.iterdir()) == []
        else:
            data = load("half", own_workspace)
            assert not form.whole, f"{file} was cut, and nobody noticed"
            assert len(data) < len(LABELS), "whole lines were lost, and counted so"
            remove("half", own_workspace)
        file.write_bytes(whole)


def test_every_format_is_among_the_forms(tmp_path: Path) -> None:
    used = set()
    for number, form in enumerate(FORMS.values()):
        (tmp_path / str(number)).mkdir()
        used.add(formats.format_of(form.write(tmp_path / str(number))).name)
    tested_alone = {formats.IDX_FILE.name, formats.PARQUET_FILE.name, formats.PARQUET_FOLDER.name}
    assert {form.name for form in formats.FORMATS} - used <= tested_alone


@pytest.mark.parametrize("part", ["train", "t10k"])
def test_one_file_of_idx_images_is_a_data_set(part: str, source: Path, own_workspace: Workspace) -> None:
    path = FORMS["IDX gz"].write(source) / f"{part}-images-idx3-ubyte.gz"
    data = import_data(path, own_workspace)
    which = slice(0, TEST_START) if part == "train" else slice(TEST_START, None)
    assert np.array_equal(data.images[..., 0], IMAGES[which])
    assert (data.name, data.labels.tolist(), data.test_start) == (f"{part}-images", LABELS[which].tolist(), None)
    assert load(path).fingerprint == data.fingerprint


def test_without_pyarrow_it_is_named(source: Path, own_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    (source / "pets.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InvalidInput, match=r'not installed; run: pip install "fittingroom\[parquet\]"'):
        import_data(source / "pets.parquet", own_workspace)


@pytest.mark.skipif("Parquet" not in FORMS, reason="pyarrow is not installed")
def test_one_parquet_file_is_a_data_set(source: Path, own_workspace: Workspace) -> None:
    path = FORMS["Parquet"].write(source) / "data" / "train-00000-of-00001.parquet"
    data = import_data(path, own_workspace, "pets")
    assert np.array_equal(data.images[..., 0], IMAGES[:TEST_START])
    assert data.test_start is None
