"""What every backend of the store must do. PostgreSQL joins when FITTINGROOM_TEST_POSTGRES holds a URL."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath

import pytest
import sqlalchemy

from fittingroom.errors import InvalidInput, NotFound, WorkspaceError
from fittingroom.spec.events import EpochMetrics
from fittingroom.store import Artifact, DataRecord, ProgressRow, Score, StaleAttempt, Store
from tests.contracts.conftest import at_the_same_moment

POSTGRES = os.environ.get("FITTINGROOM_TEST_POSTGRES")
SPEC = '{"format": 1, "name": "Größe",\n "seed": 0.1000}'


def new_run(store: Store, name: str = "starter", **changes: object) -> str:
    given = {"spec": SPEC, "spec_id": "a1", "fingerprint": "f0", "parameters": 8_000_000_000, **changes}
    return store.create_run(name=name, **given)  # type: ignore[arg-type]


def epoch(number: int, loss: float = 0.5) -> EpochMetrics:
    return EpochMetrics(number, loss, 0.25, loss + 0.125, 0.75, 0.001, 1.5)


def test_a_new_run_is_kept_to_the_letter(store: Store) -> None:
    before = datetime.now(UTC)
    run = store.run(new_run(store, "Größe 3!"))
    assert (run.id, run.name, run.spec, run.spec_id) == ("grosse-3-1", "Größe 3!", SPEC, "a1")
    assert (run.fingerprint, run.parameters, run.lineage) == ("f0", 8_000_000_000, {"kind": "new"})
    assert (run.epochs_done, run.best_epoch, run.validation_accuracy, run.train_seconds) == (0, None, None, 0.0)
    assert (run.plan, run.attempts, run.epochs, run.artifacts, run.data) == (None, (), (), {}, None)
    assert before <= run.created <= datetime.now(UTC)
    assert run.created.utcoffset() == timedelta(0)
    with pytest.raises(FrozenInstanceError):
        run.name = "other"  # type: ignore[misc]


def test_ids_count_up_by_slug_and_are_never_given_twice(store: Store) -> None:
    assert [new_run(store, name) for name in ("cnn bn", "CNN-bn", "cnn")] == ["cnn-bn-1", "cnn-bn-2", "cnn-1"]
    store.trash.delete("cnn-bn-2")
    store.trash.purge(["cnn-bn-2"])
    assert new_run(store, "cnn bn") == "cnn-bn-3"
    assert new_run(store, "網絡") == "run-1"
    assert new_run(store, "x" * 100) == "x" * 60 + "-1"


def test_what_happens_to_a_run_from_beginning_to_end(store: Store) -> None:
    run = new_run(store)
    assert store.run(run).state == "interrupted"  # nobody works on it yet
    attempt = store.begin_attempt(run, {"precision": "float32", "threads": 2})
    assert store.run(run).state == "running"
    for number, loss in [(1, 0.5), (2, 0.25), (3, 0.375)]:
        store.record_epoch(run, attempt, epoch(number, loss), best=number < 3)
    running = store.run(run)
    assert running.epochs == (epoch(1, 0.5), epoch(2, 0.25), epoch(3, 0.375))
    assert (running.epochs_done, running.train_seconds) == (3, 4.5)
    assert (running.best_epoch, running.validation_loss, running.validation_accuracy) == (2, 0.375, 0.75)

    store.end(run, attempt, "stopped", message="as you asked")
    ended = store.run(run)
    assert (ended.state, ended.message, ended.best_epoch) == ("stopped", "as you asked", 2)
    assert (ended.plan, ended.attempts[0].number) == ({"precision": "float32", "threads": 2}, 1)
    assert ended.attempts[0].owner.pid == os.getpid()
    assert ended.attempts[0].ended is not None
    assert ended.created <= ended.attempts[0].started <= ended.attempts[0].ended


def test_each_epoch_remembers_its_attempt(store: Store) -> None:
    run, other = new_run(store), new_run(store)
    first = store.begin_attempt(run, {})
    for number in (1, 2, 3):
        store.record_epoch(run, first, epoch(number))
    store.end(run, first, "paused")
    second = store.begin_attempt(run, {}, after_epoch=2)
    store.record_epoch(run, second, epoch(3))
    assert store.attempts_of_epochs(run) == {1: 1, 2: 1, 3: 2}
    assert store.attempts_of_epochs(other) == {}


def test_the_end_may_say_the_figures(store: Store) -> None:
    run = new_run(store)
    attempt = store.begin_attempt(run, {})
    store.record_epoch(run, attempt, epoch(1), best=True)
    figures = {"best_epoch": 7, "validation_accuracy": 0.0, "validation_loss": 2.5, "train_seconds": 9.0}
    store.end(run, attempt, "finished", **figures)  # type: ignore[arg-type]
    ended = store.runs()[0]
    assert {name: getattr(ended, name) for name in figures} == figures
    assert (ended.state, ended.message) == ("finished", None)


def test_figures_that_are_no_numbers_come_back(store: Store) -> None:
    run = new_run(store)
    attempt = store.begin_attempt(run, {})
    store.record_epoch(run, attempt, EpochMetrics(1, math.nan, 0.1, math.inf, 0.1, 0.1, 1.0))
    (kept,) = store.run(run).epochs
    assert math.isnan(kept.train_loss)
    assert kept.validation_loss == math.inf


def test_an_epoch_trained_again_replaces_the_first(store: Store) -> None:
    run = new_run(store)
    first = store.begin_attempt(run, {})
    for number in (1, 2, 3):
        store.record_epoch(run, first, epoch(number))
    second = store.begin_attempt(run, {}, after_epoch=1)
    assert store.run(run).epochs == (epoch(1),)
    store.record_epoch(run, second, epoch(2, 0.125))
    kept = store.run(run)
    assert kept.epochs == (epoch(1), epoch(2, 0.125))
    assert (kept.epochs_done, kept.train_seconds) == (2, 3.0)


def test_an_epoch_and_its_files_are_one_transaction(store: Store) -> None:
    run = new_run(store)
    attempt = store.begin_attempt(run, {})
    files = [Artifact(kind, PurePosixPath(f"runs/{run}/attempt-1/{kind}-1"), "aa", 1, 1) for kind in ("best", "last")]
    store.record_epoch(run, attempt, epoch(1), best=True, artifacts=files)
    assert store.run(run).artifacts == {"best": files[0], "last": files[1]}
    broken = Artifact("best", PurePosixPath("x"), None, 1, 2)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="sha256"):
        store.record_epoch(run, attempt, epoch(2), best=True, artifacts=[broken])
    kept = store.run(run)
    assert (kept.epochs, kept.best_epoch, kept.artifacts["best"]) == ((epoch(1),), 1, files[0])


ANOTHER_PROCESS = """
import sys
from fittingroom.store import Store
with Store.open(sys.argv[1]) as store:
    store.begin_attempt(sys.argv[2], {})
    print("begun", flush=True), sys.stdin.readline()
