"""The import wizard: every form, what is chosen, pictures of that, and what interrupts it."""

from __future__ import annotations

import asyncio
import io
import json
import re
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from fittingroom.data.sources import load
from fittingroom.data.wanted import Size
from fittingroom.web import imports
from fittingroom.web.app import create_app
from fittingroom.web.wizard.pictures import Pictures
from fittingroom.web.wizard.proposal import proposal
from fittingroom.workspace import Workspace
from tests.data.written import CLASSES, FORMS, IMAGES, LABELS, TEST_START
from tests.web.conftest import Held

HOST, TOKEN = "127.0.0.1:8640", "a-token-of-forty-three-characters-or-so-long"
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def browser_on(workspace: Workspace) -> TestClient:
    """A browser on the very machine that serves the page."""
    app = create_app(workspace, hosts=[HOST], token=TOKEN, workers=False)
    return TestClient(app, base_url=f"http://{HOST}", follow_redirects=False, client=("127.0.0.1", 50_000))


@pytest.fixture
def flags(tmp_path: Path) -> Path:
    """Images 8 high and 16 wide, a quarter red, half green, a quarter blue; one of them is square and green."""
    for name in ("left", "right"):
        (tmp_path / "flags" / name).mkdir(parents=True)
        for number in range(3):
            flag = Image.new("RGB", (16, 8), GREEN)
            flag.paste(RED, (0, 0, 4, 8))
            flag.paste(BLUE, (12, 0, 16, 8))
            flag.putpixel((8, 4), (0, 250 + number, len(name)))
            flag.save(tmp_path / "flags" / name / f"{number}.png")
    Image.new("RGB", (8, 8), GREEN).save(tmp_path / "flags" / "right" / "9.png")
    return tmp_path / "flags"


def understood(here: TestClient, path: Path | str, **more: str) -> str:
    answer = here.post("/data/import", data={"path": str(path), **more})
    assert answer.status_code == 303, answer.text
    address: str = answer.headers["location"]
    return address.partition("?")[0]


def finished(here: TestClient, address: str, **chosen: str) -> None:
    here.post(address, data=chosen)
    for _ in range(1000):
        if here.get(address).status_code == 303:
            return
        time.sleep(0.01)
    raise AssertionError(seen(here.get(address).text))


def seen(html: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html[html.index("<main") :])).split())


