"""The view Draw: its page, the images that are put on the pad, and the conversation about a drawing."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.engine.classifier import Classifier
from fittingroom.engine.predict import fit_file
from fittingroom.errors import InvalidInput
from fittingroom.queue.outline import Outline, outline_of
from fittingroom.queue.stored import data_of, spec_of
from fittingroom.store import Store
from fittingroom.web.draw import MOST_BYTES, Drawing, Pad
from fittingroom.workspace import Workspace

HOST = "127.0.0.1:8640"
LIVE = f"ws://{HOST}/draw/live"
Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
LINEAR = (fr.Flatten(), fr.Classify())


def outline(shape: tuple[int, int, int], background: float = 0.0) -> Outline:
    return Outline("some-1", "0" * 64, 3, shape, ("a", "b"), background)


def parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    line, _, pixels = content.partition(b"\n")
    return json.loads(line), pixels


@pytest.fixture
def trained(own_workspace: Workspace, stripes: Callable[..., Dataset]) -> str:
    return fr.fit(fr.Network(LINEAR), stripes(), epochs=1).id


# -- the pad -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 28, 28), (280, 280)),
        ((1, 8, 8), (280, 280)),
        ((3, 32, 32), (256, 256)),
        ((3, 48, 96), (96, 192)),
        ((3, 300, 200), (300, 200)),
        ((3, 896, 448), (448, 224)),
    ],
)
def test_a_pad_has_the_proportions_of_the_images_and_whole_pixels(
    shape: tuple[int, int, int], expected: tuple[int, int]
) -> None:
    pad = Pad.of([outline(shape)])
    assert (pad.height, pad.width, pad.channels) == (*expected, shape[0])


def test_the_pad_is_bright_where_training_images_are_and_coloured_where_any_network_sees_colours() -> None:
    assert Pad.of([outline((1, 28, 28), background=0.1)]).ground == 0
    pad = Pad.of([outline((1, 28, 28), background=0.9), outline((3, 32, 32))])
    assert (pad.ground, pad.channels, pad.height) == (1, 3, 280)


def test_what_is_no_drawing_is_refused() -> None:
    head = {
        "id": 1, "runs": [{"run": "a", "sha256": ""}], "ground": 0, "frame": False,
        "height": 2, "width": 2, "channels": 1,
    }  # fmt: skip
    assert Drawing.read(json.dumps(head).encode() + b"\n1234").pixels_HWC.shape == (2, 2, 1)
    wrong: list[dict[str, object]] = [
        {"height": 3}, {"height": -2, "width": -2}, {"channels": 2, "height": 1}, {"channels": True}, {"runs": []},
        {"runs": [{"run": "a", "sha256": ""}] * 3}, {"runs": ["a"]}, {"height": 10**9}, {"id": float("inf")},
    ]  # fmt: skip
    for change in wrong:
        with pytest.raises(InvalidInput, match="this is no drawing"):
            Drawing.read(json.dumps({**head, **change}).encode() + b"\n1234")
    for content in (b"", b"[]\n1234", b"\xff\n", b'{"id": 1}\n1234', b"[" * 100_000):
        with pytest.raises(InvalidInput, match="this is no drawing"):
            Drawing.read(content)


# -- the page ----------------------------------------------------------------------------------------------------------


def test_without_weights_it_says_what_to_do_first(page: TestClient) -> None:
    text = page.get("/draw").text
    assert "There is no network yet" in text
    assert 'href="/train"' in text


def test_the_page_knows_the_form_of_the_chosen_networks(
    trained: str, page: TestClient, stripes: Callable[..., Dataset]
) -> None:
    bright = stripes(150, classes=4, channels=3, size=16)
    bright.images[:] = 255 - bright.images
    coloured = fr.fit(fr.Network(LINEAR), fr.load(bright.images, bright.labels), epochs=1).id
    text = page.get("/draw", params={"run": trained}).text
    assert 'data-height="280" data-width="280" data-channels="1" data-ground="0"' in text
    assert text.count('<th scope="row"><span title="stripe ') == 3
    assert f'<option value="{trained}" selected>' in text
    text = page.get("/draw", params={"run": [coloured, trained]}).text
    assert 'data-height="272" data-width="272" data-channels="3" data-ground="1"' in text
    assert f"Dark on bright, as the training images of {coloured} are." in text
    assert text.count("data-sha256") == 2
    newest = page.get("/draw").text
    assert f'data-run="{coloured}"' in newest
    assert page.get("/draw", params={"run": "gone-1"}).status_code == 404
    swapped = page.get("/draw", params={"run": "gone-1"}, headers={"hx-request": "true"})
    assert (swapped.status_code, swapped.headers["hx-redirect"]) == (200, "/draw")


def test_weights_that_are_gone_are_told_and_the_other_network_still_looks(
    trained: str, page: TestClient, store: Store, own_workspace: Workspace
) -> None:
    other = fr.fit(fr.Network(LINEAR), data_of(store.run(trained), own_workspace), epochs=1).id
    (own_workspace.root / store.run(other).artifacts["best"].path).unlink()
    text = page.get("/draw", params={"run": [other, trained]}).text
    assert "is missing, although" in text
    assert f'data-run="{trained}"' in text
    assert f'data-query="run={trained}"' in text
    alone = page.get("/draw", params={"run": other})
    assert alone.status_code == 200
    assert "data-height" not in alone.text


def test_an_outline_says_what_the_classifier_does(trained: str, store: Store, own_workspace: Workspace) -> None:
    found = outline_of(store.run(trained), own_workspace)
    path = own_workspace.root / store.run(trained).artifacts["best"].path
    classifier = Classifier.load(path)
    known = classifier.preprocessing
    assert (found.shape, found.class_names, found.background) == (known.shape, known.class_names, known.background)
    assert found.epoch == classifier.epoch


# -- images on the pad -------------------------------------------------------------------------------------------------


def test_an_example_is_a_validation_image_whose_pixels_are_enlarged(
    trained: str, page: TestClient, store: Store, own_workspace: Workspace
) -> None:
    words, pixels = parts(page.get("/draw/example", params={"run": trained}).content)
    run = store.run(trained)
    data, spec = data_of(run, own_workspace), spec_of(run).data
    assert words["image"] in data.split(spec.validation, spec.split_seed).validation
    assert words["label"] == data.class_names[data.labels[words["image"]]]
    on_pad = np.frombuffer(pixels, np.uint8).reshape(280, 280, 1)
    np.testing.assert_array_equal(on_pad[::35, ::35], data.images[words["image"]])
    np.testing.assert_array_equal(on_pad[34::35, 34::35], data.images[words["image"]])


def picture(mode: str = "RGB", size: tuple[int, int] = (90, 60)) -> bytes:
    pixels = np.random.default_rng(2).integers(180, 256, (size[1], size[0], 3), dtype=np.uint8)
    pixels[20:40, 30:60] = 30
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "PNG")
    return file.getvalue()


def test_an_image_file_is_fitted_as_predict_does(
    trained: str, page: TestClient, store: Store, own_workspace: Workspace, tmp_path: Path
) -> None:
    words, pixels = parts(
        page.post("/draw/picture", params={"run": trained, "name": "x.png"}, content=picture()).content
    )
    (tmp_path / "x.png").write_bytes(picture())
    classifier = Classifier.load(own_workspace.root / store.run(trained).artifacts["best"].path)
    expected = fit_file(tmp_path / "x.png", classifier.preprocessing)
    assert tuple(words["steps"]) == expected.steps
    assert words["steps"] == ["colours → grey", "resized 60×90 → 8×8, padded to keep its proportions"]
    on_pad = np.frombuffer(pixels, np.uint8).reshape(280, 280, 1)
    np.testing.assert_array_equal(on_pad[17::35, 17::35], expected.pixels_HWC)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "<b>.png cannot be shown to a network: it is empty; choose an image file"),
        (b"no image", "it is none of PNG, JPEG"),
        (picture()[:200], "it is damaged"),
        (b"x" * (MOST_BYTES + 1), "more than 10 MB"),
    ],
)
def test_files_that_are_no_images_are_told_and_nothing_breaks(
    trained: str, page: TestClient, content: bytes, told: str
) -> None:
    answer = page.post("/draw/picture", params={"run": trained, "name": "<b>.png"}, content=content)
    assert answer.status_code == 200
    assert told in answer.json()["problem"]
    assert answer.headers["content-type"] == "application/json"


def test_what_cannot_be_put_on_the_pad_is_told(trained: str, page: TestClient) -> None:
    assert "no run is named" in page.get("/draw/example").json()["problem"]
    assert 'there is no run "gone-1"' in page.get("/draw/example", params={"run": "gone-1"}).json()["problem"]


# -- the conversation --------------------------------------------------------------------------------------------------


@pytest.fixture
def speak(page: TestClient) -> Iterator[Any]:
    with page.websocket_connect(LIVE, headers={"origin": f"http://{HOST}"}) as socket:
        yield socket


def drawing(id: int, runs: list[str], pixels_HWC: Pixels) -> bytes:
    height, width, channels = pixels_HWC.shape
    head = {
        "id": id, "runs": [{"run": run, "sha256": "0" * 64} for run in runs], "ground": 0, "frame": False,
        "height": height, "width": width, "channels": channels,
    }  # fmt: skip
    return json.dumps(head).encode() + b"\n" + pixels_HWC.tobytes()


def test_a_drawing_is_answered_with_what_is_seen_its_probabilities_and_in_time_its_likeness(
    trained: str, speak: Any, store: Store, own_workspace: Workspace
) -> None:
    run = store.run(trained)
    data, spec = data_of(run, own_workspace), spec_of(run).data
    image = int(data.split(spec.validation, spec.split_seed).train[11])
    speak.send_bytes(drawing(7, [trained], data.images[image].repeat(35, 0).repeat(35, 1)))
    words, pixels = parts(speak.receive_bytes())
    (said,) = words["models"]
    assert words["id"] == 7
    assert said["fitted"] == [8, 8, 1]
    np.testing.assert_array_equal(np.frombuffer(pixels[:64], np.uint8).reshape(8, 8, 1), data.images[image])
    classifier = Classifier.load(own_workspace.root / run.artifacts["best"].path)
    expected = classifier.probabilities(data.images[image : image + 1])[0]
    np.testing.assert_allclose(said["probabilities"], expected, atol=1e-6)

    deadline = time.monotonic() + 60  # the answer comes again by itself, until likeness is measured
    while "percent" in said["likeness"]:
        assert time.monotonic() < deadline
        words, pixels = parts(speak.receive_bytes())
        (said,) = words["models"]
    assert said["likeness"]["correlation"] == pytest.approx(1, abs=1e-5)
    assert said["likeness"]["nearest"] == image
    assert said["nearest"] == [8, 8, 1]
    np.testing.assert_array_equal(np.frombuffer(pixels[64:], np.uint8).reshape(8, 8, 1), data.images[image])


def test_of_many_drawings_the_newest_is_answered_last_and_not_all_are(trained: str, speak: Any) -> None:
    pixels = np.zeros((280, 280, 1), np.uint8)
    for id in range(1, 61):
        speak.send_bytes(drawing(id, [trained], pixels))
    answered = []
    while not answered or answered[-1] != 60:
        answered.append(parts(speak.receive_bytes())[0]["id"])
    assert answered == sorted(answered)
    assert len(set(answered)) < 30


def test_a_run_that_is_gone_is_told_beside_the_other_one(trained: str, speak: Any) -> None:
    speak.send_bytes(drawing(1, ["gone-1", trained], np.zeros((280, 280, 1), np.uint8)))
    gone, said = parts(speak.receive_bytes())[0]["models"]
    assert 'there is no run "gone-1"' in gone["problem"]
    assert sum(said["probabilities"]) == pytest.approx(1, abs=1e-4)


def test_a_socket_that_sends_something_else_is_closed(speak: Any) -> None:
    speak.send_text("hello")
    with pytest.raises(WebSocketDisconnect) as closed:
        speak.receive_bytes()
    assert closed.value.code == 4400


def test_strangers_and_other_sites_draw_nothing(page: TestClient) -> None:
    with (
        pytest.raises(WebSocketDisconnect),
        page.websocket_connect(LIVE, headers={"origin": "http://elsewhere.example"}),
    ):
        pass
    page.cookies.clear()
    with (
        pytest.raises(WebSocketDisconnect),
        page.websocket_connect(LIVE, headers={"origin": f"http://{HOST}"}),
    ):
        pass
