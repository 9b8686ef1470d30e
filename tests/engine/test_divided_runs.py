"""Runs on folds, on the data's own validation images, and on data that is cleaned between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import fittingroom as fr
from fittingroom.data.cleaning import exclude, restore
from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import import_data, load
from fittingroom.engine.prepare import PreparedRun, prepare_run
from fittingroom.engine.resume import prepare_continue, prepare_fork, prepare_restart, prepare_resume
from fittingroom.engine.run import execute
from fittingroom.errors import InvalidInput, InvalidSpec
from fittingroom.queue.pairs import compare_runs
from fittingroom.queue.stored import validation_of
from fittingroom.spec.data import DataSpec
from fittingroom.spec.run import RunSpec
from fittingroom.spec.start import Phase
from fittingroom.spec.train import TrainSpec
from fittingroom.store import RunDetails, Store
from fittingroom.workspace import Workspace

Prepare = Callable[..., PreparedRun]
NETWORK = (fr.Flatten(), fr.Dense(8, activation="relu", name="mix"), fr.Classify(name="head"))


def details_of(run: str, workspace: Workspace) -> RunDetails:
    with Store.open(workspace.database) as store:
        return store.run(run)


def weights_of(run: RunDetails, workspace: Workspace) -> dict[str, torch.Tensor]:
    return load_file(workspace.root / run.artifacts["last"].path)


def spec_on(data: Dataset, name: str = "divided", **settings: object) -> RunSpec:
    train = TrainSpec(epochs=2, batch_size=16)
    return RunSpec(data=DataSpec(source=data.source, **settings), network=NETWORK, train=train, name=name)


def test_every_image_of_the_pool_is_judged_by_exactly_one_fold(
    stripes: Callable[..., Dataset], own_workspace: Workspace
) -> None:
    data = stripes(150)
    judged = []
    for fold in range(3):
        run = fr.fit(NETWORK, data, folds=3, fold=fold, epochs=1, show=False)
        judged += validation_of(run.details, own_workspace)[1].tolist()
    assert sorted(judged) == list(range(150))


def test_folds_are_remembered_by_the_weights(stripes: Callable[..., Dataset], own_workspace: Workspace) -> None:
    run = fr.fit(NETWORK, stripes(150), folds=3, fold=1, epochs=1, show=False)
    same = prepare_fork(run.details, own_workspace, overrides=["train.epochs=1"])
    assert same.trained_on[0].division == run.spec.data.division
    with pytest.raises(InvalidSpec) as refused:
        prepare_fork(run.details, own_workspace, overrides=["data.fold=2"])
    fault = refused.value.faults[0]
    assert fault.message == f"50 of the 50 validation images are among those that {run.id}, epoch 1 was trained on"
    assert fault.fix == "split the data as there, with data.folds = 3, data.fold = 1 and data.split_seed = 0"
    assert execute(same) != run.id


def test_a_run_validates_on_the_folder_that_is_meant_for_it(
    photos: Path, own_workspace: Workspace, tmp_path: Path
) -> None:
    draws = np.random.default_rng(2)
    for part, number in (("train", 20), ("validation", 6), ("test", 5)):
        for kind in ("left", "right"):
            (tmp_path / "pets" / part / kind).mkdir(parents=True)
            for image in range(number):
                pixels = draws.integers(0, 255, (8, 8), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "pets" / part / kind / f"{image}.png")
    data = import_data(tmp_path / "pets", own_workspace)
    run = fr.fit(NETWORK, data, validation="given", epochs=1, show=False)
    assert data.own_validation is not None
    assert validation_of(run.details, own_workspace)[1].tolist() == data.own_validation.tolist()
    none = import_data(photos, own_workspace)
    with pytest.raises(InvalidSpec) as refused:
        fr.fit(NETWORK, none, validation="given", epochs=1, show=False)
    assert [str(fault) for fault in refused.value.faults] == [
        'data.validation: is "given", but photos names no images for validation; give a number of images or a share, '
        "or import the data with a folder named validation"
    ]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"fold": 2}, "data.fold: is 2, but there are no folds; add folds = 5, or leave fold out"),
        ({"folds": 4, "fold": 4}, "data.fold: is 4, but 4 folds are counted from 0; give 0 to 3, or more folds"),
        (
            {"folds": 4, "validation": "given"},
            'data.validation: is "given" beside folds, and only one of them can say which images validate; leave '
            "validation out, or folds and fold",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_told(
    settings: dict[str, object], told: str, stripes: Callable[..., Dataset], own_workspace: Workspace
) -> None:
    data = stripes(90)
    with pytest.raises(InvalidSpec) as refused:
        prepare_run(spec_on(data, **settings), own_workspace)
    assert [str(fault) for fault in refused.value.faults] == [told]
    phased = replace(
        spec_on(data), phases=(Phase(name="first", data=spec_on(data, **settings).data, train=TrainSpec(epochs=1)),)
    )
    with pytest.raises(InvalidSpec) as refused:
        prepare_run(phased, own_workspace)
    assert [str(fault) for fault in refused.value.faults] == [f"phases[0].{told}"]


def test_older_runs_keep_the_data_that_they_had(stripes: Callable[..., Dataset], own_workspace: Workspace) -> None:
    data = stripes(120)
    spec = spec_on(data)
    before = details_of(execute(prepare_run(spec, own_workspace)), own_workspace)
    steps = iter(range(1, 100))
    left = execute(prepare_run(spec, own_workspace), stop=lambda: "stopped" if next(steps) == 9 else None)
    validation = data.divide(spec.data.division).validation.tolist()
    exclude(data, [*validation[:2], 0, 121], "try", own_workspace)
    after = details_of(execute(prepare_run(spec, own_workspace)), own_workspace)
    assert after.fingerprint == load(data.source, own_workspace).fingerprint != before.fingerprint

    went_on = details_of(execute(prepare_resume(details_of(left, own_workspace), own_workspace)), own_workspace)
    again = details_of(execute(prepare_restart(before, own_workspace)), own_workspace)
    for run in (went_on, again):
        assert run.fingerprint == before.fingerprint
        theirs = weights_of(before, own_workspace)
        assert all(torch.equal(tensor, theirs[name]) for name, tensor in weights_of(run, own_workspace).items())
    more = details_of(execute(prepare_continue(before, own_workspace, epochs=1)), own_workspace)
    assert more.fingerprint == before.fingerprint
    forked = details_of(execute(prepare_fork(before, own_workspace, overrides=["train.epochs=1"])), own_workspace)
    assert forked.fingerprint == after.fingerprint  # a new run is on the data as it is now

    sizes = [fr.Run(run.id).test().evaluation.n for run in (before, after)]
    assert sizes == [60, 59]
    assert fr.Run(after.id).test().openings == 3  # one test set, however many images are excluded from it
    assert compare_runs(before, after, own_workspace).counts.n == len(validation) - 2
    restore(data, None, own_workspace)
    assert fr.Run(after.id).test().evaluation.n == 59


def test_a_run_on_cleaned_data_travels_and_says_what_is_missing_elsewhere(
    stripes: Callable[..., Dataset], own_workspace: Workspace, tmp_path: Path
) -> None:
    data = stripes(120)
    exclude(data, [0, 121], "try", own_workspace)
    run = fr.fit(NETWORK, data, folds=3, fold=2, epochs=1, show=False)
    elsewhere = Workspace(tmp_path / "elsewhere")
    brought = fr.import_run(fr.export_run(run.id, tmp_path / "run.zip"), workspace=elsewhere)
    details = details_of(brought, elsewhere)
    assert (details.fingerprint, fr.Run(brought, elsewhere).spec.data.fold) == (run.details.fingerprint, 2)
    with pytest.raises(InvalidInput, match=r"was trained on .* without images that nothing here tells of"):
        fr.Run(brought, elsewhere).test()
    exclude(data, [0, 121], "the same again", elsewhere)
    assert fr.Run(brought, elsewhere).test().evaluation.n == 59