"""


def test_a_run_that_a_living_process_trains_is_not_taken_over(store: Store, place: str) -> None:
    run = new_run(store)
    command = [sys.executable, "-c", ANOTHER_PROCESS, place, run]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        with pytest.raises(
            InvalidInput, match=f'^run "starter-1" is being trained by process {process.pid}; stop that'
        ):
            store.begin_attempt(run, {})
        process.kill()
    assert store.begin_attempt(run, {}) == 2


def test_progress_is_told_from_a_step_on_and_forgotten_at_the_end(store: Store) -> None:
    run = new_run(store)
    attempt = store.begin_attempt(run, {})
    noon_in_berlin = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    rows = [ProgressRow(step, step / 10, step * 5_000_000_000, 0.5, 0.75, 9e4, noon_in_berlin) for step in (5, 10, 15)]
    for row in rows:
        store.record_progress(run, attempt, row)
    assert store.progress(run) == rows
    assert store.progress(run, after=5) == rows[1:]
    assert store.progress(run)[0].time.isoformat() == "2026-07-01T10:00:00+00:00"
    store.end(run, attempt, "finished")
    assert store.progress(run) == []


def test_progress_of_an_attempt_that_was_given_up_is_not_told(store: Store) -> None:
    run = new_run(store)
    store.record_progress(run, store.begin_attempt(run, {}), ProgressRow(5, 0.5, 50, 1.0, 0.5, 1e3))
    store.begin_attempt(run, {})
    assert store.progress(run) == []


def test_one_artifact_of_each_kind_counts(store: Store) -> None:
    run = new_run(store)
    attempt = store.begin_attempt(run, {})
    first = Artifact("best", PurePosixPath("runs/starter-1/attempt-1/best-1.safetensors"), "aa", 2**40, 1)
    better = Artifact("best", PurePosixPath("runs/starter-1/attempt-1/best-2.safetensors"), "bb", 2**40, 2)
    predictions = Artifact("predictions", PurePosixPath("runs/starter-1/attempt-1/predictions.npz"), "cc", 10)
    for artifact in (first, better, predictions):
        store.adopt(run, attempt, artifact)
    assert store.run(run).artifacts == {"best": better, "predictions": predictions}


def test_an_attempt_that_was_given_up_changes_nothing(store: Store) -> None:
    run = new_run(store)
    old = store.begin_attempt(run, {"threads": 1})
    new = store.begin_attempt(run, {"threads": 2})
    kept = Artifact("best", PurePosixPath("runs/starter-1/attempt-2/best.safetensors"), "aa", 1, 1)
    store.record_epoch(run, new, epoch(1))
    store.adopt(run, new, kept)
    before = store.run(run)
    message = '^attempt 1 at run "starter-1" may not record anything: attempt 2 has taken over; end this process$'
    with pytest.raises(StaleAttempt, match=message):
        store.adopt(run, old, Artifact("best", PurePosixPath("other"), "bb", 1, 9))
    with pytest.raises(StaleAttempt, match=message):
        store.record_epoch(run, old, epoch(1, 9.0), best=True)
    with pytest.raises(StaleAttempt, match=message):
        store.record_progress(run, old, ProgressRow(5, 0.5, 50, 1.0, 0.5, 1e3))
    with pytest.raises(StaleAttempt, match=message):
        store.end(run, old, "failed", message="late")
    assert store.run(run) == before
    assert before.plan == {"threads": 2}
    assert before.state == "running"


def test_runs_are_listed_newest_first_with_the_name_of_their_data(store: Store) -> None:
    names = [new_run(store, name, fingerprint=data) for name, data in [("b", "f1"), ("a", "f2"), ("c", "f1")]]
    store.remember_data(DataRecord("f1", "shoes", "shoes.zip", ("boot", "pump"), {"training": 9}, (1, 28, 28)))
    assert [(run.id, run.data) for run in store.runs()] == [("c-1", "shoes"), ("a-1", None), ("b-1", "shoes")]
    assert [run.id for run in store.runs(limit=2)] == names[:0:-1]
    assert store.run("last").id == "c-1"


def test_unknown_runs_are_refused_with_a_suggestion(store: Store) -> None:
    with pytest.raises(
        NotFound, match=r'^there is no run "last", nor any other yet; train one with: fittingroom train starter$'
    ):
        store.run("last")
    for name in ("starter", "starter", "mlp"):
        new_run(store, name)
    with pytest.raises(NotFound, match=r'^there is no run "startre-2"; did you mean "starter-2"[?]$'):
        store.run("startre-2")
    unknown = '^there is no run "qqq"; the newest are: mlp-1, starter-2, starter-1$'
    with pytest.raises(NotFound, match=unknown):
        store.begin_attempt("qqq", {})
    with pytest.raises(NotFound, match=unknown):
        store.record_epoch("qqq", 1, epoch(1))


def test_the_ledger_counts_every_look_at_a_test_set(store: Store) -> None:
    run, other = new_run(store), new_run(store)
    assert store.openings("f0") == 0
    assert store.open_test("f0", [Score(run, 0.9, 0.25, 10_000)]) == 1
    assert store.open_test("f1", [Score(other, 0.5, 1.0, 100)]) == 1
    assert store.open_test("f0", [Score(other, 0.8, math.nan, 10_000)]) == 2
    assert (store.openings("f0"), store.openings("f1"), store.openings("f2")) == (2, 1, 0)
    first, second = store.test_results(other)
    assert (first.fingerprint, first.run, first.accuracy, first.loss, first.n) == ("f1", other, 0.5, 1.0, 100)
    assert (second.fingerprint, second.accuracy, second.n) == ("f0", 0.8, 10_000)
    assert math.isnan(second.loss)
    assert first.time < second.time <= datetime.now(UTC)


def test_several_runs_scored_together_are_one_opening(store: Store) -> None:
    run, other = new_run(store), new_run(store)
    assert store.open_test("f0", [Score(run, 0.9, 0.25, 10_000), Score(other, 0.8, 0.5, 10_000)]) == 1
    assert store.open_test("f0", [Score(run, 0.9, 0.25, 10_000)]) == 2
    assert [len(store.test_results(each)) for each in (run, other)] == [2, 1]


def test_ids_whose_files_are_there_are_not_given_again(store: Store) -> None:
    run = {"name": "starter", "spec": "{}", "spec_id": "a", "fingerprint": "f0", "parameters": 1}
    assert store.create_run(**run, reserved=["starter-1", "starter-2", "other-3"]) == "starter-3"
    assert store.create_run(**run) == "starter-4"


def test_data_sets_are_remembered_by_content(store: Store) -> None:
    shoes = DataRecord("f1", "shoes", "~/shoes.zip", ("Stiefel", "靴"), {"training": 90, "test": 10}, (3, 32, 32))
    renamed = DataRecord("f1", "footwear", "~/footwear", ("Stiefel", "靴"), {"training": 90, "test": 10}, (3, 32, 32))
    store.remember_data(shoes)
    assert store.data_set("f1") == shoes
    store.remember_data(renamed)
    assert store.data_set("f1") == renamed
    with pytest.raises(NotFound, match=r'^no run was trained on data with fingerprint "f2"; train one first$'):
        store.data_set("f2")


def test_everything_is_there_when_the_store_is_opened_again(place: str) -> None:
    with Store.open(place) as store:
        run = new_run(store)
        attempt = store.begin_attempt(run, {"threads": 2})
        store.record_epoch(run, attempt, epoch(1))
        before = store.run(run)
    with Store.open(place) as store:
        assert store.run(run) == before


SEVERAL_AT_ONCE = """
import sys
from fittingroom.store import Score, Store
Store.__doc__, print("ready", flush=True), sys.stdin.readline()
with Store.open(sys.argv[1]) as store:
    for _ in range(50):
        run = store.create_run(name="same", spec="{}", spec_id="a", fingerprint="f", parameters=1)
        print(run, store.open_test("f", [Score(run, 0.5, 1.0, 10)]))
