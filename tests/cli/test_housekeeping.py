"""Deleting with undo, disk use, and archives, as a user types them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from fittingroom.cli.show import size
from fittingroom.queue.stored import open_store
from fittingroom.store import Artifact
from fittingroom.workspace import Workspace

Fittingroom = Callable[..., Any]


def stored(name: str = "starter", count: int = 1_200_000) -> str:
    """A finished run with one file of so many bytes."""
    workspace = Workspace.find()
    with open_store(workspace) as store:
        run = store.create_run(name=name, spec="{}", spec_id="a" * 64, fingerprint="f" * 64, parameters=7)
        attempt = store.begin_attempt(run, {"threads": 1})
        path = workspace.attempt(run, attempt) / "best.safetensors"
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(count))
        relative = PurePosixPath(path.relative_to(workspace.root).as_posix())
        store.adopt(run, attempt, Artifact("best", relative, "0" * 64, count, 1))
        store.end(run, attempt, "finished")
    return run


def folders() -> list[str]:
    return sorted(path.name for path in Workspace.find().runs.iterdir())


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (812, "812 B"), (999, "999 B"), (1000, "1.0 kB"), (1_234_567, "1.2 MB"), (99_940_000, "99.9 MB"),
     (99_960_000, "100 MB"), (999_400_000, "999 MB"), (999_600_000, "1.0 GB"), (5 * 10**15, "5000 TB")],
)  # fmt: skip
def test_sizes_are_told_as_disks_count(count: int, shown: str) -> None:
    assert size(count) == shown


def test_what_was_deleted_comes_back(fittingroom: Fittingroom) -> None:
    stored(), stored("cnn", 300)
    deleted = fittingroom("runs", "delete", "starter-1", "last")
    assert (deleted.status, deleted.err) == (0, "")
    assert deleted.out == (
        "Deleted starter-1 (1.2 MB).\nDeleted cnn-1 (300 B).\n"
        "Bring back with: fittingroom runs undelete starter-1 cnn-1\n"
        "Removed for good after 30 days, or with: fittingroom runs purge\n"
    )
    listed = fittingroom("runs", "list").out
    assert listed.splitlines() == [
        "No runs yet. Begin with: fittingroom train starter",
        "Deleted runs still hold 1.2 MB; free it with: fittingroom runs purge",
    ]
    gone = fittingroom("runs", "show", "starter-1")
    assert gone.status == 2
    assert gone.err == 'error: run "starter-1" was deleted; bring it back with: fittingroom runs undelete starter-1\n'
    trash = fittingroom("runs", "list", "--deleted").out
    assert re.search(r"cnn-1 +finished +– +300 B +20\d\d-", trash)
    assert trash.endswith("Bring one back with: fittingroom runs undelete cnn-1\n")
    assert [run["run"] for run in fittingroom("runs", "list", "--deleted", "--json").json] == ["cnn-1", "starter-1"]

    assert fittingroom("runs", "undelete", "starter-1", "cnn-1").out == "starter-1 is back.\ncnn-1 is back.\n"
    assert [run["run"] for run in fittingroom("runs", "list", "--json").json] == ["cnn-1", "starter-1"]
    assert fittingroom("runs", "list", "--deleted").out == "No deleted runs.\n"
    again = fittingroom("runs", "undelete", "cnn-1")
    assert (again.status, again.err) == (
        2, 'error: run "cnn-1" is not deleted, so there is nothing to bring back\n',
    )  # fmt: skip


def test_nothing_is_deleted_when_one_of_the_names_is_wrong(fittingroom: Fittingroom) -> None:
    stored()
    outcome = fittingroom("runs", "delete", "starter-1", "startre-1", "--yes")
    assert (outcome.status, outcome.out) == (2, "")
    assert 'there is no run "startre-1"; did you mean "starter-1"?' in outcome.err
    assert len(fittingroom("runs", "list", "--json").json) == 1


def test_purging_asks_and_removes_rows_and_files(fittingroom: Fittingroom) -> None:
    stored(), stored(), stored("cnn", 300)
    fittingroom("runs", "delete", "starter-1", "starter-2")
    command = [sys.executable, "-m", "fittingroom", "runs", "purge", "starter-1"]
    asked = subprocess.run(command, input="n\n", capture_output=True, text=True)
    assert asked.returncode == 1
    assert "Remove starter-1 (1.2 MB) for good? [y/N]:" in asked.stdout
    assert folders() == ["cnn-1", "starter-1", "starter-2"]

    kept = fittingroom("runs", "purge", "cnn-1")
    assert (kept.status, kept.err) == (2, 'error: run "cnn-1" is not deleted, so there is nothing to purge\n')
    assert fittingroom("runs", "purge", "starter-1", "--yes").out == "Removed starter-1 (1.2 MB).\n"
    assert folders() == ["cnn-1", "starter-2"]
    assert fittingroom("runs", "purge", "--yes").out == "Removed starter-2 (1.2 MB).\n"
    assert folders() == ["cnn-1"]
    assert fittingroom("runs", "purge").out == "No deleted runs, so there is nothing to remove.\n"
    assert 'there is no run "starter-1"' in fittingroom("runs", "undelete", "starter-1").err
    assert stored() == "starter-3"


def test_deleting_removes_what_has_been_deleted_for_30_days(
    fittingroom: Fittingroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("old", "recent", "new"):
        stored(name, 10)
    for name, days in (("old-1", 30), ("recent-1", 29)):
        with monkeypatch.context() as patch:
            patch.setattr("fittingroom.store.trash.now", lambda days=days: datetime.now(UTC) - timedelta(days=days))
            fittingroom("runs", "delete", name)
    fittingroom("runs", "delete", "new-1")
    assert folders() == ["new-1", "recent-1"]
    assert [run["run"] for run in fittingroom("runs", "list", "--deleted", "--json").json] == ["new-1", "recent-1"]


def test_what_a_crash_left_of_a_purge_is_removed_by_the_next(
    fittingroom: Fittingroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(), stored()

    def crash(_: object) -> None:
        raise KeyboardInterrupt

    fittingroom("runs", "delete", "starter-1")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", crash)
        assert fittingroom("runs", "purge", "--yes").status == 130
    assert folders() == [".purged-starter-1", "starter-2"]
    assert fittingroom("runs", "list", "--deleted").out == "No deleted runs.\n"
    fittingroom("runs", "delete", "starter-2")
    assert folders() == ["starter-2"]


def test_files_that_cannot_be_removed_are_told(fittingroom: Fittingroom, monkeypatch: pytest.MonkeyPatch) -> None:
    stored()
    fittingroom("runs", "delete", "starter-1")

    def busy(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", busy)
        outcome = fittingroom("runs", "purge", "--yes")
    assert outcome.status == 1
    assert re.fullmatch(
        r"error: 1 runs are forgotten, but not all of their files in .*runs can be removed: Permission denied "
        r"\(.*\.purged-starter-1\); remove them by hand\n",
        outcome.err,
    )


def test_disk_use_is_shown_where_there_is_room(fittingroom: Fittingroom, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(), stored("cnn", 300)
    monkeypatch.setenv("COLUMNS", "150")
    wide = fittingroom("runs", "list").out
    assert re.search(r"^starter-1 .* 1\.2 MB *$", wide, re.MULTILINE)
    assert wide.endswith("The files of all runs take 1.2 MB.\n")
    fittingroom("runs", "delete", "starter-1")
    lines = fittingroom("runs", "list", "--limit", "1").out.splitlines()
    assert lines[-2:] == [
        "The files of all runs take 300 B.",
        "Deleted runs still hold 1.2 MB; free it with: fittingroom runs purge",
    ]
    monkeypatch.setenv("COLUMNS", "80")
    assert "size" not in fittingroom("runs", "list").out
    (run,) = fittingroom("runs", "list", "--json").json
    assert (run["bytes"], run["deleted"]) == (300, None)


def test_a_run_travels_to_another_workspace(fittingroom: Fittingroom, spec_file: Path, tmp_path: Path) -> None:
    fittingroom("train", spec_file, "--set", "train.epochs=2")
    file = tmp_path / "away.zip"
    exported = fittingroom("runs", "export", "last", file)
    assert re.fullmatch(
        r"Exported to .*away.zip \([\d.]+ kB\)\. Import it with: fittingroom runs import .*away.zip\n", exported.out
    )
    again = fittingroom("runs", "export", "last", file)
    assert (again.status, "is there already; give another name, or replace it with --force" in again.err) == (2, True)
    told = fittingroom("runs", "export", "last", file, "--force", "--json").json
    assert told == {"file": str(file), "bytes": file.stat().st_size}

    other = ("--workspace", tmp_path / "other")
    imported = fittingroom("runs", "import", file, *other)
    assert imported.out == (
        "Imported as three-stripes-1. Look at it with: fittingroom runs show three-stripes-1\n"
    )  # fmt: skip
    assert fittingroom("runs", "import", file, "--json", *other).json == {"run": "three-stripes-2"}
    here, there = (
        fittingroom("runs", "show", "last", "--json").json,
        fittingroom("runs", "show", "last", "--json", *other).json,
    )
    for key in ("epochs", "validation", "worst_mistakes", "spec", "plan", "bytes", "state"):
        assert there[key] == here[key]
    assert there["lineage"] == {"kind": "import", "from": "three-stripes-1", "lineage": {"kind": "new"}}
    assert "import of three-stripes-1" in fittingroom("runs", "show", "last", *other).out
    assert fittingroom("test", "last", *other).status == 0

    file.write_bytes(file.read_bytes()[:-100])
    broken = fittingroom("runs", "import", file, *other)
    assert broken.status == 2
    assert re.fullmatch(
        r'error: ".*away.zip" cannot be imported: something stands before its first file; .*\n', broken.err
    )


def test_an_imported_run_is_resumed_to_the_very_same_weights(
    fittingroom: Fittingroom, spec_file: Path, tmp_path: Path
) -> None:
    """The run is stopped after its first epoch, travels, and goes on elsewhere on the same photos.

    Both runs are computed as written: what a trial would choose on a busy machine can differ.
    """
    exact = ["--set", "train.precision=exact"]
    fittingroom("train", spec_file, "--set", "train.epochs=8", *exact)
    undisturbed = fittingroom("runs", "show", "last", "--json").json
    longer = ["--set", "train.epochs=2000", *exact]
    command = [sys.executable, "-m", "fittingroom", "train", str(spec_file), *longer, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if '"epochended"' in line:
                process.terminate()
                break
        process.stdout.read()
    fittingroom("runs", "export", "last", tmp_path / "away.zip")
    other = ("--workspace", tmp_path / "other")
    fittingroom("runs", "import", tmp_path / "away.zip", *other)
    before = fittingroom("runs", "show", "last", "--json", *other).json
    assert before["state"] == "stopped"
    command = [sys.executable, "-m", "fittingroom", "runs", "resume", "last", "--json", *map(str, other)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if '"epochended"' in line and '"epoch": 8,' in line:
                break
        process.terminate()
        process.stdout.read()
    after = fittingroom("runs", "show", "last", "--json", *other).json
    figures = [(epoch["train_loss"], epoch["validation_loss"]) for epoch in after["epochs"][:8]]
    assert figures == [(epoch["train_loss"], epoch["validation_loss"]) for epoch in undisturbed["epochs"]]
    assert len(before["epochs"]) < len(after["epochs"])


def test_completion_offers_deleted_runs_to_undelete(fittingroom: Fittingroom) -> None:
    from fittingroom.cli.options import complete_deleted

    assert complete_deleted("") == []
    stored(), stored("cnn")
    fittingroom("runs", "delete", "cnn-1")
    assert complete_deleted("c") == ["cnn-1"]
    assert complete_deleted("s") == []
