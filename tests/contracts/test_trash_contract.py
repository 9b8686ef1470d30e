"""What every backend of the store must do with deleted runs, with disk use, and with runs that arrive whole."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest

from fittingroom.errors import InvalidInput, NotFound
from fittingroom.spec.events import EpochMetrics
from fittingroom.store import (
    Artifact,
    AttemptRecord,
    DataRecord,
    DiskUse,
    Owner,
    ProgressRow,
    RunDetails,
    Score,
    Store,
)

DELETED = '^run "starter-1" was deleted; bring it back with: fittingroom runs undelete starter-1$'


def new_run(store: Store, name: str = "starter", **changes: object) -> str:
    given = {"spec": "{}", "spec_id": "a1", "fingerprint": "f0", "parameters": 10, **changes}
    return store.create_run(name=name, **given)  # type: ignore[arg-type]


def epoch(number: int) -> EpochMetrics:
    return EpochMetrics(number, 0.5, 0.25, 0.625, 0.75, 0.001, 1.5)


def trained(store: Store, name: str = "starter", size: int = 1000) -> str:
    """A finished run with an epoch and two files, of ``size`` and 1 bytes."""
    run = new_run(store, name)
    attempt = store.begin_attempt(run, {"threads": 2})
    files = [
        Artifact(kind, PurePosixPath(f"runs/{run}/attempt-1/{kind}"), "aa", count, 1)
        for kind, count in [("best", size), ("last", 1)]
    ]
    store.record_epoch(run, attempt, epoch(1), best=True, artifacts=files)
    store.end(run, attempt, "finished")
    return run


def test_a_deleted_run_is_nowhere_until_it_is_brought_back(store: Store) -> None:
    kept, run = trained(store, "kept"), trained(store)
    before = store.run(run)
    store.trash.delete(run)
    assert [each.id for each in store.runs()] == [kept]
    assert store.run("last").id == kept
    with pytest.raises(NotFound, match=DELETED):
        store.run(run)
    with pytest.raises(NotFound, match=r'^there is no run "startre-1"; .*kept-1"?\??$'):
        store.run("startre-1")
    (deleted,) = store.trash.deleted()
    assert (deleted.id, deleted.state, deleted.bytes, deleted.validation_accuracy) == (run, "finished", 1001, 0.75)
    assert deleted.deleted is not None
    assert timedelta(0) <= datetime.now(UTC) - deleted.deleted < timedelta(minutes=1)

    store.trash.restore(run)
    assert store.run(run) == before
    assert store.run("last") == before
    assert store.trash.deleted() == []


def test_nothing_can_be_recorded_for_a_deleted_run(store: Store) -> None:
    run = trained(store)
    store.trash.delete(run)
    for change in (
        lambda: store.begin_attempt(run, {}),
        lambda: store.record_epoch(run, 1, epoch(2)),
        lambda: store.record_progress(run, 1, ProgressRow(5, 0.5, 50, 1.0, 0.5, 1e3)),
        lambda: store.end(run, 1, "failed"),
        lambda: store.queue.put(run),
        lambda: store.queue.request(run, 1),
        lambda: store.trash.delete(run),
    ):
        with pytest.raises(NotFound, match=DELETED):
            change()
    store.trash.restore(run)
    assert (store.run(run).state, len(store.run(run).epochs)) == ("finished", 1)


def test_a_queued_run_leaves_the_queue_for_good(store: Store) -> None:
    run = new_run(store, queued=True)
    assert store.queue.next() == store.run(run)
    store.trash.delete(run)
    assert store.queue.next() is None
    store.trash.restore(run)
    assert (store.run(run).state, store.run(run).queued) == ("stopped", None)
    assert store.queue.next() is None


TRAIN_UNTIL_KILLED = """
import sys
from fittingroom.store import Store
with Store.open(sys.argv[1]) as store:
    store.begin_attempt(sys.argv[2], {}, by_worker=True)
    print("begun", flush=True), sys.stdin.readline()
