"""Telling a living process from a dead one, also when the number has been given to another process."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys

import psutil
import pytest

from fittingroom.store import Owner
from fittingroom.store.owners import place_here, start_of

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell where a process is")
WHO = """
import dataclasses, json, sys
from fittingroom.store import Owner
given = [Owner(**each) for each in json.loads(sys.stdin.read() or "[]")]
print(json.dumps([dataclasses.asdict(Owner.this_process()), [owner.alive() for owner in given]]))
"""


def called(monkeypatch: pytest.MonkeyPatch, name: str, place: str | None) -> None:
    """From now on this process is on a host of that name, at that place."""
    monkeypatch.setattr("socket.gethostname", lambda: name)
    monkeypatch.setattr("fittingroom.store.owners.place_here", lambda: place)


def test_this_process_lives() -> None:
    owner = Owner.this_process()
    assert (owner.pid, owner.host) == (os.getpid(), socket.gethostname())
    assert owner.alive() is True


def test_a_process_that_took_over_the_number_is_another_one() -> None:
    here = Owner.this_process()
    for started in (here.started - 60, here.started - 0.01, psutil.Process().create_time() - 60):
        assert dataclasses.replace(here, started=started).alive() is False


def test_a_dead_process_is_dead_before_and_after_its_parent_takes_note() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = Owner(socket.gethostname(), process.pid, start_of(process.pid))
        assert owner.alive() is True
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, but still in the table of processes
        assert owner.alive() is False
    assert owner.alive() is False


def test_of_another_host_nothing_is_known() -> None:
    assert dataclasses.replace(Owner.this_process(), host="another-host", place=None).alive() is None


@only_linux
def test_a_host_that_is_renamed_keeps_its_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = dataclasses.replace(Owner.this_process(), pid=process.pid, started=start_of(process.pid))
        this = Owner.this_process()
        monkeypatch.setattr("socket.gethostname", lambda: "renamed")
        assert Owner.this_process().host == "renamed"
        assert (owner.alive(), this.alive()) == (True, True)
        assert (owner.is_this_process(), this.is_this_process()) == (False, True)
        process.kill()
    assert owner.alive() is False


@pytest.mark.parametrize(
    ("name", "place", "alive"),
    [
        ("host", "machine/boot/pid:[1]", True),
        ("renamed", "machine/boot/pid:[1]", True),
        ("host", "machine/boot/pid:[2]", None),  # another container on the same machine
        ("host", "machine/next-boot/pid:[1]", False),
        ("host", "machine/next-boot/pid:[2]", False),
        ("renamed", "machine/next-boot/pid:[1]", None),  # or a copy of the machine
        ("host", "other/other-boot/pid:[1]", None),  # whose name is the same by chance
        ("host", None, True),
        ("renamed", None, None),
    ],
)
def test_where_a_process_is_looked_for(
    name: str, place: str | None, alive: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = dataclasses.replace(Owner.this_process(), host="host", place="machine/boot/pid:[1]")
    called(monkeypatch, name, place)
    assert owner.alive() is alive


@only_linux
def test_the_place_is_this_machine_since_its_last_start_and_the_container() -> None:
    machine, boot, numbers = (place_here() or "").split("/")
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        assert boot == file.read().strip()
    assert numbers == os.readlink("/proc/self/ns/pid")
    if os.path.exists("/etc/machine-id"):
        with open("/etc/machine-id", encoding="ascii") as file:
            assert file.read().strip() not in {machine, ""} or not machine
    answer = subprocess.run([sys.executable, "-c", WHO], input="[]", check=True, capture_output=True, text=True)
    assert json.loads(answer.stdout)[0]["place"] == place_here()


@only_linux
def test_of_another_container_nothing_is_known() -> None:
    apart = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*apart, "true"], check=False, capture_output=True).returncode:
        pytest.skip("process numbers cannot be counted anew here")
    question = json.dumps([dataclasses.asdict(Owner.this_process())])
    answer = subprocess.run([*apart, sys.executable, "-c", WHO], input=question, capture_output=True, text=True)
    there, seen = json.loads(answer.stdout)
    assert seen == [None]
    assert (there["host"], Owner(**there).alive()) == (socket.gethostname(), None)


def test_a_process_that_may_not_be_looked_at_counts_as_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: psutil.Process) -> str:
        raise psutil.AccessDenied(self.pid)

    owner = Owner.this_process()
    monkeypatch.setattr(psutil.Process, "status", refuse)
    assert owner.alive() is True


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system keeps the time as it was")
@pytest.mark.parametrize("jump", [-86_400.0, -10.0, 3_600.0])
def test_a_clock_that_is_set_kills_nobody(monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner, dead = Owner(socket.gethostname(), process.pid, start_of(process.pid)), Owner.this_process()
        dead = dataclasses.replace(dead, started=dead.started - 60)
        boot = psutil.boot_time()
        monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot + jump)  # the clock less the time since then
        assert psutil.Process(process.pid).create_time() == pytest.approx(owner.started + boot + jump)
        assert (owner.alive(), Owner.this_process().alive(), dead.alive()) == (True, True, False)
        process.kill()


def test_what_an_older_version_wrote_is_understood() -> None:
    owner = dataclasses.replace(Owner.this_process(), started=psutil.Process().create_time() + 0.5, place=None)
    assert owner.alive() is True
