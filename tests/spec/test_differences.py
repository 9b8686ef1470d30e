"""How specs differ: only what is not the same in all, by the paths that --set knows."""

from __future__ import annotations

import pytest

from fittingroom.spec.differences import differences, told
from fittingroom.spec.layers import AnyLayer, Classify, Conv, Dense, Dropout, Flatten, GlobalPool, MaxPool
from fittingroom.spec.run import RunSpec, changed, from_plain, from_toml, presets
from fittingroom.spec.settings import settings_of, value_at

MLP = from_toml(presets()["mlp"])


def stacked(*layers: AnyLayer) -> RunSpec:
    return RunSpec(data=MLP.data, network=(*layers, Classify()))


def of_networks(*networks: RunSpec) -> list[dict[str, str]]:
    return list(differences({str(index): spec for index, spec in enumerate(networks)}).values())


def test_nothing_differs_between_the_same() -> None:
    written_out = from_plain({**MLP.to_json(), "name": "another name"})
    kept = changed(MLP, ["train.keep_checkpoints=3"])
    assert differences({"a": MLP, "b": written_out, "c": kept}) == {"a": {}, "b": {}, "c": {}}
    assert differences({"a": MLP}) == {"a": {}}
    assert differences({}) == {}


def test_only_what_differs_is_told_in_reading_order() -> None:
    other = changed(MLP, ["seed=3", "train.batch_size=64", "data.validation=0.1", "network.dropout_1.rate=0.3"])
    found = differences({"mlp-1": MLP, "mlp-2": other})
    assert told(found["mlp-1"]) == [
        "data.validation = 5000", "network.dropout_1.rate = 0.2", "train.batch_size = 1024", "seed = 0",
    ]  # fmt: skip
    assert told(found["mlp-2"]) == [
        "data.validation = 0.1", "network.dropout_1.rate = 0.3", "train.batch_size = 64", "seed = 3",
    ]  # fmt: skip


def test_paths_are_those_that_settings_are_changed_by() -> None:
    other = changed(MLP, ["seed=3", "train.loss.label_smoothing=0.1", "network.dense_1.units=30"])
    found = differences({"a": MLP, "b": other})
    assert changed(MLP, [f"{path}={value}" for path, value in found["b"].items()]) == other


def test_parameters_of_another_optimizer_count_only_where_they_are_set() -> None:
    adam = changed(MLP, ['train.optimizer={ name = "adam", learning_rate = 0.05 }'])
    found = differences({"sgd": MLP, "adam": adam})
    assert found["sgd"] == {"train.optimizer": "sgd", "train.optimizer.momentum": "0.95"}
    assert found["adam"] == {"train.optimizer": "adam"}
    slow = changed(adam, ["train.optimizer.beta_1=0.8"])
    assert differences({"sgd": MLP, "adam": slow})["adam"] == {
        "train.optimizer": "adam",
        "train.optimizer.beta_1": "0.8",
    }


def test_what_is_left_out_reads_as_none() -> None:
    other = changed(MLP, ["train.early_stop=none", "train.budget=90s", "train.clip_norm=1.5"])
    found = differences({"a": MLP, "b": other})
    assert found["b"] == {"train.early_stop": "none", "train.clip_norm": "1.5", "train.budget": "90s"}
    assert found["a"] == {
        "train.early_stop": "on",
        "train.early_stop.patience": "10",
        "train.clip_norm": "none",
        "train.budget": "none",
    }


def test_a_start_is_called_by_its_source() -> None:
    begun = from_plain({**MLP.to_json(), "start": {"source": "starter-1", "weights": "last"}})
    assert differences({"a": MLP, "b": begun}) == {
        "a": {"start": "none"},
        "b": {"start": "starter-1", "start.weights": "last"},
    }


def test_other_layers_are_told_without_those_that_all_have() -> None:
    plain = stacked(Flatten(), Dense(64))
    dropped = stacked(Flatten(), Dense(64), Dropout(0.3))
    assert told(of_networks(plain, dropped)[0]) == ["network: nothing more"]
    assert told(of_networks(plain, dropped)[1]) == ["network: dropout 0.3"]
    smaller, *_ = of_networks(stacked(Flatten(), Dense(30)), dropped)
    assert told(smaller) == ["network: dense 30"]