"""


def test_a_run_is_not_deleted_while_a_living_process_trains_it(store: Store, place: str) -> None:
    run = new_run(store, queued=True)
    command = [sys.executable, "-c", TRAIN_UNTIL_KILLED, place, run]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        told = f'^run "starter-1" cannot be deleted while process {process.pid} trains it; stop it first$'
        with pytest.raises(InvalidInput, match=told):
            store.trash.delete(run)
        process.kill()
    store.trash.delete(run)
    store.trash.restore(run)
    assert (store.run(run).state, store.run(run).queued) == ("interrupted", None)
    assert store.queue.next() is None  # a worker would have resumed it, had it not been deleted


def test_a_run_that_this_very_process_trains_is_not_deleted_either(store: Store) -> None:
    run = new_run(store)
    store.begin_attempt(run, {})
    with pytest.raises(InvalidInput, match=f"while process {os.getpid()} trains it"):
        store.trash.delete(run)


def test_what_is_purged_is_gone_but_for_its_number_and_its_openings(store: Store) -> None:
    run, other = trained(store), trained(store, "other")
    store.open_test("f0", [Score(run, 0.9, 0.3, 10_000)])
    store.trash.delete(run)
    assert store.trash.purge([run]) == [Path("runs/starter-1")]
    with pytest.raises(NotFound, match=r'^there is no run "starter-1"; did you mean "other-1"\?$'):
        store.run(run)
    with pytest.raises(NotFound, match=r'^there is no run "starter-1"; did you mean "other-1"\?$'):
        store.trash.restore(run)
    assert store.trash.deleted() == []
    assert new_run(store) == "starter-2"
    assert store.openings("f0") == 1
    assert [opening.run for opening in store.test_results(run)] == [run]
    assert len(store.run(other).epochs) == 1


def test_only_what_is_deleted_can_be_purged_or_brought_back(store: Store) -> None:
    run, gone = trained(store), trained(store, "gone")
    store.trash.delete(gone)
    told = '^run "starter-1" is not deleted, so there is nothing to purge$'
    with pytest.raises(InvalidInput, match=told):
        store.trash.purge([gone, run])
    with pytest.raises(InvalidInput, match=r'^run "starter-1" is not deleted, so there is nothing to bring back$'):
        store.trash.restore(run)
    with pytest.raises(NotFound, match=r'^there is no run "qqq"; the newest are: starter-1$'):
        store.trash.purge([gone, "qqq"])
    assert [each.id for each in store.trash.deleted()] == [gone]
    assert store.run(run).state == "finished"


def test_what_has_lain_in_the_trash_for_long_is_purged_by_its_age(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, young = trained(store, "old"), trained(store, "young")
    with monkeypatch.context() as patch:
        patch.setattr("fittingroom.store.trash.now", lambda: datetime.now(UTC) - timedelta(days=30, minutes=1))
        store.trash.delete(old)
    store.trash.delete(young)
    assert [each.id for each in store.trash.deleted()] == [young, old]
    assert store.trash.purge(timedelta(days=31)) == []
    assert store.trash.purge(timedelta(days=30)) == [Path("runs/old-1")]
    assert [each.id for each in store.trash.deleted()] == [young]


def test_a_run_is_either_brought_back_or_purged_never_both(store: Store, place: str) -> None:
    for _ in range(15):
        run = trained(store)
        store.trash.delete(run)
        begin, purged = threading.Barrier(2), []

        def purge(run: str = run, begin: threading.Barrier = begin, purged: list[Path] = purged) -> None:
            with Store.open(place) as another:
                begin.wait()
                with suppress(InvalidInput):
                    purged += another.trash.purge([run])

        thread = threading.Thread(target=purge)
        thread.start()
        begin.wait()
        try:
            store.trash.restore(run)
            restored = True
        except NotFound:
            restored = False
        thread.join()
        assert restored == (purged == [])
        assert [each.id for each in store.runs()].count(run) == restored


def test_disk_use_is_what_the_files_that_count_take(store: Store) -> None:
    assert store.disk_use() == DiskUse(0, 0)
    big, small, empty = trained(store, "big", 2**40), trained(store, "small", 9), new_run(store, "empty")
    sizes = {run.id: run.bytes for run in store.runs()}
    assert sizes == {big: 2**40 + 1, small: 10, empty: 0}
    assert type(sizes[big]) is type(store.run(big).bytes) is int
    assert store.run(big).bytes == 2**40 + 1
    store.trash.delete(small)
    assert store.disk_use() == DiskUse(kept=2**40 + 1, deleted=10)
    store.trash.purge([small])
    assert store.disk_use() == DiskUse(2**40 + 1, 0)


def whole(name: str) -> RunDetails:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    owner = Owner("far away", 7, 1.5)
    return RunDetails(
        id=name, name="Größe", state="stopped", attempt=2, queued=None, message="as you asked", created=noon,
        spec='{"a": "ü"}', spec_id="a1", fingerprint="f1", data=None, parameters=2**40, epochs_done=2, best_epoch=2,
        validation_accuracy=0.75, validation_loss=0.625, train_seconds=3.0, bytes=2**41, deleted=None,
        lineage={"kind": "import", "from": "cnn-7"},
        attempts=tuple(AttemptRecord(n, owner, noon, noon, {"threads": n}, beats=3) for n in (1, 2)),
        epochs=(epoch(1), dataclasses.replace(epoch(2), phase="pretrain")),
        artifacts={"best": Artifact("best", PurePosixPath(f"runs/{name}/attempt-2/best.x"), "aa", 2**41, 2)},
    )  # fmt: skip


def test_a_run_that_was_trained_elsewhere_is_inserted_whole(store: Store) -> None:
    run = whole(store.reserve_id("Größe!", reserved=["grosse-1"]))
    assert run.id == "grosse-2"
    data = DataRecord("f1", "shoes", "shoes.zip", ("boot",), {"training": 9}, (1, 28, 28))
    store.insert_run(run, data)
    assert store.run(run.id) == dataclasses.replace(run, data="shoes")
    assert store.data_set("f1") == data
    assert new_run(store, "Größe") == "grosse-3"


def test_a_data_set_that_is_known_keeps_its_name_when_a_run_arrives(store: Store) -> None:
    mine = DataRecord("f1", "mine", "mine.zip", ("boot",), {"training": 9}, (1, 28, 28))
    store.remember_data(mine)
    store.insert_run(whole(store.reserve_id("a")), dataclasses.replace(mine, name="theirs"))
    store.insert_run(whole(store.reserve_id("a")))
    assert store.data_set("f1") == mine


def test_a_run_is_inserted_whole_or_not_at_all(store: Store) -> None:
    run = whole(store.reserve_id("a"))
    broken = Artifact("last", PurePosixPath("x"), None, 1, 2)  # type: ignore[arg-type]
    with pytest.raises(Exception, match=re.compile("sha256")):
        store.insert_run(dataclasses.replace(run, artifacts={**run.artifacts, "last": broken}))
    assert store.runs() == []
    assert store.reserve_id("a") == "a-2"


def test_a_run_that_never_began_is_inserted_too(store: Store) -> None:
    run = dataclasses.replace(
        whole(store.reserve_id("a")), attempt=0, attempts=(), epochs=(), artifacts={}, bytes=0, epochs_done=0,
        best_epoch=None, validation_accuracy=None, validation_loss=None, train_seconds=0.0, message=None,
    )  # fmt: skip
    store.insert_run(run)
    assert store.run("last") == run
