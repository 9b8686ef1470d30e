"""The sources' experiments as shipped studies: their settings, what their arms differ in, and what they count."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import pytest

from fittingroom.spec.arms import Arm, arms, beyond_axes
from fittingroom.spec.augment import Brightness, IntensityShift, Mirror, Rotation, Shear, Shift, UpsideDown, Zoom
from fittingroom.spec.data import DataSpec
from fittingroom.spec.differences import differences
from fittingroom.spec.faults import faults, notes
from fittingroom.spec.layers import BatchNorm, Conv, Dense, Dropout
from fittingroom.spec.network import summarize
from fittingroom.spec.run import RunSpec
from fittingroom.spec.study import StudySpec, load_study_spec, study_from_plain, study_presets
from fittingroom.spec.train import Adadelta, Adam, EarlyStop, Exponential, Sgd
from tests.spec.conftest import FASHION_MNIST

ALL = [
    "a-activations-cnn", "a-activations-mlp", "a-augmentation-brightness", "a-augmentation-geometry",
    "a-augmentation-setups", "a-batch-norm-augmentation", "a-batch-norm-dropout", "a-batch-size-cnn",
    "a-dense-head-cnn", "a-depth-width-mlp", "a-dropout-cnn", "a-dropout-mlp", "a-early-stopping-mlp",
    "a-learning-rates-mlp", "a-models", "a-optimizers-mlp", "a-shifted-images", "a-two-half-convolutions",
    "b-augmentation", "b-augmentation-turns", "b-conv-blocks", "b-dropout-2-layers", "b-dropout-4-layers",
    "b-network-size",
]  # fmt: skip
SGD, ADAM = Sgd(0.05, momentum=0.95), Adam(0.001)
ITS_OWN = {
    Rotation(10, border="nearest"), Shift(0.1, border="nearest"), Shear(0.05, border="nearest"),
    Zoom(0.05, border="nearest"), UpsideDown(),
}  # fmt: skip
"""The augmentation that source A trained with."""


@cache
def study(name: str) -> StudySpec:
    return load_study_spec(name)


@cache
def found(name: str, *, small: bool = False) -> dict[str, RunSpec]:
    """The arms of a study by their names."""
    spec = study(name).smaller() if small else study(name)
    return {arm.name: arm.spec for arm in arms(spec)}


def comment(name: str) -> str:
    lines = study_presets()[name].splitlines()
    return " ".join(line.removeprefix("# ") for line in lines[: lines.index("format = 1")])


def parameters(spec: RunSpec) -> int:
    return summarize(spec.network, (1, 28, 28), 10).parameters


def units(spec: RunSpec) -> list[int]:
    return [layer.units for layer in spec.network if isinstance(layer, Dense)]


def filters(spec: RunSpec) -> list[int]:
    return [layer.filters for layer in spec.network if isinstance(layer, Conv)]


def rates(spec: RunSpec) -> list[float]:
    return [layer.rate for layer in spec.network if isinstance(layer, Dropout)]


def paths(specs: Sequence[RunSpec]) -> set[str]:
    """In what runs differ."""
    told = differences({str(index): spec for index, spec in enumerate(specs)})
    return {path for settings in told.values() for path in settings}


def test_these_are_the_studies() -> None:
    assert list(study_presets()) == ALL


@pytest.mark.parametrize("name", ALL)
def test_each_says_what_the_source_did_and_what_differs(name: str) -> None:
    assert comment(name).startswith(f"Source {name[0].upper()}, ")
    assert "5,000 training images" in comment(name)
    assert re.search(r"[Ww]hat differs", comment(name))
    assert all(len(line) <= 120 for line in study_presets()[name].splitlines())
    assert study(name).question.endswith("?")


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_every_arm_can_run_on_held_out_images_and_differs_only_in_what_is_asked(name: str, small: bool) -> None:
    spec = study(name).smaller() if small else study(name)
    made = arms(spec)
    for arm in made:
        assert arm.spec.data == DataSpec("fashion-mnist", validation=5000, normalize="unit")
        assert faults(arm.spec, FASHION_MNIST) == []
        assert all("rate 0 and changes nothing" in note for note in notes(arm.spec, FASHION_MNIST))
    assert beyond_axes(spec, made) == ()
    assert not spec.about or set(spec.about) <= {
        "network", "network.dense_1", "augment", "phases[1].augment", "train.epochs", "train.batch_size",
        "train.optimizer", "train.schedule", "train.early_stop",
    }  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_a_first_look_has_the_same_arms_and_less_work(name: str) -> None:
    full, small = found(name), found(name, small=True)
    assert list(full) == list(small)
    for arm, spec in small.items():
        epochs = sum(stage.train.epochs for stage in spec.stages)
        assert epochs <= 50
        assert parameters(spec) <= parameters(full[arm])
        if isinstance(spec.train.schedule, Exponential) and not name.startswith("a-early"):
            whole = full[arm].train
            assert isinstance(whole.schedule, Exponential)
            share = whole.schedule.start_epoch / whole.epochs
            assert abs(spec.train.schedule.start_epoch / epochs - share) < 0.03


@pytest.mark.parametrize("name", ALL)
def test_arms_are_asked_about_nothing_else_on_the_way_to_a_first_look(name: str) -> None:
    """What differs between arms in a first look also differs in the full study."""
    assert paths(list(found(name, small=True).values())) <= paths(list(found(name).values()))


def test_the_second_sources_blocks_have_its_counts_of_parameters() -> None:
    counts = {name: parameters(spec) for name, spec in found("b-conv-blocks").items()}
    assert counts == {"one block": 31_450, "two blocks": 8_970, "three blocks": 3_610}
    assert all(f"{count:,}" in comment("b-conv-blocks") for count in counts.values())


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("b-")])
def test_the_second_source_trains_by_adadelta_at_1(name: str) -> None:
    assert "Adadelta at 1.0" in comment(name)
    for spec in found(name).values():
        assert all(stage.train.optimizer == Adadelta(1.0) for stage in spec.stages)


def test_the_second_sources_dense_networks() -> None:
    two, four = found("b-dropout-2-layers"), found("b-dropout-4-layers")
    assert [(units(spec), rates(spec)) for spec in two.values()] == [([512, 128], []), ([512, 128], [0.5])]
    assert [(units(spec), rates(spec)) for spec in four.values()] == [([128] * 4, []), ([128] * 4, [0.5] * 3)]


def test_the_second_sources_large_and_small_networks_are_augmented_as_it_says() -> None:
    augment = {Rotation(12, border="nearest"), Shear(7, border="nearest"), Shift(0.075, border="nearest"), Mirror()}
    large, small = found("b-network-size").values()
    assert (filters(large), units(large), rates(large)) == ([128, 256, 512], [1024] * 3, [0.7] * 3)
    assert (filters(small), units(small), rates(small)) == ([32, 64, 128], [512] * 3, [0.6] * 3)
    without, with_it = found("b-augmentation").values()
    assert (filters(with_it), units(with_it), rates(with_it)) == ([128, 256, 512], [1024] * 3, [0.7] * 3)
    assert not without.augment
    assert {*large.augment} == {*small.augment} == {*with_it.augment} == augment


def test_augmentation_takes_turns_after_1050_epochs() -> None:
    turns = {
        name: [(stage.train.epochs, bool(stage.augment)) for stage in spec.stages]
        for name, spec in found("b-augmentation-turns").items()
    }
    assert turns == {
        "on, on": [(1050, True), (50, True), (50, True)],
        "on, off": [(1050, True), (50, True), (50, False)],
        "off, on": [(1050, True), (50, False), (50, True)],
    }


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("a-") and name.endswith("-mlp")])
def test_the_first_sources_perceptrons_are_trained_as_it_says(name: str) -> None:
    for spec in found(name).values():
        assert (spec.train.epochs, spec.train.batch_size) == (50, 1024)
        assert spec.train.schedule == Exponential(factor=0.98, start_epoch=30)
        assert spec.train.optimizer == SGD or name in {"a-optimizers-mlp", "a-learning-rates-mlp"}


def test_the_first_sources_perceptrons() -> None:
    activations = found("a-activations-mlp")
    assert list(activations) == ["relu", "elu", "selu", "tanh", "sigmoid"]
    assert all((units(spec), rates(spec)) == ([60, 60], []) for spec in activations.values())
    assert {name: units(spec) for name, spec in found("a-depth-width-mlp").items()} == {
        "120": [120], "60-60": [60, 60], "120-120": [120, 120], "128-64-32": [128, 64, 32],
        "128-64-32-16": [128, 64, 32, 16],
    }  # fmt: skip
    assert all(rates(spec) == [0.2] * len(units(spec)) for spec in found("a-depth-width-mlp").values())
    assert [rates(spec) for spec in found("a-dropout-mlp").values()] == [[r, r] for r in (0, 0.1, 0.2, 0.3)]
    optimizers = [spec.train.optimizer for spec in found("a-optimizers-mlp").values()]
    assert optimizers == [SGD, ADAM, Adam(0.02)]
    assert all(units(spec) == [128, 64, 32] for spec in found("a-optimizers-mlp").values())
    stops = [spec.train.early_stop for spec in found("a-early-stopping-mlp").values()]
    assert stops == [None, EarlyStop("validation_loss", 10), EarlyStop("validation_loss", 3)]


def test_the_first_sources_convolutions() -> None:
    for name in ("a-activations-cnn", "a-dropout-cnn", "a-dense-head-cnn", "a-batch-size-cnn"):
        for spec in found(name).values():
            assert filters(spec) == [32, 32, 32]
            assert (spec.train.epochs, spec.train.early_stop) == (150, EarlyStop("validation_loss", 10))
            assert (spec.train.optimizer, spec.train.batch_size) == (ADAM, 1024) or name == "a-batch-size-cnn"
    assert [rates(spec)[0] for spec in found("a-dropout-cnn").values()] == [0, 0.1, 0.2, 0.3]
    assert [spec.train.batch_size for spec in found("a-batch-size-cnn").values()] == [128, 256, 512, 1024]
    heads = found("a-dense-head-cnn")
    assert {name: units(spec) for name, spec in heads.items()} == {"none": [], "30": [30], "60": [60]}
    assert all(rates(spec) == [0.2] * 3 for spec in heads.values())


def test_the_first_sources_last_network() -> None:
    for name in ("a-batch-norm-augmentation", "a-two-half-convolutions", "a-augmentation-setups"):
        for spec in found(name).values():
            train = spec.train
            assert (train.optimizer, train.batch_size, train.epochs) == (Adam(0.02), 256, 200)
            assert train.early_stop == EarlyStop("validation_loss", 20)
    pairs, single = found("a-two-half-convolutions").values()
    assert filters(pairs) == [196, 196, 92, 92, 48, 48]
    assert filters(single) == [2 * count for count in (196, 92, 48)]
    for spec, norms in ((pairs, 8), (single, 5)):
        assert sum(isinstance(layer, BatchNorm) for layer in spec.network) == norms


def test_batch_normalization_is_crossed_with_augmentation_and_with_dropout() -> None:
    def norms(spec: RunSpec) -> int:
        return sum(isinstance(layer, BatchNorm) for layer in spec.network)

    augmented = [(norms(spec), len(spec.augment)) for spec in found("a-batch-norm-augmentation").values()]
    assert augmented == [(8, 2), (8, 0), (0, 2), (0, 0)]
    dropped = [(norms(spec), rates(spec)) for spec in found("a-batch-norm-dropout").values()]
    assert dropped == [(3, [0.1] * 3), (3, []), (0, [0.1] * 3), (0, [])]


def test_augmentation_one_at_a_time_and_as_the_source_had_it() -> None:
    geometry = found("a-augmentation-geometry")
    near = {"border": "nearest"}
    assert [spec.augment for name, spec in geometry.items() if name != "the source's own"] == [
        (), (UpsideDown(),), (Mirror(),), (Rotation(10, **near),), (Rotation(5, **near),), (Shift(0.1, **near),),
        (Zoom(0.05, **near),), (Shear(0.05, **near),), (Shear(5, **near),),
    ]  # fmt: skip
    assert {*geometry["the source's own"].augment} == {*found("a-augmentation-setups")["as it was"].augment} == ITS_OWN
    assert [spec.augment for spec in found("a-augmentation-brightness").values()] == [
        (), (Brightness(0.2),), (Brightness(0.5),), (Brightness(1.0),), (IntensityShift(0.1),), (IntensityShift(0.3),),
    ]  # fmt: skip


def test_models_keep_the_training_that_they_were_given() -> None:
    linear, perceptron, convolutions = found("a-models").values()
    assert linear.train.schedule == Exponential(factor=0.9875, start_epoch=150)
    assert (linear.train.epochs, linear.train.optimizer, units(linear)) == (300, SGD, [])
    assert (perceptron.train.optimizer, units(perceptron)) == (SGD, [120, 120])
    assert (convolutions.train.optimizer, convolutions.train.batch_size) == (ADAM, 256)


def test_an_arm_can_have_settings_of_its_own_in_a_first_look() -> None:
    base = study("a-models").base.to_json()
    by_hand = [
        {"name": "wide", "set": {"network.conv_1.filters": 64, "train.batch_size": 32},
         "small": {"network.conv_1.filters": 8}},
        {"name": "as it is", "set": {"train.batch_size": 32}},
    ]  # fmt: skip
    small = {"set": {"network.conv_1.filters": 4, "train.epochs": 2}, "target": 0.5}
    spec = study_from_plain({"base": base, "arms": by_hand, "target": 0.9, "small": small})

    def widths(found: Sequence[Arm]) -> list[tuple[int, int, int]]:
        return [(filters(arm.spec)[0], arm.spec.train.batch_size, arm.spec.train.epochs) for arm in found]

    assert widths(arms(spec)) == [(64, 32, 40), (32, 32, 40)]
    assert widths(arms(spec.smaller())) == [(8, 32, 2), (4, 32, 2)]
    assert (spec.target, spec.smaller().target) == (0.9, 0.5)
    unlike = [{**by_hand[0], "small": {}}, by_hand[1]]
    assert study_from_plain({"base": base, "arms": unlike, "target": 0.9}).content_id == spec.content_id
