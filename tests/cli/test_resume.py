"""``runs resume`` as a user types it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Fittingroom = Callable[..., Any]


def test_a_killed_training_is_shown_and_resumed(fittingroom: Fittingroom, spec_file: Path) -> None:
    command = [sys.executable, "-m", "fittingroom", "train", str(spec_file), "--set", "train.epochs=3000", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if '"epochended"' in line:
                break
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)
    shown = fittingroom("runs", "show", "last")
    assert "interrupted" in shown.out
    assert "Go on with: fittingroom runs resume three-stripes-1" in shown.out
    before = fittingroom("runs", "show", "last", "--json").json
    assert before["state"] == "interrupted"

    spec_file.unlink()  # resuming reads the stored spec
    resuming = [sys.executable, "-m", "fittingroom", "runs", "resume", "last", "--json"]
    with subprocess.Popen(resuming, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if '"epochended"' in line:
                break
        refused = fittingroom("runs", "resume", "last")
        assert refused.status == 2
        assert (
            'error: run "three-stripes-1" is running, so there is nothing to resume; stop that one first' in refused.err
        )
        os.kill(process.pid, signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=30) == 0
    after = fittingroom("runs", "show", "last", "--json").json
    assert (after["run"], after["state"]) == ("three-stripes-1", "stopped")
    assert len(after["epochs"]) > 1
    assert [epoch["epoch"] for epoch in after["epochs"]] == list(range(1, len(after["epochs"]) + 1))


def test_a_run_is_restarted_with_its_lineage(fittingroom: Fittingroom, spec_file: Path) -> None:
    fittingroom("train", spec_file, "--set", "train.epochs=2")
    again = fittingroom("runs", "restart", "last", "--json").json
    assert (again["run"], again["state"], again["epochs"]) == ("three-stripes-2", "finished", 2)
    assert fittingroom("runs", "show", "last", "--json").json["lineage"] == {
        "kind": "restart",
        "from": "three-stripes-1",
    }
    assert "restart of three-stripes-1" in fittingroom("runs", "show", "last").out
