"""The view Augment: operations are edited in the draft, varied by training's own function, and measured."""

from __future__ import annotations

import html
import io
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

import fittingroom as fr
from fittingroom.engine.augment import augment
from fittingroom.engine.variations import operations
from fittingroom.errors import InvalidInput, InvalidSpec, NotFound
from fittingroom.spec.augment import AUGMENT_KINDS
from fittingroom.web.augment import edits
from fittingroom.web.augment.kinds import KINDS
from fittingroom.web.augment.reading import plain_operations, read
from fittingroom.web.augment.text import from_text, to_text
from fittingroom.workspace import Workspace

PARTS = {"hx-request": "true"}
DraftOn = Callable[..., None]
Do = Callable[..., Any]
Near = Callable[[], TestClient]


def listed(*kinds: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for kind in kinds:
        found = edits.add(found, kind)
    return found


# Edits


def test_every_kind_of_operation_can_be_added_explained_and_pictured() -> None:
    assert KINDS.keys() == AUGMENT_KINDS.keys()
    for item in read(listed(*KINDS)):
        assert item.about
        assert item.about.says.endswith(".")
        assert item.strength
        assert item.strength.unit
        assert (item.strength.least, item.faults) == (0, ())
        assert item.strength.most


def test_operations_move_as_far_as_the_list_goes() -> None:
    shown = listed("shift", "rotation", "mirror")
    assert edits.keys(edits.move(shown, "shift_1", 1)) == ["rotation_1", "shift_1", "mirror_1"]
    assert edits.move(shown, "shift_1", -1) == shown
    assert edits.keys(edits.move(shown, "shift_1", 99)) == ["rotation_1", "mirror_1", "shift_1"]
    with pytest.raises(NotFound, match=r'there is no operation "shift_2" any more; did you mean "shift_1"'):
        edits.find(shown, "shift_2")


def test_off_is_strength_0_and_on_is_what_it_was() -> None:
    shown = listed("erasing", "shift")
    shown[1] |= {"fraction": 0.3, "vertical": 0.1, "border": "reflect"}
    off = edits.switch(shown, "shift_1", [])
    assert off[1] == {"kind": "shift", "fraction": 0, "border": "reflect"}
    assert [item.off for item in read(off)] == [False, True]
    assert edits.switch(off, "shift_1", [{"augment": shown}, {"augment": off}])[1] == shown[1]
    assert edits.switch(off, "shift_1", [])[1] == {"kind": "shift", "fraction": 0.08, "border": "reflect"}
    assert edits.switch(shown, "erasing_1", [])[0] == {"kind": "erasing", "probability": 0, "area": 0.2}


def test_one_alone_keeps_the_others_at_strength_0_so_that_its_draws_stay() -> None:
    shown = listed("rotation", "rotation", "noise")
    alone = plain_operations(read(shown), "rotation_2")
    assert [each.get("degrees", each.get("deviation")) for each in alone] == [0, 10, 0]
    images = torch.rand(3, 1, 8, 8)
    other = [operations(alone)[1]]
    moment = {"seed": 0, "epoch": 1, "step": 1}
    assert not torch.equal(augment(images, other, **moment), augment(images, operations(alone), **moment))


def test_operations_as_text_go_out_and_in() -> None:
    shown = listed(*KINDS)
    shown[0]["vertical"] = 0.25
    assert from_text(to_text(shown)) == shown
    assert from_text("") == []
    assert from_text('name = "other"\n[[augment]]\nkind = "zoom"\nfraction = 0.5') == [
        {"kind": "zoom", "fraction": 0.5, "border": "zero"}
    ]
    for text, said in (
        ("kind = [", "not valid TOML"),
        ('kind = "zoom"', "no [[augment]] table"),
        ('[[augment]]\nkind = "zoom"\n[[augment]]\nkind = "shear"\ndegrees = 400', "augment[1].degrees"),
        ('[[augment]]\nkind = "zom"', "zoom"),
    ):
        with pytest.raises((InvalidInput, InvalidSpec), match=re.escape(said)):
            from_text(text)


# The page


@pytest.fixture
def do(page: TestClient) -> Do:
    """``do("add", kind="shift")``: what the page sends when a part of it is used."""

    def post(what: str, at: str = "/augment", **form: str) -> Any:
        headers = {**PARTS, "referer": f"http://127.0.0.1:8640{at}"}
        answer = page.post(f"/augment/{what}", data=form, headers=headers)
        assert answer.status_code == 200
        assert '<div id="augment"' in answer.text
        assert "<html" not in answer.text
        return answer

    return post


def shown_in(answer: Any) -> list[str]:
    return re.findall(r'<li id="row-(\w+)"', answer.text)


def in_draft(page: TestClient) -> list[dict[str, Any]]:
    """What the Train view would train with, as the text shows it."""
    text = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page.get("/augment").text, re.S)
    assert text
    return from_text(html.unescape(text[1]))