def test_layers_that_repeat_are_counted() -> None:
    block = (Conv(32), MaxPool(), Dropout(0.1))
    deep, linear = of_networks(stacked(*block, *block, *block, Flatten(), Dense(30)), stacked(Flatten()))
    assert deep == {"network": "3 × (conv 32, max_pool, dropout 0.1), dense 30"}
    assert linear == {"network": "nothing more"}
    twice, _ = of_networks(stacked(Dense(9), Dense(9), Flatten(), Dropout(0.5)), stacked(Flatten()))
    assert twice == {"network": "2 × dense 9, dropout 0.5"}


def test_what_differs_between_networks_of_one_shape_has_a_path_of_its_own() -> None:
    """So that a sweep can be told apart beside another network, and chosen by its family."""
    narrow, wide, linear = of_networks(stacked(Flatten(), Dense(30)), stacked(Flatten(), Dense(60)), stacked(Flatten()))
    assert narrow == {"network": "dense", "network.dense_1.units": "30"}
    assert wide == {"network": "dense", "network.dense_1.units": "60"}
    assert linear == {"network": "nothing more"}


def test_a_setting_that_is_not_the_same_everywhere_is_said_with_its_layer() -> None:
    one, other = of_networks(stacked(Conv(8, 5), GlobalPool()), stacked(Conv(8), Flatten()))
    assert one == {"network": "conv 8 kernel 5, global_pool"}
    assert other == {"network": "conv 8, flatten"}


DROPPED = (
    ((Dropout(0.1), Flatten()), "dropout 0.1, flatten, classify"),
    ((Flatten(), Dropout(0.1)), "flatten, dropout 0.1, classify"),
)
"""The same layers in another order."""
RENAMED = (
    ((Flatten(), Dense(3)), "flatten flatten_1, dense dense_1 3, classify classify_1"),
    ((Flatten(), Dense(3, name="x")), "flatten flatten_1, dense x 3, classify classify_1"),
)
"""The same layers by another name, which decides their initial weights."""


@pytest.mark.parametrize("pair", [DROPPED, RENAMED])
def test_networks_that_differ_never_read_the_same(pair: tuple[tuple[tuple[AnyLayer, ...], str], ...]) -> None:
    found = of_networks(*(stacked(*layers) for layers, _ in pair))
    assert [each["network"] for each in found] == [text for _, text in pair]


def test_operations_of_the_augmentation_are_told_like_layers() -> None:
    plain = MLP.to_json()
    some = [from_plain({**plain, "augment": [{"kind": "rotation", "degrees": degrees}]}) for degrees in (5, 12.5)]
    assert [each["augment.rotation_1.degrees"] for each in of_networks(*some)] == ["5", "12.5"]
    more = from_plain({**plain, "augment": [{"kind": "rotation", "degrees": 5}, {"kind": "mirror"}]})
    found = of_networks(MLP, some[0], more)
    assert [told(each) for each in found] == [
        ["augment: none"], ["augment: rotation 5"], ["augment: rotation 5, mirror 0.5"],
    ]  # fmt: skip


def test_the_value_at_a_path_is_that_of_the_run_alone() -> None:
    settings = settings_of(MLP)
    found = {path: value_at(settings, path) for path in ("train.optimizer", "network.dropout_1.rate", "seed")}
    assert found == {"train.optimizer": "sgd", "network.dropout_1.rate": "0.2", "seed": "0"}
    for nothing in ("train.optimizer.beta_1", "network.dropout_9.rate", "network.dropout_1.x", "x", "", "seed.x.y"):
        assert value_at(settings, nothing) is None
    other_rate = settings_of(changed(MLP, ["network.dropout_1.rate=0.3"]))
    assert value_at(settings, "network") == value_at(other_rate, "network")
    assert value_at(settings, "network") != value_at(settings_of(stacked(Flatten())), "network")


def test_phases_are_compared_one_by_one() -> None:
    phase = {"name": "pretrain", "train": {"epochs": 2}}
    phased, other = (
        from_plain({**MLP.to_json(), "phases": [{**phase, **more}]})
        for more in ({}, {"name": "before", "data": {"source": "digits"}, "augment": []})
    )
    found = differences({"none": MLP, "one": phased, "other": other})
    assert found["none"] == {"phases": "none"}
    assert found["one"] == {
        "phases": "1",
        "phases[0].data": "none",
        "phases[0].augment": "the run's own",
        "phases[0].train.epochs": "2",
    }
    assert found["other"] == {
        "phases": "1",
        "phases[0].data": "digits",
        "phases[0].augment": "none",
        "phases[0].train.epochs": "2",
    }
