"""``runs continue``, ``runs fork``, ``--budget``, ``--replay`` and phases, as a user types them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Fittingroom = Callable[..., Any]


def test_training_on_asks_for_a_schedule_and_joins_the_curves(fittingroom: Fittingroom, spec_file: Path) -> None:
    fittingroom("train", spec_file, "--set", "train.epochs=2", "--set", 'train.schedule={ name = "cosine" }')
    asked = fittingroom("runs", "continue", "last", "--epochs", "2")
    assert asked.status == 2
    assert "error: three-stripes-1 was trained with the schedule cosine, at last at a learning rate of" in asked.err
    assert "say how to go on: --schedule constant (at 0.02), cosine, one_cycle" in asked.err
    wrong = fittingroom("runs", "continue", "last", "--epochs", "2", "--schedule", "cosin")
    assert wrong.status == 2
    assert 'there is no schedule "cosin"; did you mean "cosine"?' in wrong.err
    more = fittingroom("runs", "continue", "last", "--epochs", "2", "--schedule", "constant")
    assert more.status == 0
    assert "weights of three-stripes-1, after epoch 2   trained" in more.out
    assert "epoch 3/4" in more.out
    assert "All 2 further epochs done." in more.out
    shown = fittingroom("runs", "show", "last")
    assert "continue of three-stripes-1" in shown.out
    assert "┊ from epoch 3: continue of three-stripes-1" in shown.out
    document = fittingroom("runs", "show", "last", "--json").json
    assert len(document["lineage"].pop("sha256")) == 64
    assert document["lineage"] == {"kind": "continue", "from": "three-stripes-1", "weights": "last", "epoch": 2}
    assert [epoch["epoch"] for epoch in document["epochs"]] == [3, 4]
    assert [epoch["epoch"] for epoch in document["history"]["epochs"]] == [1, 2, 3, 4]
    assert document["history"]["boundaries"] == [{"after": 2, "label": "continue of three-stripes-1"}]


def test_a_fork_says_what_every_layer_begins_with(fittingroom: Fittingroom, spec_file: Path, tmp_path: Path) -> None:
    fittingroom("train", spec_file, "--set", "train.epochs=2")
    fork = fittingroom(
        "runs", "fork", "last", "--set", "train.epochs=1", "--set", "train.freeze_up_to=conv_1",
        "--set", 'train.reset=["classify_1"]',
    )  # fmt: skip
    assert fork.status == 0
    table = [" ".join(line.split()) for line in fork.out.splitlines()]
    assert "conv_1 weights of three-stripes-1, epoch 2 frozen 40" in table
    assert "classify_1 fresh weights (as train.reset says) trained 195" in table
    plotted = fittingroom("runs", "show", "last", "--plot", tmp_path / "joined.png", "--joined")
    assert plotted.status == 0
    assert (tmp_path / "joined.png").stat().st_size > 10_000
    refused = fittingroom("runs", "fork", "three-stripes-1", "--set", "data.split_seed=2")
    assert refused.status == 2
    assert "validation images are among those that three-stripes-1, epoch 2 was trained on" in refused.err
    assert "split the data as there, with data.validation = 0.2 and data.split_seed = 0" in refused.err
    nothing = fittingroom("runs", "fork", "three-stripes-1", "--weights", "first")
    assert (nothing.status, nothing.err) == (
        2, 'error: "first" names no weights; write "best", "last", or the number of an epoch\n'
    )  # fmt: skip


def test_a_budget_is_kept_and_replayed(fittingroom: Fittingroom, spec_file: Path) -> None:
    trained = fittingroom("train", spec_file, "--budget", "1s", "--json")
    assert trained.status == 0
    assert trained.json["state"] == "finished"
    assert trained.json["message"].startswith("The budget of 1s is used up, after ")
    again = fittingroom("runs", "restart", "last", "--replay", "--json")
    first, second = (fittingroom("runs", "show", f"three-stripes-{n}", "--json").json for n in (1, 2))
    assert again.json["run"] == "three-stripes-2"
    assert second["weights"]["best"]["sha256"] == first["weights"]["best"]["sha256"]
    assert second["lineage"] == {"kind": "replay", "from": "three-stripes-1"}
    wrong = fittingroom("train", spec_file, "--budget", "soon")
    assert wrong.status == 2
    assert 'train.budget: \'soon\' is not a time to train for; write it like "60s", "5m" or "1h30m"' in wrong.err


def test_phases_in_a_file_are_one_run(
    fittingroom: Fittingroom, spec_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    phase = (
        '[[phases]]\nname = "warm up [1]"\ntrain = { epochs = 2, batch_size = 16, freeze_up_to = "conv_1" }\n[train]'
    )
    spec_file.write_text(spec_file.read_text(encoding="utf-8").replace("[train]", phase), encoding="utf-8")
    described = fittingroom("network", "show", spec_file, "--set", "phases.0.train.freeze_up_to=conv_9")
    assert described.status == 2
    assert 'fault: phases[0].train.freeze_up_to: there is no layer "conv_9"' in described.out
    trained = fittingroom("train", spec_file, "--set", "train.epochs=2")
    assert trained.status == 0
    assert 'Phase "warm up [1]":' in trained.out
    assert "The run proper:" in trained.out
    shown = fittingroom("runs", "show", "last", "--epochs")
    assert "┊ from epoch 3: three-stripes-1" in shown.out
    rows = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert any(row.startswith("warm up [1] 1 ") for row in rows)
    assert [epoch["phase"] for epoch in fittingroom("runs", "show", "last", "--json").json["epochs"]] == [
        "warm up [1]", "warm up [1]", None, None,
    ]  # fmt: skip
