"""A study file in the page: pasted, checked as the command line checks it, told what it comes to, and started."""

from __future__ import annotations

import base64
import html
import json
import random
import re
import string
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fittingroom.spec.arms import arms
from fittingroom.spec.run import from_toml, presets, to_plain
from fittingroom.spec.study import StudySpec, load_study_spec, study_presets
from fittingroom.store import Store
from fittingroom.web.study.opened import LONGEST, packed, study_of, unpacked
from tests.web.study_pages import text

PART = {"hx-request": "true"}
SIZES = """
base = "linear"
name = "sizes"
question = "Which?"
seeds = 2

[set]
"train.epochs" = 2

[vary]
"train.batch_size" = [64, 128]
"""


def typed(answer: Any) -> str:
    """What stands in the field."""
    (found,) = re.findall(r"<textarea[^>]*>\n?(.*?)</textarea>", answer.text, re.DOTALL)
    return html.unescape(found)


def checked(page: TestClient, study: str) -> Any:
    """The page at the address that a text has."""
    answer = page.post("/studies/open", data={"text": study})
    assert answer.status_code == 303, text(answer)
    return page.get(answer.headers["location"])


def on(data: str) -> str:
    """A study as JSON, on those images, with a base of its own."""
    base = to_plain(from_toml(presets()["linear"], overrides=[f"data.source={data}", "data.validation=0.2"]))
    return json.dumps({"base": base, "seeds": 2, "vary": {"train.optimizer.learning_rate": [0.1, 0.2]}})


def test_every_shipped_study_is_read_as_on_the_command_line() -> None:
    for name, shipped in study_presets().items():
        assert study_of(shipped) == load_study_spec(name), name


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    study = study_of(SIZES)
    file = tmp_path / "sizes.json"
    file.write_text(json.dumps(study.to_json()), encoding="utf-8")
    assert study_of(file.read_text(encoding="utf-8")) == load_study_spec(file) == study


def test_what_it_comes_to_is_told_before_it_starts(page: TestClient, store: Store) -> None:
    answer = checked(page, SIZES)
    shown = text(answer)
    assert "2 arms × 2 seeds = 4 runs" in shown
    assert "Start 4 runs" in shown
    assert "Which?" in shown
    for arm in arms(study_of(SIZES)):
        assert arm.name in shown
    assert typed(answer) == SIZES
    assert store.studies.studies() == []
    assert re.search(r'hx-get="/studies/open/time\?text=[\w-]+"', answer.text)


def test_the_control_is_told_before_it_starts(page: TestClient) -> None:
    shown = text(checked(page, SIZES.replace("seeds = 2", 'seeds = 2\ncontrol = "128"')))
    assert "Each other arm is compared with the arm “128”, and with no other." in shown
    assert "is compared with the arm" not in text(checked(page, SIZES))


