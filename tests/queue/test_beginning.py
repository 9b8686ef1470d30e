"""What a run begins with is known, and checked, before anything is trained and without torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.data.stages import open_stages
from fittingroom.errors import InvalidInput, InvalidSpec
from fittingroom.queue import submit
from fittingroom.queue.beginning import Beginning, beginning_of
from fittingroom.queue.origin import locate
from fittingroom.queue.weights import read_head
from fittingroom.spec.data import DataSpec
from fittingroom.spec.run import RunSpec
from fittingroom.spec.start import Phase, Start
from fittingroom.spec.train import TrainSpec
from fittingroom.store import Store
from fittingroom.workspace import Workspace

NETWORK = (fr.Conv(4, 3, name="edges"), fr.BatchNorm(), fr.Flatten(), fr.Dense(5, name="mix"), fr.Classify())
EDGES = {"edges.weight": [4, 1, 3, 3], "edges.bias": [4]}
HEAD = {"classify_1.weight": [3, 5], "classify_1.bias": [3]}
NAMES = ["stripe 0", "stripe 1", "stripe 2"]


@pytest.fixture
def spec(stripes: Callable[..., Dataset]) -> RunSpec:
    data = DataSpec(source=stripes(120).source, validation=30)
    return RunSpec(data=data, network=NETWORK, train=TrainSpec(epochs=2), name="three stripes")


@pytest.fixture
def begins(tmp_path: Path, weights_file: Callable[..., bytes], own_workspace: Workspace) -> Callable[..., Beginning]:
    """``begins(spec, shapes, **described)``: what a run begins with that starts from such a file."""

    def make(spec: RunSpec, shapes: dict[str, list[int]], **described: object) -> Beginning:
        path = tmp_path / "given.safetensors"
        path.write_bytes(weights_file(shapes, **described))
        spec = replace(spec, start=Start(str(path)))
        assert spec.start is not None
        return beginning_of(open_stages(spec, own_workspace)[1], locate(spec.start, own_workspace), own_workspace)

    return make


def described_as(class_names: list[str], **trained_on: object) -> dict[str, Any]:
    about = {"epoch": 3, "preprocessing": {"class_names": class_names}, "trained_on": [trained_on]}
    return {"fittingroom-classifier-1": about}


def test_every_layer_is_accounted_for(spec: RunSpec, begins: Callable[..., Beginning]) -> None:
    spec = replace(spec, train=TrainSpec(epochs=2, freeze_up_to="batch_norm_1", reset=("mix",)))
    (transfer,) = begins(spec, {**EDGES, **HEAD, "mix.bias": [7], "gone.bias": [2]}).transfers
    assert [(each.layer, each.weights, each.why, each.frozen) for each in transfer.layers] == [
        ("edges", "kept", "", True), ("batch_norm_1", "fresh", "not in the source", True),
        ("flatten_1", "none", "", False), ("mix", "fresh", "as train.reset says", False),
        ("classify_1", "kept", "", False),
    ]  # fmt: skip
    assert (transfer.origin, transfer.dropped, transfer.faults) == ("given.safetensors", ("gone",), ())
    # conv 4·(9 + 1), batch norm 4·4, dense (4·6·6 + 1)·5, classifier (5 + 1)·3
    assert [each.parameters for each in transfer.layers] == [40, 16, 0, 725, 18]


def test_other_classes_begin_anew_and_the_same_are_kept(spec: RunSpec, begins: Callable[..., Beginning]) -> None:
    trained_on = {"source": "elsewhere", "fingerprint": "", "validation": 0, "split_seed": 0}
    same, others = (
        begins(spec, {**EDGES, **HEAD}, **described_as(names, **trained_on)).transfers[0].layers[-1]
        for names in (NAMES, ["a", "b", "c"])
    )
    assert (same.weights, same.why) == ("kept", "")
    assert (others.weights, others.why) == ("fresh", "other classes")


def test_what_does_not_fit_is_told_at_its_layer(
    spec: RunSpec, begins: Callable[..., Beginning], own_workspace: Workspace, tmp_path: Path
) -> None:
    beginning = begins(spec, {"edges.weight": [4, 3, 3, 3], "edges.bias": [4]})
    assert [f"{fault}" for fault in beginning.faults] == [
        "network[0]: edges.weight is 4×1×3×3 here, but 4×3×3×3 in given.safetensors; give the layer the settings that "
        'it has there, and the data as many channels, or let it begin anew: train.reset = ["edges"]'
    ]
    assert beginning.transfers[0].layers[0].fault == beginning.faults[0]
    with pytest.raises(InvalidSpec, match="cannot start from these weights"):
        submit(replace(spec, start=Start(str(tmp_path / "given.safetensors"))), own_workspace)
    with Store.open(own_workspace.create().database) as store:
        assert store.runs() == []


def test_no_run_is_judged_on_what_its_weights_have_seen(
    spec: RunSpec, begins: Callable[..., Beginning], stripes: Callable[..., Dataset]
) -> None:
    here = {"source": spec.data.source, "fingerprint": stripes(120).fingerprint, "validation": 30}
    seen = begins(spec, EDGES, **described_as(NAMES, **here, split_seed=8))
    assert "of the 30 validation images are among those that given.safetensors was trained on" in seen.faults[0].message
    assert seen.faults[0].fix == "split the data as there, with data.validation = 30 and data.split_seed = 8"
    assert begins(spec, EDGES, **described_as(NAMES, **here, split_seed=0)).faults == ()
    assert begins(spec, EDGES).cautions == (
        "given.safetensors does not say what it was trained on: perhaps on the images held out here.",
    )


def test_phases_hand_their_weights_on(spec: RunSpec, begins: Callable[..., Beginning]) -> None:
    phase = Phase(name="pretrain", train=TrainSpec(epochs=1, freeze_up_to="edges"))
    first, last = begins(replace(spec, phases=(phase,)), EDGES).transfers
    assert [each.weights for each in first.layers] == ["kept", "fresh", "none", "fresh", "fresh"]
    assert [each.frozen for each in first.layers] == [True, False, False, False, False]
    assert last.origin == 'phase "pretrain"'
    assert [each.weights for each in last.layers] == ["kept", "kept", "none", "kept", "kept"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 8, struct.pack("<Q", 2**60) + b"{}", struct.pack("<Q", 4) + b"nope", struct.pack("<Q", 2) + b"[]",
     struct.pack("<Q", 12) + b'{"a.b": [1]}', struct.pack("<Q", 40) + b'{"a.b": {"shape": "many"}}              '],
)  # fmt: skip
def test_damaged_files_are_told(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"broken\.safetensors is not a safetensors file that can be read \("):
        read_head(path, "broken")


@pytest.mark.parametrize("about", ["text", 7, {"epoch": 1}, {"epoch": "x", "preprocessing": {"class_names": []}}])
def test_a_description_that_makes_no_sense_is_told(
    about: object, tmp_path: Path, weights_file: Callable[..., bytes]
) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(weights_file(EDGES, **{"fittingroom-classifier-1": about}))
    with pytest.raises(InvalidInput, match=r"odd\.safetensors describes its weights in a way that cannot be read"):
        read_head(path, "odd")


def test_the_engine_finds_the_same_in_the_files_that_it_wrote(spec: RunSpec, own_workspace: Workspace) -> None:
    from fittingroom.engine.plan import Wanted
    from fittingroom.engine.prepare import prepare_run
    from fittingroom.engine.run import execute
    from fittingroom.engine.transfer import Weights
    from fittingroom.queue.stored import artifact_path

    name = execute(prepare_run(spec, own_workspace, Wanted(1)))
    with Store.open(own_workspace.database) as store:
        run = store.run(name)
    for kind in ("best", "last"):
        path = artifact_path(run, kind, own_workspace)
        assert read_head(path, "x") == Weights.read(path, "x").known
        assert "mix.weight" in read_head(path, "x").outline.shapes
    again = replace(spec, start=Start(name), train=TrainSpec(epochs=1, reset=("mix",)))
    prepared = prepare_run(again, own_workspace, Wanted(1))
    assert json.loads(store_of(own_workspace, submit(again, own_workspace)))["start"]["source"] == name
    continues = Start(name, weights="last", go_on=True)
    with pytest.raises(InvalidSpec, match=rf"train\.optimizer: is sgd, but {name} has adam; leave start\.go_on out"):
        submit(replace(spec, start=continues, train=TrainSpec(epochs=1, optimizer=fr.Sgd())), own_workspace)
    going_on = beginning_of(prepared.stages, locate(continues, own_workspace), own_workspace)
    assert [each.weights for each in going_on.transfers[0].layers] == ["kept", "kept", "none", "kept", "kept"]
    origin = locate(Start(name), own_workspace)
    assert beginning_of(prepared.stages, origin, own_workspace).transfers == (prepared.transfer,)


def store_of(workspace: Workspace, run: str) -> str:
    with Store.open(workspace.database) as store:
        return store.run(run).spec
