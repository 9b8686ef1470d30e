"""Telling a living process from a dead one, also when the number has been given to another process."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys

import psutil
import pytest

from fittingroom.store import Owner
from fittingroom.store.owners import start_of


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
    assert dataclasses.replace(Owner.this_process(), host="another-host").alive() is None


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
    owner = dataclasses.replace(Owner.this_process(), started=psutil.Process().create_time() + 0.5)
    assert owner.alive() is True
