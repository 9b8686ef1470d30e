"""The view Look inside: the process that computes is left out, its answers are given in this one."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Hashable, Iterator
from html import unescape
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.engine.desk import Desk
from fittingroom.engine.inference import ANSWERS, LONG
from fittingroom.engine.score import classifier_of
from fittingroom.errors import InvalidData, InvalidInput
from fittingroom.queue.stored import open_store, validation_of
from fittingroom.queue.wire import Message
from fittingroom.web.inference import Job
from fittingroom.web.inside import colours, maps, pictures, words
from fittingroom.web.inside.choice import Choice
from fittingroom.web.inside.look import Look
from fittingroom.workspace import Workspace


class AtOnce:
    """Stands for the process that computes; long work is left at its beginning until it is asked to go on."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.asked = desk, list[str]()
        self.jobs: dict[Hashable, Job] = {}
        self.steps: dict[str, Iterator[tuple[int, int]]] = {}

    async def ask(self, what: str, words: dict[str, Any], arrays: dict[str, np.ndarray] | None = None) -> Message:
        self.asked.append(what)
        return ANSWERS[what](self.desk, Message(words, arrays or {}))

    def begin(self, what: str, words: dict[str, Any], arrays: dict[str, np.ndarray], *, key: Hashable) -> Job:
        job = self.jobs[key] = Job()
        self.steps[job.id] = LONG[what](self.desk, Message(words, arrays))
        return job

    def known(self, key: Hashable) -> Job | None:
        return self.jobs.get(key)

    async def cancel(self, job: Job) -> None:
        job.state = "cancelled"

    def finish(self) -> None:
        """Do all that was begun."""
        for job in self.jobs.values():
            try:
                while job.state == "running":
                    job.done, job.total = next(self.steps[job.id])
            except StopIteration as end:
                job.state, job.result = "done", end.value

    async def close(self) -> None:
        pass


@pytest.fixture
def inference(page: TestClient, own_workspace: Workspace) -> Iterator[AtOnce]:
    with Desk.open(own_workspace) as desk:
        page.app.state.inference = AtOnce(desk)  # type: ignore[attr-defined]
        yield page.app.state.inference  # type: ignore[attr-defined]


CONV = (
    fr.Conv(5, 3, padding="same", activation="relu"),
    fr.MaxPool(2),
    fr.Flatten(),
    fr.Dropout(0.2),
    fr.Dense(70),
    fr.Classify(),
)


@pytest.fixture
def trained(inference: AtOnce, stripes: Callable[..., Dataset]) -> Callable[..., str]:
    """``trained(*layers)``: the id of a run with these layers on stripes."""

    def train(*layers: Any, channels: int = 1, name: str = "small") -> str:
        data = stripes(channels=channels)
        return str(fr.fit(fr.Network([*(layers or CONV)]), data, epochs=1, name=name).id)

    return train


@pytest.fixture
def validation(own_workspace: Workspace) -> Callable[[str], np.ndarray]:
    """Positions in the data set of a run's validation images."""

    def indices(run: str) -> np.ndarray:
        with open_store(own_workspace) as store:
            return validation_of(store.run(run), own_workspace)[1]

    return indices


def said(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)))


def png(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))


def addresses(html: str, kind: str) -> list[str]:
    return [unescape(found) for found in re.findall(rf'"(/inside/{kind}/[^"]*)"', html)]


def test_without_runs_it_says_what_to_do(page: TestClient) -> None:
    answer = page.get("/inside")
    assert "no network has been trained" in answer.text
    assert 'href="/train"' in answer.text


def test_a_run_without_weights_says_what_it_waits_for(page: TestClient, draft_on: Callable[..., None]) -> None:
    draft_on()
    page.post("/train/start")
    run = page.app.state.site.store.runs(1)[0].id  # type: ignore[attr-defined]
    text = said(page.get(f"/inside?run={run}").text)
    assert "No weights yet It waits for a worker. Results come with its first validated epoch." in text


