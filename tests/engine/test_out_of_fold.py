"""Predictions of images by networks that have not seen them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fittingroom.data.check.folds import in_folds
from fittingroom.data.check.labels import FOLDS
from fittingroom.data.check.parts import copy_groups
from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import from_arrays
from fittingroom.engine import out_of_fold as module
from fittingroom.engine.desk import Desk
from fittingroom.engine.images import Part
from fittingroom.engine.inference import LONG
from fittingroom.engine.loop import Training
from fittingroom.engine.out_of_fold import SmallPart, out_of_fold, quick_network, quick_training, seen_size
from fittingroom.engine.plan import Wanted
from fittingroom.engine.steps import finish
from fittingroom.library.check import check_data
from fittingroom.queue.wire import Message
from fittingroom.spec.network import summarize
from fittingroom.workspace import Workspace

Stripes = Callable[..., Dataset]


def predicted(data: Dataset, chosen: NDArray[np.int64], folds: int = 3) -> NDArray[np.float32]:
    return finish(out_of_fold(data, chosen, copy_groups(data.hashes), folds, Wanted(threads=1)))


def test_labels_that_are_wrong_are_found(stripes: Stripes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEPS", 120)
    clean = stripes(300, size=12)
    labels = np.array(clean.labels)
    planted = set(range(7, 300, 20))
    labels[list(planted)] = (labels[list(planted)] + 1) % 3
    data = from_arrays(clean.images[:300], labels[:300], test=(clean.images[300:], labels[300:]))
    told: list[float] = []
    found = check_data(data, progress=told.append).finding("suspicious_labels")
    assert found is not None
    right = planted & set(found.images.tolist())
    assert len(right) >= 0.8 * len(planted), "recall"
    assert len(right) >= 0.8 * len(found.images), "precision"
    assert found.suggested is not None
    suggested = dict(zip(found.images.tolist(), found.suggested.tolist(), strict=True))
    assert all(suggested[image] == clean.labels[image] for image in right)
    assert told == sorted(told)


def test_the_same_images_get_the_same_predictions_twice(stripes: Stripes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EPOCHS", (1, 1))
    data = stripes(100)
    first, second = (predicted(data, np.arange(100)) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_the_page_gets_the_same_predictions_step_by_step(
    stripes: Stripes, own_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EPOCHS", (1, 1))
    data = stripes(100)
    asked = {"chosen": np.arange(80), "groups": copy_groups(data.hashes)}
    steps: list[tuple[int, int]] = []
    with Desk.open(own_workspace) as desk:
        words = {"source": data.source, "fingerprint": data.fingerprint}
        work = LONG["out of fold"](desk, Message(words, asked))
        answer = finish(work, lambda done, total: steps.append((done, total)))
    assert answer.arrays["probabilities_NK"].tobytes() == predicted(data, np.arange(80), FOLDS).tobytes()
    assert len(steps) > FOLDS, "other questions are answered in between"
    assert steps[-1][0] == steps[-1][1]


def test_no_image_is_predicted_by_a_network_that_has_seen_it_or_its_copy(
    stripes: Stripes, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = stripes(90)
    seen: list[set[int]] = []
    asked: list[set[int]] = []
    preparing, answering = module._preparing, module._answering

    def noted(data: Dataset, indices: NDArray[np.int64], wanted: Wanted) -> object:
        seen.append(set(indices.tolist()))
        return preparing(data, indices, wanted)

    def answered(run: Training, part: Part) -> object:
        asked.append(set(part.indices.tolist()))
        return answering(run, part)

    monkeypatch.setattr(module, "_preparing", noted)
    monkeypatch.setattr(module, "_answering", answered)
    monkeypatch.setattr(module, "_trained", lambda run: iter(()))
    chosen = np.arange(0, 90, 2)
    probabilities = predicted(data, chosen)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert len(seen) == 3
    for one, other in zip(seen, asked, strict=True):
        assert one.isdisjoint(other)
        assert one | other == set(chosen.tolist()), "and no image beside the chosen ones is looked at"


def test_copies_share_a_fold_and_classes_are_dealt_out_evenly() -> None:
    labels = np.repeat([0, 1, 2], [60, 30, 6])
    groups = np.arange(96)
    groups[[40, 41, 70]] = 3
    fold = in_folds(np.arange(96), labels, groups, 3, 0)
    assert len(set(fold[groups == 3].tolist())) == 1
    for label in range(3):
        counts = np.bincount(fold[(labels == label) & (groups == np.arange(96))], minlength=3)
        assert counts.max() - counts.min() <= 1
    assert in_folds(np.arange(96), labels, groups, 3, 0).tolist() == fold.tolist()
    assert in_folds(np.arange(96), labels, groups, 3, 1).tolist() != fold.tolist()


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (5, 5), (8, 8), (12, 12), (28, 28), (31, 32), (32, 32)])
def test_there_is_a_network_for_every_size(size: tuple[int, int]) -> None:
    assert not summarize(quick_network(*size), (3, *size), 4).faults


def test_large_images_are_looked_at_smaller_by_averages(stripes: Stripes) -> None:
    assert seen_size(28, 28) == (28, 28)
    assert seen_size(64, 128) == (16, 32)
    assert seen_size(4000, 3) == (32, 1)
    data = stripes(30, size=64, test=0 + 30)
    images_NCHW, _ = SmallPart(data, np.arange(30)).batch(np.arange(4))
    blocks = data.images[:4, :, :, 0].reshape(4, 32, 2, 32, 2).mean(axis=(2, 4)) / 255
    assert torch.allclose(images_NCHW[:, 0], torch.from_numpy(blocks).float(), atol=1e-6)


def test_trainings_are_neither_endless_nor_over_at_once() -> None:
    for images in (75, 1000, 45_000, 1_000_000):
        train = quick_training(images)
        assert 4 <= train.epochs <= 20
        assert 16 <= train.batch_size <= 250
    assert quick_training(45_000).epochs == 4
