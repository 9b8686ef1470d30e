"""Two runs, image by image, against SciPy's binomial test and counts by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.errors import InvalidInput
from fittingroom.queue import pairs
from fittingroom.queue.pairs import compare_runs
from fittingroom.queue.stored import validation_of
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace

Train = Callable[..., RunDetails]


@pytest.fixture
def train(stripes: Callable[..., Dataset], own_workspace: Workspace) -> Train:
    def make(epochs: int, seed: int = 0, images: int = 120, split_seed: int = 0) -> RunDetails:
        data = fr.DataSpec(source=stripes(images).source, validation=60, split_seed=split_seed)
        spec = fr.RunSpec(data=data, network=(fr.Flatten(), fr.Classify()), seed=seed,
                          train=fr.TrainSpec(epochs=epochs, batch_size=16, optimizer=fr.Adam(0.003)))  # fmt: skip
        return fr.train(spec, workspace=own_workspace.root, show=False).details

    return make


def test_counts_interval_and_test_are_of_the_images_that_both_were_judged_on(
    train: Train, own_workspace: Workspace
) -> None:
    little, much = train(1, seed=3), train(12)
    pair = compare_runs(little, much, own_workspace)
    right = [
        (found.predictions == found.labels)
        for found, _ in (validation_of(run, own_workspace) for run in (little, much))
    ]
    only_little, only_much = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    assert (pair.counts.n, pair.counts.only_a, pair.counts.only_b) == (60, only_little, only_much)
    assert only_much > only_little, "twelve epochs know more than one"
    assert pair.test.p == pytest.approx(binomtest(only_little, only_little + only_much).pvalue)
    assert pair.counts.difference == pytest.approx(right[0].mean() - right[1].mean())
    assert pair.interval.low <= pair.counts.difference <= pair.interval.high
    assert f"They disagree on {only_little + only_much} image" in pair.sentences[1]
    assert pair.to_json()["images"] == 60


def test_images_are_matched_by_their_place_in_the_data(
    train: Train, own_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(2)
    found, indices = validation_of(run, own_workspace)
    order = np.random.default_rng(0).permutation(len(indices))[:40]
    shuffled = replace(found, predictions=found.predictions[order], labels=found.labels[order]), indices[order]
    answers = iter([(found, indices), shuffled])
    monkeypatch.setattr(pairs, "validation_of", lambda *_: next(answers))
    pair = compare_runs(run, replace(run, id="the same again"), own_workspace)
    assert (pair.counts.n, pair.counts.only_a, pair.counts.only_b) == (40, 0, 0)
    assert (pair.test.p, pair.counts.difference) == (1.0, 0.0)
    assert "cannot be told" in pair.sentences[2]


def test_what_cannot_be_compared_is_refused(train: Train, own_workspace: Workspace) -> None:
    run = train(1)
    for other, told in ((run, "with itself"), (train(1, images=150), "different data")):
        with pytest.raises(InvalidInput, match=told):
            compare_runs(run, other, own_workspace)