def pixels(here: TestClient, address: str, **query: str) -> NDArray[np.uint8]:
    answer = here.get(address, params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png"), answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))


# Every form


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_understood_pictured_and_imported(
    here: TestClient, tmp_path: Path, own_workspace: Workspace, form: str
) -> None:
    (tmp_path / "own").mkdir()
    address = understood(here, FORMS[form].write(tmp_path / "own"), name="mine")
    text = seen(here.get(address).text)
    names = ("0", "1", "2") if FORMS[form].numbered else CLASSES
    assert "Images 11 Classes 3 Height × width 4 × 4 Channels 1, grey" in text
    assert "8 training images and 3 test images" in text
    assert f"{names[0]} 3 1 {names[1]} 2 1 {names[2]} 3 1" in text
    sheet = pixels(here, f"{address}/classes")
    second = IMAGES[4]  # a dog, its second exemplar
    assert (sheet[64 + 8 :: 16, 64 + 8 :: 16, 0][:4, :4] == second).all()
    finished(here, address, name="mine")
    data = load("mine", own_workspace)
    assert (data.images[:, :, :, 0] == IMAGES).all()
    assert (data.labels == LABELS).all()
    assert data.test_start == TEST_START


def uploaded(page: TestClient, files: dict[str, bytes]) -> str:
    sizes = {"files": len(files), "bytes": sum(map(len, files.values()))}
    id: str = page.post("/data/upload", data=sizes).json()["id"]
    body = b"".join(json.dumps({"path": p, "bytes": len(c)}).encode() + b"\n" + c for p, c in files.items())
    answer = page.post(f"/data/upload/{id}/part", params={"number": 0}, content=body)
    assert answer.status_code == 200, answer.text
    return id


@pytest.mark.parametrize("form", ["zip", "tar.gz", "npz of source B", "CSV no header", "IDX gz"])
def test_files_are_uploaded_as_they_are_and_read_by_their_importer(
    page: TestClient, tmp_path: Path, own_workspace: Workspace, form: str
) -> None:
    (tmp_path / "own").mkdir()
    source = FORMS[form].write(tmp_path / "own")
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    below = source if form == "IDX gz" else source.parent  # IDX files are chosen without their folder
    id = uploaded(page, {str(file.relative_to(below)): file.read_bytes() for file in files})
    staged = [file for file in own_workspace.uploads.rglob("*") if file.is_file() and file.suffix != ".lock"]
    assert {file.name for file in staged} == {file.name for file in files}, "nothing is unpacked"
    answer = page.post("/data/import", data={"upload": id, "name": "mine"})
    assert answer.status_code == 303, answer.text
    check = page.get(answer.headers["location"]).text
    assert str(own_workspace.root) not in check
    finished(page, answer.headers["location"])
    assert (load("mine", own_workspace).images[:, :, :, 0] == IMAGES).all()
    assert str(own_workspace.root) not in load("mine", own_workspace).origin


def test_a_file_that_is_not_what_it_says_is_told_where_it_was_given(page: TestClient) -> None:
    id = uploaded(page, {"digits.npz": b"PK no"})
    refused = page.post("/data/import", data={"upload": id, "name": "digits"})
    assert refused.status_code == 422
    assert "digits.npz is no npz file" in seen(refused.text)
    assert f'name="upload" value="{id}"' in refused.text
    assert 'value="digits"' in refused.text


# What is chosen


def test_sizes_are_proposed_by_what_most_images_have() -> None:
    def of(*sizes: tuple[int, int, int]) -> Size | None:
        found = proposal([((height, width), number) for height, width, number in sizes])
        return found and found.size

    assert of((3000, 4000, 9)) is None, "all have one size"
    assert of((28, 28, 50), (30, 28, 50)) == (28, 28), "half of them have it"
    assert of((240, 320, 2), (320, 240, 1), (200, 360, 1)) == (96, 128)
    assert of((480, 500, 1), (500, 500, 1), (510, 490, 1)) == (128, 128), "nearly square"
    assert of((20, 30, 1), (22, 40, 1), (30, 50, 1)) == (22, 40), "small ones are not enlarged beyond the middle"


@pytest.mark.parametrize(
    ("fit", "left", "top"), [("pad", WHITE, WHITE), ("crop", GREEN, GREEN), ("stretch", RED, GREEN)]
)
def test_each_policy_is_pictured_and_done(
    here: TestClient, flags: Path, own_workspace: Workspace, fit: str, left: tuple[int, ...], top: tuple[int, ...]
) -> None:
    """8×16 in 8×8: padded above and below, the middle half cut out, or squeezed."""
    address = understood(here, flags)
    chosen = {"size": "8x8", "fit": fit, "channels": ""}
    html = here.get(address, params=chosen).text
    assert f'value="{fit}" checked' in html
    assert "6 of 7 images have other proportions" in html
    place = {"pad": 0, "crop": 1, "stretch": 2}[fit]
    for picture in (
        pixels(here, f"{address}/classes", **chosen)[:64, :64, :3],
        pixels(here, f"{address}/fits", **chosen)[:, place * 128 : place * 128 + 128, :3],
    ):
        side = len(picture)
        assert np.abs(picture[1, side // 2].astype(int) - top).max() < 30
        assert np.abs(picture[1, 1].astype(int) - left).max() < 30
    finished(here, address, **chosen)
    image = load("flags", own_workspace).images[0]
    assert np.abs(image[0, 4].astype(int) - top).max() < 30
    assert np.abs(image[0, 0].astype(int) - left).max() < 30


def test_channels_are_chosen_and_said(here: TestClient, flags: Path, own_workspace: Workspace) -> None:
    address = understood(here, flags)
    html = here.get(address, params={"size": "8x8", "channels": "1"}).text
    assert "Colour made grey in 7 of 7 images." in seen(html)
    assert "8 × 8, grey; 448 bytes in the workspace" in seen(html)
    sheet = pixels(here, f"{address}/classes", size="8x8", channels="1")
    assert (sheet[:64, :64, 0] == sheet[:64, :64, 1]).all()
    finished(here, address, size="8x8", channels="1")
    assert load("flags", own_workspace).images.shape == (7, 8, 8, 1)


def test_the_command_that_does_the_same_is_shown(here: TestClient, flags: Path) -> None:
    address = understood(here, flags)
    html = here.get(address, params={"size": "8x8", "fit": "crop", "channels": "3", "name": "my flags'"}).text
    assert 'id="command"' not in html, "there is none for what cannot be done"
    html = here.get(address, params={"size": "8x8", "fit": "crop", "channels": "3", "name": "mine"}).text
    shown = re.findall(r'id="command">([^<]+)<', html)
    assert shown == [f"fittingroom data import {flags} --name mine --size 8x8 --fit crop --channels 3"]


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"size": "8 by 8"}, '"8 by 8" is no size; give height and width in pixels, such as 64x64'),
        ({"size": "9999"}, "size = (9999, 9999) is no height and width"),
        ({"size": "8", "fit": "squeeze"}, 'fit = "squeeze" is no way to bring images to a size'),
        ({"size": "8", "channels": "4"}, 'channels = "4" is neither 1 (grey) nor 3 (colour)'),
        ({"name": "two words"}, '"two words" cannot be the name of a data set'),
        ({"name": "fashion-mnist"}, '"fashion-mnist" is the name of a built-in data set'),
    ],
)
def test_a_choice_that_will_not_do_is_told_beside_it_and_begins_nothing(
    here: TestClient, flags: Path, own_workspace: Workspace, chosen: dict[str, str], told: str
) -> None:
    address = understood(here, flags)
    html = here.get(address, params=chosen).text
    assert told in seen(html)
    assert re.search(r"<button[^>]* disabled>Import</button>", html)
    for text in chosen.values():
        assert f'value="{text}"' in html or text in {"squeeze", "4"}, "what was typed stays"
    assert here.post(address, data=chosen).headers["location"].startswith(f"{address}?")
    assert here.get(address).status_code == 200
    assert not own_workspace.data.exists()


