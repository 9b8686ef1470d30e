"""The data check in the page: what it found, images left out by a recorded step, and the way back."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from fittingroom.data.check.checking import check as whole_check
from fittingroom.data.check.finding import KINDS, Report
from fittingroom.data.check.kept import keep_report
from fittingroom.data.cleaning import exclude, journal, restore
from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import import_data, load
from fittingroom.errors import InvalidData
from fittingroom.queue.wire import Message
from fittingroom.web import checks
from fittingroom.web.inference import Inference, Job
from fittingroom.web.tasks import Task
from fittingroom.workspace import Workspace

COPIES = [40, 41, 42, 43]
"""Of images 0 to 3, which have the same classes."""
AMONG_TEST = 130
"""A copy of image 121; images from 120 on test."""


@pytest.fixture
def planted(page: TestClient, own_workspace: Workspace, tmp_path: Path) -> Dataset:
    generator = np.random.default_rng(3)
    images = generator.integers(0, 256, (150, 8, 8)).astype(np.uint8)
    labels = np.arange(150) % 2
    images[COPIES] = images[:4]
    images[AMONG_TEST] = images[121]
    file = tmp_path / "planted.npz"
    np.savez(file, x_train=images[:120], y_train=labels[:120], x_test=images[120:], y_test=labels[120:])
    return import_data(file, own_workspace)


@pytest.fixture(autouse=True)
def answered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """Networks that agree with every label but that of the first image that they are asked about."""
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))
    asked: list[Any] = []

    def begin(self: Inference, what: str, words: Any, arrays: Any = None, *, key: object = None) -> Job:
        asked.append((what, dict(words), arrays["chosen"].tolist()))
        labels = arrays["chosen"] % 2
        labels[0] = 1 - labels[0]
        return Job(state="done", result=Message({}, {"probabilities_NK": np.eye(2, dtype=np.float32)[labels]}))

    monkeypatch.setattr(Inference, "begin", begin)
    return asked


def seen(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html[html.index("<main") :])).split())


def check(page: TestClient, name: str = "planted") -> str:
    """The card after a check."""
    assert page.post("/data/check", data={"name": name}).headers["location"] == f"/data/set?name={name}#check"
    until(lambda: "check-going" not in page.get("/data/set", params={"name": name}).text)
    return seen(page.get("/data/set", params={"name": name}).text)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ask(page: TestClient, **query: object) -> tuple[str, dict[str, str]]:
    """What is told before images are excluded, and the form that does it."""
    html = page.get("/data/exclude", params={"name": "planted", **query}).text
    form = html[html.index('action="/data/exclude"') :] if 'action="/data/exclude"' in html else ""
    return seen(html), dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))


def test_nothing_is_checked_before_somebody_asks(page: TestClient, planted: Dataset, answered: list[Any]) -> None:
    text = seen(page.get("/data/set", params={"name": "planted"}).text)
    assert "Labels of test images are never used. Check" in text
    assert answered == []


def test_the_card_shows_what_was_found_and_what_to_do(page: TestClient, planted: Dataset, answered: list[Any]) -> None:
    text = check(page)
    assert "Exact copies 4" in text
    assert "4 of 120 (3.3 %) training and validation images are exact copies of another one there." in text
    assert "What to do: leave the copies out, unless they stand for how often something occurs." in text
    assert "Exact copies among test images 1" in text
    ((what, words, chosen),) = answered
    assert (what, words["fingerprint"]) == ("out of fold", planted.fingerprint)
    assert max(chosen) < 120, "networks are asked about training and validation images only"


def test_a_suspicious_label_is_shown_with_both_classes(page: TestClient, planted: Dataset) -> None:
    check(page)
    text = seen(page.get("/data/finding", params={"name": "planted", "kind": "suspicious_labels"}).text)
    assert "1 of 120 (0.83 %)" in text
    assert "0 rather 1 · 0.0 %" in text, "its label, what networks suggest, and the probability of the label"


def test_copies_are_shown_in_pairs_each_with_its_part(page: TestClient, planted: Dataset) -> None:
    check(page)
    html = page.get("/data/finding", params={"name": "planted", "kind": "exact_copies"}).text
    ticked = [int(image) for image in re.findall(r'name="images" value="(\d+)"', html)]
    assert ticked == [0, 40, 1, 41, 2, 42, 3, 43]
    usual = planted.split(0.1, 0)
    parts = ["validation" if image in usual.validation else "training" for image in ticked]
    assert re.findall(r'aria-label="Exclude image \d+, (\w+)"', html) == parts
    assert html.count("<use ") == 8


def test_a_kept_report_is_shown_at_once(page: TestClient, planted: Dataset, answered: list[Any]) -> None:
    check(page)
    page.app.state.only_ones.clear()  # type: ignore[attr-defined]  # as after a restart
    assert "Exact copies 4" in seen(page.get("/data/set", params={"name": "planted"}).text)
    assert len(answered) == 1


def test_a_report_that_another_process_has_kept_is_found(page: TestClient, planted: Dataset) -> None:
    assert "Exact copies 4" not in seen(page.get("/data/set", params={"name": "planted"}).text)
    keep_report(planted, whole_check(planted), labels=False)
    text = seen(page.get("/data/set", params={"name": "planted"}).text)
    assert "Exact copies 4" in text
    assert "Check labels, too" in text


def test_where_there_are_too_few_images_for_networks_none_are_offered(
    page: TestClient, photos: Path, own_workspace: Workspace, answered: list[Any]
) -> None:
    import_data(photos, own_workspace)
    text = check(page, "photos")
    assert "are too few for it" in text
    assert "Check labels, too" not in text
    assert answered == []


def test_what_excluding_means_is_told_before(page: TestClient, planted: Dataset, own_workspace: Workspace) -> None:
    check(page)
    before = planted.split(0.1, 0)
    gone = np.isin(before.train, COPIES).sum()
    text, form = ask(page, by="exact_copies", all=1)
    assert "Exclude 4 images" in text
    assert f"All classes {len(before.train)} → {len(before.train) - gone}" in text
    assert "Runs from now on train on a different data set" in text
    assert "The test part changes" not in text
    assert form["reason"] == "Exact copies"
    assert journal(planted.content, own_workspace) == [], "asking does nothing"


def test_excluding_test_images_warns_of_scores(page: TestClient, planted: Dataset) -> None:
    text, _ = ask(page, images=AMONG_TEST)
    assert "The test part changes, too" in text


def test_all_of_a_finding_are_excluded_once_however_often_it_is_clicked(
    page: TestClient, planted: Dataset, own_workspace: Workspace
) -> None:
    check(page)
    _, form = ask(page, by="exact_copies", all=1)
    _, other_tab = ask(page, by="exact_copies", all=1)
    for sent in (form, form, other_tab):
        assert page.post("/data/exclude", data=sent).headers["location"] == "/data/set?name=planted#cleaning"
    (step,) = journal(planted.content, own_workspace)
    assert (step.action, list(step.images), step.reason, step.by) == ("exclude", COPIES, "Exact copies", "exact_copies")
    assert load("planted", own_workspace).excluded.tolist() == COPIES


def test_after_cleaning_the_other_findings_stay_without_what_is_out(page: TestClient, planted: Dataset) -> None:
    check(page)
    page.post("/data/exclude", data=ask(page, images="40,41")[1] | {"reason": "copies"})
    text = seen(page.get("/data/set", params={"name": "planted"}).text)
    assert "as it was before its last cleaning" in text
    assert "Exact copies 2" in text
    assert "Exact copies among test images 1" in text
    assert ask(page, by="exact_copies", all=1)[0].startswith("Exclude 2 images")
    page.post("/data/exclude", data=ask(page, by="exact_copies", all=1)[1])
    assert "Exact copies none left" in seen(page.get("/data/set", params={"name": "planted"}).text)


def test_ticked_images_are_excluded_for_the_reason_given(
    page: TestClient, planted: Dataset, own_workspace: Workspace
) -> None:
    html = page.get("/data/exclude", params=[("name", "planted"), ("images", "7"), ("images", "3")]).text
    assert '<input type="hidden" name="images" value="3,7">' in html
    page.post("/data/exclude", data={"name": "planted", "images": "3,7", "reason": "blurred"})
    (step,) = journal(planted.content, own_workspace)
    assert (step.images, step.reason) == ((3, 7), "blurred")
    assert "2 images excluded" in seen(page.get("/data/set", params={"name": "planted"}).text)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"images": "3", "reason": " "}, "No reason is given for taking images out"),
        ({"images": "150", "reason": "odd"}, "Image 150 is not in planted, whose images are 0 to 149"),
        ({"images": "x", "reason": "odd"}, '"x" is no image'),
        ({"reason": "odd"}, "No image is ticked"),
        ({"all": "1", "by": "nothing", "reason": "odd"}, 'There is no finding "nothing" on planted now'),
        ({"images": "120-149", "reason": "odd"}, "That would leave too little"),
    ],
)
def test_what_cannot_be_excluded_is_told_and_changes_nothing(
    page: TestClient, planted: Dataset, own_workspace: Workspace, sent: dict[str, str], told: str
) -> None:
    answer = page.post("/data/exclude", data={"name": "planted", **sent})
    assert answer.status_code == 422
    assert told in seen(answer.text)
    assert journal(planted.content, own_workspace) == []


def test_undo_brings_back_what_one_step_left_out(page: TestClient, planted: Dataset, own_workspace: Workspace) -> None:
    exclude(planted, [3, 7, 9], "blurred", own_workspace)
    exclude(planted, [50], "odd", own_workspace)
    restore(planted, [7], own_workspace)
    html = page.get("/data/set", params={"name": "planted"}).text
    assert "Undo for the 2 still out" in seen(html)
    for _ in range(2):  # a second tab that still shows the button
        assert page.post("/data/restore", data={"name": "planted", "step": "0"}).status_code == 303
    assert load("planted", own_workspace).excluded.tolist() == [50]
    assert [step.action for step in journal(planted.content, own_workspace)] == ["exclude", "exclude", *["restore"] * 2]
    assert page.post("/data/restore", data={"name": "planted", "step": "17"}).status_code == 404


def test_a_second_tab_that_asks_again_is_told_that_it_is_done(page: TestClient, planted: Dataset) -> None:
    check(page)
    page.post("/data/exclude", data=ask(page, by="exact_copies", all=1)[1])
    text, form = ask(page, by="exact_copies", all=1)
    assert "These images are excluded already." in text
    assert form == {}


def test_a_long_journal_is_folded(page: TestClient, planted: Dataset, own_workspace: Workspace) -> None:
    for image in range(10):
        exclude(planted, [image], f"reason {image}", own_workspace)
    html = page.get("/data/set", params={"name": "planted"}).text
    assert "2 earlier" in html
    assert html.index("reason 9") < html.index("reason 2") < html.index("2 earlier") < html.index("reason 1<")
    assert html.count(">Undo<") == 10


def test_excluded_images_can_be_looked_at(page: TestClient, planted: Dataset, own_workspace: Workspace) -> None:
    exclude(planted, [3, 7], "blurred", own_workspace)
    text = seen(page.get("/data/set", params={"name": "planted", "split": "excluded"}).text)
    assert "1–2 of 2" in text
    assert "These images were taken out of the data set" in text


def test_a_check_can_be_cancelled_and_begun_again(
    page: TestClient, planted: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    telling = checks.check
    begun: list[int] = []

    def slow(data: Dataset, predict: None, progress: Callable[[float], object]) -> object:
        begun.append(1)
        while len(begun) < 2:
            progress(0.5)
            time.sleep(0.01)
        return telling(data, predict, progress)

    monkeypatch.setattr(checks, "check", slow)
    for _ in range(2):
        page.post("/data/check", data={"name": "planted"})
    until(lambda: "Looking at the images … 50 %" in seen(page.get("/data/set", params={"name": "planted"}).text))
    assert len(begun) == 1, "asked for twice, it happens once"
    page.post("/data/check/cancel", data={"name": "planted"})
    until(lambda: "check-going" not in page.get("/data/set", params={"name": "planted"}).text)
    assert "Exact copies" not in seen(page.get("/data/set", params={"name": "planted"}).text).split("Finds")[0]
    assert "Exact copies 4" in check(page)


def test_a_check_that_goes_on_while_images_are_excluded_stays_in_sight(
    page: TestClient, planted: Dataset, own_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(data: Dataset, report: Report, predict: object, progress: Callable[[float], object]) -> Report:
        progress(0.25)
        assert go_on.wait(30)
        return replace(report, checked=KINDS)

    monkeypatch.setattr(checks, "with_labels", slow)
    page.post("/data/check", data={"name": "planted"})
    until(lambda: "at the labels … 25 %" in seen(page.get("/data/set", params={"name": "planted"}).text))
    page.post("/data/exclude", data=ask(page, by="exact_copies", all=1)[1])
    text = seen(page.get("/data/set", params={"name": "planted"}).text)
    assert "at the labels … 25 %" in text
    assert "Exact copies none left" in text
    go_on.set()
    until(lambda: "check-going" not in page.get("/data/set", params={"name": "planted"}).text)
    assert "Exact copies none left" in seen(page.get("/data/set", params={"name": "planted"}).text)


def test_a_check_that_fails_says_why(page: TestClient, planted: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise InvalidData("the disk is gone; put it back")

    monkeypatch.setattr(checks, "check", broken)
    assert "the disk is gone; put it back" in check(page)


def test_while_it_goes_on_only_the_bar_is_sent_until_there_is_something_new(
    page: TestClient, planted: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(page)
    monkeypatch.setattr(checks.Checks, "task", lambda self, data: Task("Looking", 1, 4))
    part = {"headers": {"hx-request": "true"}}
    bar = page.get("/data/check", params={"name": "planted", "seen": 16}, **part)  # type: ignore[arg-type]
    assert "25 %" in bar.text
    assert "Exact copies" not in bar.text
    whole = page.get("/data/check", params={"name": "planted", "seen": 15}, **part)  # type: ignore[arg-type]
    assert "Exact copies" in whole.text
    assert whole.headers["hx-retarget"] == "#check"


def test_only_data_sets_of_the_page_are_checked(page: TestClient, planted: Dataset, tmp_path: Path) -> None:
    assert page.post("/data/check", data={"name": str(tmp_path)}).status_code == 404
    assert page.get("/data/finding", params={"name": "planted", "kind": "no_such"}).status_code == 404
