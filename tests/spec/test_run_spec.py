"""A run as TOML, JSON and plain data: round trips, identity and overrides."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pydantic
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from fittingroom.errors import InvalidInput, InvalidSpec
from fittingroom.spec.data import DataSpec
from fittingroom.spec.layers import Classify, Conv, Dropout, Flatten
from fittingroom.spec.run import RunSpec, from_plain, from_toml
from fittingroom.spec.train import Adam, EarlyStop, Sgd, TrainSpec
from tests.spec.conftest import TOML


def test_a_file_reads_as_records() -> None:
    spec = from_toml(TOML)
    assert spec.name == "three layers"
    assert spec.seed == 7
    assert spec.data == DataSpec("fashion-mnist", validation=5000)
    assert spec.network == (
        Conv(32, activation="relu", name="conv_1"),
        Flatten(name="vector"),
        Classify(name="classify_1"),
    )
    assert [operation.kind for operation in spec.augment] == ["shift"]
    assert spec.train.optimizer == Sgd(0.1, momentum=0.9)
    assert spec.train.early_stop == EarlyStop(patience=4)
    assert spec.train.learning_rate(0.25) == pytest.approx(0.1 * 0.5 * 0.98296, rel=1e-5)


# Values of every record, made from the schema that forms will be made from.

SCHEMA = pydantic.TypeAdapter(RunSpec).json_schema()


def values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Plain data that the schema allows."""
    if "$ref" in schema:
        return tables(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema or "oneOf" in schema:
        return st.one_of([values(inner) for inner in schema.get("anyOf", schema.get("oneOf"))])
    match schema["type"]:
        case "array":
            return st.lists(values(schema["items"]), max_size=4)
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema["minimum"], schema.get("maximum"))
        case "number":
            return st.floats(
                schema.get("minimum", schema.get("exclusiveMinimum")),
                schema.get("maximum", schema.get("exclusiveMaximum")),
                exclude_min="exclusiveMinimum" in schema,
                exclude_max="exclusiveMaximum" in schema,
                allow_nan=False,
                allow_infinity=False,
            )
        case "string":
            text = st.from_regex(schema["pattern"].replace("$", r"\Z"))
            return text.filter(lambda value: schema["minLength"] <= len(value) <= schema["maxLength"]).filter(writable)
        case "null":
            return st.none()
    raise AssertionError(f"no strategy for {schema}")


def writable(text: str) -> bool:
    """Whether UTF-8 can write it: no halves of surrogate pairs."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def tables(schema: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A table with all required keys, its tag, and any of the others."""
    properties = {name: values(inner) for name, inner in schema["properties"].items()}
    needed = {*schema.get("required", ()), *({"layer", "kind", "name"} & properties.keys())}
    if "layer" in properties:
        needed.discard("name")
    return st.fixed_dictionaries(
        {name: value for name, value in properties.items() if name in needed},
        optional={name: value for name, value in properties.items() if name not in needed},
    )


def without_none(value: Any) -> Any:
    """As TOML has it, which has no null."""
    if isinstance(value, list):
        return [without_none(item) for item in value]
    if isinstance(value, dict):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    return value