def test_a_name_that_is_taken_and_odd_names_are_told(here: TestClient, flags: Path) -> None:
    Image.new("RGB", (8, 8)).save(flags / "left" / "A.png")
    Image.new("RGB", (8, 8)).save(flags / "left" / "a.png")
    address = understood(here, flags)
    text = seen(here.get(address).text)
    assert "Odd names Files left/A.png and left/a.png differ in upper and lower case only." in text
    finished(here, address, size="8x8", name="mine")
    again = seen(here.get(understood(here, flags), params={"name": "mine"}).text)
    assert "The workspace has a data set named mine already." in again


def test_the_column_of_the_class_is_chosen(here: TestClient, flags: Path, own_workspace: Workspace) -> None:
    rows = [f"flags/{file.parent.name}/{file.name},{index % 2}x" for index, file in enumerate(flags.rglob("*.png"))]
    (flags.parent / "list.csv").write_text("\n".join(["file,kind,note", *(f"{row},?" for row in rows)]))
    refused = here.post("/data/import", data={"path": str(flags.parent / "list.csv")})
    assert (refused.status_code, 'no column "label"' in seen(refused.text)) == (422, True)
    options = re.findall(r"<option[^>]*>([^<]+)</option>", refused.text)
    assert options[-3:] == ["file", "kind", "note"]
    address = understood(here, flags.parent / "list.csv", label="kind")
    html = here.get(address, params={"size": "8x8"}).text
    assert "0x 4" in seen(html)
    assert "<option selected>kind</option>" in html
    assert "--size 8x8 --label kind" in html
    finished(here, address, size="8x8")
    assert load("list", own_workspace).class_names == ("0x", "1x")


def test_groups_are_asked_for_where_images_are_files(
    here: TestClient, flags: Path, tmp_path: Path, own_workspace: Workspace
) -> None:
    address = understood(here, flags, groups=r"(\d)\.png", size="8x8")
    html = here.get(address).text
    assert "4 groups of images" in seen(html)
    assert "Paths look like left/0.png." in seen(html)
    assert "--groups &#39;(\\d)\\.png&#39;" in html
    finished(here, address)
    groups = load("flags", own_workspace).groups
    assert groups is not None
    assert groups.tolist() == [0, 1, 2, 0, 1, 2, 3]
    refused = here.post("/data/import", data={"path": str(flags), "groups": "(", "size": "8x8"})
    assert "is no regular expression" in seen(refused.text)
    assert 'name="groups" value="("' in refused.text
    (tmp_path / "own").mkdir()
    arrays = here.get(understood(here, FORMS["npz"].write(tmp_path / "own"))).text
    assert 'name="groups"' not in arrays


