"""The forms in which images come, and what they are told apart by."""

from __future__ import annotations

from pathlib import Path

import pytest

from fittingroom.data import formats
from fittingroom.data.formats import FOLDER, Format, file_suffixes, format_of, member_suffixes, parse_size, stem
from fittingroom.errors import InvalidData, InvalidInput

ARCHIVE = Format("archive", (".tar.gz", ".tgz"), frozenset(), "", "", FOLDER.preview, FOLDER.read)


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "FORMATS", (FOLDER, ARCHIVE))


def test_a_path_has_the_form_that_its_kind_and_name_say(tmp_path: Path, two: None) -> None:
    (tmp_path / "things.tgz").mkdir()
    (tmp_path / "A.TAR.GZ").write_bytes(b"")
    assert format_of(tmp_path / "things.tgz") is FOLDER
    assert format_of(tmp_path / "A.TAR.GZ") is ARCHIVE
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(InvalidData, match=r"a\.txt is nothing that can be read.*folder of images, archive \(\.tar\.gz"):
        format_of(tmp_path / "a.txt")


def test_names_lose_the_suffix_that_tells_the_format(two: None) -> None:
    assert [stem(Path(name)) for name in ("a/my.data.TAR.gz", "b.tgz", "c.v2", "d")] == ["my.data", "b", "c.v2", "d"]
    assert file_suffixes() == (".tar.gz", ".tgz")
    assert ".jpeg" in member_suffixes()


@pytest.mark.parametrize(
    ("text", "size"), [("64x48", (64, 48)), (" 64 × 48 ", (64, 48)), ("64", (64, 64)), ("8*9", (8, 9)), (" ", None)]
)
def test_sizes_are_height_by_width(text: str, size: tuple[int, int] | None) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["8 by 8", "x", "8x", "1x2x3", "-1", "²x2", "123456"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no size; give height and width in pixels, such as 64x64"):
        parse_size(text)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("My photos (2)", "My-photos-2"),
        ("Ünï cödé.zip", "Uni-code"),
        ("日本", "images"),
        ("a.tar.gz", "a"),
        ("x" * 80, "x" * 64),
    ],
)
def test_a_name_is_proposed_from_that_of_the_files(path: str, name: str) -> None:
    assert formats.proposed_name(Path(path)) == name
