"""Whether a process of another host lives, as far as watching it tells."""

from __future__ import annotations

import pytest

from fittingroom.queue import watch as module
from fittingroom.queue.watch import Watch


def test_beats_are_judged_by_the_watchers_own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    watch, first, second = Watch(), ("small-1", 1), ("small-2", 3)
    assert watch.given_up({first: 7, second: 1}) == []
    clock[0] += 59
    assert watch.given_up({first: 7, second: 2}) == []
    clock[0] += 1
    assert watch.given_up({first: 7, second: 2}) == [first]
    clock[0] += 58
    assert watch.given_up({first: 8, second: 2}) == []  # it lives after all; its host may have slept
    clock[0] += 1
    assert watch.given_up({first: 8, second: 2}) == [second]
    assert watch.given_up({first: 8}) == []
    assert watch.given_up({first: 8, second: 2}) == []  # a new look begins a new watch
