"""New runs from old ones: trained on, forked, transferred, with phases; what they take over and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.engine import loop, record
from fittingroom.engine.prepare import PreparedRun, next_stage, prepare_run
from fittingroom.engine.resume import prepare_continue, prepare_fork, prepare_restart, prepare_resume
from fittingroom.engine.run import execute
from fittingroom.engine.score import classifier_of
from fittingroom.engine.transfer import Weights
from fittingroom.errors import InvalidInput, InvalidSpec, NotFound
from fittingroom.queue import submit_continued
from fittingroom.queue.stored import artifact_path
from fittingroom.spec.run import RunSpec
from fittingroom.spec.start import Phase, Start
from fittingroom.spec.train import TrainSpec
from fittingroom.store import RunDetails, Store
from fittingroom.workspace import Workspace

Prepare = Callable[..., PreparedRun]
NETWORK = (
    fr.Conv(6, 3, padding="same", activation="relu", name="edges"),
    fr.BatchNorm(name="norm"),
    fr.MaxPool(2),
    fr.Dropout(0.2),
    fr.Flatten(),
    fr.Dense(10, activation="relu", name="mix"),
    fr.Classify(name="head"),
)
AUGMENT = (fr.Rotation(10), fr.Noise(0.1))


def details_of(run: str, workspace: Workspace) -> RunDetails:
    with Store.open(workspace.database) as store:
        return store.run(run)


def weights_of(run: RunDetails, workspace: Workspace, kind: str = "best") -> dict[str, torch.Tensor]:
    return load_file(workspace.root / run.artifacts[kind].path)


def rows_of_four() -> Dataset:
    """200 images of 8×8 in four classes, none of them among the stripes."""
    generator = np.random.default_rng(1)
    labels = np.arange(200) % 4
    images = generator.integers(0, 120, (200, 8, 8, 1), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * int(label)] += 100
    return fr.load(images, labels, name="rows")


def faults_of(caught: pytest.ExceptionInfo[InvalidSpec]) -> list[str]:
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("optimizer", [fr.Adam(0.01), fr.Sgd(0.05, momentum=0.9)])
def test_three_epochs_and_four_more_are_seven(prepare: Prepare, own_workspace: Workspace, optimizer: Any) -> None:
    settings: dict[str, Any] = {"augment": AUGMENT, "optimizer": optimizer}
    undisturbed = details_of(execute(prepare(NETWORK, epochs=7, **settings)), own_workspace)
    three = details_of(execute(prepare(NETWORK, epochs=3, **settings)), own_workspace)
    four = details_of(execute(prepare_continue(three, own_workspace, epochs=4)), own_workspace)
    assert [epoch.epoch for epoch in four.epochs] == [4, 5, 6, 7]
    for own, other in zip(four.epochs, undisturbed.epochs[3:], strict=True):
        assert replace(own, seconds=0) == replace(other, seconds=0)
    theirs = weights_of(undisturbed, own_workspace, "last")
    for name, tensor in weights_of(four, own_workspace, "last").items():
        assert torch.equal(tensor, theirs[name]), name
    digest = three.artifacts["last"].sha256
    assert four.lineage == {"kind": "continue", "from": three.id, "weights": "last", "epoch": 3, "sha256": digest}
    assert (four.state, four.epochs_done, four.message) == ("finished", 7, "All 4 further epochs done.")
    assert details_of(three.id, own_workspace) == three


@pytest.mark.parametrize("stop_at", [8, 10, 14])
def test_a_run_left_within_an_epoch_finishes_it_and_is_continued_then(
    prepare: Prepare, own_workspace: Workspace, stop_at: int
) -> None:
    """Seven steps an epoch: after one, in the middle, and at the end of the second epoch."""
    undisturbed = details_of(execute(prepare(NETWORK, epochs=4)), own_workspace)
    steps = iter(range(1, 100))
    left = execute(prepare(NETWORK, epochs=9), stop=lambda: "stopped" if next(steps) == stop_at else None)
    more = prepare_continue(details_of(left, own_workspace), own_workspace, epochs=2)
    run = details_of(execute(more), own_workspace)
    assert [epoch.epoch for epoch in run.epochs] == [2, 3, 4]
    for own, other in zip(run.epochs, undisturbed.epochs[1:], strict=True):
        assert replace(own, seconds=0) == replace(other, seconds=0)
    theirs = weights_of(undisturbed, own_workspace, "last")
    for name, tensor in weights_of(run, own_workspace, "last").items():
        assert torch.equal(tensor, theirs[name]), name


def test_a_schedule_is_laid_over_the_new_epochs_only(prepare: Prepare, own_workspace: Workspace) -> None:
    steps = iter(range(1, 100))
    left = execute(prepare(NETWORK, epochs=9), stop=lambda: "stopped" if next(steps) == 10 else None)
    more = prepare_continue(details_of(left, own_workspace), own_workspace, epochs=1, schedule=fr.Cosine()).training
    assert (more.epoch, more.step, more.first_epoch) == (1, 3, 2)
    assert more.learning_rate_at(3) == 0.001  # the begun epoch goes on at the full rate
    more.epoch, more.step = 2, 0
    assert more.learning_rate_at(0) == pytest.approx(0.0005 * (1 + np.cos(np.pi * 0.5 / 7)))


def test_a_schedule_is_asked_for_unless_the_rate_was_constant(prepare: Prepare, own_workspace: Workspace) -> None:
    run = details_of(execute(prepare(NETWORK, epochs=2, schedule=fr.Cosine())), own_workspace)
    with pytest.raises(InvalidInput) as caught:
        prepare_continue(run, own_workspace, epochs=2)
    assert str(caught.value).startswith("small-1 was trained with the schedule cosine, at last at a learning rate of ")
    assert "say how to go on: --schedule constant (at 0.001), cosine, one_cycle" in str(caught.value)
    for wanted in ({"schedule": fr.Constant()}, {"overrides": ['train.schedule={ name = "constant" }']}):
        more = prepare_continue(run, own_workspace, epochs=2, **wanted)  # type: ignore[arg-type]
        assert more.training.learning_rate_at(0) == 0.001
    more = prepare_continue(run, own_workspace, epochs=2, schedule=fr.Cosine())
    steps = len(more.training.batches)
    expected = [0.0005 * (1 + np.cos(np.pi * (step + 0.5) / (2 * steps))) for step in range(steps)]
    assert [more.training.learning_rate_at(step) for step in range(steps)] == pytest.approx(expected)


def test_going_on_as_if_nothing_had_happened_needs_the_same_run(prepare: Prepare, own_workspace: Workspace) -> None:
    steps = iter(range(1, 100))
    stop: Any = lambda: "stopped" if next(steps) == 3 else None  # noqa: E731
    run = details_of(execute(prepare(NETWORK, epochs=2), stop=stop), own_workspace)
    changes = ["train.batch_size=8", "train.optimizer=sgd", "network.mix.units=11", "data.split_seed=4"]
    changes[1] = 'train.optimizer={ name = "sgd" }'
    with pytest.raises(InvalidSpec) as caught:
        prepare_continue(run, own_workspace, epochs=2, overrides=changes)
    told = faults_of(caught)
    assert any(
        fault.startswith("data: is not the data of small-1 with its split; leave start.go_on out") for fault in told
    )
    assert any(fault.startswith("network: is not the network of small-1") for fault in told)
    assert any(fault.startswith("train.optimizer: is sgd, but small-1 has adam") for fault in told)
    assert "train.batch_size: cannot change within an epoch, and small-1 ended in one; use 32" in told


def test_a_fork_begins_with_the_best_weights_and_its_own_optimizer(prepare: Prepare, own_workspace: Workspace) -> None:
    parent = details_of(execute(prepare(NETWORK, epochs=4)), own_workspace)
    fork = prepare_fork(parent, own_workspace, overrides=["train.epochs=2", "train.optimizer.learning_rate=0.0001"])
    best = weights_of(parent, own_workspace)
    for name, tensor in fork.training.network.weights().items():
        assert torch.equal(tensor, best[name]), name
    assert fork.training.optimizer.state_dict()["state"] == {}
    run = details_of(execute(fork), own_workspace)
    assert [epoch.epoch for epoch in run.epochs] == [1, 2]
    assert run.lineage == {
        "kind": "fork", "from": "small-1", "weights": "best", "epoch": parent.best_epoch,
        "sha256": parent.artifacts["best"].sha256,
        "set": ["train.epochs=2", "train.optimizer.learning_rate=0.0001"],
    }  # fmt: skip
    again = details_of(execute(prepare_restart(run, own_workspace)), own_workspace)
    assert again.artifacts["best"].sha256 == run.artifacts["best"].sha256


def test_checkpoints_are_kept_as_many_as_asked_for_and_forked_from(prepare: Prepare, own_workspace: Workspace) -> None:
    run = details_of(execute(prepare(NETWORK, epochs=5, keep_checkpoints=2)), own_workspace)
    kinds = {"best", "last", "predictions", "checkpoint-4", "checkpoint-5"}
    assert run.artifacts.keys() == kinds
    files = {path.name for path in (own_workspace.runs / run.id).glob("attempt-1/*")}
    assert files == {artifact.path.name for artifact in run.artifacts.values()}
    fourth = weights_of(run, own_workspace, "checkpoint-4")
    fork = prepare_fork(run, own_workspace, weights=4)
    assert all(torch.equal(own, fourth[f"network/{name}"]) for name, own in fork.training.network.weights().items())
    assert fork.lineage["epoch"] == 4
    with pytest.raises(
        InvalidInput, match=r'^run "small-1" has no checkpoint of epoch 3: it has those of epochs 4, 5;'
    ):
        prepare_fork(run, own_workspace, weights=3)


def test_no_fork_validates_on_what_its_ancestors_were_trained_on(prepare: Prepare, own_workspace: Workspace) -> None:
    parent = prepare(NETWORK, epochs=1)
    first = details_of(execute(parent), own_workspace)
    second = details_of(execute(prepare_fork(first, own_workspace)), own_workspace)
    for run in (first, second):
        with pytest.raises(InvalidSpec) as caught:
            prepare_fork(run, own_workspace, overrides=["data.split_seed=1"])
        other = parent.stage.data.split(90, 1).validation
        seen = len(np.intersect1d(other, parent.stage.splits.train))  # no two of these images are alike
        assert faults_of(caught) == [
            f"data: {seen} of the {len(other)} validation images are among those that {run.id}, epoch 1 was trained "
            "on; split the data as there, with data.validation = 90 and data.split_seed = 0"
        ]


def test_images_under_another_name_are_found_out(
    prepare: Prepare, own_workspace: Workspace, stripes: Callable[..., Dataset]
) -> None:
    """The same images in another data set, in another order, are told by their content."""
    data = stripes()
    first = details_of(execute(prepare(NETWORK, epochs=1, data=data)), own_workspace)
    order = np.random.default_rng(3).permutation(300)
    test = (data.images[300:], data.labels[300:])
    mixed = fr.load(data.images[order], data.labels[order], class_names=list(data.class_names), test=test, name="mixed")
    with pytest.raises(InvalidSpec) as caught:
        prepare_fork(first, own_workspace, overrides=[f"data.source={mixed.source}"])
    (told,) = faults_of(caught)
    assert "of the 90 validation images are among those that small-1, epoch 1 was trained on; take these images" in told


def test_frozen_layers_and_their_statistics_stay(prepare: Prepare, own_workspace: Workspace) -> None:
    parent = details_of(execute(prepare(NETWORK, epochs=2)), own_workspace)
    fork = prepare_fork(parent, own_workspace, overrides=["train.freeze_up_to=norm", "train.epochs=2"])
    run = details_of(execute(fork), own_workspace)
    before, after = weights_of(parent, own_workspace), weights_of(run, own_workspace, "best")
    still = {name for name in after if name.startswith(("edges.", "norm."))}
    assert {"norm.running_mean", "norm.running_var", "edges.weight"} <= still
    for name in after:
        assert torch.equal(before[name], after[name]) == (name in still), name
    assert [start.layer for start in fork.transfer.layers if start.frozen] == ["edges", "norm"]


def test_a_frozen_run_is_resumed_bit_by_bit(prepare: Prepare, own_workspace: Workspace) -> None:
    parent = details_of(execute(prepare(NETWORK, epochs=1)), own_workspace)
    changes = ["train.freeze_up_to=norm", "train.epochs=3"]
    undisturbed = details_of(execute(prepare_fork(parent, own_workspace, overrides=changes)), own_workspace)
    steps = iter(range(1, 100))
    stop: Any = lambda: "paused" if next(steps) == 10 else None  # noqa: E731
    left = execute(prepare_fork(parent, own_workspace, overrides=changes), stop=stop)
    assert details_of(left, own_workspace).state == "paused"
    execute(prepare_resume(details_of(left, own_workspace), own_workspace))
    resumed = details_of(left, own_workspace)
    for kind in ("best", "last", "predictions"):
        assert resumed.artifacts[kind].sha256 == undisturbed.artifacts[kind].sha256, kind


def test_layers_are_kept_reset_added_and_dropped(prepare: Prepare, own_workspace: Workspace) -> None:
    parent = details_of(execute(prepare(NETWORK, epochs=1)), own_workspace)
    spec = prepare(NETWORK, epochs=1).spec
    network = (*NETWORK[:3], fr.Conv(4, 1, name="squeeze"), fr.Flatten(), fr.Classify(name="head"))
    start = Start(parent.id)
    with pytest.raises(InvalidSpec) as caught:
        prepare_run(replace(spec, network=network, start=start), own_workspace)
    assert faults_of(caught) == [
        "network[5]: head.weight is 3×64 here, but 3×10 in small-1, epoch 1; give the layer the settings that it has "
        "there (if images have another size: put global_pool in place of flatten, here and there), or let it begin "
        'anew: train.reset = ["head"]'
    ]
    fitting = replace(spec, network=network, start=start, train=TrainSpec(epochs=1, reset=("head", "norm")))
    prepared = prepare_run(fitting, own_workspace)
    fates = {start.layer: (start.weights, start.why, start.parameters) for start in prepared.transfer.layers}
    assert fates == {
        "edges": ("kept", "", 60), "norm": ("fresh", "as train.reset says", 24), "max_pool_1": ("none", "", 0),
        "squeeze": ("fresh", "not in the source", 28), "flatten_1": ("none", "", 0),
        "head": ("fresh", "as train.reset says", 195),
    }  # fmt: skip
    assert prepared.transfer.dropped == ("mix",)
    own, old = prepared.training.network.weights(), weights_of(parent, own_workspace)
    assert torch.equal(own["edges.weight"], old["edges.weight"])
    assert torch.equal(own["norm.running_mean"], torch.zeros(6))


def test_other_classes_get_a_fresh_classifier(prepare: Prepare, own_workspace: Workspace) -> None:
    parent = details_of(execute(prepare(NETWORK, epochs=1)), own_workspace)
    changes = [f"data.source={rows_of_four().source}", "data.validation=40"]
    fork = prepare_fork(parent, own_workspace, overrides=changes)
    fates = {start.layer: (start.weights, start.why) for start in fork.transfer.layers}
    assert fates["head"] == ("fresh", "other classes")
    assert fates["mix"] == ("kept", "")
    assert fork.training.network.classes == 4


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"channels": 3}, "network[0]: edges.weight is 6×3×3×3 here, but 6×1×3×3 in small-1, epoch 1; give the layer "
         "the settings that it has there, and the data as many channels, or let it begin anew: "
         'train.reset = ["edges"]'),
        ({"size": 12}, "network[5]: mix.weight is 10×216 here, but 10×96 in small-1, epoch 1; give the layer the "
         "settings that it has there (if images have another size: put global_pool in place of flatten, here and "
         'there), or let it begin anew: train.reset = ["mix"]'),
    ],
)  # fmt: skip
def test_other_images_are_told_what_does_not_fit(
    prepare: Prepare, own_workspace: Workspace, stripes: Callable[..., Dataset], changes: dict[str, int], told: str
) -> None:
    parent = details_of(execute(prepare(NETWORK, epochs=1)), own_workspace)
    with pytest.raises(InvalidSpec) as caught:
        prepare_fork(parent, own_workspace, overrides=[f"data.source={stripes(**changes).source}"])
    assert faults_of(caught) == [told]


def test_weights_come_from_files_too(prepare: Prepare, own_workspace: Workspace, tmp_path: Path) -> None:
    parent = details_of(execute(prepare(NETWORK, epochs=1)), own_workspace)
    best = weights_of(parent, own_workspace)
    spec = prepare(NETWORK, epochs=1).spec
    own, foreign = tmp_path / "own.safetensors", tmp_path / "foreign.safetensors"
    own.write_bytes((own_workspace.root / parent.artifacts["best"].path).read_bytes())
    save_file({"edges.weight": best["edges.weight"], "edges.bias": best["edges.bias"]}, foreign)
    known = prepare_run(replace(spec, start=Start(str(own))), own_workspace)
    assert all(torch.equal(tensor, best[name]) for name, tensor in known.training.network.weights().items())
    assert known.lineage["kind"] == "transfer"
    assert known.lineage["from"] == str(own)
    unknown = prepare_run(replace(spec, start=Start(str(foreign))), own_workspace)
    assert [start.weights for start in unknown.transfer.layers if start.weights != "none"] == ["kept", *["fresh"] * 3]
    assert unknown.notes[0] == (
        "foreign.safetensors does not say what it was trained on: perhaps on the images held out here."
    )
    with pytest.raises(InvalidSpec, match=r"images are among those that own\.safetensors was trained on"):
        prepare_run(replace(spec, start=Start(str(own)), data=replace(spec.data, split_seed=8)), own_workspace)


def test_what_cannot_be_started_from_is_told(prepare: Prepare, own_workspace: Workspace, tmp_path: Path) -> None:
    spec = prepare(NETWORK, epochs=1).spec

    def told(start: Start) -> str:
        with pytest.raises(InvalidInput) as caught:
            prepare_run(replace(spec, start=start), own_workspace)
        return str(caught.value)

    assert told(Start("small-1")).startswith(
        'there is no run "small-1" to start from, nor any other yet; train one first'
    )
    run = execute(prepare(NETWORK, epochs=1))
    with pytest.raises(NotFound, match='there is no run "smal-1"; did you mean "small-1"'):
        prepare_run(replace(spec, start=Start("smal-1")), own_workspace)
    broken, other = tmp_path / "broken.safetensors", tmp_path / "other.safetensors"
    broken.write_bytes(b"not a file of weights")
    save_file({"else.weight": torch.zeros(3)}, other)
    assert told(Start(str(broken))).startswith(f"{broken} is not a safetensors file that can be read (")
    assert told(Start(str(other))).endswith(
        "start: no layer takes its weights from other.safetensors, which has else; give layers the names that "
        "they have there, or leave the start out"
    )
    assert told(Start(str(tmp_path / "gone.safetensors"))).startswith('there is no file "')
    assert told(Start(str(other), go_on=True)).startswith("start.go_on needs a run, and ")
    assert told(Start(run, go_on=True)) == "start.go_on needs start.weights = \"last\", not 'best'; add it"
    assert told(Start(run, weights=2)).startswith('run "small-1" has no checkpoint of epoch 2: it was not told to keep')


def phases_spec(prepare: Prepare) -> RunSpec:
    """Pretrained on four classes, then the body frozen, then all of it on three."""
    spec = prepare(NETWORK, epochs=3, optimizer=fr.Adam(0.003)).spec
    other = fr.DataSpec(rows_of_four().source, validation=40)
    before = (
        Phase(name="pretrain", data=other, train=TrainSpec(epochs=3, batch_size=32)),
        Phase(name="head only", train=TrainSpec(epochs=2, freeze_up_to="mix", batch_size=32)),
    )
    return replace(spec, name="phased", phases=before)


def test_phases_are_one_run(prepare: Prepare, own_workspace: Workspace) -> None:
    spec = phases_spec(prepare)
    run = details_of(execute(prepare_run(spec, own_workspace)), own_workspace)
    assert [epoch.epoch for epoch in run.epochs] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [epoch.phase for epoch in run.epochs] == [*["pretrain"] * 3, *["head only"] * 2, *[None] * 3]
    assert run.artifacts.keys() == {"phase-1", "phase-2", "best", "last", "predictions"}
    first, second = (weights_of(run, own_workspace, f"phase-{number}") for number in (1, 2))
    for name in first:  # the head begins anew for other classes, and only it is trained then
        assert (first[name].shape == second[name].shape and torch.equal(first[name], second[name])) == (
            not name.startswith("head.")
        )
    assert run.best_epoch is not None
    assert run.best_epoch >= 6
    assert run.fingerprint == prepare().stage.data.fingerprint
    assert len(classifier_of(run, own_workspace).trained_on) == 2  # two of the three trainings saw the same images
    again = details_of(execute(prepare_restart(run, own_workspace)), own_workspace)
    assert again.artifacts["best"].sha256 == run.artifacts["best"].sha256


@pytest.mark.parametrize("stop_at", [3, 15, 16, 20, 30, 33, 40])
def test_a_run_left_in_any_phase_goes_on_bit_by_bit(prepare: Prepare, own_workspace: Workspace, stop_at: int) -> None:
    spec = phases_spec(prepare)
    undisturbed = details_of(execute(prepare_run(spec, own_workspace)), own_workspace)
    steps = iter(range(1, 1000))
    stop: Any = lambda: "stopped" if next(steps) == stop_at else None  # noqa: E731
    left = details_of(execute(prepare_run(spec, own_workspace), stop=stop), own_workspace)
    assert left.state == "stopped"
    if left.best_epoch is None:
        with pytest.raises(InvalidInput, match="has no best weights"):
            classifier_of(left, own_workspace)
    execute(prepare_resume(left, own_workspace))
    resumed = details_of(left.id, own_workspace)
    assert resumed.state == "finished"
    for kind, artifact in undisturbed.artifacts.items():
        assert resumed.artifacts[kind].sha256 == artifact.sha256, kind


def test_phases_are_checked_before_anything_starts(prepare: Prepare, own_workspace: Workspace) -> None:
    spec = prepare(NETWORK, epochs=1).spec
    other_split = Phase(
        name="peek", data=replace(spec.data, split_seed=5), train=TrainSpec(epochs=1, freeze_up_to="mxi")
    )
    with pytest.raises(InvalidSpec) as caught:
        prepare_run(replace(spec, phases=(other_split,)), own_workspace)
    assert faults_of(caught) == ['phases[0].train.freeze_up_to: there is no layer "mxi"; did you mean "mix"?']
    peeking = replace(other_split, train=TrainSpec(epochs=1))
    with pytest.raises(InvalidSpec, match='validation images are among those that phase "peek" was trained on'):
        prepare_run(replace(spec, phases=(peeking,)), own_workspace)
    assert not own_workspace.database.exists()


def test_progress_is_counted_through_phases_of_other_sizes(
    prepare: Prepare, own_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Epochs of 2 steps, then of 14: numbered by epoch, steps would come twice."""
    monkeypatch.setattr(record, "SECONDS_BETWEEN_PROGRESS", 0.0)
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_PROGRESS", 0.0)
    spec = prepare(NETWORK, epochs=2, batch_size=16).spec
    phase = Phase(name="first", train=TrainSpec(epochs=4, batch_size=105))
    told = []

    def hear(run: str, event: object) -> None:
        with Store.open(own_workspace.database) as store:
            told.extend(row for row in store.progress(run)[-1:] if row not in told)

    execute(prepare_run(replace(spec, phases=(phase,)), own_workspace), hear)
    assert [row.step for row in told] == list(range(1, 4 * 2 + 2 * 14 + 1))
    assert told[-1].images == 4 * 210 + 2 * 210


