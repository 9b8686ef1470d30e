"""Faults are planted in a sound data set: each check finds all of its own, and none raises a false alarm."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fittingroom.data.check.checking import check
from fittingroom.data.check.conflicts import label_conflicts
from fittingroom.data.check.finding import KINDS, Finding, Kind, Report
from fittingroom.data.check.kept import keep_report, kept_report
from fittingroom.data.check.looks import Progress
from fittingroom.data.check.near import one_of_each
from fittingroom.data.cleaning import exclude
from fittingroom.data.sources import from_arrays
from fittingroom.workspace import Workspace
from tests.data.check.conftest import TRAINING, as_data

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Sound = tuple[Images, Labels]
FoundIn = Callable[[Images, Labels], dict[Kind, Finding]]


def saved_anew(image: Images) -> Images:
    """By JPEG, lossily."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=90)
    return np.array(Image.open(file))


def test_nothing_is_found_in_a_sound_data_set(sound: Sound, found_in: FoundIn) -> None:
    assert not found_in(*sound)


def test_exact_copies_within_training(sound: Sound, found_in: FoundIn) -> None:
    images, labels = sound
    images[[50, 54, 58]] = images[10]
    images[99] = images[3]
    found = found_in(images, labels)
    assert set(found) == {"exact_copies", "label_conflicts"} - (
        {"label_conflicts"} if labels[99] == labels[3] else set()
    )
    assert sorted(found["exact_copies"].images.tolist()) == [50, 54, 58, 99]
    assert {tuple(pair) for pair in found["exact_copies"].pairs.tolist()} == {(10, 50), (10, 54), (10, 58), (3, 99)}


def test_what_is_excluded_is_found_no_more(sound: Sound, tmp_path: Path, cache: object) -> None:
    images, labels = sound
    images[[50, 54]] = images[10]
    images[60] = 0
    data, workspace = as_data(images, labels), Workspace(tmp_path)
    kinds = {finding.kind for finding in check(data).findings}
    assert {"exact_copies", "constant_images"} <= kinds
    clean = exclude(data, [50, 54, 60], "found by the check", workspace)
    assert not check(clean).findings


def test_exact_copies_across_the_official_split(sound: Sound, found_in: FoundIn) -> None:
    images, labels = sound
    images[[20, 24]] = images[TRAINING + 4]
    images[TRAINING + 12] = images[TRAINING + 8]
    found = found_in(images, labels)
    assert set(found) == {"exact_copies", "exact_copies_of_test_images", "exact_copies_among_test_images"}
    across = found["exact_copies_of_test_images"]
    assert across.severity == "severe", "1 of 80 test images"
    assert across.images.tolist() == [20, 24]
    assert across.pairs.tolist() == [[TRAINING + 4, 20], [TRAINING + 4, 24]]
    assert found["exact_copies_among_test_images"].images.tolist() == [TRAINING + 12]


def test_near_copies_within_training_and_of_test_images(sound: Sound, found_in: FoundIn) -> None:
    images, labels = sound
    train, test = as_data(images, labels).split(0.1, 0).train, np.arange(TRAINING, TRAINING + 5)
    originals, copies, of_test = train[:16:4], train[100:116:4], train[201:206]
    for original, copy in zip(originals, copies, strict=True):
        labels[copy], images[copy] = labels[original], saved_anew(images[original])
    images[copies[0]] = np.rint(images[originals[0]] * 0.8)
    for original, copy in zip(test, of_test, strict=True):
        labels[copy], images[copy] = labels[original], saved_anew(images[original])
    train = as_data(images, labels).split(0.1, 0).train
    found = found_in(images, labels)
    among = {tuple(sorted(pair)) for kind in ("near_copies", "near_copies_of_validation_images") if kind in found
             for pair in found[kind].pairs.tolist()}  # fmt: skip
    assert among == set(zip(originals.tolist(), copies.tolist(), strict=True))
    tested = found["near_copies_of_test_images"]
    assert {tuple(pair) for pair in tested.pairs.tolist()} == set(zip(test.tolist(), of_test.tolist(), strict=True))
    assert tested.count == 5
    assert "label_conflicts" not in found


