"""Robustness and the opening of the test set from the page, with the real process that computes them."""

from __future__ import annotations

import html
import io
import re
import time
from collections.abc import Callable

import pytest
from PIL import Image
from starlette.testclient import TestClient

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.store import Store
from fittingroom.workspace import Workspace

PARTLY = {"hx-request": "true"}


@pytest.fixture
def run(own_workspace: Workspace, stripes: Callable[..., Dataset]) -> str:
    network = fr.Network([fr.Flatten(), fr.Classify()])
    return fr.fit(network, stripes(), epochs=3, validation=0.3, name="striped").id


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def wait_for(page: TestClient, address: str, words: str) -> str:
    """What the address answers when these words have come."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        answer = page.get(address, headers=PARTLY)
        assert answer.status_code == 200, answer.text
        if words in answer.text:
            return answer.text
        time.sleep(0.1)
    raise AssertionError(f"{words!r} never came; at last: {text_of(answer.text)}")


def test_robustness_is_measured_when_it_is_asked_for(page: TestClient, run: str) -> None:
    before = text_of(page.get(f"/results/{run}").text)
    assert "at four strengths each, on up to 2,000 validation images" in before
    assert "instead of" not in before
    assert "Measuring" in page.post(f"/results/{run}/robustness", headers=PARTLY).text
    page.post(f"/results/{run}/robustness", headers=PARTLY)  # a second click changes nothing
    done = wait_for(page, f"/results/{run}/robustness", "beyond chance (exact McNemar")
    assert "Accuracy on 90 validation images" in text_of(done)
    assert "every" not in re.findall(r"hx-trigger=\"(\w+)", done)  # it is asked for no more
    (address,) = set(re.findall(r'href="(/results/[^"]*/forms/[^"]*)"', done))
    with Image.open(io.BytesIO(page.get(address).content)) as sheet:
        assert sheet.size == (5 * 56, 7 * 56)
    assert "Accuracy on 90 validation images" in text_of(page.get(f"/results/{run}").text)  # also after a reload


def test_what_is_cancelled_can_be_begun_again(page: TestClient, run: str) -> None:
    page.post(f"/results/{run}/robustness", headers=PARTLY)
    cancelled = page.post(f"/results/{run}/robustness/cancel", headers=PARTLY).text
    assert "<button>Measure</button>" in cancelled
    assert "Measuring" in page.post(f"/results/{run}/robustness", headers=PARTLY).text


def test_a_run_without_weights_cannot_be_measured_or_opened(page: TestClient, store: Store) -> None:
    new = store.create_run(name="new", spec="{}", spec_id="x", fingerprint="y", parameters=1, queued=True)
    for address in (f"/results/{new}/robustness", f"/results/{new}/open"):
        answer = page.post(address, data={"decided": "yes", "once": "a"}, headers=PARTLY)
        assert (answer.status_code, "has no weights yet" in answer.text) == (404 if "rob" in address else 422, True)


def test_the_test_set_is_opened_deliberately_and_once_however_often_it_is_clicked(
    page: TestClient, store: Store, run: str, stripes: Callable[..., Dataset]
) -> None:
    other = fr.fit(fr.Network([fr.Flatten(), fr.Classify()]), stripes(), epochs=1, validation=0.3, seed=1).id
    fingerprint = store.run(run).fingerprint
    asked = page.get(f"/results/{run}/open").text
    assert "60 images are kept apart from all training" in text_of(asked)
    assert "The test set of this data was never opened ; this will be opening 1" in text_of(asked)
    assert f'name="run" value="{other}"' in asked
    once = re.search(r'name="once" value="(\w+)"', asked)
    assert once
    undecided = page.post(f"/results/{run}/open", data={"once": once[1]})
    assert (undecided.status_code, store.openings(fingerprint)) == (422, 0)
    form = {"once": once[1], "decided": "yes", "run": [other]}
    first, second = (page.post(f"/results/{run}/open", data=form) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    done = text_of(wait_for(page, first.headers["location"], "Test scores"))
    assert store.openings(fingerprint) == 1
    assert "has now been opened once" in done
    for each in (run, other):
        (opening,) = store.test_results(each)
        assert opening.n == 60
        assert re.search(rf"{each} {100 * opening.accuracy:.1f} % .{{5,30}}\(?.*?test, n = 60", done), done
    assert page.get(first.headers["location"]).status_code == 200  # a reload opens nothing
    assert store.openings(fingerprint) == 1
    assert "this will be opening 2" in text_of(page.get(f"/results/{run}/open").text)


def test_runs_of_other_data_are_not_scored_beside(
    page: TestClient, store: Store, run: str, stripes: Callable[..., Dataset]
) -> None:
    elsewhere = fr.fit(fr.Network([fr.Flatten(), fr.Classify()]), stripes(200), epochs=1, validation=0.3).id
    assert elsewhere not in page.get(f"/results/{run}/open").text
    answer = page.post(f"/results/{run}/open", data={"once": "b", "decided": "yes", "run": elsewhere})
    assert answer.status_code == 422
    assert f"{elsewhere} was trained on other data than {run}" in html.unescape(answer.text)
    assert store.openings(store.run(elsewhere).fingerprint) == 0


def test_an_opening_that_the_server_does_not_know_any_more_is_told(page: TestClient, run: str) -> None:
    answer = page.get(f"/results/{run}/open", params={"opening": "gone"})
    assert answer.status_code == 404
    assert "not known any more; the runs&#39; results show what was scored" in answer.text