def test_a_run_left_in_a_phase_is_not_continued_as_if_it_were_done(prepare: Prepare, own_workspace: Workspace) -> None:
    steps = iter(range(1, 100))
    stop: Any = lambda: "stopped" if next(steps) == 3 else None  # noqa: E731
    left = details_of(execute(prepare_run(phases_spec(prepare), own_workspace), stop=stop), own_workspace)
    with pytest.raises(InvalidSpec) as caught:
        prepare_continue(left, own_workspace, epochs=1)
    assert 'start: phased-1 was left in its phase "pretrain"; fittingroom runs resume phased-1 first' in faults_of(
        caught
    )


def test_data_of_a_phase_that_changes_before_a_resume_is_noticed(
    prepare: Prepare, own_workspace: Workspace, tmp_path: Path
) -> None:
    spec = prepare(NETWORK, epochs=1).spec
    folder = tmp_path / "photos"

    def draw(seed: int) -> None:
        generator = np.random.default_rng(seed)
        for name in ("a", "b", "c"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            for number in range(30):
                pixels = generator.integers(0, 255, (8, 8), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / name / f"{number}.png")

    draw(1)
    phase = Phase(name="first", data=fr.DataSpec(str(folder), validation=0.2), train=TrainSpec(epochs=4, batch_size=16))
    steps = iter(range(1, 100))
    stop: Any = lambda: "stopped" if next(steps) == 3 else None  # noqa: E731
    left = details_of(execute(prepare_run(replace(spec, phases=(phase,)), own_workspace), stop=stop), own_workspace)
    draw(2)
    with pytest.raises(InvalidInput, match='has changed since phase "first" was trained on it; restore it, or restart'):
        prepare_resume(left, own_workspace)


def test_an_attempt_that_was_given_up_removes_nothing_of_its_successor(
    prepare: Prepare, own_workspace: Workspace
) -> None:
    run = execute(prepare(NETWORK, epochs=2))
    before = details_of(run, own_workspace)
    with Store.open(own_workspace.database) as store:
        old = record.Recorder(prepare(NETWORK, epochs=2), store, run, 1)
        newer = own_workspace.attempt(run, 2) / "best-9.safetensors"
        newer.parent.mkdir()
        newer.write_bytes(b"of attempt 2")
        (own_workspace.attempt(run, 1) / "a folder of yours").mkdir()
        old._sweep([before.artifacts["best"]])
    assert newer.read_bytes() == b"of attempt 2"


def test_a_fork_resets_only_what_it_is_asked_to(prepare: Prepare, own_workspace: Workspace) -> None:
    first = details_of(execute(prepare(NETWORK, epochs=1)), own_workspace)
    second = details_of(execute(prepare_fork(first, own_workspace, overrides=['train.reset=["head"]'])), own_workspace)
    third = prepare_fork(second, own_workspace)
    assert {start.weights for start in third.transfer.layers} == {"kept", "none"}


def test_departures_are_remembered_over_several_attempts(prepare: Prepare, own_workspace: Workspace) -> None:
    steps = iter(range(1, 100))
    stop: Any = lambda: "stopped" if next(steps) == 3 else None  # noqa: E731
    run = details_of(execute(prepare(NETWORK, epochs=2), stop=stop), own_workspace)
    (attempt,) = run.attempts
    elsewhere = replace(attempt, plan={**attempt.plan, "processor": "Babbage"})
    twice = replace(run, attempts=(elsewhere, replace(attempt, number=2)))
    assert prepare_resume(twice, own_workspace).departures == (f"processor {attempt.plan['processor']}, was Babbage",)
    assert prepare_continue(replace(run, attempts=(elsewhere,)), own_workspace, epochs=1).departures != ()


def test_nobody_knows_stays_so_from_run_to_run(prepare: Prepare, own_workspace: Workspace, tmp_path: Path) -> None:
    first = details_of(execute(prepare(NETWORK, epochs=1)), own_workspace)
    foreign = tmp_path / "foreign.safetensors"
    save_file({f"mix.{part}": weights_of(first, own_workspace)[f"mix.{part}"] for part in ("weight", "bias")}, foreign)
    spec = prepare(NETWORK, epochs=1).spec
    second = details_of(execute(prepare_run(replace(spec, start=Start(str(foreign))), own_workspace)), own_workspace)
    third = prepare_fork(second, own_workspace)
    assert third.notes[0] == (
        "foreign.safetensors does not say what it was trained on: perhaps on the images held out here."
    )


def test_weights_that_change_while_a_run_waits_are_refused(prepare: Prepare, own_workspace: Workspace) -> None:
    steps = iter(range(1, 100))
    stop: Any = lambda: "stopped" if next(steps) == 16 else None  # noqa: E731
    parent = details_of(execute(prepare(NETWORK, epochs=4), stop=stop), own_workspace)
    child = submit_continued(parent.id, own_workspace, epochs=1)
    execute(prepare_resume(parent, own_workspace))
    with pytest.raises(InvalidInput, match=f'^the weights of "{parent.id}" have changed since run "{child}" was made'):
        prepare_resume(details_of(child, own_workspace), own_workspace)


def test_only_the_newest_checkpoints_stay_through_phases(prepare: Prepare, own_workspace: Workspace) -> None:
    spec = prepare(NETWORK, epochs=2, keep_checkpoints=1).spec
    phase = Phase(name="first", train=TrainSpec(epochs=3, batch_size=32, keep_checkpoints=3))
    run = details_of(execute(prepare_run(replace(spec, phases=(phase,)), own_workspace)), own_workspace)
    assert [kind for kind in run.artifacts if kind.startswith("checkpoint")] == ["checkpoint-5"]
    artifact_path(run, "checkpoint-5", own_workspace)  # whole


def test_nothing_is_said_to_be_in_vain_after_a_phase(prepare: Prepare, own_workspace: Workspace) -> None:
    spec = prepare(NETWORK, epochs=1, freeze_up_to="norm", reset=("head",)).spec
    phase = Phase(name="first", train=TrainSpec(epochs=1, batch_size=32))
    prepared = prepare_run(replace(spec, phases=(phase,)), own_workspace)
    second = next_stage(prepared, Weights("the phase", prepared.training.network.weights()))
    assert not any("fresh" in note or "Nothing is learned" in note for note in second.notes)
