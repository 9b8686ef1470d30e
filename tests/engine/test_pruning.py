"""A search ends runs early that others have left behind, and those only."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import fittingroom as fr
from fittingroom.engine.prepare import PreparedRun
from fittingroom.engine.worker import work
from fittingroom.queue.search import ENOUGH, falls_behind
from fittingroom.queue.studies import enter_study, find_study, read_study
from fittingroom.spec.arms import arms
from fittingroom.spec.study import StudySpec, study_from_plain
from fittingroom.store import Store
from fittingroom.workspace import Workspace

Prepare = Callable[..., PreparedRun]
RATES = [0.05, 0.02, 0.01, 0.005, 1e-6]


def search(prepare: Prepare, **more: bool) -> StudySpec:
    base = prepare((fr.Flatten(), fr.Classify()), epochs=8, batch_size=16).spec
    plain = {"name": "rates", "base": base.to_json(), "vary": {"train.optimizer.learning_rate": RATES}, "seeds": 1}
    return study_from_plain({**plain, "search": {"method": "random", "trials": 30, **more}})


@pytest.mark.parametrize(
    ("epoch", "accuracy", "others", "behind"),
    [
        (2, 0.5, (0.6, 0.7, 0.8, 0.9), True),
        (4, 0.5, (0.6, 0.7, 0.8, 0.9), True),
        (3, 0.5, (0.6, 0.7, 0.8, 0.9), False),  # no rung
        (8, 0.5, (0.6, 0.7, 0.8, 0.9), False),  # it has ended anyway
        (2, 0.75, (0.6, 0.7, 0.8, 0.9), False),  # as good as the median
        (2, 0.5, (0.6, 0.7, 0.8), False),  # too few to tell
    ],
)
def test_only_below_the_median_of_enough_others_at_a_rung(
    epoch: int, accuracy: float, others: tuple[float, ...], behind: bool
) -> None:
    assert ENOUGH == 4
    assert falls_behind(epoch, 8, accuracy, others) == behind


def test_a_run_of_one_epoch_has_no_rung() -> None:
    assert not falls_behind(1, 1, 0.0, [1.0] * 9)


def with_the_poor_one_last(spec: StudySpec) -> StudySpec:
    """With a seed of the search whose last arm learns next to nothing."""
    plain = spec.to_json()
    for seed in range(200):
        drawn = study_from_plain(plain | {"search": plain["search"] | {"seed": seed}})
        if arms(drawn)[-1].name == "1e-06":
            return drawn
    raise AssertionError("no seed draws that order")


def test_what_is_pruned_is_told_and_not_taken_up_again(prepare: Prepare, own_workspace: Workspace) -> None:
    spec = with_the_poor_one_last(search(prepare, prune=True))
    entered = enter_study(spec, own_workspace, threads=1)
    work(own_workspace, threads=1, idle=0)
    results = read_study(entered.study, own_workspace)
    assert [arm.outcomes[0].state for arm in results.arms] == ["finished"] * 4 + ["pruned"]
    pruned = results.arms[-1].outcomes[0]
    assert pruned.figures == {}
    assert "has found better ones" in pruned.message
    with Store.open(own_workspace.database) as store:
        run = store.run(pruned.run or "")
        assert (run.state, run.epochs_done) == ("stopped", 2)
    assert find_study(entered.study, own_workspace).state == "finished"
    again = enter_study(spec, own_workspace)
    assert (again.made, again.taken_up) == ((), ())


def test_without_it_every_run_is_trained_whole(prepare: Prepare, own_workspace: Workspace) -> None:
    entered = enter_study(search(prepare), own_workspace, threads=1)
    work(own_workspace, threads=1, idle=0)
    results = read_study(entered.study, own_workspace)
    assert {arm.outcomes[0].state for arm in results.arms} == {"finished"}
