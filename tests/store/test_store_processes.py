"""Several real processes on one workspace: at once, killed, forked."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from fittingroom.store import Store

Start = Callable[[str], "subprocess.Popen[str]"]

TWO_HUNDRED_EPOCHS = """
with Store.open(sys.argv[1]) as store:
    run, attempt = new_run(store)
    for number in range(1, 201):
        store.record_epoch(run, attempt, epoch(number))
        if number % 10 == 0:
            store.record_progress(run, attempt, ProgressRow(number, float(number), number, 1.0, 0.5, 1e3))
    store.end(run, attempt, "finished")
"""

EPOCHS_WITHOUT_END = """
store = Store.open(sys.argv[1])
run, attempt = new_run(store)
for number in range(1, 100_000):
    store.record_epoch(run, attempt, epoch(number))
    print(number, flush=True)
"""


def test_two_processes_write_at_once(start: Start, store: Store, intact: Callable[[], bool]) -> None:
    processes = [start(TWO_HUNDRED_EPOCHS) for _ in range(2)]
    while any(process.poll() is None for process in processes):
        store.runs()  # reading never gets in the way of writing, nor the other way round
        time.sleep(0.02)
    assert [process.communicate() for process in processes] == [("", ""), ("", "")]
    for run in ("starter-1", "starter-2"):
        kept = store.run(run)
        assert [epoch.epoch for epoch in kept.epochs] == list(range(1, 201))
        assert [epoch.train_loss for epoch in kept.epochs] == [1 / number for number in range(1, 201)]
        assert (kept.state, kept.epochs_done, kept.train_seconds) == ("finished", 200, 50.0)
        assert store.progress(run) == []
    assert intact()


@pytest.mark.parametrize("last_seen", [3, 40, 150])
def test_what_was_recorded_survives_a_kill(
    start: Start, store: Store, intact: Callable[[], bool], last_seen: int
) -> None:
    process = start(EPOCHS_WITHOUT_END)
    assert process.stdout is not None
    while int(process.stdout.readline()) < last_seen:
        pass
    assert store.run("last").state == "running"
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, but still in the table of processes
    kept = store.run("last")
    told = process.stdout.read().split()
    assert kept.state == store.runs()[0].state == "interrupted"
    assert kept.attempts[0].owner.pid == process.pid
    seen = [epoch.epoch for epoch in kept.epochs]
    last_told = int(told[-1]) if told else last_seen
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) in {last_told, last_told + 1}  # the last one may have been committed but not told
    assert kept.epochs_done == len(seen)
    assert intact()
    store.trash.delete(kept.id)
    assert store.runs() == []


def test_a_run_on_another_host_is_believed_to_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = store.create_run(name="far", spec="{}", spec_id="a", fingerprint="f", parameters=1)
    with monkeypatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: "another-host")
        patch.setattr("fittingroom.store.owners.place_here", lambda: None)
        store.begin_attempt(run, {})
    assert store.run(run).attempts[0].owner.host == "another-host"
    assert store.run(run).state == "running"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_uses_connections_of_its_own(store: Store, intact: Callable[[], bool]) -> None:
    with store._database.reading() as connection:
        the_parents = connection.connection.driver_connection
    child = os.fork()
    if child == 0:
        shared = True
        try:
            for _ in range(20):
                store.create_run(name="child", spec="{}", spec_id="a", fingerprint="f", parameters=1)
            with store._database.reading() as connection:
                shared = connection.connection.driver_connection is the_parents
            store.close()
        finally:
            os._exit(shared)
    for _ in range(20):
        store.create_run(name="parent", spec="{}", spec_id="a", fingerprint="f", parameters=1)
    assert os.waitpid(child, 0) == (child, 0)
    expected = {f"parent-{number}" for number in range(1, 21)} | {f"child-{number}" for number in range(1, 21)}
    assert {run.id for run in store.runs()} == expected
    assert intact()