def test_a_near_copy_across_training_and_validation_is_told_apart(sound: Sound, found_in: FoundIn) -> None:
    images, labels = sound
    splits = as_data(images, labels).split(0.1, 0)
    held_out = int(splits.validation[0])
    twin = int(next(image for image in splits.train if labels[image] == labels[held_out]))
    images[twin] = saved_anew(images[held_out])  # the split is by content where copies are exact, else by position
    found = found_in(images, labels)
    assert set(found) == {"near_copies_of_validation_images"}
    assert found["near_copies_of_validation_images"].pairs.tolist() == [[held_out, twin]]
    assert found["near_copies_of_validation_images"].images.tolist() == [twin], "the one that could be left out"


def test_label_conflicts_among_exact_and_near_copies(sound: Sound, found_in: FoundIn) -> None:
    images, labels = sound
    images[81] = images[40]  # labels 1 and 0
    images[122] = saved_anew(images[43])  # 2 and 3
    images[161] = images[41]  # 1 and 1: no conflict
    found = found_in(images, labels)["label_conflicts"]
    assert found.severity == "severe"
    assert found.pairs.tolist() == [[40, 81], [43, 122]]
    assert sorted(found.images.tolist()) == [40, 43, 81, 122]


def test_labels_of_test_images_are_not_looked_at(sound: Sound, found_in: FoundIn) -> None:
    images, labels = sound
    images[TRAINING + 1] = saved_anew(images[2])
    images[TRAINING + 9] = images[TRAINING + 4]
    changed = labels.copy()
    changed[TRAINING:] = (changed[TRAINING:] + 1) % 4
    for answers in (labels, changed):
        found = found_in(images, answers)
        assert set(found) == {"near_copies_of_test_images", "exact_copies_among_test_images"}


def test_classes_of_different_sizes(sound: Sound, found_in: FoundIn) -> None:
    images, labels = sound
    kept = np.concatenate([np.flatnonzero(labels[:TRAINING] != 0), np.flatnonzero(labels[:TRAINING] == 0)[:8]])
    data = from_arrays(images[kept], labels[kept], class_names=list("abcd"))
    found = {finding.kind: finding for finding in check(data).findings}
    assert set(found) == {"class_imbalance", "small_classes"}
    assert found["class_imbalance"].severity == "severe"
    assert found["small_classes"].count == 1
    assert '"a"' in found["class_imbalance"].text


def test_constant_nearly_empty_and_inverted_images(sound: Sound, found_in: FoundIn) -> None:
    images, labels = sound
    images[30], images[34] = 0, 77
    images[38] = 0
    images[38, 5, 5:8] = 200  # 3 of 400 pixels
    inverted = [61, 142, 263, TRAINING + 7]
    images[inverted] = 255 - images[inverted]
    images[71, [0, -1], :] = images[71, :, [0, -1]] = 255  # a bright frame alone is no inversion
    found = found_in(images, labels)
    assert found["constant_images"].images.tolist() == [30, 34]
    assert found["nearly_empty_images"].images.tolist() == [38]
    assert sorted(found["inverted_images"].images.tolist()) == inverted
    odd = {30, 34, 38, 71, *inverted[:3]}
    for kind in ("brightness_outliers", "contrast_outliers"):
        assert kind not in found or set(found[kind].images.tolist()) <= odd


def test_bright_images_on_dark_are_the_inverted_ones_where_most_are_dark_on_bright(
    sound: Sound, found_in: FoundIn
) -> None:
    images, labels = sound
    images = 255 - images
    images[9] = 255 - images[9]
    assert found_in(images, labels)["inverted_images"].images.tolist() == [9]


def test_images_in_another_light(sound: Sound, found_in: FoundIn) -> None:
    images, labels = sound
    images[[80, 85]] = images[[80, 85]] // 2 + 120
    images[90] = np.where(np.arange(20) % 2, 255, 0)
    images[103] = images[103] // 8  # as if taken in the dark
    found = found_in(images, labels)
    assert set(found) == {"brightness_outliers", "contrast_outliers"}
    assert sorted(found["brightness_outliers"].images.tolist()) == [80, 85, 90]
    assert sorted(found["contrast_outliers"].images.tolist()) == [90, 103]


def test_no_pair_is_left_once_its_images_are_left_out() -> None:
    pairs = np.array([[1, 2], [2, 3], [1, 3], [5, 9], [3, 4]])
    assert one_of_each(pairs).tolist() == [2, 3, 9]


