"""Each way in which a study goes wrong is planted once and found, and a clean study raises nothing."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from fittingroom.data.copies import Copies, copied_images, find_copies
from fittingroom.measure.caution import Histories
from fittingroom.measure.guards import cautions
from fittingroom.measure.study import ArmResults, Outcome, StudyResults
from fittingroom.spec.events import EpochMetrics
from fittingroom.spec.run import RunSpec, from_plain

IMAGES = 5000
CNN = [{"layer": "conv", "filters": 8, "kernel": 3, "activation": "relu"}, {"layer": "flatten"}, {"layer": "classify"}]
LINEAR = [{"layer": "flatten"}, {"layer": "classify"}]
MIRROR = [{"kind": "mirror"}]
FLAT = [0.80, 0.86, 0.88, 0.89, 0.895, 0.898, 0.899, 0.900, 0.8995, 0.9005, 0.9, 0.9]


def spec(network: Sequence[object] = CNN, source: str = "fashion-mnist", augment: Sequence[object] = ()) -> RunSpec:
    return from_plain({"data": {"source": source}, "network": network, "augment": augment, "train": {"epochs": 12}})


def history(validation: Sequence[float], gap: float = 0.02, rates: Sequence[float] | None = None) -> list[EpochMetrics]:
    """Epochs with that validation accuracy; training accuracy is ``gap`` above it."""
    return [
        EpochMetrics(number + 1, 0.3, accuracy + gap, 0.3, accuracy, rates[number] if rates else 0.01, 1.0)
        for number, accuracy in enumerate(validation)
    ]


def arm(name: str, accuracies: Sequence[float], settings: Mapping[str, str] | None = None) -> ArmResults:
    outcomes = tuple(
        Outcome(f"{name}-{seed}", seed, "finished", {"validation_accuracy": value, "best_epoch": 12})
        for seed, value in enumerate(accuracies)
    )
    return ArmResults(name, name, settings or {"network.*.activation": name}, 1000, outcomes)


def study(*arms: ArmResults, beyond: Sequence[str] = ()) -> StudyResults:
    return StudyResults("s", "s", "", "validation_accuracy", 0.2, None, IMAGES, arms, beyond=tuple(beyond))


RELU, ELU = arm("relu", [0.900, 0.901, 0.899]), arm("elu", [0.904, 0.903, 0.905])
CLEAN = study(RELU, ELU)
CURVES: Histories = {each.key: {seed: history(FLAT) for seed in range(3)} for each in CLEAN.arms}
SPECS = {each.key: spec() for each in CLEAN.arms}


def kinds(*args: object, **more: object) -> list[str]:
    found = cautions(*args, **more)  # type: ignore[arg-type]
    for each in found:
        assert each.text.endswith("."), each
        assert each.advice.endswith("."), each
        assert "nan" not in each.text
    return [each.kind for each in found]


def test_a_clean_study_raises_nothing() -> None:
    assert (
        kinds(CLEAN, CURVES, SPECS, tested={"relu-0"}, copied={"relu": Copies(0, 2, 400), "elu": Copies(0, 0, 400)})
        == []
    )
    assert kinds(study(), {}, {}) == []


def test_validation_that_is_a_slice_of_training_is_caught_by_its_figures() -> None:
    """99.5 % of validation against 99.2 % of training with augmentation, on Fashion-MNIST and on data nobody knows."""
    case = study(arm("cnn", [0.995, 0.995, 0.994]), arm("mlp", [0.9, 0.9, 0.9]))
    ends = {"cnn": {seed: history([*FLAT[:-1], 0.995], gap=-0.003) for seed in range(3)}}
    (found,) = cautions(case, {}, {"cnn": spec(augment=MIRROR), "mlp": spec()})
    assert (found.kind, found.arms, found.runs) == ("too good", ("cnn",), ("cnn-0", "cnn-1", "cnn-2"))
    assert "97 %" in found.text
    many = dataclasses.replace(case, images=150 * 256)  # as many as there were
    own = {"cnn": spec(source="photos", augment=MIRROR), "mlp": spec(source="photos")}
    assert kinds(many, ends, own) == ["too good"]


def test_validation_that_is_a_slice_of_training_is_caught_by_content() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**63, (600, 2)).astype(np.uint64)
    train = np.arange(500)
    assert copied_images(hashes, train, train[:150]) == 150
    assert copied_images(hashes, train, np.arange(500, 600)) == 0
    found = cautions(CLEAN, CURVES, SPECS, copied={"relu": Copies(150, 12, 400), "elu": Copies(0, 2, 400)})
    assert [each.kind for each in found] == ["validation in training"]
    assert found[0].arms == ("relu",)
    assert "150 of 5,000" in found[0].text


def test_near_copies_of_training_images_are_found_among_validation_images() -> None:
    generator = np.random.default_rng(1)
    images = generator.integers(0, 200, (300, 9, 9, 1)).astype(np.uint8)
    images[250:270] = images[:20] * 0.9 + 20  # lighter, and saved anew with other noise
    images[250:270] += generator.integers(0, 3, (20, 9, 9, 1)).astype(np.uint8)
    images[270] = 77  # no contrast
    images[10] = 77
    hashes = generator.integers(0, 2**63, (300, 2)).astype(np.uint64)
    found = find_copies(images, hashes, np.arange(250), np.arange(250, 300))
    assert found == Copies(0, 19, 50)
    (told,) = cautions(CLEAN, CURVES, SPECS, copied={"elu": found})
    assert (told.kind, told.arms) == ("validation in training", ("elu",))
    assert "Of 50 validation images that were compared, 19" in told.text


def test_what_no_linear_model_reaches_is_too_good() -> None:
    case = study(arm("linear", [0.91, 0.91]), arm("cnn", [0.92, 0.92]))
    assert kinds(case, {}, {"linear": spec(LINEAR), "cnn": spec()}) == ["too good"]
    assert kinds(study(arm("linear", [0.85, 0.85]), RELU), {}, {"linear": spec(LINEAR), "relu": spec()}) == []
    bent = [{"layer": "flatten"}, {"layer": "dense", "units": 60, "activation": "relu"}, {"layer": "classify"}]
    assert kinds(case, {}, {"linear": spec(bent), "cnn": spec()}) == []


def test_every_image_right_is_too_good() -> None:
    assert kinds(study(arm("cnn", [1.0, 0.99]), RELU)) == ["too good"]


def test_validation_above_training_is_told_where_nothing_explains_it() -> None:
    above = {"relu": {0: history(FLAT, gap=-0.02)}}  # standard error 0.42 points: 4.7 of them
    assert kinds(CLEAN, above, SPECS) == ["too good"]
    within = {"relu": {0: history(FLAT, gap=-0.01)}}
    assert kinds(CLEAN, within, SPECS) == []
    for explained in (spec(augment=MIRROR), spec([{"layer": "dropout", "rate": 0.5}, *CNN])):
        assert kinds(CLEAN, above, {"relu": explained, "elu": spec()}) == []


def test_training_accuracy_that_lags_behind_a_fast_epoch_is_no_alarm() -> None:
    fast = arm("relu", [0.9])
    first = dataclasses.replace(fast.outcomes[0], figures={"validation_accuracy": 0.9, "best_epoch": 2})
    case = study(dataclasses.replace(fast, outcomes=(first, *RELU.outcomes[1:])), ELU)
    assert kinds(case, {"relu": {0: history([0.8, 0.9], gap=-0.05)}}, SPECS) == []


def test_a_choice_on_the_test_set() -> None:
    (found,) = cautions(CLEAN, CURVES, SPECS, tested={"relu-0", "elu-2", "another"})
    assert (found.kind, found.runs) == ("test set used for choice", ("relu-0", "elu-2"))
    assert kinds(CLEAN, CURVES, SPECS, tested={"relu-0", "relu-1"}) == []


def test_single_seeds() -> None:
    case = study(arm("relu", [0.9]), arm("elu", [0.91]))
    (found,) = cautions(case)
    assert (found.kind, found.arms) == ("single seed", ("relu", "elu"))
    more = Outcome("relu-1", 1, "running", {})
    coming = tuple(dataclasses.replace(each, outcomes=(*each.outcomes, more)) for each in case.arms)
    assert kinds(study(*coming)) == []
    assert kinds(study(arm("relu", [0.9]))) == []


def test_arms_that_differ_in_more() -> None:
    (found,) = cautions(study(RELU, ELU, beyond=["train.batch_size", "augment"]))
    assert found.kind == "differs in more"
    assert "train.batch_size, augment" in found.text


@pytest.mark.parametrize(("best", "edge"), [(0, "smallest"), (1, None), (3, "largest")])
def test_the_best_learning_rate_at_the_edge(best: int, edge: str | None) -> None:
    path, rates = "train.optimizer.learning_rate", ["0.003", "0.01", "0.03", "0.1"]
    arms = [arm(rate, [0.9 + 0.01 * (number == best)] * 2, {path: rate}) for number, rate in enumerate(rates)]
    found = cautions(study(*arms))
    assert [each.kind for each in found] == ["edge of the range"] * (edge is not None)
    if edge:
        assert f"the {edge} learning rate" in found[0].text
        assert found[0].arms == (rates[best],)


def test_a_rate_beyond_which_training_failed_is_not_at_the_edge() -> None:
    path = "train.optimizer.learning_rate"
    arms = [arm(rate, [0.9 + 0.01 * number] * 2, {path: rate}) for number, rate in enumerate(["0.01", "0.1"])]
    failed = ArmResults("1", "1", {path: "1"}, 1000, (Outcome("x", 0, "failed", {}, "diverged"),))
    assert kinds(study(*arms, failed)) == ["no result"]
    assert kinds(study(*arms)) == []  # of two rates each is at an edge


def test_an_arm_that_catches_up_when_training_ends() -> None:
    rising = [0.5 + 0.03 * epoch for epoch in range(12)]
    found = cautions(CLEAN, {**CURVES, "relu": {seed: history(rising) for seed in range(3)}}, SPECS)
    assert [(each.kind, each.arms) for each in found] == [("still rising", ("relu",))]
    behind = [0.2 + 0.01 * epoch for epoch in range(12)]  # 2 points in the last quarter, 59 to go
    assert kinds(CLEAN, {**CURVES, "relu": {0: history(behind)}}, SPECS) == []


def test_all_arms_still_rising() -> None:
    def rising(offset: float) -> list[float]:
        return [0.7 + offset + 0.01 * epoch for epoch in range(12)]

    both: Histories = {"relu": {0: history(rising(0))}, "elu": {0: history(rising(0.005))}}
    (found,) = cautions(CLEAN, both, SPECS)
    assert (found.kind, found.arms) == ("still rising", ("relu", "elu"))
    run_out = [0.01 * (1 + math.cos(math.pi * epoch / 12)) for epoch in range(1, 13)]
    annealed = {key: {0: history(rising(0.005 * (key == "elu")), rates=run_out)} for key in both}
    assert kinds(CLEAN, annealed, SPECS) == []


def test_scatter_is_no_rise() -> None:
    noisy = [0.9 + (0.004 if epoch % 2 else -0.004) for epoch in range(12)]
    assert kinds(CLEAN, {key: {0: history(noisy)} for key in CURVES}, SPECS) == []


def test_runs_without_a_result() -> None:
    lost = Outcome("elu-3", 3, "failed", {}, "the loss was no number at epoch 2.")
    case = study(RELU, dataclasses.replace(ELU, outcomes=(*ELU.outcomes, lost)))
    (found,) = cautions(case)
    assert (found.kind, found.runs) == ("no result", ("elu-3",))
    assert "1 of 7 runs" in found.text
    assert "the loss was no number at epoch 2" in found.text
    waiting = dataclasses.replace(lost, state="queued")
    assert kinds(study(RELU, dataclasses.replace(ELU, outcomes=(*ELU.outcomes, waiting)))) == []


@pytest.mark.parametrize(
    ("state", "message", "advice"),
    [
        ("failed", "diverged", "runs resume elu-3"),
        ("stopped", "Not begun: the study's budget of 2 seconds is spent.", "--budget"),
        ("stopped", "Stopped by hand.", "Run the study again"),
    ],
)
def test_the_advice_for_runs_without_a_result_is_what_brings_one(state: str, message: str, advice: str) -> None:
    lost = Outcome("elu-3", 3, state, {}, message)
    (found,) = cautions(study(RELU, dataclasses.replace(ELU, outcomes=(*ELU.outcomes, lost))))
    assert [each in found.advice for each in ("runs resume elu-3", "--budget", "Run the study again")].count(True) == 1
    assert advice in found.advice


def test_runs_that_the_search_has_pruned_are_no_fault() -> None:
    pruned = Outcome("elu-1", 1, "pruned", {}, "Ended by the search.")
    one = dataclasses.replace(ELU, outcomes=(ELU.outcomes[0], pruned))
    assert kinds(study(RELU, one)) == []


def rate_arms(states: Sequence[str], rates: Sequence[float]) -> tuple[StudyResults, dict[str, RunSpec]]:
    """Arms set by hand, later ones better; their specs differ in the learning rate alone."""
    plain = {"data": {"source": "photos"}, "network": CNN}
    arms = [
        arm(f"{rate:g}", [0.5 + 0.01 * number] * 2, {"arm": f"{rate:g}"}) if state == "finished"
        else ArmResults(f"{rate:g}", f"{rate:g}", {"arm": f"{rate:g}"}, 1, (Outcome(None, 0, state, {}),))
        for number, (state, rate) in enumerate(zip(states, rates, strict=True))
    ]  # fmt: skip
    optimizers = [{"name": "sgd", "learning_rate": rate} for rate in rates]
    specs = [from_plain({**plain, "train": {"optimizer": optimizer}}) for optimizer in optimizers]
    return study(*arms), {each.key: made for each, made in zip(arms, specs, strict=True)}


def test_rates_set_by_hand_are_seen_where_nothing_else_differs() -> None:
    case, specs = rate_arms(["finished"] * 3, [0.001, 0.01, 0.1])
    assert kinds(case, {}, specs) == ["edge of the range"]
    assert kinds(case, {}, {**specs, "0.01": spec()}) == []


def test_a_rate_that_was_never_begun_is_no_neighbour() -> None:
    case, specs = rate_arms(["finished", "finished", "finished", "missing"], [0.001, 0.01, 0.1, 1])
    assert kinds(case, {}, specs) == ["edge of the range"]
    path = "train.optimizer.learning_rate"
    on_axis = [dataclasses.replace(each, settings={path: each.name}) for each in case.arms]
    assert kinds(study(*on_axis), {}, {}) == ["edge of the range"]
