"""Mistakes in spec files, at every level, and files that are no specs: each with its one readable message."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fittingroom.errors import InvalidInput, InvalidSpec, NotFound
from fittingroom.spec.run import from_plain, from_toml, load_run_spec, presets
from tests.spec.conftest import TOML

MINIMAL = {"data": {"source": "photos"}, "network": [{"layer": "flatten"}, {"layer": "classify"}]}
DATA_KEYS = "write a table with the keys source, validation, split_seed, normalize, folds, fold"
SHIPPED = (
    "b-augmented, b-conv, b-dense, cnn, cnn-bn, cnn-bn-full, linear, mlp, sprint-15s, sprint-5m, sprint-60s, starter"
)


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
        'give a whole number from 1 up, a fraction above 0 and below 1, or "given" for those that the data names'
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
        "give a table with the keys data, network, augment, train, name, seed, start, phases, format"
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
        'give a whole number from 1 up, a fraction above 0 and below 1, or "given" for those that the data names',
        "network[0].filters: should be greater than or equal to 1, not 0; use 1 or more",
        'network[0].kernle: unknown key "kernle"; did you mean "kernel"?',
        'network[1]: there is no layer "clasify"; did you mean "classify"?',
        "train.epochs: should be greater than or equal to 1, not 0; use 1 or more",
        "train.optimizer.momentum: should be less than 1, not 1; use a number below 1",
        'sede: unknown key "sede"; did you mean "seed"?',
    ]


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
            "  network: should be a list, not 1; give a list\n"
            "  seed: should be a whole number, not nan; give a whole number",
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
    with pytest.raises(NotFound, match=r'^there is no file and no preset "x{5000}"; known are: b-augmented'):
        load_run_spec("x" * 5000)
