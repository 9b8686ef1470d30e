"""Every command once as a user would type it, with what it must print; and what wrong input is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Fittingroom = Callable[..., Any]


def test_from_training_to_prediction(fittingroom: Fittingroom, spec_file: Path, tmp_path: Path) -> None:
    trained = fittingroom("train", spec_file)
    assert trained.status == 0
    assert "three stripes on photos: 61 training images in 4 steps for each of 6 epochs, 15 validation images" in (
        trained.out
    )
    assert "Run three-stripes-1 has started." in trained.out
    assert "epoch 1/6" in trained.out
    assert "validation, n = 15)" in trained.out
    assert "14 images are cut off and sealed by split_seed = 0; with another split_seed" in trained.out
    assert "fittingroom test three-stripes-1" in trained.out

    listed = fittingroom("runs", "list")
    assert "three-stripes-1" in listed.out
    assert "finished" in listed.out

    shown = fittingroom("runs", "show", "last", "--epochs", "--confusion", "--plot", tmp_path / "curves.png")
    assert "Best weights, epoch " in shown.out
    assert "mean of classes" in shown.out
    assert f"Curves saved as {tmp_path / 'curves.png'}" in shown.out
    with Image.open(tmp_path / "curves.png") as curves:
        assert curves.width > 500

    harmed = fittingroom("runs", "robustness", "last")
    assert "validation, n = 15), and of the same images harmed:" in harmed.out
    plain = json.loads(fittingroom("runs", "robustness", "last", "--json").out)
    assert (plain["images"], plain["split"]) == (15, "validation")
    assert [each["strength"] for each in plain["harmed"]["rotation"]] == [5, 15, 30, 60]

    picture = np.full((40, 60), 240, np.uint8)
    picture[:, 42:50] = 20
    Image.fromarray(picture).save(tmp_path / "drawn.png")
    predicted = fittingroom("predict", "last", tmp_path / "drawn.png", "--top", "2")
    assert "fitted: inverted (bright background → dark), resized 40×60 → 8×8, padded to keep its proportions" in (
        predicted.out
    )
    assert predicted.out.count(" %") == 2

    opened = fittingroom("test", "last")
    assert "test, n = 14)" in opened.out
    assert "has now been opened once in this workspace" in opened.out
    assert "opened twice" in fittingroom("test", "last").out
    assert "Test set: sealed; twice opened" in fittingroom("data", "show", spec_file.parent / "photos").out

    assert fittingroom("runs", "delete", "last", "--yes").out.startswith("Deleted three-stripes-1 (")
    assert "No runs yet." in fittingroom("runs", "list").out
    assert (tmp_path / "workspace" / "runs" / "three-stripes-1").exists()
    fittingroom("runs", "purge", "--yes")
    assert not (tmp_path / "workspace" / "runs" / "three-stripes-1").exists()


def test_json_keys_of_the_contract(fittingroom: Fittingroom, spec_file: Path, tmp_path: Path) -> None:
    trained = fittingroom("train", spec_file, "--json", "--set", "train.epochs=2", "--seed", "3")
    lines = [json.loads(line) for line in trained.out.splitlines()]
    assert {line["run"] for line in lines} == {"three-stripes-1"}
    assert [line["event"] for line in lines[:-1] if line["event"] != "progressed"] == [
        "started", "epochended", "epochended", "ended",
    ]  # fmt: skip
    assert set(lines[-1]) >= {
        "run", "state", "epochs", "train_seconds", "images_per_second", "validation_accuracy", "validation_loss",
    }  # fmt: skip
    assert (lines[-1]["state"], lines[-1]["epochs"]) == ("finished", 2)

    shown = fittingroom("runs", "show", "three-stripes-1", "--json").json
    assert set(shown) >= {"run", "state", "spec", "plan", "lineage", "epochs", "weights"}
    assert shown["spec"]["seed"] == 3
    assert shown["lineage"] == {"kind": "new"}
    assert set(shown["epochs"][0]) >= {
        "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds",
    }  # fmt: skip
    assert set(shown["weights"]) == {"best", "last"}
    assert shown["weights"]["last"]["epoch"] == 2
    assert len(shown["weights"]["best"]["sha256"]) == 64
    assert shown["validation"]["n"] == 15
    assert fittingroom("runs", "list", "--json").json[0]["run"] == "three-stripes-1"

    tested = fittingroom("test", "last", "--json").json
    assert set(tested) >= {"run", "test_accuracy", "test_loss", "openings"}
    assert tested["openings"] == 1

    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    predicted = fittingroom("predict", "last", tmp_path / "black.png", "--json").json[0]
    assert sum(predicted["probabilities"].values()) == pytest.approx(1)
    assert predicted["prediction"] in {"left", "middle", "right"}
    assert predicted["fitted"] == []


def test_network_show(fittingroom: Fittingroom, spec_file: Path) -> None:
    shown = fittingroom("network", "show", "cnn", "--json")
    assert shown.status == 0
    network = shown.json
    assert (network["parameters"], network["trainable_parameters"], network["faults"]) == (27796, 27796, [])
    assert network["layers"][0] | {"kind": None} == {
        "layer": "conv_1", "kind": None, "output_shape": [32, 28, 28], "parameters": 320, "frozen": False,
    }  # fmt: skip
    assert network["layers"][-1]["output_shape"] == [10]
    text = fittingroom("network", "show", spec_file)
    assert "4×8×8" in text.out
    assert "235 parameters" in text.out


def test_network_show_gathers_faults_and_ends_with_2(fittingroom: Fittingroom, spec_file: Path) -> None:
    spec_file.write_text(spec_file.read_text().replace('layer = "flatten"', 'layer = "dense"\nunits = 9'))
    shown = fittingroom("network", "show", spec_file, "--json")
    assert shown.status == 2
    assert shown.json["faults"][0] == {
        "path": "network[2]",
        "message": "layer 3, dense: needs a flat input but gets 4×4×4",
        "fix": "insert flatten before it",
    }
    assert [layer["layer"] for layer in shown.json["layers"]] == ["conv_1", "max_pool_1"]
    told = fittingroom("network", "show", spec_file)
    assert told.status == 2
    assert "fault: network[2]: layer 3, dense: needs a flat input but gets 4×4×4; insert flatten before it" in told.out
    spec_file.write_text(spec_file.read_text().replace("filters", "fliters"))
    unreadable = fittingroom("network", "show", spec_file, "--json")
    assert unreadable.status == 2
    assert unreadable.json["layers"] == []
    assert {"network[0].fliters", "network[0].filters"} <= {fault["path"] for fault in unreadable.json["faults"]}


def test_data_commands(fittingroom: Fittingroom, photos: Path) -> None:
    imported = fittingroom("data", "import", photos, "--name", "stripes", "--json")
    assert imported.status == 0
    assert imported.json["counts"]["test"] == [5, 5, 4]
    listed = [entry["name"] for entry in fittingroom("data", "list", "--json").json]
    assert listed == ["fashion-mnist", "mnist-10k", "stripes", "mnist", "kmnist", "emnist", "cifar-10"]
    shown = fittingroom("data", "show", "stripes")
    assert "90 images of 1×8×8" in shown.out
    assert "never opened" in shown.out
    assert fittingroom("data", "import", photos, "--size", "4x4", "--name", "small").status == 0
    assert "1×4×4" in fittingroom("data", "show", "small").out
    assert fittingroom("data", "remove", "stripes", "--yes").status == 0
    assert "stripes" not in fittingroom("data", "list").out


def test_presets_can_be_printed_and_started_from(fittingroom: Fittingroom) -> None:
    assert "starter" in fittingroom("presets").out
    text = fittingroom("presets", "mlp").out
    assert tomllib.loads(text)["network"][1] == {"layer": "dense", "units": 120, "activation": "relu"}


def test_the_printed_spec_repeats_the_run(fittingroom: Fittingroom, spec_file: Path, tmp_path: Path) -> None:
    first = fittingroom("train", spec_file, "--set", "train.epochs=1", "--json").json["run"]
    again = tmp_path / "again.toml"
    again.write_text(fittingroom("runs", "show", first, "--toml").out)
    second = fittingroom("train", again, "--json").json["run"]
    weights = [fittingroom("runs", "show", run, "--json").json["weights"]["last"]["sha256"] for run in (first, second)]
    assert weights[0] == weights[1]


WRONG = {
    ("train", "startr"): 'there is no file and no preset "startr"; did you mean "starter"?',
    ("train", "starter", "--set", "train.epoch=1"): 'train.epoch: unknown key "epoch"; did you mean "epochs"?',
    ("train", "starter", "--set", "train.epochs=0"): "train.epochs: should be greater than or equal to 1, not 0",
    ("train", "starter", "--set", "nonsense"): '"nonsense" sets nothing; write it as path=value',
    ("train", "starter", "--set", "network.conv_3.filters=3"): 'there is no "network.conv_3"; did you mean "conv_2"?',
    (
        "train",
        "starter",
        "--set",
        "data.source=fashion-mist",
    ): 'there is no data set "fashion-mist"; did you mean "fashion-mnist"?',
    ("train", "starter", "--set", "train.device=cuda"): 'train.device is "cuda", which this machine does not have',
    ("train", "starter", "--set", "data.validation=60000"): "validation",
    ("runs", "show", "starter-9"): 'there is no run "starter-9"',
    ("test", "starter-9"): 'there is no run "starter-9"',
    ("predict", "starter-9", "x.png"): 'there is no run "starter-9"',
    ("data", "show", "nowhere"): 'there is no data set "nowhere"',
    ("data", "import", "/nowhere/at/all"): "there is no folder /nowhere/at/all",
    ("data", "remove", "fashion-mnist", "--yes"): '"fashion-mnist" is built in and cannot be removed',
    ("presets", "cn"): 'there is no preset "cn"; did you mean "cnn"?',
}


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_input_ends_with_2_and_says_what_to_do(
    fittingroom: Fittingroom, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    told = fittingroom(*arguments)
    assert (told.status, told.out) == (2, "")
    assert told.err.startswith("error: ")
    assert WRONG[arguments] in told.err
    assert "Traceback" not in told.err


def test_a_picture_that_cannot_be_read_is_named(fittingroom: Fittingroom, spec_file: Path, tmp_path: Path) -> None:
    fittingroom("train", spec_file, "--set", "train.epochs=1")
    (tmp_path / "notes.txt").write_text("no picture")
    told = fittingroom("predict", "last", tmp_path / "notes.txt")
    assert told.status == 2
    assert f"error: cannot predict {tmp_path / 'notes.txt'}: it is none of PNG, JPEG" in told.err


def test_a_failed_training_ends_with_1(fittingroom: Fittingroom, spec_file: Path) -> None:
    explode = ["--set", 'train.optimizer={name="sgd",learning_rate=100.0,momentum=0.9}', "--set", "train.epochs=40"]
    deep = ["--set", "network.conv_1.kernel=3", "--set", "network.conv_1.activation=elu"]
    told = fittingroom("train", spec_file, *explode, *deep)
    assert told.status == 1
    assert "error: the training loss became" in told.err
    assert fittingroom("runs", "list", "--json").json[0]["state"] == "failed"


def test_a_workspace_that_cannot_be_made_is_told(fittingroom: Fittingroom, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = fittingroom("runs", "list", "--workspace", tmp_path / "file" / "inside")
    assert told.status == 1
    assert "error: cannot create the workspace folder" in told.err


def test_help_and_completion_load_neither_torch_nor_the_database() -> None:
    program = (
        "import sys\nfrom fittingroom.cli import main\nsys.argv = ['fittingroom', 'train', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'sqlalchemy', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "fittingroom train starter" in output
    assert output.splitlines()[-1] == "[]"


def test_shell_completion_offers_presets_and_runs(fittingroom: Fittingroom, spec_file: Path) -> None:
    fittingroom("train", spec_file, "--set", "train.epochs=1")
    environment = {**os.environ, "_FITTINGROOM_COMPLETE": "complete_bash", "COMP_CWORD": "2"}
    command = [sys.executable, "-c", "from fittingroom.cli import main; main()"]
    for words, expected in {
        "fittingroom train cnn": ["cnn", "cnn-bn", "cnn-bn-full"],
        "fittingroom predict thr": ["three-stripes-1"],
    }.items():
        answer = subprocess.run(
            command, env={**environment, "COMP_WORDS": words}, capture_output=True, text=True, check=False
        )
        assert answer.stdout.split() == expected


def test_a_failed_training_has_its_last_json_line_too(fittingroom: Fittingroom, spec_file: Path) -> None:
    explode = "train.optimizer={name='sgd',learning_rate=100.0,momentum=0.9}"
    elu = "network.conv_1.activation=elu"
    told = fittingroom("train", spec_file, "--json", "--set", explode, "--set", elu, "--set", "train.epochs=40")
    assert told.status == 1
    assert (told.json["run"], told.json["state"]) == ("three-stripes-1", "failed")
    assert "the training loss became" in told.json["message"]


@pytest.mark.parametrize("form", ["--json", "text"])
def test_a_reader_that_goes_away_does_not_fail_the_training(
    fittingroom: Fittingroom, spec_file: Path, form: str
) -> None:
    command = f"{sys.executable} -m fittingroom train {spec_file} {form.removeprefix('text')} | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, timeout=60)
    waited = "waiting for other trainings on this machine"  # other tests use its cores
    told = [line for line in done.stderr.splitlines() if not line.startswith(waited)]
    assert (done.returncode, told) == (0, [])
    run = fittingroom("runs", "show", "last", "--json").json
    assert (run["state"], len(run["epochs"])) == ("finished", 6)


def test_output_that_cannot_be_written_is_told_in_a_line(spec_file: Path) -> None:
    command = f"{sys.executable} -m fittingroom presets > /dev/full"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (1, "error: the output cannot be written: No space left on device\n")


def test_a_path_in_a_spec_is_found_again_from_anywhere(
    fittingroom: Fittingroom, spec_file: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(photos.parent)
    assert fittingroom("train", spec_file, "--set", "data.source=photos", "--set", "train.epochs=1").status == 0
    monkeypatch.chdir("/")
    assert fittingroom("test", "last").status == 0


def test_a_run_whose_files_are_damaged_still_shows_its_curves(
    fittingroom: Fittingroom, spec_file: Path, tmp_path: Path
) -> None:
    fittingroom("train", spec_file)
    for file in (tmp_path / "workspace" / "runs").glob("*/*/validation-predictions-*"):
        file.unlink()
    shown = fittingroom("runs", "show", "last")
    assert shown.status == 0
    assert "accuracy: highest" in shown.out
    assert "The evaluation cannot be shown: " in shown.out
    told = fittingroom("runs", "show", "last", "--json").json
    assert (told["validation"], len(told["epochs"])) == (None, 6)
    assert "is missing, although three-stripes-1 wrote it" in told["problem"]


def test_settings_of_a_table_that_is_left_out_are_those_of_its_default(fittingroom: Fittingroom) -> None:
    shown = fittingroom("network", "show", "linear", "--set", "train.loss.label_smoothing=0.1")
    assert shown.status == 0
    assert fittingroom("network", "show", "cnn", "--set", "train.schedule.warmup=1").status == 0