"""


def test_two_processes_make_the_tables_number_runs_and_count_openings_at_once(place: str) -> None:
    answers = at_the_same_moment([[SEVERAL_AT_ONCE, place]] * 2)
    told = [line.split() for output in answers for line in output.splitlines()]
    assert sorted(run for run, _ in told) == sorted(f"same-{number}" for number in range(1, 101))
    assert sorted(int(count) for _, count in told) == list(range(1, 101))
    with Store.open(place) as store:
        assert {run.id for run in store.runs()} == {run for run, _ in told}
        assert store.openings("f") == 100


def test_the_migrated_tables_are_the_declared_ones(place: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from fittingroom.store.schema import SCHEMA, metadata

    Store.open(place).close()
    engine = sqlalchemy.create_engine(place if "://" in place else f"sqlite:///{place}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == SCHEMA
    engine.dispose()


@pytest.mark.skipif(not POSTGRES, reason="PostgreSQL is not tested: FITTINGROOM_TEST_POSTGRES holds no URL")
def test_a_postgresql_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(WorkspaceError) as caught:
        Store.open("postgresql://someone:secret@127.0.0.1:9/lab?connect_timeout=2")
    message = str(caught.value)
    assert message.startswith("the database postgresql+psycopg://someone:***@127.0.0.1:9/lab")
    assert message.endswith("check that it is reachable and whole, or choose another workspace with --workspace")
    assert "secret" not in message
