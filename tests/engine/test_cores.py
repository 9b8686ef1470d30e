"""Trainings in several real processes share the cores of the machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fittingroom.engine import cores
from fittingroom.engine.cores import core_slots, free_cores, machine_cores

HOLDER = """
import sys
from fittingroom.engine import cores
cores.machine_cores = lambda: 4
with cores.core_slots(int(sys.argv[1]), lambda free: print("waiting", free, flush=True), device=sys.argv[2]) as held:
    print("held", held, flush=True)
    sys.stdin.readline()
print("released", flush=True)
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def four_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of four cores, and slots that only this test uses."""
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cores, "machine_cores", lambda: 4)


@pytest.fixture
def hold() -> Iterator[Start]:
    """Start a process that holds some slots until it is told to let go; killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(threads: int, device: str = "cpu") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(threads), device]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def says(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    assert says(process) == "released"


def impatient() -> Callable[[], str | None]:
    """Gives a reason to stop at the fourth asking."""
    asked = iter([None, None, None])
    return lambda: next(asked, "stopped")


def test_slots_are_counted_over_processes(hold: Start) -> None:
    assert free_cores() == 4
    one = hold(3)
    assert says(one) == "held True"
    assert free_cores() == 1
    with core_slots(1) as held:
        assert held is True
        assert free_cores() == 0
    assert free_cores() == 1
    let_go(one)
    assert free_cores() == 4


def test_who_wants_more_than_is_free_waits_and_says_so_once(hold: Start) -> None:
    one = hold(3)
    assert says(one) == "held True"
    two = hold(2)
    assert says(two) == "waiting 1"
    let_go(one)
    assert says(two) == "held True"
    assert free_cores() == 2


def test_who_is_killed_lets_go_at_once(hold: Start) -> None:
    one = hold(4)
    assert says(one) == "held True"
    two = hold(4)
    assert says(two) == "waiting 0"
    one.send_signal(signal.SIGKILL)
    assert says(two) == "held True"


def test_more_threads_than_cores_take_them_all(hold: Start) -> None:
    one = hold(64)
    assert says(one) == "held True"
    assert free_cores() == 0


def test_who_wants_many_is_not_passed_by_those_who_want_few(hold: Start) -> None:
    one = hold(3)
    assert says(one) == "held True"
    many = hold(4)
    assert says(many) == "waiting 1"
    few = hold(1)
    assert says(few) == "waiting 0"  # the free core is for the one that came first
    let_go(one)
    assert says(many) == "held True"
    let_go(many)
    assert says(few) == "held True"


def test_a_stop_ends_the_waiting_and_leaves_nothing_held(hold: Start) -> None:
    one = hold(3)
    assert says(one) == "held True"
    told: list[int] = []
    with core_slots(2, told.append, impatient()) as held:  # type: ignore[arg-type]
        assert held is False
        assert free_cores() == 1
    assert told == [1]
    with core_slots(1) as held:  # nor is the turn
        assert held is True


def test_threads_of_one_process_share_too() -> None:
    holding, enough, seen = threading.Event(), threading.Event(), list[bool]()

    def other() -> None:
        with core_slots(4) as held:
            seen.append(held)
            holding.set()
            enough.wait(30)

    thread = threading.Thread(target=other)
    thread.start()
    assert holding.wait(30)
    with core_slots(1, stop=impatient()) as held:  # type: ignore[arg-type]
        assert held is False
    enough.set()
    thread.join()
    assert seen == [True]
    assert free_cores() == 4


def test_a_training_within_a_training_does_not_wait_for_itself() -> None:
    with core_slots(4) as outer:
        with core_slots(4, stop=impatient()) as inner:  # type: ignore[arg-type]
            assert (outer, inner) == (True, True)
        assert free_cores() == 0
    assert free_cores() == 4


def test_a_gpu_is_one_slot_of_its_own_with_one_core(hold: Start) -> None:
    one = hold(4, "cuda")
    assert says(one) == "held True"
    assert free_cores() == 3
    two = hold(4, "cuda")
    assert says(two) == "waiting 3"
    assert free_cores() == 3  # whoever waits for the GPU keeps no core from others
    with core_slots(3) as held:
        assert held is True
    let_go(one)
    assert says(two) == "held True"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_children_do_not_keep_what_their_parent_held() -> None:
    reading, writing = os.pipe()
    with core_slots(4):
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # until the parent has seen enough
            os._exit(0)
        program = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert free_cores() == 4
    finally:
        os.close(writing)
        os.close(reading)
        assert os.waitpid(child, 0) == (child, 0)
        program.communicate(b"\n")


def test_without_locks_one_trains_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "file"))
    with (
        pytest.warns(
            UserWarning, match=r"^cores cannot be shared with other trainings, because .*cores takes no locks"
        ),
        core_slots(2) as held,
    ):
        assert held is True


def test_what_breaks_while_one_waits_is_not_taken_for_missing_locks(hold: Start) -> None:
    one = hold(4)
    assert says(one) == "held True"

    def nobody_reads(free: int) -> None:
        raise BrokenPipeError(f"{free} free, but nobody reads it")

    with pytest.raises(BrokenPipeError, match=r"^0 free, but nobody reads it$"), core_slots(2, nobody_reads):
        raise AssertionError("it began without its cores")
    let_go(one)
    assert free_cores() == 4


def test_the_machine_has_cores() -> None:
    assert 1 <= machine_cores() <= (os.cpu_count() or 1)
