"""What the benchmarks compute from what they measured, and that what they start ends."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from fittingroom.spec.network import summarize
from fittingroom.spec.run import load_run_spec

FOLDER = Path(__file__).parents[1] / "benchmarks"
Script = Callable[[str], Any]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the benchmarks need Linux or macOS")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """``script("scaling")`` is that file as a module; it finds its neighbours as it does when it is run."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


@pytest.mark.parametrize("name", ["against_peers", "time_to_accuracy", "scaling", "importing"])
def test_each_has_help(
    script: Script, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit, match="0"):
        script(name).main()
    assert "--quick" in capsys.readouterr().out


def test_the_peers_train_the_network_of_the_preset(script: Script) -> None:
    theirs = script("torch_network").network(10)
    ours = summarize(load_run_spec("cnn").network, (1, 28, 28), 10).parameters
    assert sum(weight.numel() for weight in theirs.parameters()) == ours


def test_an_epoch_is_what_the_long_training_has_more(script: Script) -> None:
    peers, finished = script("against_peers"), script("side_by_side").Finished

    def measured(short: float, long: float) -> Any:
        return peers.Measured(
            finished(short, 'progress\n{"epochs": 1, "validation_accuracy": 0.5}\n'),
            finished(long, 'progress\n{"epochs": 5, "validation_accuracy": 0.75}\n'),
        )

    ours, theirs = [measured(4, 12), measured(5, 9)], [measured(10, 50), measured(7, 31)]
    assert [each.seconds_per_epoch for each in ours] == [2, 1]
    assert [each.start_up for each in ours] == [2, 4]
    assert ours[0].accuracy == 0.75
    assert peers.ratios(ours, theirs).values == (5, 6)  # 10 / 2 and 6 / 1


def test_when_an_accuracy_was_reached(script: Script) -> None:
    told = script("time_to_accuracy")

    def training(*accuracies: float) -> Any:
        made = told.Training()
        assert not made.hear(3.0, {"event": "started"}, enough=0.95)
        for epoch, accuracy in enumerate(accuracies, start=1):
            said = {"event": "epochended", "metrics": {"validation_accuracy": accuracy}}
            assert made.hear(3.0 + 2 * epoch, said, enough=0.95) == (accuracy >= 0.95)
        return made

    first, second = training(0.8, 0.91, 0.90, 0.96), training(0.92, 0.89)
    assert [first.reached(goal) for goal in (0.9, 0.91, 0.95, 0.97)] == [4, 4, 8, None]
    assert (first.start_up, first.best) == (3, 0.96)
    assert told.cell([first, second], [], 0.9) == "3.0 (2.0 – 4.0) s"
    assert told.cell([first, second], [], 0.95) == "8.0 (8.0 – 8.0) s, by 1 of 2"
    assert told.cell([second], [first], 0.99) == "not reached"
    assert told.cell([first, second], [second, first], 0.9) == "3.0 (2.0 – 4.0) s; **1.2 (0.5 – 2.0)×**"


def test_many_images_are_all_different(script: Script) -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 9, 8, 1), dtype=np.uint8)
    many, labels = script("many_images").many(images, np.arange(7), 7 * 50)
    assert len(np.unique(many.reshape(len(many), -1), axis=0)) == 350
    np.testing.assert_array_equal(labels, np.tile(np.arange(7), 50))
    np.testing.assert_array_equal(many[:7], images)
    assert sorted(many[345].ravel()) == sorted(images[345 % 7].ravel())  # the image of that label, moved
    assert len(script("many_images").many(images, np.arange(7), 10)[0]) == 10


def watched(script: Script, program: str, hear: Callable[..., bool], seconds_allowed: float = 20) -> Any:
    return script("watching").watch([sys.executable, "-u", "-c", program], seconds_allowed, hear)


def test_a_watched_process_ends_when_enough_was_heard(script: Script) -> None:
    heard: list[dict[str, int]] = []

    def hear(_: float, said: dict[str, int]) -> bool:
        heard.append(said)
        return True

    program = (
        "import os, subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)'])"
    )
    ended = watched(script, f"{program}; print('{{\"child\": %d}}' % child.pid); child.wait()", hear)
    assert ended.seconds < 15
    assert ended.peak_memory > 1e6
    child = heard[0]["child"]
    for _ in range(100):  # it is the system's to clean up
        if not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.05)
    else:
        os.kill(child, signal.SIGKILL)
        pytest.fail("the child lives")


def test_a_watched_process_ends_with_whoever_watches(script: Script) -> None:
    heard: list[int] = []

    def hear(_: float, said: dict[str, int]) -> bool:
        heard.append(said["process"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watched(script, "import os, time; print('{\"process\": %d}' % os.getpid()); time.sleep(99)", hear)
    assert not psutil.pid_exists(heard[0])


def test_a_watched_process_that_fails_or_hangs_is_told_of(script: Script) -> None:
    with pytest.raises(SystemExit, match=r"no such luck\n\nended with status 1"):
        watched(script, "raise SystemExit('no such luck')", lambda *_: False)
    with pytest.raises(SystemExit, match="stopped after 0 s, the longest that was allowed"):
        watched(script, "import time; time.sleep(99)", lambda *_: False, seconds_allowed=0.4)