def test_the_picture_is_pinned_in_the_address_and_every_link_keeps_it(
    page: TestClient, trained: Callable[..., str], validation: Callable[[str], np.ndarray]
) -> None:
    run = trained()
    first = page.get("/inside")
    assert first.headers["location"] == f"/inside?run={run}&image={validation(run)[0]}"
    image = int(validation(run)[7])
    html = page.get(f"/inside?run={run}&image={image}&layer=dense_1").text
    strip = html.partition('data-part="strip"')[2].partition("</ol>")[0]
    assert re.findall(r"<b>(\w+)</b>", strip) == [
        "input", "conv_1", "max_pool_1", "flatten_1", "dropout_1", "dense_1", "classify_1",
    ]  # fmt: skip
    assert re.findall(r'aria-current="true">\s*<img[^>]*>\s*<b>(\w+)', strip) == ["dense_1"]
    links = [unescape(link) for link in re.findall(r'href="(/inside\?[^"]*)"', html)]
    mistakes = [link for link in links if "image=" in link and f"image={image}" not in link]
    assert len(links) > 70
    assert len(mistakes) <= 2
    assert all(f"run={run}&" in link for link in links)


def test_maps_are_the_layers_values_in_the_colours_of_values(
    page: TestClient, trained: Callable[..., str], validation: Callable[[str], np.ndarray], own_workspace: Workspace,
    stripes: Callable[..., Dataset],
) -> None:  # fmt: skip
    run, data = trained(), stripes()
    image = int(validation(run)[3])
    html = page.get(f"/inside?run={run}&image={image}&layer=conv_1").text
    (address,) = {found for found in addresses(html, "maps") if "conv_1" in found and "cell=64" in found}
    answer = page.get(address)
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    pixels = png(answer.content)
    assert pixels.shape == (64, 5 * 64 + 4 * maps.GAP, 4)
    with open_store(own_workspace) as store:
        weights = classifier_of(store.run(run), own_workspace)
    layer = weights.network.layers[0]
    values = layer(weights.preprocessing.normalize(_floats(data.images[image])))[0].detach().numpy()
    shown = pixels[4::8, :, :3].astype(int)
    for channel, channel_HW in enumerate(values):
        places = channel * (64 + maps.GAP) + np.arange(4, 64, 8)
        expected = colours.TABLE[127 + np.rint(127 * channel_HW / values.max()).astype(int)]
        assert np.abs(shown[:, places] - expected).max() <= 4  # one step of the scale
    assert page.get(address.replace("image=", "image=9")).status_code == 404
    assert page.get(re.sub("maps/.{16}", "maps/0123456789abcdef", address)).status_code == 404


