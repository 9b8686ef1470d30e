"""Studies as plain data: what varies, which arms that makes, and what differs beside."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from fittingroom.errors import InvalidSpec, NotFound
from fittingroom.spec.arms import Arm, arms, beyond_axes, control_among, seeds_of, spec_of
from fittingroom.spec.run import load_run_spec
from fittingroom.spec.study import StudySpec, load_study_spec, study_from_plain, study_presets

MLP = load_run_spec("mlp").to_json()


def study(**more: Any) -> StudySpec:
    return study_from_plain({"name": "s", "base": MLP, **more})


def names(found: tuple[Arm, ...]) -> list[str]:
    return [arm.name for arm in found]


@pytest.mark.parametrize("name", study_presets())
def test_a_shipped_study_has_arms_as_it_is_and_as_a_first_look(name: str) -> None:
    spec = load_study_spec(name)
    assert spec.question
    assert spec.small is not None
    assert len(arms(spec)) == len(arms(spec.smaller())) >= 2


def test_a_study_survives_toml_and_json() -> None:
    spec = study(
        vary={"train.batch_size": [128, 256], "train.optimizer.learning_rate": {"low": 0.01, "high": 0.1, "log": True}},
        search={"method": "random", "trials": 4},
        set={"network.dense_*.units": 60},
        small={"set": {"train.epochs": 2}, "seeds": 2},
    )
    assert study_from_plain(tomllib.loads(spec.to_toml())) == spec
    assert study_from_plain(json.loads(json.dumps(spec.to_json()))) == spec


def test_axes_cross_and_a_star_stands_for_the_layers_that_have_such_a_setting() -> None:
    found = arms(study(vary={"network.*.activation": ["relu", "tanh"], "train.batch_size": [128, 256]}))
    assert names(found) == [
        "relu, batch size 128", "relu, batch size 256", "tanh, batch size 128", "tanh, batch size 256",
    ]  # fmt: skip
    layers = {layer.name: getattr(layer, "activation", "none") for layer in found[2].spec.network}
    assert layers == {
        "flatten_1": "none", "dense_1": "tanh", "dropout_1": "none", "dense_2": "tanh", "dropout_2": "none",
        "classify_1": "none",
    }  # fmt: skip
    assert found[1].settings == {"network.*.activation": "relu", "train.batch_size": "256"}


def test_whole_layers_and_lists_are_varied_by_with_and_without() -> None:
    augment = [{"kind": "rotation", "degrees": 10}, {"kind": "mirror"}]
    with_it = {**MLP, "augment": augment}
    found = arms(study(base=with_it, vary={"augment": ["with", "without"], "network.dropout_*": ["with", "without"]}))
    shapes = [(len(arm.spec.augment), sum(layer.layer == "dropout" for layer in arm.spec.network)) for arm in found]
    assert shapes == [(2, 2), (2, 0), (0, 2), (0, 0)]
    alone = arms(study(base=with_it, vary={"augment": [[], [augment[0]], [augment[1]]]}))
    assert names(alone) == ["none", "rotation degrees 10", "mirror"]


def test_layers_keep_their_names_when_others_are_left_out() -> None:
    rates = (0.1, 0.2, 0.3)
    dropouts = [{"layer": "dropout", "rate": rate} for rate in rates]
    network = [{"layer": "flatten"}, *dropouts, {"layer": "classify"}]
    found = arms(study(set={"network": network}, vary={"network.dropout_*": ["with", "without"]}))
    assert names(found) == ["with dropout", "without dropout"]
    assert [layer.layer for layer in found[1].spec.network] == ["flatten", "classify"]
    one = {"name": "one", "set": {"network.dropout_1": "without", "network.dropout_2": "without"}}
    (left,) = [layer for layer in arms(study(set={"network": network}, arms=[one, {"name": "all"}]))[0].spec.network
               if layer.layer == "dropout"]  # fmt: skip
    assert (left.name, left.rate) == ("dropout_3", 0.3)
    augment = [{"kind": "rotation", "degrees": degrees} for degrees in (1, 2, 3)]
    turned = arms(study(set={"augment": augment}, vary={"augment.rotation_*": ["with", "without"]}))
    assert [len(arm.spec.augment) for arm in turned] == [3, 0]


def test_every_arm_has_the_same_seeds_and_differs_in_nothing_else() -> None:
    spec = study(base={**MLP, "seed": 5}, vary={"train.batch_size": [128, 256]}, seeds=2)
    one, other = arms(spec)
    assert seeds_of(spec) == (5, 6)
    assert spec_of(one, 6).seed == 6
    assert beyond_axes(spec, (one, other)) == ()


def test_what_an_arm_is_decides_its_key_and_not_what_it_is_called() -> None:
    by_hand = [{"name": "small", "set": {"train.batch_size": 128}}, {"name": "large", "set": {"train.batch_size": 256}}]
    axis = arms(study(vary={"train.batch_size": [256, 128]}))
    assert {arm.key for arm in axis} == {arm.key for arm in arms(study(arms=by_hand))}


def test_what_differs_beside_the_axes_is_told() -> None:
    linear = load_run_spec("linear").to_json()
    models = [{"name": "linear", "base": linear}, {"name": "perceptron"}]
    spec = study(arms=models)
    assert {"network", "train.epochs"} <= set(beyond_axes(spec, arms(spec)))
    told = study(arms=models, about=["network"])
    assert "network" not in beyond_axes(told, arms(told))
    assert "train.epochs" in beyond_axes(told, arms(told))
    two = study(arms=[{"name": "a", "set": {"train.batch_size": 128, "train.epochs": 3}}, {"name": "b"}])
    assert beyond_axes(two, arms(two)) == ("train.batch_size", "train.epochs")
    one = study(arms=[{"name": "a", "set": {"train.optimizer.momentum": 0.5}}, {"name": "b"}])
    assert beyond_axes(one, arms(one)) == ()


def test_a_random_search_draws_the_same_arms_every_time_within_its_ranges() -> None:
    vary = {"train.optimizer.learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}, "train.batch_size": [64, 128]}
    spec = study(vary=vary, search={"trials": 12, "seed": 3})
    found = arms(spec)
    assert found == arms(spec)
    rates = [arm.spec.train.optimizer.learning_rate for arm in found]
    assert all(1e-3 <= rate <= 1e-1 for rate in rates)
    assert min(rates) < 1e-2 < max(rates)
    assert names(arms(study(vary=vary, search={"trials": 12, "seed": 4}))) != names(found)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "nothing varies"),
        ({"vary": {"train.batch_size": [128]}}, "varies nothing; give two values or more"),
        ({"vary": {"train": {"batch_size": [128, 256]}}}, 'put the path in quotes: "train.batch_size"'),
        ({"vary": {"train.batch_size": 128}}, "neither a list of values nor a range"),
        ({"vary": {"train.batch_size": [128, 128]}}, "128 and 128 are the same run"),
        ({"vary": {"train.batch_size": [128, "x"]}}, "in its arm x|whole number"),
        ({"vary": {"train.batch_sise": [128, 256]}}, 'did you mean "batch_size"'),
        ({"vary": {"network.*.activatio": ["relu", "elu"]}}, 'did you mean "activation"'),
        ({"vary": {"network.conv_9.filters": [1, 2]}}, 'no "network.conv_9"'),
        ({"vary": {"train.batch_size": {"low": 1, "high": 3}}}, r"list values, or add \[search\]"),
        ({"vary": {"train.batch_size": {"low": 3, "high": 1}}}, "not above low"),
        ({"vary": {"train.batch_size": {"low": 0, "high": 1, "log": True}}}, "no logarithm"),
        ({"vary": {"train.batch_size": list(range(1, 300))}}, "more than 200"),
        (
            {"vary": {"train.batch_size": [128, 256]}, "control": "265"},
            '"265" is no arm of this study; did you mean "256"',
        ),
        (
            {"vary": {"train.batch_size": [128, 256]}, "control": "128", "search": {"trials": 4}},
            "the arms of a search are not known beforehand; leave it out",
        ),
        (
            {"arms": [{"name": "a", "small": {"train.epochs": 1}}, {"name": "b", "set": {"train.epochs": 9}}]},
            r"settings for a first look, and the study has none; add \[small\]",
        ),
        ({"varry": {}}, 'did you mean "vary"'),
        ({"format": 2}, "upgrade Fitting Room"),
    ],
)
def test_what_is_wrong_with_a_study_is_told(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidSpec, match=told):
        arms(study(**wrong))


@pytest.mark.parametrize("control", ["256", "batch size 256"])
def test_a_control_is_one_of_the_arms_and_changes_none_of_the_runs(control: str) -> None:
    with_control, plain = (study(vary={"train.batch_size": [128, 256]}, **more) for more in ({"control": control}, {}))
    assert control_among(with_control, [arm.name for arm in arms(with_control)]) == 1
    assert control_among(plain, [arm.name for arm in arms(plain)]) is None
    assert with_control.content_id == plain.content_id
    assert study_from_plain(tomllib.loads(with_control.to_toml())).control == control


def test_a_base_is_a_preset_a_file_beside_the_study_or_a_table(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(load_run_spec("linear").to_toml())
    file = tmp_path / "study.toml"
    for base in ('base = "linear"', 'base = "mine.toml"'):
        file.write_text(f'{base}\n[vary]\n"train.batch_size" = [128, 256]\n')
        spec = load_study_spec(file)
        assert spec.name == "study"
        assert spec.base.network == load_run_spec("linear").network
    file.write_text('base = "nowhere.toml"\n[vary]\n"train.batch_size" = [128, 256]\n')
    with pytest.raises(NotFound, match=r"nowhere\.toml"):
        load_study_spec(file)
    with pytest.raises(NotFound, match="did you mean"):
        load_study_spec("a-activations-mpl")


@pytest.mark.parametrize(
    ("wrong", "path", "told"),
    [
        ({"measure": "epochs_to_target"}, "target", "is missing"),
        ({"set": {"train.batch_size": 64}}, 'set."train.batch_size"', "is what varies"),
        ({"small": {"set": {"train.batch_size": 64}}}, 'small.set."train.batch_size"', "is what varies"),
        ({"arms": [{"name": "a", "set": {"train.batch_size": 64}}]}, 'arms.a.set."train.batch_size"', "is what varies"),
    ],
)
def test_what_would_be_swallowed_is_a_fault(wrong: dict[str, Any], path: str, told: str) -> None:
    with pytest.raises(InvalidSpec, match=told) as caught:
        study(vary={"train.batch_size": [128, 256]}, **wrong)
    assert path in str(caught.value)


def test_a_layer_that_is_not_there_cannot_be_left_out() -> None:
    with pytest.raises(InvalidSpec, match=r'there is no "network\.dense_9"; did you mean'):
        arms(study(vary={"network.dense_9": ["with", "without"]}))
