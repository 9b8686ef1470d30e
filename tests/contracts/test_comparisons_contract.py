"""What the store must do with runs that were asked for together, on every backend."""

from __future__ import annotations

from fittingroom.store import Store


def new_run(store: Store, comparison: str | None = None) -> str:
    lineage = {"kind": "new", "comparison": {"id": comparison, "runs": 2}} if comparison else {"kind": "new"}
    return store.create_run(
        name="starter", spec="{}", spec_id="a1", fingerprint="f0", parameters=1, lineage=lineage, queued=True
    )


def test_a_comparison_has_its_runs_and_no_others(store: Store) -> None:
    first, _, other, second = new_run(store, "c1"), new_run(store), new_run(store, "c12"), new_run(store, "c1")
    assert [run.id for run in store.comparisons.runs("c1")] == [first, second]
    assert [run.id for run in store.comparisons.runs("c12")] == [other]
    assert store.comparisons.runs("c") == store.comparisons.runs("%") == store.comparisons.runs("runs") == []
    store.queue.ask(second, "stop")
    store.trash.delete(second)
    assert [run.id for run in store.comparisons.runs("c1")] == [first]


def test_what_is_agreed_on_stands_in_every_lineage_and_stays(store: Store) -> None:
    first, alone = new_run(store, "c1"), new_run(store)
    agreed = {"comparison": {"id": "c1", "runs": 2, "cores": 2}, "threads": 1}
    store.comparisons.agree("c1", agreed)
    late = new_run(store, "c1")
    store.comparisons.agree("c1", agreed | {"threads": 2})
    assert store.run(first).lineage == {"kind": "new", **agreed}
    assert store.run(late).lineage == {"kind": "new", **agreed, "threads": 2}
    assert store.run(alone).lineage == {"kind": "new"}


def test_a_worker_of_a_comparison_is_given_its_runs_only(store: Store) -> None:
    new_run(store)
    mine = new_run(store, "c1")
    found = store.queue.next(comparison="c1")
    assert found is not None
    assert found.id == mine
    store.begin_attempt(mine, {}, seen=found, by_worker=True)
    assert store.queue.next(comparison="c1") is None
    assert store.queue.next(comparison="c2") is None
    assert store.queue.next() is not None
