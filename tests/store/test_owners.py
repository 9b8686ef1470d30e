"""Telling a living process from a dead one, also when the number has been given to another process."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import psutil
import pytest

from fittingroom.store import Owner


def test_this_process_lives() -> None:
    owner = Owner.this_process()
    assert (owner.pid, owner.started) == (os.getpid(), psutil.Process().create_time())
    assert owner.alive() is True


def test_a_process_that_took_over_the_number_is_another_one() -> None:
    earlier = dataclasses.replace(Owner.this_process(), started=psutil.Process().create_time() - 60)
    assert earlier.alive() is False


def test_a_dead_process_is_dead_before_and_after_its_parent_takes_note() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = Owner(Owner.this_process().host, process.pid, psutil.Process(process.pid).create_time())
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
