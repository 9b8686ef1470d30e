"""``fittingroom bench``: what it tells, that it shares the cores, and that nothing is left of it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from filelock import FileLock

from fittingroom.engine.cores import machine_cores
from fittingroom.errors import FittingRoomError
from fittingroom.library import bench as library
from fittingroom.library.bench import Measured, bench
from fittingroom.workspace import Workspace

Fittingroom = Callable[..., Any]


@pytest.fixture(autouse=True)
def own_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Locks of the cores that no other test waits for."""
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cores"


def trainers() -> list[psutil.Process]:
    """Processes that train for a measurement of this one; other tests here may have left others running."""
    return [each for each in psutil.Process().children() if "fittingroom.engine.bench" in each.cmdline()]


def test_a_glance_at_a_run(fittingroom: Fittingroom, spec_file: Path, tmp_path: Path, own_workspace: Workspace) -> None:
    told = fittingroom("bench", spec_file, "--quick", "--json", "--out", tmp_path / "speed.md")
    assert told.status == 0
    (document,) = map(json.loads, told.out.splitlines())
    assert set(document) == {"started", "machine", "versions", "turns", "seconds_per_turn", "others", "measured"}
    assert document["turns"] == 2
    assert [each["threads"] for each in document["measured"]][:1] == [machine_cores()]
    for each in document["measured"]:
        assert each["run"] == str(spec_file)
        assert each["data"] == "photos"
        assert each["batch_size"] == 16
        assert each["parameters"] == 4 * (9 + 1) + (4 * 4 * 4 + 1) * 3  # a convolution with 4 filters, 3 classes
        assert each["steps"] >= 2
        assert each["plan"]["threads"] == each["threads"]
        assert statistics.median(each["images_per_second_of_turns"]) == each["images_per_second"]
        assert each["epoch_seconds"] == pytest.approx(60_000 / each["images_per_second"])
        assert 1e8 < each["peak_memory"] < 1e10  # torch alone takes some hundred megabytes
    last = document["measured"][-1]
    assert (last["trained"], last["threads"], last["plan"]["rewrites"]) == ("exact", machine_cores(), [])
    assert (last["times_as_fast"], last["compared_with"]) == (1, last["trained"])
    page = (tmp_path / "speed.md").read_text(encoding="utf-8")
    assert page.count(f"| {spec_file} | ") == len(document["measured"])
    assert document["machine"]["processor"] in page
    assert "n = 2 turns" in page
    assert not own_workspace.root.exists()
    assert not trainers()


def test_wrong_input_is_told_like_anywhere(fittingroom: Fittingroom, spec_file: Path, tmp_path: Path) -> None:
    unknown = fittingroom("bench", "cnnn")
    assert (unknown.status, 'there is no file and no preset "cnnn"; did you mean "cnn"?' in unknown.err) == (2, True)
    nowhere = fittingroom("bench", "--out", tmp_path / "no" / "speed.md")
    assert (nowhere.status, "in a folder that exists" in nowhere.err) == (2, True)
    text = spec_file.read_text(encoding="utf-8").replace('padding = "same"', 'kernel = 9\npadding = "valid"')
    spec_file.write_text(text, encoding="utf-8")
    fault = fittingroom("bench", spec_file, "--quick")  # only the data tells that the kernel is larger than its images
    assert fault.status == 2
    assert "network[0]" in fault.err
    assert "Traceback" not in fault.err
    assert not trainers()


def test_times_as_fast_are_compared_turn_by_turn() -> None:
    def measured(*images_per_second: float) -> Measured:
        return Measured("cnn", "as chosen", 1, "cpu", {}, "", "", 1, 1, 0.0, images_per_second, 3, (0.0,), 1)

    assert measured(400.0, 100.0, 900.0).times(measured(100.0, 50.0, 300.0)) == (4.0, 2.0, 3.0)
    assert measured(100.0, 3000.0, 200.0).epoch_seconds == 300


def test_it_waits_for_trainings_and_says_so(own_cores: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_cores.mkdir(parents=True)
    training = FileLock(own_cores / "core-0", thread_local=False)
    training.acquire()
    told: list[int] = []

    def waiting(free: int) -> None:
        told.append(free)
        training.release()

    plan = {"processor": "", "instruction_set": "", "versions": {}}
    found = Measured("cnn", "as chosen", 1, "cpu", plan, "", "", 1, 1, 0.0, (1.0,), 1, (0.0,), 1)

    def measure(*_: object) -> list[Measured]:
        assert not training.is_locked
        with pytest.raises(TimeoutError):
            FileLock(own_cores / "core-0", timeout=0, thread_local=False).acquire()
        return [found]

    monkeypatch.setattr(library, "_measure", measure)
    assert bench(["cnn"], waiting=waiting).measured == (found,)
    assert told == [machine_cores() - 1]


def test_a_process_that_dies_is_told_of(own_workspace: Workspace) -> None:
    with library._trainer("cnn", own_workspace) as trainer:
        (child,) = trainers()
        child.kill()
        with pytest.raises(FittingRoomError, match="the process that trained cnn ended by itself, with status -9"):
            trainer.ask("turn", seconds=1.0)
    assert not child.is_running()