def test_suspicious_labels_are_asked_of_training_and_validation_images_only(sound: Sound, cache: object) -> None:
    images, labels = sound
    truth = labels.copy()
    planted = [4, 101, 202, 303]
    labels[planted] = (labels[planted] + 1) % 4
    asked = []

    def predict(chosen: Labels, groups: Labels, progress: Progress) -> NDArray[np.float64]:
        asked.append(chosen)
        return np.where(np.eye(4)[truth[chosen]] > 0, 0.85, 0.05) + 0.001 * np.eye(4)[chosen % 4]

    report = check(as_data(images, labels), predict)
    (chosen,) = asked
    assert chosen.tolist() == list(range(TRAINING))
    found = report.finding("suspicious_labels")
    assert found is not None
    assert sorted(found.images.tolist()) == planted
    assert found.suggested is not None
    assert found.suggested.tolist() == truth[found.images].tolist()
    assert report.checked == KINDS


def test_networks_that_know_nothing_are_not_believed(sound: Sound, cache: object) -> None:
    def guess(chosen: Labels, groups: Labels, progress: Progress) -> NDArray[np.float64]:
        return np.random.default_rng(0).dirichlet(np.ones(4), len(chosen))

    found = check(as_data(*sound), guess).finding("suspicious_labels")
    assert found is not None
    assert found.severity == "for information"
    assert "tells more of them than of the labels" in found.text


def test_too_few_images_are_checked_without_their_labels(sound: Sound, cache: object) -> None:
    images, labels = sound
    report = check(from_arrays(images[:40], labels[:40]), lambda *asked: pytest.fail("asked"))
    assert "suspicious_labels" not in report.checked
    assert any("40 training" in line or "34 training" in line for line in report.left_out)


def test_two_images_are_enough_not_to_fail(cache: object) -> None:
    data = from_arrays(np.zeros((2, 3, 3), np.uint8), np.array([0, 1]))
    found = {finding.kind for finding in check(data).findings}
    assert {"exact_copies", "label_conflicts", "constant_images"} <= found


def test_many_copies_of_few_images_are_too_few_to_judge_their_labels(cache: object) -> None:
    data = from_arrays(np.zeros((200, 4, 4), np.uint8), np.arange(200) % 2)
    report = check(data, lambda *asked: pytest.fail("asked"))
    assert any("1 of them different" in line for line in report.left_out)


def test_training_images_too_few_to_validate_any_are_checked_all_the_same(sound: Sound, cache: object) -> None:
    images, labels = sound
    images[401] = images[1]
    data = from_arrays(images[:2], labels[:2], test=(images[400:404], labels[400:402].repeat(2)))
    found = {finding.kind for finding in check(data).findings}
    assert {"exact_copies_of_test_images", "small_classes"} <= found
    assert "near_copies_of_test_images" not in found


def test_a_report_comes_back_from_json_and_from_the_cache(sound: Sound, cache: object) -> None:
    images, labels = sound
    images[81], images[7] = images[40], 255 - images[7]
    data = as_data(images, labels)
    report = check(data)
    assert len(report.findings) >= 2
    plain = json.loads(json.dumps(report.to_json()))
    assert Report.from_json(plain).to_json() == plain
    assert kept_report(data, labels=False) is None
    keep_report(data, report, labels=False)
    again = kept_report(data, labels=False)
    assert again is not None
    assert again.to_json() == report.to_json()
    assert kept_report(data, labels=True) is None


def test_a_check_that_is_ended_ends_and_tells_its_progress(sound: Sound, cache: object) -> None:
    done: list[float] = []

    def stop(share: float) -> None:
        done.append(share)
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(as_data(*sound), progress=stop)
    assert done == sorted(done)
    assert done[-1] <= 1


def test_conflicts_without_a_search_for_near_copies(sound: Sound, cache: object) -> None:
    from fittingroom.data.check.parts import Parts

    images, labels = sound
    images[81] = images[40]
    data = as_data(images, labels)
    found = label_conflicts(data, Parts.of(data, None), None)
    assert found is not None
    assert found.pairs is not None
    assert found.pairs.tolist() == [[40, 81]]
