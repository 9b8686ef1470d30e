"""What the store must do with studies, on every backend."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from fittingroom.errors import NotFound
from fittingroom.spec.events import EpochMetrics
from fittingroom.store import ArmRecord, NewRun, NewStudy, Store, schema
from fittingroom.store.spent import seconds_worked
from fittingroom.store.studies import Place, Submitted
from tests.contracts.conftest import at_the_same_moment, of_schema

STUDY = NewStudy("two rates", "{}", content="c0", family="f0", comparison="k0", priority=-1)
LINEAGE = {"kind": "new", "comparison": {"id": "k0", "runs": 4}}


def arm(key: str, name: str = "an arm") -> ArmRecord:
    return ArmRecord(key, name, {"train.batch_size": key}, "{}", "f0", 10, 30)


def run(key: str, seed: int, lineage: dict[str, object] = LINEAGE) -> tuple[Place, NewRun]:
    return (key, seed), NewRun(f"two rates {key}", "{}", "a1", "f0", 10, lineage)


def grid(keys: str, seeds: int) -> list[tuple[Place, NewRun]]:
    return [run(key, seed) for seed in range(seeds) for key in keys]


def submit(store: Store, keys: str = "ab", seeds: int = 2, new: NewStudy = STUDY) -> Submitted:
    return store.studies.submit(new, [arm(key) for key in keys], grid(keys, seeds))


def test_a_study_is_remembered_with_its_arms_and_its_runs_wait(store: Store) -> None:
    made = submit(store)
    assert made == Submitted("two-rates-1", True, ("two-rates-a-1", "two-rates-b-1", "two-rates-a-2", "two-rates-b-2"))
    record = store.studies.study("two-rates-1")
    assert (record.name, record.content, record.budget, record.stopped) == ("two rates", "c0", None, None)
    assert record.arms == (arm("a"), arm("b"))
    places = store.studies.places("two-rates-1")
    assert {place: run.id for place, run in places.items()} == {
        ("a", 0): "two-rates-a-1", ("b", 0): "two-rates-b-1", ("a", 1): "two-rates-a-2", ("b", 1): "two-rates-b-2",
    }  # fmt: skip
    assert {run.state for run in places.values()} == {"queued"}
    found = store.run("two-rates-b-2")
    assert found.lineage == {**LINEAGE, "study": {"id": "two-rates-1", "arm": "b", "seed": 1}}
    assert [run.id for run in store.queue.managed()] == list(made.runs)


def test_the_same_again_makes_only_what_is_missing(store: Store) -> None:
    submit(store)
    again = submit(store)
    assert (again.study, again.is_new, again.runs) == ("two-rates-1", False, ())
    assert submit(store, seeds=3).runs == ("two-rates-a-3", "two-rates-b-3")
    values = submit(store, "cb", 3, replace(STUDY, content="c1", comparison="k1"))
    assert (values.study, values.runs) == ("two-rates-1", ("two-rates-c-1", "two-rates-c-2", "two-rates-c-3"))
    record = store.studies.study("two-rates-1")
    assert [(each.key, each.listed) for each in record.arms] == [("c", True), ("b", True), ("a", False)]
    assert (record.content, record.comparison) == ("c1", "k0")
    lineage = store.run("two-rates-c-3").lineage
    assert lineage["comparison"] == {"id": "k0", "runs": 4}


def test_another_family_is_another_study_and_so_is_one_after_a_deletion(store: Store) -> None:
    first = submit(store)
    other = submit(store, new=replace(STUDY, content="c1", family="f1"))
    assert (other.study, len(other.runs)) == ("two-rates-2", 4)
    assert store.studies.find(STUDY) == store.studies.study("two-rates-1")
    store.studies.delete(first.study)
    assert store.studies.find(STUDY) is None
    assert [study.id for study in store.studies.studies()] == ["two-rates-2"]
    assert submit(store).study == "two-rates-3"
    assert store.run(first.runs[0]).state == "queued"


def test_the_same_content_goes_on_under_another_name(store: Store) -> None:
    submit(store)
    again = submit(store, new=replace(STUDY, name="rates", family="f1"))
    assert (again.study, again.runs) == ("two-rates-1", ())
    assert store.studies.study("rates").id == "two-rates-1"


def test_one_that_is_named_goes_on_whatever_has_changed(store: Store) -> None:
    submit(store)
    new = replace(STUDY, content="c9", family="f9")
    made = store.studies.submit(new, [arm("z")], grid("z", 1), study="two-rates-1")
    assert (made.study, made.runs) == ("two-rates-1", ("two-rates-z-1",))
    with pytest.raises(NotFound):
        store.studies.submit(new, [arm("y")], grid("y", 1), study="three-rates-1")
    assert [run.id for run in store.runs() if "-y-" in run.id] == []


def test_a_run_that_was_deleted_is_made_again_and_a_purged_one_too(store: Store) -> None:
    first, second, *_ = submit(store).runs
    store.trash.delete(first)
    assert ("a", 0) not in store.studies.places("two-rates-1")
    assert submit(store).runs == ("two-rates-a-3",)
    store.trash.delete(second)
    store.trash.purge([second])
    assert submit(store).runs == ("two-rates-b-3",)


def test_ids_of_studies_and_runs_are_never_the_same_and_those_reserved_stay_free(store: Store) -> None:
    single = store.create_run(name="two rates", spec="{}", spec_id="a", fingerprint="f", parameters=1)
    made = store.studies.submit(STUDY, [arm("a")], grid("a", 1), reserved=["two-rates-a-1", "two-rates-2"])
    assert (single, made.study, made.runs) == ("two-rates-1", "two-rates-3", ("two-rates-a-2",))


def test_runs_of_a_study_wait_behind_those_of_a_higher_priority(store: Store) -> None:
    def waiting() -> list[str]:
        return [run.id for run in store.queue.managed()]

    made = submit(store, "a", 2)
    alone = store.create_run(name="alone", spec="{}", spec_id="a", fingerprint="f", parameters=1, queued=True)
    assert waiting() == [alone, *made.runs]
    following = store.queue.next()
    assert following is not None
    assert following.id == alone
    store.studies.prefer(made.study, 1)
    assert waiting() == [*made.runs, alone]
    assert store.studies.study(made.study).priority == 1
    assert submit(store, "a", 3).runs[0] in waiting()[:3]


def test_epochs_are_those_of_its_own_runs(store: Store) -> None:
    first, second = submit(store, "a", 2).runs
    alone = store.create_run(name="alone", spec="{}", spec_id="a", fingerprint="f", parameters=1)
    epoch = EpochMetrics(1, 1.0, 0.5, 1.0, 0.5, 0.1, 2.0)
    for each in (first, alone):
        attempt = store.begin_attempt(each, {})
        store.record_epoch(each, attempt, epoch, best=True)
    store.record_epoch(first, 1, replace(epoch, epoch=2))
    assert store.studies.epochs("two-rates-1") == {first: (epoch, replace(epoch, epoch=2))}
    assert second not in store.studies.epochs("two-rates-1")


def test_a_study_is_found_by_id_and_name_and_a_slip_is_told(store: Store) -> None:
    with pytest.raises(NotFound, match=r'^there is no study "x", nor any other yet; begin one with: '):
        store.studies.study("x")
    submit(store)
    newer = submit(store, new=replace(STUDY, content="c1", family="f1")).study
    assert store.studies.study("two rates").id == newer
    with pytest.raises(NotFound, match=r'^there is no study "two-rate-1"; did you mean "two-rates-1"\?$'):
        store.studies.study("two-rate-1")
    with pytest.raises(NotFound, match=r'^there is no study "q"; the newest are: two-rates-2, two-rates-1$'):
        store.studies.study("q")


def test_stopped_is_remembered_until_it_goes_on(store: Store) -> None:
    submit(store)
    store.studies.mark_stopped("two-rates-1")
    assert store.studies.study("two-rates-1").stopped is not None
    submit(store)
    assert store.studies.study("two-rates-1").stopped is None


PROGRAM = """
import sys
from fittingroom.store import ArmRecord, NewRun, NewStudy, Store
new = NewStudy("two rates", "{}", "c0", "f0", "k" + sys.argv[2])
arms = [ArmRecord(key, key, {}, "{}", "f0", 1, 1) for key in "abcd"]
runs = [((key, seed), NewRun(f"two rates {key}", "{}", "a", "f0", 1)) for key in "abcd" for seed in range(5)]
with Store.open(sys.argv[1]) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    print(store.studies.submit(new, arms, runs).study)
"""


def test_processes_that_submit_the_same_at_the_same_moment_make_each_run_once(place: str) -> None:
    Store.open(place).close()
    programs = [[PROGRAM, place, str(number)] for number in range(3)]
    assert at_the_same_moment(programs) == ["two-rates-1\n"] * 3
    with Store.open(place) as store:
        assert len(store.studies.places("two-rates-1")) == len(store.runs()) == 20
        assert len({run.created for run in store.runs()}) == 20, "all made one after the other by one of them"


def worked(store: Store, *intervals: tuple[float, float | None, float], now: float) -> float:
    """What counts as worked on, of attempts from one second to another, or killed after epochs of so many."""
    made = submit(store, "abcdefgh"[: len(intervals)], 1)
    zero = datetime(2026, 1, 1, tzinfo=UTC)
    with store._database.writing("test") as connection:
        for run, (start, end, left) in zip(made.runs, intervals, strict=True):
            attempt = {"run": run, "number": 1, "host": "elsewhere", "pid": 1, "process_started": 0.0, "plan": "{}",
                       "started": zero + timedelta(seconds=start),
                       "ended": None if end is None else zero + timedelta(seconds=end)}  # fmt: skip
            connection.execute(insert(schema.attempts).values(attempt))
            epoch = {"run": run, "epoch": 1, "attempt": 1, "learning_rate": 0.1, "seconds": left}
            connection.execute(insert(schema.epochs).values(epoch))
            state = "finished" if end is not None else "running" if left == 0 else "stopped"
            connection.execute(update(schema.runs).where(schema.runs.c.id == run).values(attempt=1, state=state))
        return seconds_worked(connection, made.study, zero + timedelta(seconds=now))


@pytest.mark.parametrize(
    ("intervals", "seconds"),
    [
        ([], 0),
        ([(0, 10, 0)], 10),
        ([(0, 10, 0), (4, 6, 0), (8, 15, 0)], 15),  # side by side
        ([(0, 10, 0), (100, 110, 0)], 20),  # a pause counts not
        ([(0, None, 7), (50, 60, 0)], 17),  # killed after epochs of 7 seconds
        ([(90, None, 0)], 10),  # goes on, now at 100
    ],
)
def test_time_in_which_a_study_is_worked_on(
    store: Store, intervals: list[tuple[float, float | None, float]], seconds: float
) -> None:
    assert worked(store, *intervals, now=100) == pytest.approx(seconds)


def test_what_a_run_takes_beside_its_epochs_is_that_of_the_studys_own_finished_runs_first(store: Store) -> None:
    """Stopped runs and those of another host tell nothing; a clock that was set back tells 0."""
    alone = store.create_run(name="alone", spec="{}", spec_id="a1", fingerprint="f0", parameters=1)
    made = submit(store, "abcde", 1).runs
    played = {alone: (30.0, 20.0, "finished"), made[0]: (12.0, 10.0, "finished"), made[1]: (8.0, 10.0, "finished"),
              made[2]: (99.0, 1.0, "stopped"), made[3]: (99.0, 1.0, "finished")}  # fmt: skip
    began = datetime(2026, 1, 1, tzinfo=UTC)
    for name, (wall, trained, state) in played.items():
        store.end(name, store.begin_attempt(name, {}), state, train_seconds=trained)  # type: ignore[arg-type]
        with store._database.writing("test") as connection:
            own = update(schema.attempts).where(schema.attempts.c.run == name)
            connection.execute(own.values(started=began, ended=began + timedelta(seconds=wall)))
            if name == made[3]:
                connection.execute(own.values(host="elsewhere"))
    assert store.studies.beside_epochs("two-rates-1") == [2.0, 0.0]
    assert store.studies.beside_epochs("no-such") == [10.0, 2.0, 0.0]


def test_when_the_budget_is_spent_nothing_new_is_begun_but_what_was_begun_goes_on(store: Store) -> None:
    made = submit(store, "abc", 1, replace(STUDY, budget=60.0))
    first = store.queue.next()
    assert first is not None
    store.begin_attempt(first.id, {}, seen=first, by_worker=True)
    second = store.queue.next()
    assert second is not None
    assert (first.id, second.id) == made.runs[:2]
    store.begin_attempt(second.id, {}, seen=second, by_worker=True)
    with store._database.writing("test") as connection:
        ago = datetime.now(UTC) - timedelta(seconds=61)
        connection.execute(update(schema.attempts).where(schema.attempts.c.run == first.id).values(started=ago))
    store.end(second.id, 1, "queued")  # handed back by its worker
    following = store.queue.next()
    assert following is not None
    assert following.id == second.id
    store.end(second.id, 1, "finished")
    assert store.queue.next() is None
    third = store.run(made.runs[2])
    assert (third.state, third.message, third.queued) == (
        "stopped", "Not begun: the study's budget of 60 seconds is spent.", None,
    )  # fmt: skip
    assert submit(store, "abc", 1, replace(STUDY, budget=120.0)).runs == ()
    store.queue.put(third.id)
    following = store.queue.next()
    assert following is not None
    assert following.id == third.id


def test_a_deleted_study_comes_back_with_its_runs(store: Store) -> None:
    made = submit(store, "abc", 2)
    store.studies.delete(made.study)
    with pytest.raises(NotFound, match=made.study):
        store.studies.study(made.study)
    assert store.studies.restore(made.study) == sorted(made.runs)
    assert store.studies.study(made.study).id == made.study
    assert {run.id for run in store.studies.places(made.study).values()} == set(made.runs)
    for study in (made.study, "nowhere"):
        with pytest.raises(NotFound, match="nothing to bring back"):
            store.studies.restore(study)


def test_a_database_from_before_studies_is_brought_up_to_date(place: str) -> None:
    """Its queued run waits as those that are asked for one by one do."""
    with of_schema("0003", place) as connection:
        columns = "id, name, state, created, queued, attempt, spec, spec_id, fingerprint, lineage, parameters"
        values = "'old-1', 'old', 'queued', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, 0, '{}', 'a', 'f', '{}', 1"
        connection.exec_driver_sql(f"INSERT INTO runs ({columns}, epochs_done, train_seconds) VALUES ({values}, 0, 0)")
    with Store.open(place) as store:
        assert store.studies.studies() == []
        made = submit(store, "a", 1)
        assert [run.id for run in store.queue.managed()] == ["old-1", *made.runs]