def test_it_starts_once_however_often_its_button_is_clicked(page: TestClient, store: Store) -> None:
    form = {"text": SIZES.replace("\n", "\r\n"), "once": "a-key-of-this-form"}
    answers = [page.post("/studies/open/start", data=form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert {answer.headers["location"] for answer in answers} == {"/studies/sizes-1"}
    assert len(store.runs()) == 4
    assert StudySpec(**json.loads(store.studies.studies()[0].spec)).vary == study_of(SIZES).vary


def test_a_first_look_is_what_small_says(page: TestClient, store: Store) -> None:
    study = SIZES + '\n[small]\nseeds = 1\nset = { "train.epochs" = 1 }\n'
    assert "A first look" in text(checked(page, study))
    answer = page.post("/studies/open", data={"text": study, "size": "small"})
    assert "2 arms × 1 seed = 2 runs" in text(page.get(answer.headers["location"]))
    page.post("/studies/open/start", data={"text": study, "size": "small"})
    assert {json.loads(store.run(run.id).spec)["train"]["epochs"] for run in store.runs()} == {1}


@pytest.mark.parametrize(
    ("study", "told"),
    [
        ('base = "linear', ["this is not valid TOML"]),
        ('{"base": "linear"', ["this is not valid JSON"]),
        ("[" * 20_000, ["this is not valid TOML"]),
        ('{"a":' * 10_000, ["this is not valid JSON"]),
        ('base = "linaer"\nmesure = "x"', ["base 'linaer' is not a preset", 'did you mean "linear"?', "mesure"]),
        ('[[arms]]\nname = "a"\nbase = "my.toml"', ["base is missing", "arms[0].base 'my.toml' is not a preset"]),
        ('base = "/etc/hostname"\n[vary]\n"train.epochs" = [1]', ["is not a preset", "vary.train.epochs"]),
        ('base = "linear"', ["vary nothing varies"]),
        ('base = "linear"\n[vary]\n"train.batch_size" = [1, 0]', ["train.batch_size", "should be greater"]),
        ('base = "linear"\n[vary]\n"train.epochs" = { low = 1, high = 9 }', ["is a range", "add [search]"]),
        ('base = "linear"\n[search]\nmethod = "tpe"', ["vary nothing varies", "add an axis to search along"]),
        ('base = 3', ["base"]),
        ('arms = 3', ["base", "arms"]),
        ("format = 99", ["format is 99", "upgrade Fitting Room"]),
        ('base = "linear"\n[vary]\n"network.classify_1.units" = [3, 4]', ["units"]),
    ],
)  # fmt: skip
def test_every_fault_is_told_and_the_text_stays(study: str, told: list[str], page: TestClient, store: Store) -> None:
    answer = checked(page, study)
    assert answer.status_code == 200
    for words in told:
        assert words in text(answer)
    assert typed(answer) == study
    assert re.search(r'id="start"[^>]* disabled', answer.text)
    refused = page.post("/studies/open/start", data={"text": study})
    assert refused.status_code == 422
    assert typed(refused) == study
    assert store.studies.studies() == []


def test_a_text_that_is_too_long_is_told_and_stays(page: TestClient) -> None:
    long = "# " + "x" * LONGEST
    noise = "# " + "".join(random.Random(0).choices(string.printable[:94], k=LONGEST // 2))
    for study in (long, noise):
        answer = page.post("/studies/open", data={"text": study})
        assert answer.status_code == 422
        assert f"{len(study):,} characters, which is too long for the page" in text(answer)
        assert typed(answer) == study
    assert page.post("/studies/open/start", data={"text": long}).status_code == 422


def test_addresses_keep_any_text_and_damaged_ones_are_told(page: TestClient) -> None:
    for study in ("", "\n\n x", 'name = "größer & <b>"\n', SIZES):
        assert unpacked(packed(study)) == study
    assert typed(checked(page, 'name = "</textarea><script>"')) == 'name = "</textarea><script>"'
    small = packed(SIZES)
    for damaged in (small[:-9], small[9:], "ü", "====", "AAAA"):
        answer = page.get("/studies/open", params={"text": damaged})
        assert answer.status_code == 422
        assert "this address is damaged" in text(answer)
    bomb = base64.urlsafe_b64encode(zlib.compress(b"x" * 50_000_000)).decode()
    assert page.get("/studies/open", params={"text": bomb}).status_code == 422


def test_a_part_of_the_page_gets_its_address(page: TestClient) -> None:
    answer = page.post("/studies/open", data={"text": SIZES}, headers=PART)
    assert answer.status_code == 200
    again = page.get(answer.headers["hx-push-url"])
    assert typed(again) == typed(answer) == SIZES


def test_a_browser_elsewhere_names_no_folder(
    page: TestClient, near: Callable[[], TestClient], photos: Path, store: Store
) -> None:
    study = on(str(photos))
    assert "are opened for browsers on that machine only" in text(checked(page, study))
    assert "2 arms × 2 seeds = 4 runs" in text(checked(near(), study))
    varied = SIZES + f'"data.source" = ["fashion-mnist", {json.dumps(str(photos))}]\n'
    assert "are opened for browsers on that machine only" in text(checked(page, varied))
    later = varied + '[search]\nmethod = "tpe"\n'
    assert "are opened for browsers on that machine only" in text(checked(page, later))
    assert page.post("/studies/open/start", data={"text": study}).status_code == 422
    assert store.studies.studies() == []


def test_links_lead_there(page: TestClient) -> None:
    assert 'href="/studies/open"' in page.get("/studies").text
    assert 'href="/studies/open"' in page.get("/studies/new").text