def _floats(image_HWC: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(image_HWC.copy()).permute(2, 0, 1)[None] / 255


def test_a_channel_of_its_own_scale_reaches_the_brightest_colour(
    page: TestClient, trained: Callable[..., str], validation: Callable[[str], np.ndarray]
) -> None:
    run = trained()
    at = f"/inside?run={run}&image={validation(run)[0]}&layer=conv_1"
    brightest = {}
    for scale in ("", "&scale=channel"):
        found = {
            each for each in addresses(page.get(at + scale).text, "maps") if "conv_1" in each and "cell=64" in each
        }
        pixels = png(page.get(found.pop()).content)
        brightest[scale] = [int(pixels[:, 66 * i : 66 * i + 64, :3].sum(axis=2).max()) for i in range(5)]
    most = int(colours.TABLE[-1].astype(int).sum())
    assert max(brightest[""]) == most
    assert min(brightest[""]) < most
    assert {*brightest["&scale=channel"]} <= {most, int(colours.TABLE[colours.ZERO].astype(int).sum())}


def test_dead_channels_are_marked_once_they_are_measured(
    page: TestClient, inference: AtOnce, trained: Callable[..., str], validation: Callable[[str], np.ndarray]
) -> None:
    run = trained()
    weights = inference.desk.classifier(run).network.weights()
    weights["conv_1.weight"].data[2] = 0
    weights["conv_1.bias"].data[2] = -1
    weights["dense_1.weight"].data[68] = 0
    at = f"/inside?run={run}&image={validation(run)[0]}"
    n = len(validation(run))
    html = page.get(at).text
    assert f"measuring on {n} validation images" in said(html)
    assert "every 400ms" in html
    waiting = unescape(re.findall(r'hx-get="(/inside/silence[^"]*)"', html)[0])
    polled = page.get(waiting, headers={"HX-Request": "true"}).text
    assert "measuring on" in polled
    inference.finish()
    done = page.get(waiting, headers={"HX-Request": "true"}).text
    assert "every 400ms" not in done
    assert 'hx-trigger="load"' in done
    assert 'hx-target="#inside"' in done
    text = said(page.get(at).text)
    dead = "conv_1 1 of 5, dense_1 1 of 70. Their output is zero, or always the same, whatever the image."
    assert f"measured on {n} validation images: {dead}" in text
    assert "max_pool_1 5×4×4 1 dead" not in text  # it passes on what conv_1 says
    tiles = page.get(at + "&layer=conv_1&channel=2").text
    assert re.findall(r'aria-label="Channel (\d), [^"]*, dead"', tiles) == ["2"]
    assert "its output was zero on all" in said(tiles)
    unit = said(page.get(at + "&layer=dense_1&channel=68").text)  # 64 are shown at first
    assert "its output was always the same on all" in unit
    assert "64 of 70 units. Show all 70" in unit
    assert 'id="channel-69"' in page.get(at + "&layer=dense_1&all=1").text


def test_the_measurement_can_be_cancelled_and_begun_again(
    page: TestClient, inference: AtOnce, trained: Callable[..., str], validation: Callable[[str], np.ndarray]
) -> None:
    run = trained()
    at = f"run={run}&image={validation(run)[0]}"
    page.get(f"/inside?{at}")
    assert page.post(f"/inside/silence?{at}&do=cancel").headers["location"] == f"/inside?{at}"
    assert "the measurement was cancelled" in said(page.get(f"/inside?{at}").text)  # and nothing begins by itself
    again = page.post(f"/inside/silence?{at}", headers={"HX-Request": "true"}).text
    assert "measuring on" in again


def test_a_dense_first_layer_shows_its_weights_where_they_stand_in_the_picture(
    page: TestClient, inference: AtOnce, trained: Callable[..., str], validation: Callable[[str], np.ndarray]
) -> None:
    run = trained(fr.Flatten(), fr.Classify())
    html = page.get(f"/inside?run={run}&image={validation(run)[0]}").text
    assert "The weights of each class 8×8" in said(html)
    (address,) = {*addresses(html, "filters")}
    pixels = png(page.get(address).content)[4::8, 4::8, :3].astype(int)
    weights = inference.desk.classifier(run).network.weights()["classify_1.weight"].numpy().reshape(3, 8, 8)
    expected = colours.TABLE[127 + np.rint(127 * weights[0] / np.abs(weights).max()).astype(int)]
    assert np.abs(pixels[:, :8] - expected).max() <= 4


def test_colour_filters_are_grey_where_weights_are_zero(
    page: TestClient, inference: AtOnce, trained: Callable[..., str], validation: Callable[[str], np.ndarray]
) -> None:
    run = trained(channels=3)
    weight = inference.desk.classifier(run).network.weights()["conv_1.weight"]
    weight.data[:] = 0
    weight.data[1, 0] = 0.5  # red
    weight.data[2, 2, 0, 0] = -0.5
    html = page.get(f"/inside?run={run}&image={validation(run)[0]}").text
    assert "middle grey is 0, the ends are ±0.5" in said(html)
    (address,) = {found for found in addresses(html, "filters") if "cell=64" in found}
    pixels = png(page.get(address).content)
    tile = 63 + maps.GAP
    assert pixels[5, 5].tolist() == [128, 128, 128, 255]
    assert pixels[30, tile + 30].tolist() == [255, 128, 128, 255]
    assert pixels[5, 2 * tile + 5].tolist() == [128, 128, 0, 255]
    assert pixels[30, 2 * tile + 30].tolist() == [128, 128, 128, 255]


def test_an_own_picture_is_fitted_and_kept_while_layers_are_stepped_through(
    page: TestClient, trained: Callable[..., str], validation: Callable[[str], np.ndarray]
) -> None:
    run = trained()
    file = io.BytesIO()
    Image.new("RGB", (20, 12), "orange").save(file, "PNG")
    answer = page.post(
        "/inside/upload", data={"run": run, "layer": "max_pool_1"}, files={"file": ("a.png", file.getvalue())}
    )
    at = answer.headers["location"]
    assert re.fullmatch(rf"/inside\?run={run}&drawing=[0-9a-f]{{16}}&layer=max_pool_1", at)
    html = page.get(at).text
    assert "Colours → grey; resized 12×20 → 8×8, padded to keep its proportions." in said(html)
    assert all("drawing=" in link for link in addresses(html, "maps"))
    assert png(page.get(addresses(html, "picture")[0]).content).shape[:2] == (448, 448)
    assert page.get(addresses(html, "maps")[0]).status_code == 200


def test_a_drawing_of_the_networks_size_is_taken_as_it_is(page: TestClient, trained: Callable[..., str]) -> None:
    run = trained()
    pixels = np.arange(64, dtype=np.uint8)
    named = page.post("/inside/drawing?height=8&width=8", content=pixels.tobytes()).json()["drawing"]
    html = page.get(f"/inside?run={run}&drawing={named}").text
    assert "nothing was done to it" in html
    large = png(page.get(addresses(html, "picture")[0]).content)
    np.testing.assert_array_equal(large[::56, ::56, 0], pixels.reshape(8, 8))


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("image=0", "image 0 is none of the .* validation images"),
        ("image=-1", 'no image "-1"'),
        ("image={image}&layer=conv_9", 'no layer "conv_9"; its layers are conv_1, max_pool_1'),
        ("image={image}&layer=conv_1&channel=5", "conv_1 has no channel 5; its channels are 0 to 4"),
        ("drawing=0123456789abcdef", "this drawing is not known any more"),
    ],
)
def test_what_is_not_there_is_told_and_another_picture_can_be_chosen(
    page: TestClient, trained: Callable[..., str], validation: Callable[[str], np.ndarray], more: str, problem: str
) -> None:
    run = trained()
    indices = validation(run)
    no_validation = next(index for index in range(300) if index not in indices)
    more = more.replace("image=0", f"image={no_validation}").format(image=indices[0])
    answer = page.get(f"/inside?run={run}&{more}")
    assert answer.status_code == 422
    assert re.search(problem.replace("image 0", f"image {no_validation}"), said(answer.text))
    assert "Random image" in answer.text


