"""Studies are checked before anything is stored, and go on with what is missing. Trained is nothing."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.errors import InvalidInput, InvalidSpec, NotFound
from fittingroom.queue import submit
from fittingroom.queue.studies import (
    add_seeds,
    delete_study,
    enter_study,
    find_study,
    prefer_study,
    read_curves,
    read_study,
    runs_named,
    stop_study,
    studies,
    submit_study,
)
from fittingroom.queue.study_time import USUAL, WORKER, time_left
from fittingroom.queue.together import Comparison
from fittingroom.spec.data import DataSpec
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import RunSpec
from fittingroom.spec.study import StudySpec, study_from_plain
from fittingroom.spec.train import TrainSpec
from fittingroom.store import Store
from fittingroom.workspace import Workspace

RATE = "train.optimizer.learning_rate"
Train = Callable[..., None]


@pytest.fixture
def base(stripes: Callable[..., Dataset]) -> RunSpec:
    data = DataSpec(source=stripes(120).source, validation=30)
    return RunSpec(data=data, network=(fr.Flatten(), fr.Classify()), train=TrainSpec(epochs=4), seed=7)


@pytest.fixture
def spec(base: RunSpec) -> StudySpec:
    return StudySpec(base=base, vary={RATE: [0.1, 0.01]}, seeds=2, target=0.65, name="rates")


@pytest.fixture
def store(own_workspace: Workspace) -> Iterator[Store]:
    with Store.open(own_workspace.create().database) as store:
        yield store


@pytest.fixture
def train(store: Store) -> Train:
    """``train(run, 0.6, 0.7)``: it ends with these validation accuracies, one for each epoch of 2 seconds."""

    def end(run: str, *accuracies: float, state: str = "finished", plan: dict[str, object] | None = None) -> None:
        attempt = store.begin_attempt(run, plan or {}, seen=store.run(run), by_worker=True)
        best = 0.0
        for number, accuracy in enumerate(accuracies, 1):
            epoch = EpochMetrics(number, 1, accuracy - 0.1, 1 - accuracy, accuracy, 0.01, 2.0)
            store.record_epoch(run, attempt, epoch, best=accuracy > best)
            best = max(best, accuracy)
        store.end(run, attempt, state, message="played")  # type: ignore[arg-type]

    return end


def test_every_arm_and_seed_is_a_run_of_one_comparison(spec: StudySpec, own_workspace: Workspace, store: Store) -> None:
    study = submit_study(spec, own_workspace, threads=1)
    runs = [store.run(run.id) for run in store.queue.managed()]
    assert study == "rates-1"
    assert [run.id for run in runs] == ["rates-0-1-1", "rates-0-01-1", "rates-0-1-2", "rates-0-01-2"]
    made = [json.loads(run.spec) for run in runs]
    assert [(each["seed"], each["train"]["optimizer"]["learning_rate"]) for each in made] == [
        (7, 0.1), (7, 0.01), (8, 0.1), (8, 0.01),
    ]  # fmt: skip
    (comparison,) = {Comparison.of(run.lineage) for run in runs}
    assert comparison is not None
    assert (comparison.runs, comparison.threads) == (4, 1)
    results = read_study(study, own_workspace)
    for arm, own in zip(results.arms, (runs[::2], runs[1::2]), strict=True):
        assert [outcome.run for outcome in arm.outcomes] == [run.id for run in own]
        assert [run.lineage["study"] for run in own] == [
            {"id": "rates-1", "arm": arm.key, "seed": seed} for seed in (7, 8)
        ]
        assert arm.parameters == 64 * 3 + 3
    assert ([arm.settings for arm in results.arms], results.axes) == ([{RATE: "0.1"}, {RATE: "0.01"}], (RATE,))
    assert (results.images, results.target, results.margin, results.beyond) == (30, 0.65, 0.2, ())


def test_figures_are_those_of_finished_runs_at_their_best_epoch(
    spec: StudySpec, own_workspace: Workspace, train: Train
) -> None:
    study = submit_study(spec, own_workspace)
    train("rates-0-1-1", 0.5, 0.7, 0.9, 0.8)
    train("rates-0-1-2", 0.5, 0.6)
    train("rates-0-01-1", 0.7, state="failed")
    first, second = read_study(study, own_workspace).arms
    assert first.outcomes[0].figures == {
        "validation_accuracy": 0.9, "validation_loss": pytest.approx(0.1), "train_accuracy": pytest.approx(0.8),
        "best_epoch": 3, "train_seconds": 8.0, "epochs_to_target": 2, "seconds_to_target": 4.0,
    }  # fmt: skip
    never = first.outcomes[1].figures
    assert (never["epochs_to_target"], never["seconds_to_target"], never["best_epoch"]) == (None, None, 2)
    assert first.values("validation_accuracy") == {7: 0.9, 8: 0.6}
    assert [(each.state, each.figures, each.message) for each in second.outcomes] == [
        ("failed", {}, "played"), ("queued", {}, ""),
    ]  # fmt: skip
    curves = read_curves(study, own_workspace)
    assert [(curve.run, [epoch.validation_accuracy for epoch in curve.epochs]) for curve in curves] == [
        ("rates-0-1-1", [0.5, 0.7, 0.9, 0.8]), ("rates-0-1-2", [0.5, 0.6]),
        ("rates-0-01-1", [0.7]), ("rates-0-01-2", []),
    ]  # fmt: skip


def test_more_seeds_and_more_values_are_all_that_is_new(
    spec: StudySpec, own_workspace: Workspace, train: Train
) -> None:
    submit_study(spec, own_workspace)
    train("rates-0-1-1", 0.9)
    assert enter_study(replace(spec, seeds=3), own_workspace).made == ("rates-0-1-3", "rates-0-01-3")
    more = enter_study(replace(spec, vary={RATE: [0.1, 0.5]}), own_workspace)
    assert (more.study, more.is_new, more.unlisted) == ("rates-1", False, ("0.01",))
    assert more.made == ("rates-0-5-1", "rates-0-5-2", "rates-0-5-3")
    assert add_seeds("rates-1", 1, own_workspace).made == ("rates-0-1-4", "rates-0-5-4")
    results = read_study("rates", own_workspace)
    assert [len(arm.outcomes) for arm in results.arms] == [4, 4], "0.01 is kept, and no longer compared"
    assert submit_study(replace(spec, vary={RATE: [0.1, 0.5, 0.01]}), own_workspace) == "rates-1"
    assert [len(arm.outcomes) for arm in read_study("rates", own_workspace).arms] == [4, 4, 4]
    assert results.arms[0].values("validation_accuracy") == {7: 0.9}
    with pytest.raises(InvalidInput, match="has 100 at most, this one 4"):
        add_seeds("rates-1", 97, own_workspace)


def test_another_base_is_another_study(spec: StudySpec, own_workspace: Workspace) -> None:
    submit_study(spec, own_workspace)
    other = enter_study(replace(spec, set={"train.epochs": 2}), own_workspace)
    assert (other.study, other.is_new, len(other.made)) == ("rates-2", True, 4)


def test_the_faults_of_all_arms_are_told_at_once_and_nothing_is_stored(
    spec: StudySpec, own_workspace: Workspace, store: Store
) -> None:
    too_many = replace(spec, vary={"data.validation": [30, 119, 1000]})
    with pytest.raises(InvalidSpec) as caught:
        submit_study(too_many, own_workspace)
    assert [fault.path for fault in caught.value.faults] == ["119", "1000"]
    assert (store.runs(), studies(own_workspace)) == ([], [])


def test_stop_and_go_on(spec: StudySpec, own_workspace: Workspace, store: Store, train: Train) -> None:
    submit_study(spec, own_workspace)
    train("rates-0-1-1", 0.9)
    attempt = store.begin_attempt("rates-0-01-1", {}, by_worker=True)
    stopped = stop_study("rates-1", own_workspace)
    assert (stopped.state, dict(stopped.states)) == ("running", {"finished": 1, "running": 1, "stopped": 2})
    assert store.queue.request("rates-0-01-1", attempt) == "stop"
    store.end("rates-0-01-1", attempt, "stopped")
    assert find_study("rates-1", own_workspace).state == "stopped"
    again = enter_study(spec, own_workspace)
    assert (again.made, set(again.taken_up)) == ((), {"rates-0-01-1", "rates-0-1-2", "rates-0-01-2"})
    assert [run.id for run in store.queue.managed()] == ["rates-0-01-1", "rates-0-1-2", "rates-0-01-2"]
    assert find_study("rates-1", own_workspace).state == "queued"


def test_failed_runs_are_left_alone_and_the_study_is_finished(
    spec: StudySpec, own_workspace: Workspace, store: Store, train: Train
) -> None:
    made = enter_study(spec, own_workspace).made
    for run in made[:3]:
        train(run, 0.9)
    train(made[3], state="failed")
    summary = find_study("rates", own_workspace)
    assert (summary.state, summary.finished, summary.runs, summary.epochs_done) == ("finished", 3, 4, 3)
    assert enter_study(spec, own_workspace).taken_up == ()
    assert store.run(made[3]).state == "failed"


def test_runs_that_somebody_asked_for_one_by_one_come_first(
    spec: StudySpec, base: RunSpec, own_workspace: Workspace, store: Store
) -> None:
    first = enter_study(spec, own_workspace).made[0]
    alone = submit(replace(base, name="alone"), own_workspace)
    assert [run.id for run in store.queue.managed()][:2] == [alone, first]
    prefer_study("rates-1", 5, own_workspace)
    assert store.queue.managed()[-1].id == alone


def test_threads_are_those_of_the_first_runs(spec: StudySpec, own_workspace: Workspace, store: Store) -> None:
    submit_study(spec, own_workspace, threads=2)
    with pytest.raises(InvalidInput, match="are trained with 2 threads each, so those to come are, too; leave"):
        submit_study(replace(spec, seeds=3), own_workspace, threads=1)
    (made, _) = add_seeds("rates-1", 1, own_workspace).made
    assert store.run(made).lineage["threads"] == 2


def test_data_that_has_changed_is_not_mixed(own_workspace: Workspace, base: RunSpec, photos: Path) -> None:
    data = DataSpec(source=str(photos), validation=0.2)
    spec = StudySpec(base=replace(base, data=data), vary={RATE: [0.1, 0.01]}, name="rates", seeds=1)
    submit_study(spec, own_workspace)
    next((photos / "left").iterdir()).unlink()
    with pytest.raises(InvalidInput, match=r"^the data set has changed since rates-1 was begun, so new runs of "):
        submit_study(replace(spec, seeds=2), own_workspace)
    assert find_study("rates-1", own_workspace).runs == 2


def test_a_study_is_deleted_with_its_runs_or_without(
    spec: StudySpec, own_workspace: Workspace, store: Store, train: Train
) -> None:
    made = enter_study(spec, own_workspace).made
    with pytest.raises(InvalidInput, match=r"stop it first: fittingroom study stop rates-1$"):
        delete_study("rates", own_workspace)
    stop_study("rates", own_workspace)
    assert delete_study("rates", own_workspace, keep_runs=True) == 0
    assert {run.id for run in store.runs()} == set(made)
    with pytest.raises(NotFound):
        find_study("rates-1", own_workspace)
    again = enter_study(spec, own_workspace)
    assert (again.is_new, len(again.made)) == (True, 4)
    stop_study("rates", own_workspace)
    assert delete_study("rates", own_workspace) == 4
    assert {run.id for run in store.trash.deleted()} == set(again.made)


def test_a_study_stands_for_its_finished_runs(spec: StudySpec, own_workspace: Workspace, train: Train) -> None:
    study = submit_study(spec, own_workspace)
    assert runs_named("rates-0-1-1", own_workspace).runs == ("rates-0-1-1",)
    with pytest.raises(InvalidInput, match="no run of rates-1 has finished"):
        runs_named(study, own_workspace)
    train("rates-0-1-1", 0.9)
    train("rates-0-01-2", 0.8)
    named = runs_named("rates", own_workspace)
    assert named.runs == ("rates-0-1-1",)
    assert named.told.startswith("learning rate 0.1: the arm of rates-1 with the best mean validation accuracy, 1 run.")
    assert sorted(runs_named("rates", own_workspace, all_arms=True).runs) == ["rates-0-01-2", "rates-0-1-1"]
    with pytest.raises(NotFound, match=r'^there is no run "sates-0-1-1"; did you mean'):
        runs_named("sates-0-1-1", own_workspace)


def test_time_left_comes_from_the_epochs_of_the_same_arm(
    spec: StudySpec, own_workspace: Workspace, store: Store, train: Train
) -> None:
    first, second = (arm.key for arm in read_study(submit_study(spec, own_workspace), own_workspace).arms)
    assert time_left(store, "rates-1") is None
    before = time_left(store, "rates-1", {first: 3.0})
    assert before is not None
    epochs = 4 * 4 * 3.0  # 4 runs of 4 epochs, each taken to cost what the timed one does
    assert before.seconds == pytest.approx(epochs + 4 * USUAL + WORKER)
    assert before.rests_on.endswith("and 0.3 s for the rest of each run, as is usual, and 3.5 s for a worker")
    train("rates-0-1-1", 0.5, 0.6, 0.7, 0.8)  # of 2 seconds each, played in none
    store.queue.register(1)
    left = time_left(store, "rates-1", {second: 5.0})
    assert left is not None
    assert (left.seconds, left.runs, left.at_once) == (4 * 2.0 + 2 * 4 * 5.0, 3, 1)
    assert left.rests_on == (
        "the epochs trained so far of 1 arm and a short timing of 1 arm; and 0.0 s for the rest of each run, as 1 "
        "finished run took here"
    )
    for run in ("rates-0-1-2", "rates-0-01-1", "rates-0-01-2"):
        train(run, 0.5)
    assert time_left(store, "rates-1") is None


def test_a_search_tries_one_after_the_other_what_it_has_seen_to_be_good(
    spec: StudySpec, own_workspace: Workspace, store: Store, train: Train
) -> None:
    vary = {RATE: {"low": 1e-4, "high": 10.0, "log": True}}
    plain = {**spec.to_json(), "vary": vary, "search": {"method": "tpe", "trials": 16}}
    search = study_from_plain(plain)
    first = enter_study(search, own_workspace)
    assert len(first.made) == 5 * 2
    assert enter_study(search, own_workspace).made == (), "nothing is chosen while something is under way"
    made, rates = first.made, []
    while made:
        for run in made:
            rate = json.loads(store.run(run).spec)["train"]["optimizer"]["learning_rate"]
            rates.append(rate)
            train(run, max(0.1, 0.9 - abs(math.log10(rate / 0.1)) / 5))  # best at 0.1
        made = enter_study(search, own_workspace).made
        assert len(made) in (0, 2)
    tried = [arm.settings[RATE] for arm in read_study("rates-1", own_workspace).arms]
    assert len(set(tried)) == 16
    assert len(rates) == 16 * 2
    far = [abs(math.log10(rate / 0.1)) for rate in rates[::2]]
    assert sum(far[8:]) / 8 < sum(far[:5]) / 5
    more = enter_study(study_from_plain({**plain, "search": {"method": "tpe", "trials": 17}}), own_workspace)
    assert (more.study, len(more.made)) == ("rates-1", 2)


def test_a_search_over_few_values_ends_when_all_are_tried(
    spec: StudySpec, own_workspace: Workspace, train: Train
) -> None:
    search = study_from_plain({**spec.to_json(), "search": {"method": "tpe", "trials": 9}})
    for run in enter_study(search, own_workspace).made:
        train(run, 0.9)
    assert enter_study(search, own_workspace).made == ()
    assert len(read_study("rates-1", own_workspace).arms) == 2


def test_what_a_search_cannot_do_is_told(spec: StudySpec, own_workspace: Workspace) -> None:
    by_hand = {"arms": [{"name": "a", "set": {"train.epochs": 2}}], "search": {"method": "tpe"}}
    with pytest.raises(InvalidSpec) as caught:
        submit_study(study_from_plain({**spec.to_json(), **by_hand}), own_workspace)
    assert [fault.path for fault in caught.value.faults] == ["arms"]


def test_folds_are_arms_that_are_judged_on_different_images(base: RunSpec, own_workspace: Workspace) -> None:
    folded = StudySpec(
        base=replace(base, data=DataSpec(source=base.data.source, folds=4)), vary={"data.fold": [0, 1, 2, 3]}, name="cv"
    )
    study = submit_study(folded, own_workspace)
    results = read_study(study, own_workspace)
    assert [arm.name for arm in results.arms] == ["fold 0", "fold 1", "fold 2", "fold 3"]
    assert (results.divisions, results.images, results.beyond) == (4, 30, ())
    with pytest.raises(InvalidSpec) as refused:
        submit_study(replace(folded, vary={"data.fold": [3, 4]}, name="too many"), own_workspace)
    assert "data.fold: is 4, but 4 folds are counted from 0; give 0 to 3, or more folds" in str(refused.value)


@pytest.mark.parametrize("stored", ['{"novelty": 3}', "{broken", '{"format": 99}', "[]"])
def test_a_study_that_cannot_be_read_hides_no_other_and_can_be_stopped_and_deleted(
    stored: str, spec: StudySpec, own_workspace: Workspace, store: Store
) -> None:
    bad = submit_study(spec, own_workspace, threads=1)
    good = submit_study(replace(spec, vary={"train.batch_size": [8, 16]}, name="good"), own_workspace, threads=1)
    with sqlite3.connect(own_workspace.database) as connection:
        connection.execute("update studies set spec = ? where id = ?", (stored, bad))
    found = {each.id: each for each in studies(own_workspace)}
    assert set(found) == {bad, good}
    assert (found[good].problem, found[good].seeds) == ("", 2)
    assert "stored spec of rates-1" in found[bad].problem
    assert (found[bad].state, found[bad].runs, found[bad].arms, found[bad].seeds) == ("queued", 4, 2, 2)
    with pytest.raises(InvalidSpec, match="rates-1"):
        read_study(bad, own_workspace)
    assert stop_study(bad, own_workspace).state == "stopped"
    assert delete_study(bad, own_workspace) == 4
    assert [each.id for each in studies(own_workspace)] == [good]


def test_a_study_of_which_an_arm_cannot_be_read_hides_no_other(spec: StudySpec, own_workspace: Workspace) -> None:
    bad = submit_study(spec, own_workspace, threads=1)
    with sqlite3.connect(own_workspace.database) as connection:
        connection.execute("update study_arms set spec = '{}' where study = ?", (bad,))
    (found,) = studies(own_workspace)
    assert "stored spec of the arm" in found.problem