all_specs = settings(
    max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


@all_specs
@given(tables(SCHEMA))
def test_whatever_the_schema_allows_survives_toml_and_json(plain: dict[str, Any]) -> None:
    spec = from_plain(plain)
    assert from_plain(without_none(plain)) == spec, "none is the same as left out"
    for back in (from_toml(spec.to_toml()), from_plain(json.loads(json.dumps(spec.to_json())))):
        assert back == spec
        assert back.name == spec.name
        assert back.content_id == spec.content_id
        assert [layer.name for layer in back.network] == [layer.name for layer in spec.network]


def test_the_test_above_sees_every_record() -> None:
    assert {"Conv", "Residual", "Erasing", "OneCycle", "RmsProp", "EarlyStop", "DataSpec"} <= SCHEMA["$defs"].keys()
    assert len(SCHEMA["$defs"]) == 13 + 11 + 6 + 5 + 6, "layers, operations, optimizers, schedules, and the tables"


def test_json_holds_every_default_and_toml_none() -> None:
    spec = RunSpec(data=DataSpec("photos"), network=(Flatten(), Classify()))
    assert spec.to_toml() == (
        "format = 1\n"
        "network = [\n"
        '    { layer = "flatten", name = "flatten_1" },\n'
        '    { layer = "classify", name = "classify_1" },\n'
        "]\n"
        "\n"
        "[data]\n"
        'source = "photos"\n'
    )
    written = spec.to_json()
    assert written["train"]["epochs"] == 10
    assert written["train"]["optimizer"] == {
        "name": "adam",
        "learning_rate": 0.001,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-7,
    }
    assert written["network"][1] == {"layer": "classify", "name": "classify_1", "initializer": "glorot_uniform"}
    assert list(written) == ["format", "name", "seed", "data", "augment", "network", "phases", "train"]


MINIMAL = {"data": {"source": "photos"}, "network": [{"layer": "flatten"}, {"layer": "classify"}]}


def test_the_content_id_is_stable() -> None:
    """It is stored with every run; a change here makes every stored run a stranger to its own spec."""
    assert from_plain(MINIMAL).content_id == "d8d314aea27d1f2b79b28c749b366f7a0fae0face9e7195294a7ade03f1149c5"


@pytest.mark.parametrize(
    "same",
    [
        {"name": "another name"},
        {"seed": 0, "format": 1, "augment": []},
        {"data": {"source": "photos", "validation": 0.1, "normalize": "standard"}},
        {
            "network": [
                {"layer": "flatten", "name": "flatten_1"},
                {"layer": "classify", "initializer": "glorot_uniform"},
            ]
        },
        {"train": {"epochs": 10, "optimizer": {"name": "adam"}, "schedule": {"warmup": 0, "name": "constant"}}},
        {"train": {"schedule": {"name": "constant", "warmup": -0.0}}},
        {"train": {"early_stop": None}},
    ],
)
def test_the_content_id_sees_neither_names_nor_written_defaults(same: dict[str, Any]) -> None:
    assert from_plain({**MINIMAL, **same}).content_id == from_plain(MINIMAL).content_id


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"data": {"source": "clothes"}},
        {"data": {"source": "photos", "split_seed": 1}},
        {"data": {"source": "photos", "validation": 1}},
        {"augment": [{"kind": "mirror"}]},
        {"network": [{"layer": "classify"}, {"layer": "flatten"}]},
        {"network": [{"layer": "flatten", "name": "vector"}, {"layer": "classify"}]},
        {"train": {"epochs": 11}},
        {"train": {"optimizer": {"name": "adam", "epsilon": 1e-8}}},
        {"train": {"early_stop": {}}},
        {"train": {"class_weights": "balanced"}},
    ],
)
def test_the_content_id_sees_everything_else(other: dict[str, Any]) -> None:
    assert from_plain({**MINIMAL, **other}).content_id != from_plain(MINIMAL).content_id


def test_the_order_of_operations_counts_for_the_content_id() -> None:
    mirror, noise = {"kind": "mirror"}, {"kind": "noise"}
    ids = {from_plain({**MINIMAL, "augment": order}).content_id for order in ([mirror, noise], [noise, mirror])}
    assert len(ids) == 2


# Overrides


def changed(*overrides: str) -> RunSpec:
    return from_toml(TOML, overrides=overrides)


def test_overrides_set_values_by_path() -> None:
    spec = changed("train.epochs=9", " seed = 3 ", "data.source=my photos", "train.optimizer.learning_rate=1e-3")
    assert (spec.train.epochs, spec.seed, spec.data.source) == (9, 3, "my photos")
    assert spec.train.optimizer == Sgd(0.001, momentum=0.9)


def test_overrides_may_set_whole_tables_and_lists() -> None:
    spec = changed('train.optimizer={ name = "adam" }', "augment=[]", "train.class_weights=[1, 2, 3.5]")
    assert (spec.train.optimizer, spec.augment, spec.train.class_weights) == (Adam(), (), (1.0, 2.0, 3.5))


def test_overrides_may_make_tables() -> None:
    spec = from_toml('[data]\nsource = "x"\n[[network]]\nlayer = "flatten"', overrides=["train.early_stop.patience=2"])
    assert spec.train == TrainSpec(early_stop=EarlyStop(patience=2))


