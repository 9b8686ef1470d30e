"""Which fonts are found, which can be used, and which families are one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageFont

from fittingroom.data.synthetic.faces import family_of, find_faces
from fittingroom.data.synthetic.families import find_fonts
from fittingroom.data.synthetic.masters import INK, drawn, master, stroke
from fittingroom.errors import InvalidData, NotFound

DIGITS = "0123456789"


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("DejaVu Sans", "DejaVu Sans"),
        ("DejaVu Sans Condensed", "DejaVu Sans"),
        ("Liberation Sans Narrow", "Liberation Sans"),
        ("Source Sans Pro Black", "Source Sans Pro"),
        ("Roboto Condensed Light", "Roboto"),
        ("Noto Sans ExtraCondensed SemiBold", "Noto Sans"),
        ("Bold", "Bold"),
        ("cmr10", "Computer Modern Roman"),
        ("cmti10", "Computer Modern Roman"),
        ("cmss10", "cmss10"),
    ],
)
def test_a_family_is_told_from_its_faces(name: str, family: str) -> None:
    assert family_of(name) == family


def test_faces_are_found_below_a_folder_and_what_is_no_font_is_told(fonts: Path, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    shutil.copy(fonts / "DejaVuSans.ttf", tmp_path / "deep" / "er" / "A.TTF")
    shutil.copy(fonts / "DejaVuSans-Bold.ttf", tmp_path / "b.ttf")
    shutil.copy(fonts / "DejaVuSans-Bold.ttf", tmp_path / "the same.ttf")
    (tmp_path / "broken.otf").write_bytes(b"no font")
    (tmp_path / "cut.ttf").write_bytes((fonts / "cmr10.ttf").read_bytes()[:500])
    os.mkfifo(tmp_path / "waits for ever.ttf")
    (tmp_path / "folder.ttf").mkdir()
    (tmp_path / "nowhere.ttf").symlink_to(tmp_path / "gone.ttf")
    (tmp_path / "readme.txt").write_text("not looked at")
    faces, bad = find_faces([os.fspath(tmp_path)], system=False)
    assert [(face.family, face.style) for face in faces] == [("DejaVu Sans", "Bold"), ("DejaVu Sans", "Book")]
    assert sorted(Path(line.partition(" cannot be read")[0]).name for line in bad) == ["broken.otf", "cut.ttf"]


def test_matplotlibs_fonts_are_found_without_being_asked_for(fonts: Path) -> None:
    faces, _ = find_faces([], system=True)
    assert {"STIXGeneral", "Computer Modern Roman", "cmtt10"} <= {face.family for face in faces}


def test_symbol_fonts_and_fonts_without_digits_are_left_out(fonts: Path) -> None:
    found = find_fonts((os.fspath(fonts),), False, DIGITS)
    assert [family.name for family in found.families] == [
        "Computer Modern Roman", "DejaVu Sans / DejaVu Sans Mono", "DejaVu Serif", "STIXGeneral", "cmss10", "cmtt10",
    ]  # fmt: skip
    reasons = "\n".join(found.left_out)
    for name in ("cmex10", "cmsy10", "Last Resort"):  # big operators, symbols, and a box for everything
        assert f"{name}" in reasons
    assert "cmsy10 Regular is a symbol font" in reasons
    assert "DejaVu Sans Display lacks 01234…" in reasons
    assert "STIXSizeOneSym Bold lacks 01234…" in reasons


def test_one_design_under_two_names_is_one_family(fonts: Path, tmp_path: Path) -> None:
    for name in ("DejaVuSans.ttf", "cmr10.ttf", "STIXGeneral.ttf"):
        shutil.copy(fonts / name, tmp_path / name)
    data = (fonts / "DejaVuSans.ttf").read_bytes()
    for coded in ("utf-16-be", "ascii"):  # as the table of names has it, for Windows and for others
        data = data.replace("DejaVu Sans".encode(coded), "Another One".encode(coded))
    (tmp_path / "other.ttf").write_bytes(data)
    assert ImageFont.truetype(str(tmp_path / "other.ttf"), 20).getname()[0] == "Another One"
    found = find_fonts((os.fspath(tmp_path),), False, DIGITS)
    assert [family.name for family in found.families] == [
        "Another One / DejaVu Sans", "Computer Modern Roman", "STIXGeneral",
    ]  # fmt: skip


def test_too_few_families_say_what_to_install(fonts: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"at least 3 families are needed.*there is none; install matplotlib"):
        find_fonts((os.fspath(tmp_path),), False, DIGITS)
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "cmr10.ttf", "cmsy10.ttf", "STIXSizOneSymReg.ttf"):
        shutil.copy(fonts / name, tmp_path / name)
    more = tmp_path / "more"
    more.mkdir()
    shutil.copy(fonts / "cmr10.ttf", more)
    shutil.copy(fonts / "DejaVuSansDisplay.ttf", more)
    with pytest.raises(InvalidData) as refused:
        find_fonts((os.fspath(more),), False, DIGITS)
    assert "there is only 1: Computer Modern Roman; install matplotlib" in str(refused.value)
    assert "or give a folder of .ttf or .otf files with --fonts" in str(refused.value)
    assert str(refused.value).endswith("\n  left out: DejaVu Sans Display lacks 01234…")
    with pytest.raises(NotFound, match=r"there is no folder of fonts .*nowhere; give a folder with .ttf or .otf files"):
        find_fonts((os.fspath(tmp_path / "nowhere"),), False, DIGITS)


def test_strokes_grow_and_shrink_but_never_break_or_close(fonts: Path) -> None:
    faces, _ = find_faces([os.fspath(fonts)], system=False)
    chosen = [face for face in faces if face.path.name in ("cmb10.ttf", "cmr10.ttf", "cmss10.ttf", "STIXGeneral.ttf")]
    assert len(chosen) == 4
    for face in chosen:
        for character in "0468":
            widths = [
                (np.asarray(master(face, character, "8", 112, steps)) >= INK).sum() for steps in (-6, -3, 0, 3, 6)
            ]
            assert widths == sorted(widths)
            for steps in (-6, -2, 0, 3, 6):
                ink = np.asarray(master(face, character, "8", 112, steps)) >= INK
                assert regions(~ink) == 1 + {"0": 1, "4": 1, "6": 1, "8": 2}[character], (face, character, steps)


def test_bold_faces_have_wider_strokes(fonts: Path) -> None:
    faces, _ = find_faces([os.fspath(fonts)], system=False)
    book, bold = (next(f for f in faces if (f.family, f.style) == ("DejaVu Sans", style)) for style in ("Book", "Bold"))
    assert stroke(bold, "3", "8", 112) > 1.3 * stroke(book, "3", "8", 112)


def test_a_character_is_cropped_to_its_ink(fonts: Path) -> None:
    faces, _ = find_faces([os.fspath(fonts)], system=False)
    face = next(face for face in faces if face.title == "DejaVu Sans Book")
    levels = drawn(face, "1", 64)
    assert levels is not None
    assert all(edge.max() >= INK for edge in (levels[0], levels[-1], levels[:, 0], levels[:, -1]))
    assert drawn(face, " ", 64) is None


def regions(paper: NDArray[np.bool_]) -> int:
    """Connected regions, by filling one after the other."""
    left, number = paper.copy(), 0
    while left.any():
        front = [tuple(place) for place in np.argwhere(left)[:1].tolist()]
        left[front[0]] = False
        number += 1
        while front:
            y, x = front.pop()
            for near in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
                if 0 <= near[0] < left.shape[0] and 0 <= near[1] < left.shape[1] and left[near]:
                    left[near] = False
                    front.append(near)
    return number
