"""Data sets that people do not bring themselves, in the page: digits drawn from fonts, and downloads."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Callable
from html import escape, unescape
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from fittingroom.data.downloading import Progress
from fittingroom.data.sources import import_data, load, names
from fittingroom.errors import DownloadFailed
from fittingroom.web.routes import data_digits, data_download
from fittingroom.workspace import Workspace

SMALL = {"images": "300", "size": "14", "characters": "0123", "rotation": "60"}


def seen(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html[html.find("<main") :])).split())


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def known(workspace: Workspace) -> set[str]:
    return {info.name for info in names(workspace)}


# Digits drawn from fonts


def test_the_sheet_shows_the_images_that_the_data_set_will_have(page: TestClient, own_workspace: Workspace) -> None:
    png = page.get("/data/digits/sheet", params=SMALL).content
    answer = page.post("/data/digits", data=SMALL | {"name": "small"})
    assert answer.status_code == 303
    until(lambda: page.get(answer.headers["location"]).status_code == 303)
    data = load("small", own_workspace)
    assert (len(data), data.class_names, data.shape) == (300, ("0", "1", "2", "3"), (1, 14, 14))
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
    tile = pixels.shape[0] // 4
    assert data.test_start is not None
    for label in range(4):
        row = pixels[label * tile : (label + 1) * tile : tile // 14]
        assert (row[:, : 10 * tile : tile // 14].reshape(14, 10, 14)[:, 0] == data.images[label, :, :, 0]).all()
        first_test = data.images[data.test_start + label, :, :, 0]
        assert (row[:, 10 * tile :: tile // 14].reshape(14, 10, 14)[:, 0] == first_test).all()


def test_families_are_told_part_by_part_and_none_is_in_two(page: TestClient) -> None:
    html = page.get("/data/digits", params=SMALL).text
    table = html[html.index('class="families"') : html.index("</table>")]
    rows = re.findall(r'scope="row">(\w+)</th><td class="n">(\d+)</td><td>([^<]+)', table)
    assert [(part, int(images)) for part, images, _ in rows] == [("Training", 210), ("Validation", 30), ("Test", 60)]
    families = [family for _, _, named in rows for family in named.split(", ")]
    assert len(families) == len(set(families)) >= 3


def test_the_command_line_that_does_the_same(page: TestClient) -> None:
    html = page.get("/data/digits", params=SMALL | {"name": "small", "noise": "0.04"}).text
    told = unescape(re.findall(r'<pre class="toml">([^<]+)', html)[0])
    assert told == (
        "fittingroom data synthesize --name small --images 300 --size 14 --characters 0123 --set rotation=60"
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"size": "3"}, "size: should be greater than or equal to 8, not 3; use 8 or more."),
        ({"rotation": "much"}, "rotation: "),
        ({"characters": "0110"}, 'characters: "0110" has "0" twice; name each class once.'),
        ({"images": "9"}, "images: 9 make 6, 1, 2 for training, validation and test"),
    ],
)
def test_faults_are_told_in_place_of_the_sheet_and_nothing_is_made(
    page: TestClient, own_workspace: Workspace, changed: dict[str, str], told: str
) -> None:
    shown = page.get("/data/digits", params=SMALL | changed)
    assert told in seen(shown.text)
    assert "/data/digits/sheet" not in shown.text
    assert page.get("/data/digits/sheet", params=SMALL | changed).status_code == 422
    sent = page.post("/data/digits", data=SMALL | changed | {"name": "small"})
    assert sent.status_code == 422
    assert f'value="{next(iter(changed.values()))}"' in sent.text, "what was typed is still there"
    assert "small" not in known(own_workspace)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a b", '"a b" cannot be the name of a data set'),
        ("mnist-10k", '"mnist-10k" is the name of a built-in data set'),
        ("photos", 'The workspace already has a data set "photos"; give another name.'),
    ],
)
def test_names_that_cannot_be_had(
    page: TestClient, own_workspace: Workspace, photos: Path, name: str, told: str
) -> None:
    import_data(photos, own_workspace)
    answer = page.post("/data/digits", data=SMALL | {"name": name})
    assert answer.status_code == 422
    assert told in seen(answer.text)


def test_drawing_goes_on_in_the_background_once_and_can_be_cancelled(
    page: TestClient, own_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    ended = threading.Event()

    def slow(recipe: object, workspace: Workspace, name: str, progress: Callable[[int], object]) -> None:
        begun.append(name)
        try:
            while True:
                progress(64)
                time.sleep(0.01)
        finally:
            ended.set()

    monkeypatch.setattr(data_digits, "synthesize", slow)
    form = SMALL | {"name": "small"}
    address = page.post("/data/digits", data=form).headers["location"]
    assert page.post("/data/digits", data=form).headers["location"] == address
    until(lambda: "Drawing … 64 of 300 images" in seen(page.get(address).text))
    assert begun == ["small"]
    page.post("/data/digits/cancel", data=form)
    assert ended.wait(10)
    until(lambda: "It was cancelled; nothing of it is left." in seen(page.get(address).text))
    assert f'href="{escape("/data/digits?" + urlencode(SMALL | {"name": "small"}))}"' in page.get(address).text


# Downloads


def downloads(monkeypatch: pytest.MonkeyPatch, does: Callable[[str, Workspace, Progress], object]) -> list[str]:
    """What was asked of the internet, which these tests leave alone."""
    asked: list[str] = []

    def download(name: str, workspace: Workspace, *, progress: Progress) -> None:
        asked.append(name)
        does(name, workspace, progress)

    monkeypatch.setattr(data_download, "download", download)
    return asked


def test_the_list_offers_what_can_be_downloaded_and_fetches_nothing(
    page: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = downloads(monkeypatch, lambda *_: None)
    html = page.get("/data").text
    text = seen(html)
    assert "kmnist 21.2 MB 70,000 images · 10 classes · 28 × 28, grey Kuzushiji-MNIST by ROIS-DS" in text
    assert "CC BY-SA 4.0. From codh.rois.ac.jp, checked against the published SHA-256." in text
    assert asked == []
    assert not re.findall(r'(?:href|src|action)="(?:https?:)?//', html), "no link leads to the outside"


def test_a_download_tells_how_far_it_is_and_leads_to_the_data_set(
    page: TestClient, own_workspace: Workspace, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def work(name: str, workspace: Workspace, progress: Progress) -> None:
        progress("Downloading mnist", 2_898_668, 11_594_722)
        assert go_on.wait(10)
        import_data(photos, workspace, name=name)

    asked = downloads(monkeypatch, work)
    part = {"hx-request": "true"}
    for _ in range(2):
        page.post("/data/download", data={"name": "mnist"}, headers=part)
    until(lambda: "Downloading mnist … 2.9 MB of 11.6 MB" in seen(page.get("/data").text))
    assert asked == ["mnist"], "asked for twice, it happens once"
    go_on.set()
    until(lambda: "hx-redirect" in page.get("/data/download", params={"name": "mnist"}, headers=part).headers)
    assert "mnist" in known(own_workspace)
    assert "get-mnist" not in page.get("/data").text, "what is here is not offered"


def test_without_the_internet_the_card_says_what_to_do(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object) -> None:
        raise DownloadFailed("x.gz cannot be downloaded:\n  host cannot be reached\nSee whether …, and try again")

    downloads(monkeypatch, work)
    assert page.post("/data/download", data={"name": "mnist"}).headers["location"] == "/data#get-mnist"
    until(lambda: "host cannot be reached" in seen(page.get("/data").text))
    assert "Try again" in seen(page.get("/data").text)


def test_a_cancelled_download_can_be_begun_again(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(name: str, workspace: Workspace, progress: Progress) -> None:
        while True:
            progress("Downloading mnist", 1, 4)
            time.sleep(0.01)

    asked = downloads(monkeypatch, work)
    for number in (1, 2):
        page.post("/data/download", data={"name": "mnist"})
        until(lambda: "Downloading mnist" in seen(page.get("/data").text))
        assert len(asked) == number
        page.post("/data/download/cancel", data={"name": "mnist"})
        until(lambda: "Cancelled. What has come is kept" in seen(page.get("/data").text))


def test_only_what_is_known_can_be_downloaded(page: TestClient) -> None:
    answer = page.post("/data/download", data={"name": "https://example.org/x"})
    assert answer.status_code == 404
