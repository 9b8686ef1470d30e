"""A run to write to, and other programs that write to the same workspace."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fittingroom.store import Store

WRITER = """
import os, sys, time
from fittingroom.errors import FittingRoomError
from fittingroom.spec.events import EpochMetrics
from fittingroom.store import ProgressRow, Store

def epoch(number):
    return EpochMetrics(number, 1 / number, 0.5, 1 / number, 0.5, 0.001, 0.25)

def new_run(store, name="starter"):
    run = store.create_run(name=name, spec="{}", spec_id="a", fingerprint="f", parameters=10)
    return run, store.begin_attempt(run, {})
"""
"""What every writing program begins with."""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "fittingroom.sqlite"


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with Store.open(database) as store:
        yield store


@pytest.fixture
def start(database: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a program, with the database's path as its argument; those that still run at the end are killed."""
    started: list[subprocess.Popen[str]] = []

    def begin(program: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WRITER + program, str(database)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def intact(database: Path) -> Callable[[], bool]:
    """Whether SQLite itself finds nothing wrong with the file."""

    def check() -> bool:
        connection = sqlite3.connect(database)
        try:
            return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        finally:
            connection.close()

    return check