def words(answer: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def test_an_empty_list_says_what_it_is_for_and_what_to_begin_with(page: TestClient, do: Do) -> None:
    answer = page.get("/augment")
    assert "The training images are used as they are." in words(answer)
    assert "There is no operation yet." in words(answer)
    assert shown_in(do("add", kind="shift")) == ["shift_1"]
    assert "Augmented shift" in words(page.get("/train"))


def test_operations_are_added_changed_moved_switched_removed_and_undone(page: TestClient, do: Do) -> None:
    for kind in ("shift", "rotation", "mirror"):
        answer = do("add", kind=kind)
    assert shown_in(answer) == ["shift_1", "rotation_1", "mirror_1"]
    do("set", **{"augment.rotation_1.degrees": "25", "augment.rotation_1.border": "nearest"})
    assert in_draft(page)[1] == {"kind": "rotation", "degrees": 25, "border": "nearest"}
    do("set", **{"augment.shift_1.fraction": "0.1", "augment.shift_1.vertical": ""})
    assert "vertical" not in in_draft(page)[0]
    assert shown_in(do("operation", row="mirror_1", do="up")) == ["shift_1", "mirror_1", "rotation_1"]
    assert shown_in(do("move", row="rotation_1", to="0")) == ["rotation_1", "shift_1", "mirror_1"]
    assert 'aria-checked="false"' in do("operation", row="rotation_1", do="switch").text
    do("operation", row="rotation_1", do="switch")
    assert in_draft(page)[0]["degrees"] == 25
    assert shown_in(do("operation", row="shift_1", do="remove")) == ["rotation_1", "mirror_1"]
    assert shown_in(do("undo")) == ["rotation_1", "shift_1", "mirror_1"]
    assert shown_in(do("redo")) == ["rotation_1", "mirror_1"]
    assert "Augmented rotation, mirror" in words(page.get("/train"))


def test_a_mistake_is_told_at_its_operation_which_is_left_out_of_the_pictures(page: TestClient, do: Do) -> None:
    do("add", kind="rotation")
    do("add", kind="zoom")
    answer = do("set", **{"augment.rotation_1.degrees": "999"})
    assert "less than or equal to 180, not 999" in words(answer)
    assert 'value="999"' in answer.text
    assert re.findall(r'data-key="(\w+)" data-place="(\d)"', answer.text) == [("zoom_1", "0")]
    assert "less than or equal to 180" in words(page.get("/augment"))
    answer = do("set", **{"augment.rotation_1.degrees": "wide"})
    assert "should be a number, not 'wide'" in words(answer)


def test_what_cannot_be_done_is_told_and_changes_nothing(page: TestClient, do: Do) -> None:
    do("add", kind="noise")
    for what, form, said in (
        ("add", {"kind": "noize"}, 'there is no operation "noize"; did you mean "noise"?'),
        ("operation", {"row": "zoom_1", "do": "up"}, 'there is no operation "zoom_1" any more'),
        ("operation", {"row": "noise_1", "do": "burn"}, 'an operation cannot "burn"'),
        ("set", {"augment.zoom_1.fraction": "1"}, 'there is no "augment.zoom_1"'),
        ("set", {"data.source": "mnist", "train.epochs": "9"}, ""),
        ("text", {"text": "[[augment"}, "not valid TOML"),
    ):
        assert said in words(do(what, **form))
        assert in_draft(page) == listed("noise")
    assert page.post("/augment/measure", headers={**PARTS}).status_code == 200


def test_measuring_nothing_is_refused(page: TestClient) -> None:
    answer = page.post("/augment/measure", headers=PARTS)
    assert answer.status_code == 422
    assert "there is no operation to be measured; add one first" in words(answer)


def test_text_is_pasted_and_mistakes_in_it_stay_to_be_mended(page: TestClient, do: Do) -> None:
    do("text", text='[[augment]]\nkind = "mirror"\nprobability = 0.25')
    assert in_draft(page) == [{"kind": "mirror", "probability": 0.25}]
    answer = do("text", text='[[augment]]\nkind = "mirror"\nprobability = 25')
    assert "augment[0].probability" in words(answer)
    assert "probability = 25</textarea>" in answer.text
    assert in_draft(page) == [{"kind": "mirror", "probability": 0.25}]


@pytest.mark.parametrize("augmentation", ["shift", {"kind": "shift"}, [3], [{}], [{"kind": "noize"}], None])
def test_whatever_a_draft_holds_is_shown(page: TestClient, own_workspace: Workspace, do: Do, augmentation: Any) -> None:
    do("add", kind="shift")
    (path,) = own_workspace.drafts.glob("*.json")
    kept = json.loads(path.read_text())
    kept["spec"]["augment"] = augmentation
    path.write_text(json.dumps(kept))
    assert page.get("/augment").status_code == 200


def test_without_its_data_the_list_is_edited_all_the_same(page: TestClient, near: Near, do: Do) -> None:
    do("add", kind="mirror")
    near().post("/train/set", data={"data.source": "gone/for/good"})
    answer = do("add", kind="shift")
    assert "There are no pictures and nothing can be measured" in words(answer)
    assert shown_in(answer) == ["mirror_1", "shift_1"]
    assert "<image" not in answer.text


def test_what_is_looked_at_stays_while_operations_change(page: TestClient, do: Do, draft_on: DraftOn) -> None:
    draft_on()
    do("add", kind="mirror")
    at = "/augment?class=2&step=7&alone=mirror_1"
    for answer in (page.get(at), do("add", at, kind="shift")):
        assert '<option value="2" selected>right' in answer.text
        assert 'data-alone="mirror_1"' in answer.text
        assert "epoch 1, step 7" in words(answer)
    assert 'data-alone=""' in do("operation", at, row="mirror_1", do="remove").text
    for nonsense in ("class=9", "image=99999", "step=0", "shuffle=x"):
        answer = page.get(f"/augment?{nonsense}")
        assert "is not possible; give a whole number from" in words(answer)


def test_forms_work_without_scripts(page: TestClient) -> None:
    answer = page.post(
        "/augment/add", data={"kind": "zoom"}, headers={"referer": "http://127.0.0.1:8640/augment?step=3"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/augment?step=3")
    answer = page.post("/augment/add", data={"kind": "zoom"}, headers={"referer": "http://elsewhere/augment?step=3"})
    assert answer.headers["location"].startswith("/augment")
    assert shown_in(page.get("/augment")) == ["zoom_1", "zoom_2"]


def test_every_control_has_a_label_and_every_id_is_its_own(page: TestClient, do: Do) -> None:
    for kind in (*KINDS, "rotation"):
        do("add", kind=kind)
    text = page.get("/augment").text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for control in re.findall(r"<(?:input|select|textarea)\b[^>]*>", text):
        id = re.search(r'\bid="([^"]+)"', control)
        assert (
            'type="hidden"' in control
            or "hidden" in control
            or "aria-label" in control
            or (id and f'for="{id[1]}"' in text)
            or 'name="row"' in control
            or 'name="to"' in control
        ), control


# What the process behind the page draws and measures


def cells(png: bytes, columns: int, rows: int) -> np.ndarray:
    """(rows, columns, height, width) of a sheet of grey images."""
    paper = np.asarray(Image.open(io.BytesIO(png)))
    return paper.reshape(rows, paper.shape[0] // rows, columns, -1).swapaxes(1, 2)


def test_the_preview_is_what_training_gets_pixel_by_pixel(
    page: TestClient, do: Do, draft_on: DraftOn, photos: Path
) -> None:
    draft_on()
    for kind in ("rotation", "mirror", "noise"):
        do("add", kind=kind)
    answer = page.get("/augment?class=1&step=5")
    href = html.unescape(re.findall(r'<image id="preview" href="([^"]+)"', answer.text)[0])
    images = [int(image) for image in re.search(r"images=([\d%C]+)&", href)[1].split("%2C")]  # type: ignore[index]
    data = fr.load(str(photos))
    assert {data.class_names[data.labels[image]] for image in images} == {"middle"}
    found = cells(page.get(href).content, 9, len(images))
    batch = torch.from_numpy(np.repeat(data.images[images], 8, axis=0)).permute(0, 3, 1, 2).float() / 255
    varied = augment(batch, operations(in_draft(page)), seed=0, epoch=1, step=5)
    pixels = np.rint(varied.numpy()[:, 0] * 255).reshape(len(images), 8, 8, 8)
    # cells of 84 pixels show images of 8: the middle of each pixel
    middles = ((np.arange(8) + 0.5) * 84 / 8).astype(int)
    sampled = found[:, :, middles][..., middles]
    np.testing.assert_array_equal(sampled[:, 1:], pixels)
    np.testing.assert_array_equal(sampled[:, 0], data.images[images][..., 0])

    (photos.parent / "run.toml").write_text(to_text(in_draft(page)))
    program = html.unescape(re.findall(r'<pre class="toml" id="python">(.*?)</pre>', answer.text, re.S)[0])
    names: dict[str, Any] = {}
    exec(program.replace("run.toml", str(photos.parent / "run.toml")), names)
    torch.testing.assert_close(names["varied"], varied, rtol=0, atol=0)

    ends = html.unescape(re.findall(r'<image id="strips" href="([^"]+)"', answer.text)[0])
    strips = cells(page.get(ends).content, 3, 3)[:, :, middles][..., middles]
    own = data.images[images[0]][..., 0]
    np.testing.assert_array_equal(strips[:, 1], [own] * 3)
    np.testing.assert_array_equal(strips[1, 2], own[:, ::-1])

    for query, said in (
        ({"images": "0", "operations": "[[["}, "cannot be read"),
        ({"images": "0", "operations": '[{"kind": "rotation", "degrees": 999}]'}, "operations[0].degrees"),
        ({"images": "0", "operations": "7"}, "operations"),
        ({"images": "9999", "operations": "[]"}, "there is no image 9999"),
        ({"images": ",".join(["0"] * 11), "operations": "[]"}, "too many variations"),
        ({"images": "0", "operations": "[]", "step": "0"}, "step"),
    ):
        refused = page.get(f"/augment/sheet/{data.fingerprint}?{urlencode(query)}", headers=PARTS)
        assert refused.status_code in {404, 422}
        assert said in words(refused)
    assert page.get(f"/augment/ends/{data.fingerprint}?operations=[]").status_code == 404
    assert page.get("/augment/worst/nothing").status_code == 404


def test_the_worst_of_each_class_is_measured_once_and_told(
    page: TestClient, do: Do, draft_on: DraftOn, photos: Path
) -> None:
    draft_on()
    data = fr.load(str(photos))
    run = fr.fit(fr.Network([fr.Flatten(), fr.Classify()]), data, epochs=10, batch_size=8, validation=0.2)
    do("add", kind="shift")
    do("set", **{"augment.shift_1.fraction": "1"})
    do("add", kind="mirror")
    asked = "Not measured for these settings yet: 64 variations of each of 12 training images"
    assert asked in words(page.get("/augment"))
    answer = do("measure")
    deadline = time.monotonic() + 60
    while "worst-table" not in answer.text:
        assert 'hx-trigger="every 400ms"' in answer.text, words(answer)
        assert time.monotonic() < deadline
        time.sleep(0.05)
        answer = page.get("/augment")
    told = words(answer)
    assert "n = 256 variations per class: 64 of each of 4 training images" in told
    assert re.search(r"Up to (9\d|100) % of it (is outside the frame|is lost, \d+ % by leaving the frame)", told)
    assert f"{run.id} sees something else in" in told
    rows = dict(re.findall(r'<tr><th scope="row">([^<]+)</th>(.*?)</tr>', answer.text, re.S))
    assert {"left", "middle", "right", "All together", "Shift", "Mirror"} <= rows.keys()
    assert 'class="over"' in rows["Shift"]
    assert "0 %" in rows["Mirror"]  # nothing leaves, but left is right
    assert 'class="over"' in rows["Mirror"]
    picture = html.unescape(re.findall(r'<image id="worst" href="([^"]+)"', answer.text)[0])
    assert Image.open(io.BytesIO(page.get(picture).content)).size == (4 * 84, 3 * 84)
    assert "worst-table" in do("measure").text  # at once: it is known
    assert "else mostly" not in page.get("/augment?run=").text
    assert "Not measured for these settings yet" in words(do("set", **{"augment.shift_1.fraction": "0.9"}))