def test_a_random_picture_is_of_the_class_that_is_asked_for(
    page: TestClient, trained: Callable[..., str], validation: Callable[[str], np.ndarray],
    stripes: Callable[..., Dataset],
) -> None:  # fmt: skip
    run, labels, found = trained(), stripes().labels, set()
    for _ in range(12):
        at = page.get(f"/inside/pick?run={run}&class=2&layer=dense_1").headers["location"]
        assert at.endswith("&layer=dense_1")
        found.add(int(re.findall(r"image=(\d+)", at)[0]))
    assert found <= {*validation(run).tolist()}
    assert {int(labels[image]) for image in found} == {2}
    assert len(found) > 1
    assert page.get(f"/inside/pick?run={run}&class=7").status_code == 404


def test_data_that_has_gone_still_lets_own_pictures_be_looked_at(
    page: TestClient, trained: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained()
    monkeypatch.setattr("fittingroom.web.shelf.sources.load_as", _gone)
    monkeypatch.setattr("fittingroom.queue.stored.load_as", _gone)
    text = said(page.get(f"/inside?run={run}").text)
    assert "the folder has gone" in text
    assert "Look at an image of yours" in text
    named = page.post("/inside/drawing?height=8&width=8", content=bytes(64)).json()["drawing"]
    assert "conv_1" in page.get(f"/inside?run={run}&drawing={named}").text


def _gone(*_: object) -> Dataset:
    raise InvalidData("the folder has gone; put it back")


@pytest.mark.parametrize(
    ("content", "height", "problem"),
    [(bytes(63), "8", "63 bytes are no drawing of 8×8×1"), (b"", "0", 'height = "0" is not possible')],
)
def test_what_is_no_drawing_is_refused(page: TestClient, content: bytes, height: str, problem: str) -> None:
    answer = page.post(f"/inside/drawing?height={height}&width=8", content=content)
    assert answer.status_code == 422
    assert problem in said(answer.text)


def test_what_is_no_image_file_is_refused() -> None:
    with pytest.raises(InvalidData, match=r'cannot look at "note\.txt": it is none of PNG, JPEG'):
        pictures.from_file(b"no picture", "note.txt")
    with pytest.raises(InvalidInput, match="8×8×2 is not possible; give 1 or 3 channels"):
        pictures.drawn(bytes(128), 8, 8, 2)
    large = io.BytesIO()
    Image.new("L", (3000, 1500), 200).save(large, "PNG")
    reduced = pictures.from_file(large.getvalue(), "large.png")
    assert reduced.pixels_HWC.shape == (512, 1024, 1)
    assert not reduced.exact  # so that it is fitted also where it has the network's size
    assert pictures.drawn(bytes(64), 8, 8, 1).exact


def oklab_lightness(colours_N3: np.ndarray) -> np.ndarray:
    """By Ottosson's definition, from sRGB."""
    encoded = colours_N3 / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    to_cones = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
    return np.cbrt(linear @ np.array(to_cones).T) @ np.array([0.2104542553, 0.7936177850, -0.0040720468])


def test_colours_grow_evenly_in_lightness_on_both_sides_of_zero() -> None:
    lightness = oklab_lightness(colours.TABLE)
    assert len(lightness) == 255
    positive, negative = lightness[127:], lightness[127::-1]
    np.testing.assert_allclose(positive, np.linspace(0.2, 0.92, 128), atol=0.01)
    np.testing.assert_allclose(negative, positive, atol=0.015)
    red, _, blue = colours.TABLE[[0, 254]].astype(int).T
    assert red[0] - blue[0] > 80
    assert blue[1] - red[1] > 60


def test_what_is_no_number_is_transparent() -> None:
    values = np.array([[[np.nan, -2], [np.inf, 2]]])
    pixels = png(maps.sheet(values, 2, columns=1, cell=2))
    assert pixels[..., 3].tolist() == [[0, 255], [0, 255]]
    assert pixels[1, 1, :3].tolist() == colours.TABLE[254].tolist()
    assert png(maps.sheet(values[:, :1, :1], None, columns=1, cell=1))[0, 0, 3] == 0


def test_maps_of_any_size_stand_where_the_grid_says() -> None:
    for height, width, cell in ((28, 28, 64), (5, 9, 64), (40, 13, 20), (1, 1, 64)):
        longest = max(height, width)
        small = [max(round(side * cell / longest), 1) if longest > cell else side for side in (height, width)]
        place = maps.grid(7, height, width, columns=3, cell=cell)
        pixels = png(maps.sheet(np.ones((7, *small)), 1, columns=3, cell=cell))
        assert pixels.shape[:2] == place.size[::-1]
        left, top = place.corner(4)
        assert (pixels[top : top + place.height, left : left + place.width, 3] == 255).all()
        assert pixels[top - 1, left, 3] == 0
        left, top = place.corner(6)
        assert (pixels[top:, left + place.width :, 3] == 0).all()


def test_addresses_are_read_as_they_are_written() -> None:
    for choice in (
        Choice("cnn-1", 14),
        Choice("cnn-1", None, "ab12"),
        Choice("cnn-1", 14, "", "conv_1", 0, own_scale=True, all=True),
    ):
        query = dict(pair.split("=") for pair in choice.at().partition("?")[2].split("&"))
        assert Choice.read(query, query["run"]) == choice


def test_layers_are_told_in_words() -> None:
    assert words.settings(fr.Conv(16, 3, stride=2, padding="same", activation="relu")) == (
        "16 filters of 3×3, step 2, zeros around the image, then relu"
    )
    assert words.settings(fr.MaxPool(3, stride=2)) == "window 3×3, step 2"
    assert words.shown_as(fr.Residual(4)) == "Values after the last relu."
    assert words.shown_as(fr.Conv(4)) == ""


def test_a_network_that_has_run_away_is_shown_as_far_as_it_has_numbers() -> None:
    layers = [{"layer": "flatten", "name": "flatten_1"}, {"layer": "classify", "name": "classify_1", "classes": 2}]
    told = {
        "layers": layers, "shapes": [[1, 2, 2], [4], [2]], "sha256": "ab" * 32, "epoch": 1, "class_names": ["a", "b"],
        "steps": [],
    }  # fmt: skip
    figures = {"figures/flatten_1": np.zeros((4, 4)), "figures/classify_1": np.full((2, 4), np.nan)}
    arrays = {"image_HWC": np.zeros((2, 2, 1), np.uint8), "probabilities_K": np.full(2, np.nan), **figures}
    look = Look.of(Choice("gone-1", 0), Message(told, arrays), {"classify_1": np.full((2, 2), np.nan)})
    assert look.layer("classify_1").silent == 0
    assert len(look.likeliest(5)) == 2
