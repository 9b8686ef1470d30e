"""How runs share cores: the arithmetic against trying every case, and what a lineage keeps of it."""

from __future__ import annotations

import json
import random

import pytest

from fittingroom.queue.together import Comparison, Way, at_once, quickest, ways


def done_after(runs: int, cores: int, threads: int, seconds: float) -> float:
    """When the last of them is done, found by handing each run to whichever place is free first."""
    places = [0.0] * max(1, cores // threads)
    for _ in range(runs):
        first = min(range(len(places)), key=places.__getitem__)
        places[first] += seconds
    return max(places)


@pytest.mark.parametrize(
    ("runs", "cores", "measured", "expected"),
    [
        # a second core brings a lot, something, nothing
        (2, 2, {2: 10, 1: 21}, 2),
        (2, 2, {2: 10, 1: 19}, 1),
        (2, 2, {2: 10, 1: 10}, 1),
        (2, 2, {2: 10, 1: 20}, 2),  # as quick: the first result comes sooner
        # the tail: the third of three is alone
        (3, 2, {2: 10, 1: 16}, 2),
        (3, 2, {2: 10, 1: 14}, 1),
        (4, 2, {2: 10, 1: 16}, 1),
        (5, 2, {2: 10, 1: 16}, 1),
        (5, 2, {2: 10, 1: 17}, 2),
        # fewer runs than cores
        (2, 8, {8: 10, 4: 12, 1: 40}, 4),
        (3, 8, {8: 10, 4: 12, 2: 21, 1: 40}, 2),
        (3, 8, {8: 10, 4: 12, 2: 25, 1: 40}, 4),
        (20, 8, {8: 10, 4: 15, 2: 28, 1: 50}, 2),
        (20, 8, {8: 10, 4: 15, 2: 30, 1: 48}, 1),
    ],
)
def test_the_quickest_way_is_chosen(runs: int, cores: int, measured: dict[int, float], expected: int) -> None:
    found = quickest(runs, cores, [Way(threads, at_once(runs, cores, threads), s) for threads, s in measured.items()])
    assert found.threads == expected


def test_no_other_way_would_have_been_done_sooner() -> None:
    chance = random.Random(4)
    for _ in range(500):
        runs, cores = chance.randint(2, 20), chance.choice([2, 3, 4, 6, 8, 12, 16, 64])
        measured = [Way(way.threads, way.at_once, chance.uniform(1, 20)) for way in ways(runs, cores)]
        totals = {way.threads: done_after(runs, cores, way.threads, way.seconds or 0) for way in measured}
        assert totals[quickest(runs, cores, measured).threads] == pytest.approx(min(totals.values()))


@pytest.mark.parametrize(
    ("runs", "cores", "expected"),
    [
        (2, 1, [(1, 1)]),
        (2, 2, [(2, 1), (1, 2)]),
        (5, 2, [(2, 1), (1, 2)]),
        (3, 4, [(4, 1), (2, 2), (1, 3)]),
        (3, 12, [(12, 1), (6, 2), (4, 3), (1, 3)]),
        (20, 64, [(64, 1), (32, 2), (16, 4), (8, 8), (4, 16), (3, 20), (1, 20)]),
    ],
)
def test_what_is_measured(runs: int, cores: int, expected: list[tuple[int, int]]) -> None:
    assert [(way.threads, way.at_once) for way in ways(runs, cores)] == expected


def test_there_are_never_more_threads_than_cores() -> None:
    for cores in range(1, 70):
        for runs in range(1, 25):
            for way in ways(runs, cores):
                assert 1 <= way.threads * way.at_once <= cores
                assert way.at_once <= runs
    assert at_once(3, 2, 64) == 1  # threads that were asked for, on a smaller machine


def test_a_lineage_keeps_it_all() -> None:
    assert Comparison.of({"kind": "new"}) is None
    begun = Comparison.new(3)
    assert begun.id != Comparison.new(3).id
    assert begun.in_lineage() == {"comparison": {"id": begun.id, "runs": 3}}
    assert str(begun) == ""
    asked = Comparison.new(3, threads=1)
    assert asked.in_lineage() == {"comparison": {"id": asked.id, "runs": 3}, "threads": 1}
    chosen = begun.sharing(2, 1, [Way(2, 1, 0.02), Way(1, 2, 0.0225)], others=0.4)
    for each in (begun, asked, chosen):
        assert Comparison.of({"kind": "new", **json.loads(json.dumps(each.in_lineage()))}) == each


def test_it_is_told_in_a_line() -> None:
    three = Comparison("a1", 3)
    assert str(three.sharing(2, 1, [Way(2, 1, 0.02), Way(1, 2, 0.02254)])) == (
        "3 runs on 2 cores: 2 at once with 1 thread each. "
        "A training step takes 20 ms alone with 2 threads, 22.5 ms 2 at once with 1 thread each."
    )
    assert str(three.sharing(2, 2, [Way(2, 1, 0.004), Way(1, 2, 0.0075)], others=0.4)) == (
        "3 runs on 2 cores: one after the other with 2 threads. "
        "A training step takes 4 ms alone with 2 threads, 7.5 ms 2 at once with 1 thread each. "
        "Other programs used 40 % of the processors while this was measured."
    )
    assert str(three.sharing(1, 1)) == "3 runs on 1 core: one after the other with 1 thread."
