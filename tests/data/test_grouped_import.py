"""Groups and validation folders of image folders: found, kept, part of the fingerprint, and never divided."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fittingroom.data.grouping import by_pattern
from fittingroom.data.incoming import Digest, Incoming, numbered_groups
from fittingroom.data.prepared import open_prepared, written
from fittingroom.data.sources import import_data, load, preview_data
from fittingroom.data.wanted import Wanted
from fittingroom.errors import InvalidData, InvalidInput
from fittingroom.workspace import Workspace

Picture = Callable[..., object]


def films(root: Path, picture: Picture) -> Path:
    """Two classes, ten films of three frames each, all pictures different."""
    for kind in ("cat", "dog"):
        for film in range(10):
            for frame in range(3):
                picture(root / kind / f"{kind}-film{film:02d}_frame{frame}.png")
    return root


def incoming(groups: list[int] | None = None, validation: list[int] | None = None) -> Incoming:
    pixels = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2, 1)
    return Incoming(
        ("a", "b"), np.array([0, 1] * 3), (2, 2, 1), [pixels], None, "six images",
        groups=None if groups is None else np.array(groups),
        validation=None if validation is None else np.array(validation),
    )  # fmt: skip


def fingerprint(of: Incoming) -> str:
    digest = Digest(of)
    for block in of.blocks:
        digest.add(block)
    return digest.fingerprint()


def test_fingerprints_stay_what_they_were_and_tell_groups_and_validation_apart() -> None:
    # The first is what version 0.1 gave these six images, before there were groups.
    assert fingerprint(incoming()) == "83b7ae43155bca3211a4b4b9b3d09120e7ee78d61d2933c213d41b07e5918850"
    several = [incoming(), incoming([0, 0, 1, 1, 2, 2]), incoming([0, 0, 1, 1, 1, 1]), incoming(None, [0]),
               incoming(None, [1]), incoming([0, 0, 1, 1, 2, 2], [0])]  # fmt: skip
    assert len({fingerprint(each) for each in several}) == 6
    assert fingerprint(incoming([0, 0, 1, 1, 2, 2])) == fingerprint(incoming([9, 9, 4, 4, 7, 7]))


def test_groups_are_numbered_as_they_come_and_images_alone_get_numbers_of_their_own() -> None:
    assert numbered_groups(np.array([7, -1, 3, 7, -1, 3])).tolist() == [0, 1, 2, 0, 3, 2]


def test_they_survive_in_a_prepared_folder_and_older_folders_have_none(tmp_path: Path) -> None:
    for name, given in (("old", incoming()), ("new", incoming([5, 5, 2, 2, -1, -1], [4, 0]))):
        with written(tmp_path / name, name, given, "free some space") as temporary:
            temporary.rename(tmp_path / name)
    old, new = (open_prepared(tmp_path / name, name) for name in ("old", "new"))
    assert old.groups is None
    assert old.own_validation is None
    assert sorted(path.name for path in (tmp_path / "old").iterdir()) == [
        "hashes.npy", "images.npy", "labels.npy", "meta.json",
    ]  # fmt: skip
    assert sorted(json.loads((tmp_path / "old" / "meta.json").read_bytes())) == [
        "class_names", "fingerprint", "format", "name", "origin", "shape", "test_start",
    ]  # fmt: skip
    assert new.groups is not None
    assert new.own_validation is not None
    assert new.groups.tolist() == [0, 0, 1, 1, 2, 3]
    assert new.own_validation.tolist() == [0, 4]
    (tmp_path / "new" / "groups.npy").unlink()
    with pytest.raises(InvalidData, match=r"is damaged: .*groups\.npy"):
        open_prepared(tmp_path / "new", "new")


def test_a_pattern_keeps_the_frames_of_a_film_together(tmp_path: Path, workspace: Workspace, picture: Picture) -> None:
    root = films(tmp_path / "films", picture)
    data = import_data(root, workspace, wanted=Wanted(groups=r"(film\d+)_"))
    assert data.groups is not None
    # film 3 of the cats and film 3 of the dogs bear one name, so they are one group
    assert len(np.unique(data.groups)) == 10
    assert '10 groups of images by "(film\\d+)_"' in data.origin
    by_class = import_data(root, workspace, name="by-class", wanted=Wanted(groups=r"(\w+-film\d+)_"))
    assert by_class.groups is not None
    assert by_class.groups.tolist() == [image // 3 for image in range(60)]
    splits = by_class.split(0.2, 0)
    for part in (splits.train, splits.validation, splits.test):
        assert len(part) == 3 * len(np.unique(by_class.groups[part]))
    assert import_data(root, workspace, name="plain").fingerprint not in (data.fingerprint, by_class.fingerprint)


def test_folders_below_the_class_are_groups_where_they_are_asked_for(
    tmp_path: Path, workspace: Workspace, picture: Picture
) -> None:
    for kind in ("benign", "malignant"):
        for patient in ("anna", "bert", f"{kind}-only"):
            for view in range(2):
                picture(tmp_path / "scans" / kind / patient / f"{kind}{patient}{view}.png")
        picture(tmp_path / "scans" / kind / f"loose-{kind}.png")
        picture(tmp_path / "scans" / kind / "anna" / "deeper" / "not-seen.png")
    data = import_data(tmp_path / "scans", workspace, wanted=Wanted(groups="folder"))
    assert len(data) == 14
    assert data.groups is not None
    assert sorted(np.bincount(data.groups).tolist()) == [1, 1, 2, 2, 4, 4]  # anna and bert are in both classes
    assert "4 groups of images by folder, and 2 images that are alone" in data.origin
    assert "2 other files or folders left out" in data.origin
    _, preview = preview_data(tmp_path / "scans", wanted=Wanted(groups="folder"))
    assert "4 groups of images by folder, and 2 images that are alone" in preview.notes
    assert sum(preview.training) == 14
    assert len(import_data(tmp_path / "scans", workspace, name="flat")) == 2  # as before, without groups


def test_a_validation_folder_trains_unless_it_is_asked_for(
    tmp_path: Path, workspace: Workspace, picture: Picture
) -> None:
    for part, number in (("train", 12), ("val", 4), ("test", 4)):
        for kind in ("cat", "dog"):
            for image in range(number):
                picture(tmp_path / "pets" / part / kind / f"{part}{kind}{image}.png")
    for data in (import_data(tmp_path / "pets", workspace), load(tmp_path / "pets")):
        assert data.own_validation is not None
        assert data.own_validation.tolist() == [12, 13, 14, 15, 28, 29, 30, 31]  # cats, then dogs
        assert data.labels[data.own_validation].tolist() == [0] * 4 + [1] * 4
        given = data.split("given", 0)
        assert given.validation.tolist() == data.own_validation.tolist()
        assert len(given.train) == 24
        assert len(data.split(0.25, 0).validation) == 8
        assert set(data.split(0.25, 0).train.tolist()) & set(data.own_validation.tolist())


@pytest.mark.parametrize(
    ("pattern", "kind", "message"),
    [
        ("(film", InvalidInput, 'groups = "(film" is no regular expression: missing ) at position 5; for files'),
        ("film", InvalidInput, 'groups = "film" has 0 (…) groups and needs one, around what the images of a group'),
        ("(a)(b)", InvalidInput, 'groups = "(a)(b)" has 2 (…) groups and needs one'),
        ("(reel)", InvalidData, 'groups = "(reel)" is found in no file, and not in cat/cat-film00_frame0.png; mend'),
        ("(cat-film0)", InvalidData, 'groups = "(cat-film0)" is found in 30 of 60 files, and not in dog/dog-film00_'),
        ("folder", InvalidData, 'groups = "folder", but no image lies in a folder below that of its class (cat/cat-'),
    ],
)
def test_groups_that_cannot_be_found_are_told_before_anything_is_written(
    pattern: str, kind: type[Exception], message: str, tmp_path: Path, workspace: Workspace, picture: Picture
) -> None:
    root = films(tmp_path / "films", picture)
    for attempt in (import_data, lambda path, _, wanted: preview_data(path, wanted=wanted)):
        with pytest.raises(kind) as refused:
            attempt(root, workspace, wanted=Wanted(groups=pattern))
        assert message in str(refused.value)
    assert not workspace.data.exists()


def test_a_pattern_that_tries_ever_more_ways_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fittingroom.data.grouping.PATIENCE", 0.2)
    with pytest.raises(InvalidInput, match=r"within 0\.2 s, because it can match in too many ways"):
        by_pattern(r"((?:a|aa)+)\d", ["a" * 60 + ".png"])


def test_an_optional_group_leaves_images_alone() -> None:
    assert by_pattern(r"^(?:(film\d)_)?", ["film1_a", "film1_b", "other", "film2_a"]).tolist() == [0, 0, -1, 1]


def test_lists_name_groups_by_a_column_and_validation_by_a_part(
    tmp_path: Path, workspace: Workspace, picture: Picture
) -> None:
    root = films(tmp_path / "films", picture)
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    lines = [
        (file, file[:3], "val" if "film09" in file else "test" if "film08" in file else "train", file[4:14])
        for file in files
    ]
    (root / "list.csv").write_text("path,label,split,Reel\n" + "".join(",".join(line) + "\n" for line in lines))
    (root / "list.jsonl").write_text(
        "".join(json.dumps(dict(zip(("path", "label", "split", "reel"), line, strict=True))) + "\n" for line in lines)
    )
    for name in ("list.csv", "list.jsonl"):
        data = import_data(root / name, workspace, name=name.replace(".", "-"), wanted=Wanted(groups="reel"))
        assert data.test_start == 54
        assert data.groups is not None
        assert len(np.unique(data.groups)) == 20
        assert data.own_validation is not None
        assert data.own_validation.tolist() == [24, 25, 26, 51, 52, 53]  # the last film of each class
        assert '20 groups of images by "reel"' in data.origin
        assert data.split("given", 0).validation.tolist() == data.own_validation.tolist()
    pattern = import_data(root / "list.csv", workspace, name="by-path", wanted=Wanted(groups=r"(film\d+)"))
    assert pattern.groups is not None
    assert len(np.unique(pattern.groups)) == 10
    (root / "some.jsonl").write_text((root / "list.jsonl").read_text().replace(', "reel": "film00_fra"', "", 1))
    (root / "some.jsonl").write_text((root / "some.jsonl").read_text().replace('"reel"', '"other"', 1))
    with pytest.raises(InvalidData, match='says "reel" of 59 of its 60 images only; say it of all'):
        import_data(root / "some.jsonl", workspace, wanted=Wanted(groups="reel"))


def test_an_archive_has_groups_and_validation_as_its_folder_has(
    tmp_path: Path, workspace: Workspace, picture: Picture
) -> None:
    for part, number in (("train", 4), ("val", 2)):
        for kind in ("cat", "dog"):
            for owner in range(number):
                picture(tmp_path / "pets" / part / kind / f"owner{part}{owner}" / f"{kind}{part}{owner}.png")
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "pets")
    folder = import_data(tmp_path / "pets", workspace, wanted=Wanted(groups="folder"))
    packed = import_data(tmp_path / "packed.zip", workspace, wanted=Wanted(groups="folder"))
    assert packed.fingerprint == folder.fingerprint
    assert folder.groups is not None
    assert len(np.unique(folder.groups)) == 6
    assert folder.own_validation is not None
    assert folder.own_validation.tolist() == [4, 5, 10, 11]


def test_arrays_name_validation_images_and_cannot_be_grouped(tmp_path: Path, workspace: Workspace) -> None:
    pixels = np.arange(20 * 16, dtype=np.uint16).view(np.uint8).reshape(20, 4, 8)
    labels = np.arange(20) % 2
    np.savez(tmp_path / "a.npz", x_train=pixels[:12], y_train=labels[:12], x_val=pixels[12:], y_val=labels[12:])
    data = import_data(tmp_path / "a.npz", workspace)
    assert data.own_validation is not None
    assert data.own_validation.tolist() == list(range(12, 20))
    with pytest.raises(InvalidInput, match='groups = "patient", but the images of this npz file have neither'):
        import_data(tmp_path / "a.npz", workspace, name="other", wanted=Wanted(groups="patient"))
