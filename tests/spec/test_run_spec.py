"""A run as TOML, JSON and plain data: round trips, identity, overrides, and every mistake with its message."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pydantic
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from fittingroom.errors import InvalidInput, InvalidSpec, NotFound
from fittingroom.spec.data import DataSpec
from fittingroom.spec.layers import Classify, Conv, Dropout, Flatten
from fittingroom.spec.run import RunSpec, from_plain, from_toml, load_run_spec, presets
from fittingroom.spec.train import Adam, EarlyStop, Sgd, TrainSpec

TOML = """
format = 1
name = "three layers"
seed = 7

[data]
source = "fashion-mnist"
validation = 5000

[[augment]]
kind = "shift"
fraction = 0.1

[[network]]
layer = "conv"
filters = 32
activation = "relu"
[[network]]
layer = "flatten"
name = "vector"
[[network]]
layer = "classify"

[train]
epochs = 3
optimizer = { name = "sgd", learning_rate = 0.1, momentum = 0.9 }
schedule = { name = "cosine", warmup = 0.5 }
early_stop = { patience = 4 }
"""


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
    assert len(SCHEMA["$defs"]) == 13 + 11 + 5 + 5 + 4, "layers, operations, optimizers, schedules, and the tables"


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
    assert list(written) == ["format", "name", "seed", "data", "augment", "network", "train"]


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


# Mistakes in files


DATA_KEYS = "write a table with the keys source, validation, split_seed, normalize"
SHIPPED = "cnn, cnn-bn, cnn-bn-full, linear, mlp, starter"


def told(plain: Any) -> list[str]:
    with pytest.raises(InvalidSpec) as caught:
        from_plain(plain, origin="my run")
    title, *faults = str(caught.value).split("\n  ")
    assert title == "my run has faults:"
    return faults


@pytest.mark.parametrize(
    ("path", "misspelled", "fault"),
    [
        ((), {"trian": {}}, 'trian: unknown key "trian"; did you mean "train"?'),
        (("data",), {"sorce": 1}, 'data.sorce: unknown key "sorce"; did you mean "source"?'),
        (("network", 0), {"kernle": 3}, 'network[0].kernle: unknown key "kernle"; did you mean "kernel"?'),
        (("network", 1), {"units": 3}, 'network[1].units: unknown key "units"; known are: layer, name'),
        (("augment", 0), {"fracton": 1}, 'augment[0].fracton: unknown key "fracton"; did you mean "fraction"?'),
        (("train",), {"epoch": 1}, 'train.epoch: unknown key "epoch"; did you mean "epochs"?'),
        (
            ("train", "optimizer"),
            {"lr": 1},
            'train.optimizer.lr: unknown key "lr"; known are: learning_rate, momentum, name, nesterov',
        ),
        (("train", "schedule"), {"finel": 1}, 'train.schedule.finel: unknown key "finel"; did you mean "final"?'),
        (
            ("train", "loss"),
            {"smoothing": 1},
            'train.loss.smoothing: unknown key "smoothing"; did you mean "label_smoothing"?',
        ),
        (
            ("train", "early_stop"),
            {"patence": 1},
            'train.early_stop.patence: unknown key "patence"; did you mean "patience"?',
        ),
    ],
)
def test_unknown_keys_get_a_suggestion_at_every_level(
    path: tuple[str | int, ...], misspelled: dict[str, Any], fault: str
) -> None:
    plain = from_toml(TOML).to_json()
    at: Any = plain
    for part in path:
        at = at[part]
    at.update(misspelled)
    assert told(plain) == [fault]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"data": []}, f"data: should be a table of settings, not []; {DATA_KEYS}"),
        ({"data": "photos"}, f"data: should be a table of settings, not 'photos'; {DATA_KEYS}"),
        ({"data": None}, f"data: should be a table of settings, not None; {DATA_KEYS}"),
        ({"data": {}}, "data.source: is missing; add it"),
        ({"data": {"source": ""}}, "data.source: should not be empty; write at least 1 character"),
        (
            {"data": {"source": "a\x00b"}},
            "data.source: 'a\\x00b' has characters that cannot be used here; "
            "write it on one line, without control characters",
        ),
        (
            {"network": {"layer": "flatten"}},
            "network: should be a list, not {'layer': 'flatten'}; "
            "give a list (in TOML, write [[network]] with double brackets)",
        ),
        ({"network": None}, "network: should be a list, not None; give a list"),
        ({"network": "flatten"}, "network: should be a list, not 'flatten'; give a list"),
        (
            {"network": ["flatten"]},
            "network[0]: should be a table of settings, not 'flatten'; write { layer = \"flatten\" }",
        ),
        ({"network": [None]}, 'network[0]: should be a table of settings, not None; write { layer = "…" }'),
        ({"network": [[]]}, 'network[0]: should be a table of settings, not []; write { layer = "…" }'),
        ({"network": [{"filters": 3}]}, 'network[0]: does not say its kind (layer is missing); add layer = "…"'),
        ({"network": [{"layer": "cov"}]}, 'network[0]: there is no layer "cov"; did you mean "conv"?'),
        ({"network": [{"layer": "conv"}]}, "network[0].filters: is missing; add it"),
        (
            {"augment": {"kind": "mirror"}},
            "augment: should be a list, not {'kind': 'mirror'}; "
            "give a list (in TOML, write [[augment]] with double brackets)",
        ),
        ({"augment": [{"kind": "mirrors"}]}, 'augment[0]: there is no kind "mirrors"; did you mean "mirror"?'),
        ({"train": {"optimizer": []}}, 'train.optimizer: should be a table of settings, not []; write { name = "…" }'),
        (
            {"train": {"schedule": {"name": None}}},
            "train.schedule: there is no schedule None; known are: constant, cosine, exponential, one_cycle, step",
        ),
        ({"name": ""}, "name: should not be empty; write at least 1 character"),
        ({"name": "x" * 101}, "name: has 101 characters; shorten it to at most 100"),
        (
            {"name": "two\nlines"},
            "name: 'two\\nlines' has characters that cannot be used here; "
            "write it on one line, without control characters",
        ),
        ({"name": "\ud800"}, "name: should be text, not '\\ud800'; use characters that UTF-8 can write"),
        ({"name": 3}, "name: should be text, not 3; put it in quotes"),
        ({"seed": -1}, "seed: should be greater than or equal to 0, not -1; use 0 or more"),
        ({"seed": 2**63}, f"seed: should be less than or equal to {2**63 - 1}, not {2**63}; use {2**63 - 1} or less"),
        ({"seed": 1.5}, "seed: should be a whole number, not 1.5; give a whole number"),
        ({"seed": True}, "seed: should be a whole number, not True; give a whole number"),
        ({"seed": None}, "seed: should be a whole number, not None; give a whole number"),
        ({"format": 2}, "format: is 2, and this Fitting Room reads up to 1; upgrade Fitting Room"),
        ({"format": 0}, "format: should be 1, not 0; write 1, or leave it out"),
        ({"format": "1"}, "format: should be 1, not '1'; write 1, or leave it out"),
    ],
)
def test_each_mistake_says_where_what_and_what_to_do(change: dict[str, Any], fault: str) -> None:
    assert told({**MINIMAL, **change}) == [fault]


@pytest.mark.parametrize("validation", [0, 1.0, 0.0, -3, -0.5, 1.5, True, "10%", None, [5000], float("nan")])
def test_validation_is_a_number_of_images_or_a_fraction(validation: Any) -> None:
    assert told({**MINIMAL, "data": {"source": "photos", "validation": validation}}) == [
        f"data.validation: {validation!r} is neither a number of images nor a fraction; "
        "give a whole number from 1 up, or a fraction above 0 and below 1"
    ]


def test_names_may_be_in_any_script() -> None:
    spec = from_plain({**MINIMAL, "name": "Größe 靴 👟"})
    assert spec.name == "Größe 靴 👟"
    assert from_toml(spec.to_toml()).name == "Größe 靴 👟"


def test_a_newer_format_is_refused_before_anything_else() -> None:
    assert told({"format": 2, "new_table": {}}) == [
        "format: is 2, and this Fitting Room reads up to 1; upgrade Fitting Room"
    ]


@pytest.mark.parametrize("plain", [[], None, "run", 3])
def test_plain_data_has_to_be_a_table(plain: Any) -> None:
    assert told(plain) == [
        f"should be a table of settings, not {plain!r}; "
        "give a table with the keys data, network, augment, train, name, seed, format"
    ]


def test_all_mistakes_are_told_at_once() -> None:
    plain = {
        "data": {"source": "photos", "validation": 1.0},
        "network": [{"layer": "conv", "filters": 0, "kernle": 3}, {"layer": "clasify"}],
        "train": {"epochs": 0, "optimizer": {"name": "sgd", "momentum": 1}},
        "sede": 3,
    }
    assert told(plain) == [
        "data.validation: 1.0 is neither a number of images nor a fraction; "
        "give a whole number from 1 up, or a fraction above 0 and below 1",
        "network[0].filters: should be greater than or equal to 1, not 0; use 1 or more",
        'network[0].kernle: unknown key "kernle"; did you mean "kernel"?',
        'network[1]: there is no layer "clasify"; did you mean "classify"?',
        "train.epochs: should be greater than or equal to 1, not 0; use 1 or more",
        "train.optimizer.momentum: should be less than 1, not 1; use a number below 1",
        'sede: unknown key "sede"; did you mean "seed"?',
    ]


def test_replace_checks_and_names_layers() -> None:
    spec = dataclasses.replace(from_plain(MINIMAL), network=(Dropout(0.1), Flatten(), Classify()))
    assert [layer.name for layer in spec.network] == ["dropout_1", "flatten_1", "classify_1"]


# Files


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_files_are_read_as_toml_or_json_and_give_their_name(tmp_path: Path) -> None:
    expected = from_plain({**MINIMAL, "name": "shoes"})
    toml = expected.to_toml().replace('name = "shoes"\n', "")
    for path in (
        file(tmp_path, "shoes.toml", toml),
        file(tmp_path, "shoes.txt", toml),
        file(tmp_path, "shoes.json", json.dumps(MINIMAL)),
        file(tmp_path, "shoes.JSON", json.dumps(MINIMAL)),
        file(tmp_path, "shoes.toml", b"\xef\xbb\xbf" + toml.encode()),
    ):
        assert load_run_spec(path) == load_run_spec(str(path)) == expected


def test_a_name_in_the_file_or_an_override_goes_before_the_files_name(tmp_path: Path) -> None:
    path = file(tmp_path, "shoes.toml", TOML)
    assert load_run_spec(path).name == "three layers"
    assert load_run_spec(path, overrides=["name=boots"]).name == "boots"
    long = file(tmp_path, "x" * 150 + ".json", json.dumps(MINIMAL))
    assert load_run_spec(long).name == "x" * 100


def test_a_file_goes_before_a_preset_and_a_preset_before_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlp").mkdir()
    assert load_run_spec("mlp") == from_toml(presets()["mlp"], overrides=["name=mlp"])
    file(tmp_path, "cnn", TOML)
    assert load_run_spec("cnn").name == "three layers"


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda f: f / "none.toml", NotFound, 'there is no file and no preset "{path}"; known are: ' + SHIPPED),
        (lambda f: "strater", NotFound, 'there is no file and no preset "strater"; did you mean "starter"?'),
        (lambda f: "", NotFound, 'there is no file and no preset ""; known are: ' + SHIPPED),
        (lambda f: f, InvalidInput, '"{path}" is a folder; give a spec file in it, or a preset: ' + SHIPPED),
        (
            lambda f: file(f, "a.toml", "seed = "),
            InvalidInput,
            "{path} is not valid TOML: Invalid value (at end of document); mend that place",
        ),
        (
            lambda f: file(f, "a.toml", "[data]\n[data]"),
            InvalidInput,
            "{path} is not valid TOML: Cannot declare ('data',) twice (at line 2, column 6); mend that place",
        ),
        (
            lambda f: file(f, "a.json", '{"seed": }'),
            InvalidInput,
            "{path} is not valid JSON: Expecting value: line 1 column 10 (char 9); mend that place",
        ),
        (
            lambda f: file(f, "a.json", ""),
            InvalidInput,
            "{path} is not valid JSON: Expecting value: line 1 column 1 (char 0); mend that place",
        ),
        (
            lambda f: file(f, "a.json", "[1, 2]"),
            InvalidInput,
            "{path} holds [1, 2], not an object; put the settings between {{ and }}",
        ),
        (
            lambda f: file(f, "a.json", "null"),
            InvalidInput,
            "{path} holds None, not an object; put the settings between {{ and }}",
        ),
        (
            lambda f: file(f, "a.toml", b"\xff\xfe\x00"),
            InvalidInput,
            "{path} is not a text file in UTF-8; give a spec in TOML or JSON",
        ),
        (
            lambda f: file(f, "a.toml", "name = 'Schuhe gr\u00f6\u00dfe'".encode("latin-1")),
            InvalidInput,
            "{path} is not a text file in UTF-8; give a spec in TOML or JSON",
        ),
        (
            lambda f: file(f, "a.toml", ""),
            InvalidSpec,
            "{path} has faults:\n  data: is missing; add it\n  network: is missing; add it",
        ),
        (
            lambda f: file(f, "a.json", '{"seed": NaN, "data": null, "network": 1}'),
            InvalidSpec,
            f"{{path}} has faults:\n  data: should be a table of settings, not None; {DATA_KEYS}\n"
            "  network: should be a list, not 1; give a list\n  seed: should be a whole number, not nan; give a whole number",
        ),
    ],
)
def test_files_that_cannot_be_read_are_explained(
    tmp_path: Path, make: Callable[[Path], Path | str], kind: type[InvalidInput], message: str
) -> None:
    path = make(tmp_path)
    with pytest.raises(InvalidInput) as caught:
        load_run_spec(path)
    assert type(caught.value) is kind
    assert str(caught.value) == message.format(path=path)


@pytest.mark.parametrize("name", ["deep.json", "deep.toml"])
@pytest.mark.parametrize(
    "content", ["seed = [" + "[" * 100_000, '{"seed":' + "[" * 100_000, '{"a":' + "9" * 5000 + "}"]
)
def test_files_made_to_break_readers_are_refused(tmp_path: Path, name: str, content: str) -> None:
    path = file(tmp_path, name, content)
    with pytest.raises(InvalidInput) as caught:
        load_run_spec(path)
    assert str(caught.value).startswith(f"{path} is not valid {path.suffix[1:].upper()}: ")


def test_a_name_too_long_for_any_file_is_not_found() -> None:
    with pytest.raises(NotFound, match=r'^there is no file and no preset "x{5000}"; known are: cnn'):
        load_run_spec("x" * 5000)