def test_overrides_leave_settings_out_by_none() -> None:
    spec = changed("train.early_stop=none", "network.conv_1.activation=none", "train.clip_norm=none")
    assert spec.train.early_stop is None
    assert spec.network[0] == Conv(32, name="conv_1")


@pytest.mark.parametrize("path", ["network.conv_1", "network.0", "network[0]"])
def test_overrides_find_layers_by_name_and_index(path: str) -> None:
    assert changed(f"{path}.filters=64").network[0] == Conv(64, activation="relu", name="conv_1")


def test_overrides_find_layers_by_the_names_that_they_will_have() -> None:
    text = """
        data = { source = "x" }
        network = [
            { layer = "conv", filters = 1 },
            { layer = "conv", filters = 2, name = "conv_1" },
            { layer = "conv", filters = 3, name = "eyes" },
            { layer = "conv", filters = 4 },
        ]
    """
    for layer in from_toml(text).network:
        after = from_toml(text, overrides=[f"network.{layer.name}.filters=99"]).network
        assert [new.name for new in after if new.filters == 99] == [layer.name]  # type: ignore[union-attr]


def test_overrides_find_operations_by_kind_and_number() -> None:
    assert changed("augment.shift_1.fraction=0.3").augment[0].fraction == 0.3  # type: ignore[union-attr]


def test_overrides_apply_in_their_order() -> None:
    assert changed("seed=1", "seed=2").seed == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epochs", '"train.epochs" sets nothing; write it as path=value, for instance train.epochs=1'),
        ("=1", '"=1" sets nothing; write it as path=value, for instance train.epochs=1'),
        ("", '"" sets nothing; write it as path=value, for instance train.epochs=1'),
        ("train..epochs=1", '"train..epochs=1" sets nothing; write it as path=value, for instance train.epochs=1'),
        ("train.epochs.deep=1", '"train.epochs" is a value, not a table; set it directly'),
        ("train.epochs.very.deep=1", '"train.epochs" is a value, not a table; set it directly'),
        ("network.conv_2.filters=1", 'there is no "network.conv_2"; did you mean "conv_1"?'),
        ("network.7.filters=1", 'there is no "network.7"; known are: classify_1, conv_1, vector'),
        ("network.-1.filters=1", 'there is no "network.-1"; known are: classify_1, conv_1, vector'),
        (
            "network.conv_1=64",
            '"network.conv_1" is a whole item of a list; add the setting to change, as in network.conv_1.SETTING=64',
        ),
    ],
)
def test_overrides_that_lead_nowhere(override: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        changed(override)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        ("train.epoch=1", 'train.epoch: unknown key "epoch"; did you mean "epochs"?'),
        ("train.epochs=0", "train.epochs: should be greater than or equal to 1, not 0; use 1 or more"),
        ("train.epochs=", "train.epochs: should be a whole number, not ''; give a whole number"),
        ("train.epochs=1\nseed=2", "train.epochs: should be a whole number, not '1\\nseed=2'; give a whole number"),
        ("seed=" + "9" * 5000, f"seed: should be a whole number, not '{'9' * 58}…; write it without quotes"),
        ("name=3", "name: should be text, not 3; put it in quotes"),
        (
            "train.optimizer=adam",
            "train.optimizer: should be a table of settings, not 'adam'; write { name = \"adam\" }",
        ),
        ("netwrok.conv_1.filters=1", 'netwrok: unknown key "netwrok"; did you mean "network"?'),
        ("network=3", "network: should be a list, not 3; give a list"),
    ],
)
def test_overrides_are_checked_like_the_file(override: str, fault: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        changed(override)
    assert str(caught.value) == f"the spec has faults:\n  {fault}"


@pytest.mark.parametrize("network", ['["flatten"]', "[{ layer = [1], name = [2] }]", "[[1]]", "[{}]"])
def test_overrides_of_a_broken_file_are_no_bug(network: str) -> None:
    with pytest.raises(InvalidInput):
        from_toml(f"network = {network}", overrides=["network.0.filters=1"])


def test_replace_checks_and_names_layers() -> None:
    spec = dataclasses.replace(from_plain(MINIMAL), network=(Dropout(0.1), Flatten(), Classify()))
    assert [layer.name for layer in spec.network] == ["dropout_1", "flatten_1", "classify_1"]
