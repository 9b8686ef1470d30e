"""Names, tags and notes from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fittingroom.queue.stored import open_store
from fittingroom.spec.run import from_toml, presets
from fittingroom.workspace import Workspace

Fittingroom = Callable[..., Any]


@pytest.fixture
def run() -> str:
    """A stopped run of the preset mlp, of which nothing was trained."""
    import json

    spec = from_toml(presets()["mlp"], overrides=["name=mlp"])
    with open_store(Workspace.find()) as store:
        name = store.create_run(
            name="mlp", spec=json.dumps(spec.to_json()), spec_id=spec.content_id, fingerprint="f" * 64, parameters=7
        )
        store.end(name, store.begin_attempt(name, {"threads": 1}), "stopped")
    return name


def test_a_run_is_renamed_tagged_and_described(fittingroom: Fittingroom, run: str) -> None:
    assert fittingroom("runs", "rename", "last", "  more [b]dropout[/b] ").out == "mlp-1  more [b]dropout[/b]\n"
    assert fittingroom("runs", "tag", run, "Best", "lab 3").out == "mlp-1  more [b]dropout[/b]\nTags: best, lab-3\n"
    told = fittingroom("runs", "note", run, "rises\nfrom 30 on", "--json").json
    assert told == {
        "run": "mlp-1", "name": "more [b]dropout[/b]", "tags": ["best", "lab-3"], "note": "rises\nfrom 30 on",
    }  # fmt: skip
    shown = fittingroom("runs", "show", run)
    assert shown.out.splitlines()[0].startswith("mlp-1  more [b]dropout[/b] · stopped · ")
    assert shown.out.splitlines()[1:4] == ["Tags: best, lab-3", "rises", "from 30 on"]
    plain = fittingroom("runs", "show", run, "--json").json
    assert (plain["name"], plain["tags"], plain["spec"]["name"]) == ("more [b]dropout[/b]", ["best", "lab-3"], "mlp")
    assert fittingroom("runs", "tag", run, "BEST", "--remove", "--json").json["tags"] == ["lab-3"]
    assert fittingroom("runs", "note", run, "").out == "mlp-1  more [b]dropout[/b]\nTags: lab-3\n"
    (listed,) = fittingroom("runs", "list", "--json").json
    assert (listed["run"], listed["name"], listed["tags"], listed["note"]) == (
        run,
        "more [b]dropout[/b]",
        ["lab-3"],
        "",
    )


def test_tags_are_listed_where_there_is_room(
    fittingroom: Fittingroom, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "130")
    assert "tags" not in fittingroom("runs", "list").out
    fittingroom("runs", "tag", run, "best", "lab-3")
    assert "best, lab-3" in fittingroom("runs", "list").out
    monkeypatch.setenv("COLUMNS", "100")
    assert "best, lab-3" not in fittingroom("runs", "list").out


def test_what_cannot_be_kept_is_refused_in_words(fittingroom: Fittingroom, run: str) -> None:
    for arguments, message in [
        (("rename", run, ""), "a run needs a name; give at least one character"),
        (("tag", run, "fine", ","), "is no tag; give at least one letter or digit"),
        (("note", run, "x" * 4001), "the note has 4,001 characters; 4,000 are allowed, so shorten it"),
        (("rename", "mlp-2", "x"), 'there is no run "mlp-2"; did you mean "mlp-1"?'),
    ]:
        outcome = fittingroom("runs", *arguments)
        assert (outcome.status, outcome.out) == (2, "")
        assert message in outcome.err
    assert fittingroom("runs", "list", "--json").json[0]["tags"] == []


def test_labels_travel_with_the_run(fittingroom: Fittingroom, spec_file: Path, tmp_path: Path) -> None:
    fittingroom("train", spec_file, "--set", "train.epochs=1")
    fittingroom("runs", "export", "last", tmp_path / "bare.zip")
    fittingroom("runs", "tag", "last", "best")
    fittingroom("runs", "note", "last", "two\nlines")
    fittingroom("runs", "rename", "last", "mine")
    fittingroom("runs", "export", "last", tmp_path / "told.zip")
    other = ("--workspace", tmp_path / "other")
    assert fittingroom("runs", "import", tmp_path / "told.zip", "--json", *other).json == {"run": "mine-1"}
    fittingroom("runs", "import", tmp_path / "bare.zip", *other)
    bare, told = fittingroom("runs", "list", "--json", *other).json
    assert (told["name"], told["tags"], told["note"]) == ("mine", ["best"], "two\nlines")
    assert (bare["name"], bare["tags"], bare["note"]) == ("three stripes", [], "")