def test_of_a_thousand_classes_the_pictures_are_bounded(here: TestClient, tmp_path: Path) -> None:
    one = io.BytesIO()
    Image.new("L", (2, 2)).save(one, "PNG")
    for label in range(1000):
        folder = tmp_path / "many" / f"{label:03}"
        folder.mkdir(parents=True)
        for number in range(3):
            (folder / f"{number}.png").write_bytes(one.getvalue())
    address = understood(here, tmp_path / "many")
    html = here.get(address).text
    assert html.count('class="exemplar"') == 200, "two each of a hundred"
    assert html.count('role="img"') == 100
    assert 'aria-label="2 images of 000 as they would be imported: 2 × 2, grey"' in html
    assert html.count('<th scope="row"><div') == 1000
    assert pixels(here, f"{address}/classes").shape == (6400, 128, 4)


# What interrupts it


def test_two_tabs_and_two_clicks_import_once_and_as_the_first_said(
    here: TestClient, flags: Path, own_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, calls = threading.Event(), []
    import_data = imports.import_data

    def slowly(*arguments: Any) -> object:
        calls.append(arguments)
        assert go_on.wait(10)
        return import_data(*arguments)

    monkeypatch.setattr(imports, "import_data", slowly)
    address = understood(here, flags)
    for size in ("8x8", "8x8", "4x4"):
        here.post(address, data={"size": size, "name": "mine"})
    assert "Importing" in seen(here.get(address, params={"size": "4x4"}).text)
    assert here.get("/data").status_code == 200, "the page answers meanwhile"
    go_on.set()
    finished(here, address)
    assert len(calls) == 1
    assert load("mine", own_workspace).shape == (3, 8, 8)


def test_choices_stay_when_an_import_is_cancelled(
    here: TestClient, flags: Path, own_workspace: Workspace, held_import: Held
) -> None:
    address = understood(here, flags)
    there = here.post(address, data={"size": "8x8", "fit": "crop", "name": "mine"}).headers["location"]
    assert held_import.under_way.wait(10)
    running = here.get(there).text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', running))
    back = here.post(f"{address}/cancel", data=hidden).headers["location"]
    held_import.go_on.set()
    while "The import was cancelled" not in (text := here.get(back).text):
        time.sleep(0.01)
    assert 'value="8x8"' in text
    assert 'value="crop" checked' in text
    assert "Try again" in text
    assert list(own_workspace.data.iterdir()) == []


def test_after_a_new_start_of_the_server_everything_typed_is_still_there(
    here: TestClient, flags: Path, own_workspace: Workspace
) -> None:
    whole = here.post("/data/import", data={"path": str(flags), "name": "mine"}).headers["location"]
    with browser_on(own_workspace) as anew:
        anew.get("/", params={"token": TOKEN})
        told = anew.get(f"{whole}&size=8x8&fit=crop")
        told = anew.get(told.headers["location"])
        assert "this import is not known any more: the server was restarted since" in seen(told.text)
        for name, value in {"path": flags, "name": "mine", "size": "8x8", "fit": "crop"}.items():
            assert f'name="{name}" value="{value}"' in told.text
        asked = {"path": str(flags), "name": "mine", "size": "8x8"}
        clicked = anew.post(whole, data=asked).headers["location"]
        assert f'value="{flags}"' in anew.get(clicked).text, "Import was clicked"
        part = anew.get(whole, headers={"HX-Request": "true"})
        assert part.headers["hx-redirect"].startswith("/data/import?lost=1&path=")
        of_an_upload = anew.get(whole.partition("?")[0], headers={"HX-Request": "true"})
        assert "not known any more" in seen(anew.get(of_an_upload.headers["hx-redirect"]).text)
    assert not own_workspace.data.exists()


def test_exemplars_are_decoded_once_and_nobody_waits_in_a_thread(
    to_its_end: Callable[[Coroutine[Any, Any, Any]], Any], here: TestClient, flags: Path
) -> None:
    _, preview = imports.preview_data(flags)
    go_on, calls = threading.Event(), []

    def slowly() -> Any:
        calls.append(1)
        assert go_on.wait(10)
        return preview.exemplars()

    pictures = Pictures(replace(preview, exemplars=slowly))

    async def both() -> list[Any]:
        waiting = [asyncio.ensure_future(pictures.ready()) for _ in range(50)]
        await asyncio.sleep(0.01)
        assert not any(one.done() for one in waiting)
        go_on.set()
        return await asyncio.gather(*waiting)

    assert len(to_its_end(both())) == 50
    assert len(calls) == 1


def test_pictures_of_this_machine_are_not_shown_to_other_ones(page: TestClient, near: Any, flags: Path) -> None:
    address = understood(near(), flags)
    for sheet in ("classes", "fits?size=8x8"):
        assert page.get(f"{address}/{sheet}").status_code == 403
        assert near().get(f"{address}/{sheet}").status_code == 200
