"""What every backend of the store must do with names, tags and notes, and with the specs of runs."""

from __future__ import annotations

import threading
from pathlib import PurePosixPath

import pytest

from fittingroom.errors import InvalidInput, NotFound
from fittingroom.store import Artifact, Store
from tests.contracts.conftest import of_schema


def new_run(store: Store, name: str = "starter", spec: str = "{}") -> str:
    return store.create_run(name=name, spec=spec, spec_id="a1", fingerprint="f0", parameters=10)


def test_a_new_run_has_neither_tags_nor_note(store: Store) -> None:
    run = store.run(new_run(store))
    assert (run.name, run.tags, run.note) == ("starter", (), "")


def test_what_is_changed_is_kept_and_the_rest_stays(store: Store) -> None:
    run, other = new_run(store), new_run(store)
    store.labels.change(run, name="  Größe 3 ", note=" two\r\nlines \n", add=["Best so far", "#lab", "lab"])
    found = store.run(run)
    assert (found.id, found.name, found.tags) == ("starter-1", "Größe 3", ("best-so-far", "lab"))
    assert found.note == "two\nlines"
    assert [(run.name, run.tags, run.note) for run in store.runs()] == [
        ("starter", (), ""),
        ("Größe 3", found.tags, found.note),
    ]
    store.labels.change(run, add=["z"], remove=["BEST so far", "never there"])
    assert (store.run(run).name, store.run(run).tags, store.run(run).note) == ("Größe 3", ("lab", "z"), "two\nlines")
    store.labels.change(run, note="")
    assert store.run(run).note == ""
    assert (store.run(other).name, store.run(other).tags) == ("starter", ())
    assert new_run(store) == "starter-3"  # the new name gives no ids


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "  "}, "^a run needs a name; give at least one character$"),
        ({"name": "x" * 101}, "^the name has 101 characters; 100 are allowed, so shorten it$"),
        ({"name": "two\nlines"}, "^the name holds control characters or several lines; write it on one line$"),
        ({"name": "half \ud800"}, "control characters"),
        ({"note": "x" * 4001}, "^the note has 4,001 characters; 4,000 are allowed, so shorten it$"),
        ({"note": "a bell \a"}, "^the note holds control characters; leave them out$"),
        ({"add": [" ,# "]}, "is no tag; give at least one letter or digit$"),
        ({"add": ["x" * 41]}, "has 41 characters; 40 are allowed$"),
        ({"add": [f"t{number}" for number in range(20)]}, r'^run "starter-1" would have 21 tags; 20 are allowed'),
    ],
)
def test_what_cannot_be_kept_changes_nothing(store: Store, change: dict[str, object], message: str) -> None:
    run = new_run(store)
    store.labels.change(run, note="before", add=["kept"])
    with pytest.raises(InvalidInput, match=message):
        store.labels.change(run, **{"name": "new", "add": ["new"], **change})  # type: ignore[arg-type]
    assert (store.run(run).name, store.run(run).tags, store.run(run).note) == ("starter", ("kept",), "before")


def test_what_is_at_its_bound_is_kept(store: Store) -> None:
    run = new_run(store)
    name, note, tags = "n" * 100, "ü" * 4000, [f"{number:02d}" * 20 for number in range(20)]
    store.labels.change(run, name=name, note=note, add=tags)
    assert (store.run(run).name, store.run(run).note, store.run(run).tags) == (name, note, tuple(tags))


def test_a_deleted_run_keeps_its_labels_and_takes_no_others(store: Store) -> None:
    run = new_run(store)
    store.labels.change(run, name="mine", add=["x"])
    attempt = store.begin_attempt(run, {})
    store.end(run, attempt, "finished")
    store.trash.delete(run)
    for gone in (run, "no-such-1", "last"):
        with pytest.raises(NotFound):
            store.labels.change(gone, name="other")
    (deleted,) = store.trash.deleted()
    assert (deleted.name, deleted.tags) == ("mine", ("x",))
    store.trash.restore(run)
    assert store.run(run).name == "mine"


def test_a_training_and_its_labels_do_not_disturb_each_other(store: Store) -> None:
    run = new_run(store)
    attempt = store.begin_attempt(run, {})
    store.labels.change(run, name="watched", add=["live"], note="while it trains")
    store.adopt(run, attempt, Artifact("best", PurePosixPath("x"), "aa", 1, 1))
    store.end(run, attempt, "finished")
    assert (store.run(run).name, store.run(run).tags, store.run(run).state) == ("watched", ("live",), "finished")


def test_tags_that_two_add_at_once_are_both_kept(store: Store, place: str) -> None:
    run = new_run(store)
    begin = threading.Barrier(2)

    def add(tag: str) -> None:
        with Store.open(place) as own:
            begin.wait()
            for number in range(8):
                own.labels.change(run, add=[f"{tag}-{number}"])

    threads = [threading.Thread(target=add, args=(tag,)) for tag in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.run(run).tags == tuple(f"{tag}-{number}" for tag in "ab" for number in range(8))


def test_specs_are_told_of_all_runs_but_deleted_ones(store: Store) -> None:
    runs = [new_run(store, spec=f'{{"seed": {seed}}}') for seed in range(3)]
    store.begin_attempt(runs[2], {})
    store.end(runs[2], 1, "finished")
    store.trash.delete(runs[2])
    assert store.specs() == {"starter-1": '{"seed": 0}', "starter-2": '{"seed": 1}'}


def test_runs_of_older_databases_get_empty_labels(place: str) -> None:
    """A database of the schema before tags, with a run in it, is brought up to date."""
    with of_schema("0002", place) as connection:
        columns = "id, name, state, created, attempt, spec, spec_id, fingerprint, lineage, parameters, epochs_done"
        values = "'old-1', 'old', 'finished', CURRENT_TIMESTAMP, 0, '{}', 'a', 'f', '{\"kind\": \"new\"}', 1, 0"
        connection.exec_driver_sql(f"INSERT INTO runs ({columns}, train_seconds) VALUES ({values}, 0)")
    with Store.open(place) as store:
        assert (store.run("old-1").tags, store.run("old-1").note) == ((), "")
        store.labels.change("old-1", add=["kept"])
        assert [run.tags for run in store.runs()] == [("kept",)]
