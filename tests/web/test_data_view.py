"""The view Data: choosing, browsing, importing and removing, as a browser sees it."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path
from urllib.parse import quote, urlencode

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from fittingroom.data import sources
from fittingroom.data.cleaning import exclude
from fittingroom.data.dataset import Dataset
from fittingroom.data.sources import import_data, load
from fittingroom.errors import InvalidData
from fittingroom.store import Score, Store
from fittingroom.web import imports
from fittingroom.workspace import Workspace
from tests.web.conftest import Held


@pytest.fixture
def imported(page: TestClient, photos: Path, own_workspace: Workspace) -> Dataset:
    return import_data(photos, own_workspace)


def text_of(page: TestClient, address: str) -> str:
    """What a reader of a page sees, in one line."""
    answer = page.get(address)
    assert answer.status_code == 200, answer.text
    return seen(answer.text)


def seen(html: str) -> str:
    body = html[html.index("<main") :]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def shown_images(browser: TestClient, **query: object) -> list[int]:
    """The images in the grid, in their order."""
    html = browser.get(f"/data/set?{urlencode(query)}").text
    grid = html[html.index("<data-grid") : html.index("</data-grid>")]
    return [int(found) for found in re.findall(r"image=(\d+)", grid)]


def draft(workspace: Workspace) -> dict[str, object]:
    (file,) = workspace.drafts.glob("*.json")
    spec: dict[str, dict[str, object]] = json.loads(file.read_text())["spec"]
    return spec["data"]


# Choosing


def test_the_list_shows_every_data_set_and_which_one_is_chosen(page: TestClient, imported: Dataset) -> None:
    text = text_of(page, "/data")
    assert "fashion-mnist chosen for training 70,000 images · 10 classes · 28 × 28, grey · built-in" in text
    assert "photos 90 images · 3 classes · 8 × 8, grey · imported" in text
    assert f"/data/strip/{imported.fingerprint}" in page.get("/data").text


def test_choosing_sets_the_source_of_the_draft(
    page: TestClient, imported: Dataset, draft_on: Callable[..., None], own_workspace: Workspace
) -> None:
    draft_on("data.validation=0.25", "data.split_seed=7")
    assert page.post("/data/use", data={"name": "photos"}).headers["location"] == "/data"
    chosen = {"source": "photos", "validation": 0.25, "split_seed": 7, "normalize": "unit"}
    assert draft(own_workspace) == chosen, "everything else is as it was"
    assert "photos chosen for training" in text_of(page, "/data")


def test_choosing_mends_a_validation_part_that_is_too_large(
    page: TestClient, imported: Dataset, own_workspace: Workspace
) -> None:
    card = text_of(page, "/data/set?name=photos")
    assert "validation = 5000 asks for 5,000 of 76 training images" in card
    assert "Shown is the usual split instead" in card
    answer = page.post("/data/use", data={"name": "photos"})
    assert (draft(own_workspace)["source"], draft(own_workspace)["validation"]) == ("photos", 0.1)
    assert "It holds out 10 % of the training images now" in text_of(page, answer.headers["location"])
    assert "asks for" not in text_of(page, "/data/set?name=photos")


def test_only_data_sets_with_a_name_and_the_drafts_own_are_opened(
    page: TestClient, here: TestClient, photos: Path
) -> None:
    address = f"/data/set?name={quote(str(photos))}"
    assert here.get(address).status_code == 404
    assert here.post("/data/use", data={"name": str(photos)}).status_code == 404
    for browser in (page, here):
        browser.post("/train/from", data={"preset": "linear"})
        browser.post("/train/set", data={"data.source": str(photos), "data.validation": "0.2"})
    assert "90" in text_of(here, address)
    assert f"The draft is trained on {photos} , which is none of these data sets." in text_of(here, "/data")
    for elsewhere in (address, address.replace("/set", "/look"), address.replace("/set", "/remove")):
        assert page.get(elsewhere).status_code in {422, 404}, "folders of this machine are not shown to other ones"


def test_an_unknown_name_gets_a_suggestion(page: TestClient) -> None:
    answer = page.get("/data/set?name=fashion-minst")
    assert answer.status_code == 404
    assert 'there is no data set "fashion-minst"; did you mean "fashion-mnist"?' in seen(answer.text)


# The card


def test_the_card_counts_by_the_drafts_split_and_says_so(
    page: TestClient, imported: Dataset, draft_on: Callable[..., None]
) -> None:
    """90 images: 14 test (15 %, halves up), of the other 76 a quarter, 19, validate, and 57 train."""
    draft_on("data.validation=0.25", "data.split_seed=3")
    text = text_of(page, "/data/set?name=photos")
    assert "Training 57 Validation 19 Test 14 Test set sealed, never opened" in text
    assert "As the draft says: validation = 0.25, split seed = 3." in text
    assert "The test images are 15 % of all, cut off by the split seed." in text
    rows = re.findall(r"(left|middle|right) (\d+) (\d+) (\d+)", text)
    assert [row[0] for row in rows] == ["left", "middle", "right"]
    assert np.sum([[int(count) for count in row[1:]] for row in rows], axis=0).tolist() == [57, 19, 14]
    assert [sum(map(int, row[1:])) for row in rows] == [30, 30, 30]


def test_mean_and_spread_are_of_the_training_images(
    page: TestClient, imported: Dataset, draft_on: Callable[..., None]
) -> None:
    draft_on("data.validation=0.25")
    pixels = imported.images[imported.split(0.25, 0).train] / 255
    text = text_of(page, "/data/set?name=photos")
    assert f"Mean {pixels.mean():.4f} Spread {pixels.std():.4f}" in text
    assert "over the 57 training images" in text


def test_copies_of_test_images_are_told_and_can_be_seen(
    page: TestClient, own_workspace: Workspace, tmp_path: Path
) -> None:
    generator = np.random.default_rng(2)
    for part, name, number in [(p, c, n) for p in ("train", "test") for c in "ab" for n in range(6)]:
        (tmp_path / "twice" / part / name).mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (5, 5), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "twice" / part / name / f"{number}.png")
    (tmp_path / "twice/train/a/9.png").write_bytes((tmp_path / "twice/test/b/3.png").read_bytes())
    import_data(tmp_path / "twice", own_workspace)
    text = text_of(page, "/data/set?name=twice")
    assert "1 training image is left out: the test set holds exact copies." in text
    assert "With an exact copy 2 Classes" in text
    assert "The test images came with the data." in text
    assert shown_images(page, name="twice", split="left_out") == [6], "the seventh training image of class a"
    look = text_of(page, "/data/look?name=twice&image=6")
    assert "Split left out" in look
    assert "Exactly the same pixels: image 22 (b, test)" in look


def test_excluded_images_are_a_part_of_their_own_and_their_pictures_stay(
    page: TestClient, imported: Dataset, own_workspace: Workspace, draft_on: Callable[..., None]
) -> None:
    draft_on("data.folds=3", "data.fold=1")
    before = page.get("/data/set?name=photos").text
    sheet = unescape(re.findall(r'/data/sheet/[^" ]+', before)[0])
    exclude(imported, [4, 50], "blurred", own_workspace)
    text = text_of(page, "/data/set?name=photos")
    assert "As the draft says: fold 1 of 3, split seed = 0." in text
    assert "2 images were taken out of this data and are in no part." in text
    assert shown_images(page, name="photos", split="excluded") == [4, 50]
    assert "Split excluded" in text_of(page, "/data/look?name=photos&image=4")
    assert page.get(sheet).status_code == 200  # of the data as an older page has it
    assert "Excluded" not in before


def test_data_that_cannot_be_divided_can_still_be_looked_at(
    page: TestClient, own_workspace: Workspace, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / "tiny" / name).mkdir(parents=True)
        Image.new("L", (4, 4), ord(name)).save(tmp_path / "tiny" / name / "1.png")
    import_data(tmp_path / "tiny", own_workspace)
    assert "2 images in 2 classes are too few" in text_of(page, "/data/set?name=tiny")
    assert shown_images(page, name="tiny") == [0, 1]
    assert "not divided" in text_of(page, "/data/look?name=tiny&image=1")


def test_names_of_classes_are_escaped(page: TestClient, own_workspace: Workspace, tmp_path: Path) -> None:
    for name in ("<b>bold & brave", 'a "quote"'):
        (tmp_path / "odd" / name).mkdir(parents=True)
        for number in range(6):
            Image.new("L", (4, 4), number).save(tmp_path / "odd" / name / f"{number}.png")
    import_data(tmp_path / "odd", own_workspace)
    html = page.get("/data/set?name=odd").text
    assert "<b>bold" not in html
    assert "&lt;b&gt;bold &amp; brave" in html


def test_of_very_many_classes_the_first_are_shown_and_the_rest_when_asked_for(
    page: TestClient, here: TestClient, own_workspace: Workspace, tmp_path: Path
) -> None:
    for label in range(130):
        folder = tmp_path / "many" / f"class-{label}"
        folder.mkdir(parents=True)
        for number in range(3):
            Image.new("L", (2, 2), (label + 50 * number) % 256).save(folder / f"{number}.png")
    check = here.get(understood(here, tmp_path / "many")).text
    check = check[check.index("<h2>Classes") :]
    assert check.index("<details") < check.index("class-100<") < check.index("class-129<") < check.index("</details>")
    assert "105 more classes" in check
    import_data(tmp_path / "many", own_workspace)
    first = page.get("/data/set?name=many").text
    rows = re.compile(r'<th scope="row"><div class="class-name">')
    assert len(rows.findall(first)) == 100
    (more,) = re.findall(r'href="([^"]+)">Show all 130 classes', first)
    every = page.get(unescape(more)).text
    assert len(rows.findall(every)) == 130
    assert "Show all" not in every
    totals = [re.findall(r"All (\d+) (\d+) (\d+)", seen(html)) for html in (first, every)]
    assert totals[0] == totals[1]
    assert sum(map(int, totals[0][0])) == 390, "of all classes, shown or not"


def test_openings_of_the_test_set_are_counted(
    page: TestClient, store: Store, imported: Dataset, draft_on: Callable[..., None]
) -> None:
    draft_on()
    run = page.post("/train/start").headers["location"].rpartition("/")[2]
    assert "Test set sealed, never opened" in text_of(page, "/data/set?name=photos")
    store.open_test(imported.fingerprint, [Score(run, 0.5, 1.0, 14)])
    assert "Test set opened once " in text_of(page, "/data/set?name=photos")


# Browsing


def test_the_pages_together_show_every_image_of_the_part_once(
    page: TestClient, imported: Dataset, draft_on: Callable[..., None]
) -> None:
    draft_on("data.validation=0.2")
    expected = imported.split(0.2, 0).train.tolist()
    for more in ({}, {"order": "random", "seed": 5}):
        pages = [shown_images(page, name="photos", per=25, page=number, **more) for number in (1, 2, 3)]
        assert [len(images) for images in pages] == [25, 25, 11]
        assert sorted(image for images in pages for image in images) == expected
    assert "51–61 of 61" in text_of(page, "/data/set?name=photos&per=25&page=99"), "the last page"


def test_random_order_is_that_of_the_seed_in_the_address(page: TestClient, imported: Dataset) -> None:
    def order(seed: int) -> list[int]:
        return shown_images(page, name="photos", split="all", order="random", seed=seed)

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert sorted(order(1)) == list(range(90)) == shown_images(page, name="photos", split="all")


def test_one_class_of_one_part(page: TestClient, imported: Dataset) -> None:
    images = shown_images(page, name="photos", split="test", **{"class": 1})
    assert images
    assert set(images) <= set(imported.split(0.1, 0).test.tolist())
    assert set(imported.labels[images].tolist()) == {1}
    assert "Looking at test images is free." in text_of(page, "/data/set?name=photos&split=test")


def test_the_grid_shows_the_images_that_it_links_to(page: TestClient, imported: Dataset) -> None:
    html = page.get("/data/set?name=photos&order=random&seed=3&per=25").text
    asked = re.search(rf'id="browse-0" href="/data/sheet/{imported.fingerprint}\?images=([0-9,]+)', html)
    assert asked
    assert [int(index) for index in asked[1].split(",")] == shown_images(
        page, name="photos", order="random", seed=3, per=25
    )


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("per=401", 422, 'per = "401" is not possible; give a whole number from 1 to 400'),
        ("page=0", 422, 'page = "0" is not possible'),
        ("class=3", 422, 'class = "3" is not possible; give a whole number from 0 to 2'),
        ("split=tests", 404, 'there is no part "tests" in this data set'),
        ("order=sorted", 422, 'order = "sorted" is not possible'),
    ],
)
def test_choices_that_are_not_there_are_told(
    page: TestClient, imported: Dataset, query: str, status: int, told: str
) -> None:
    answer = page.get(f"/data/set?name=photos&{query}")
    assert answer.status_code == status
    assert told in seen(answer.text)


def test_one_image_large_between_its_neighbours(page: TestClient, imported: Dataset) -> None:
    query = {"name": "photos", "split": "all", "order": "random", "seed": 8, "per": 25}
    order = [image for number in (1, 2, 3, 4) for image in shown_images(page, **query, page=number)]
    html = page.get(f"/data/look?{urlencode(query | {'image': order[30]})}").text
    links = {rel: unescape(address) for rel, address in re.findall(r'rel="(prev|next)" href="([^"]+)"', html)}
    assert links["prev"].endswith(f"image={order[29]}")
    assert links["next"].endswith(f"image={order[31]}")
    assert "page=2#browse" in html, "back to the page that it is on"
    assert f"/data/image/{imported.fingerprint}/{order[30]}" in html
    label = imported.class_names[imported.labels[order[30]]]
    assert f"This image Label {label} Index {order[30]} Split" in seen(html)
    first = page.get(f"/data/look?{urlencode(query | {'image': order[0]})}").text
    assert 'rel="prev"' not in first


# Importing


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came about")


def understood(here: TestClient, path: Path | str, **more: str) -> str:
    """The address of step 2."""
    answer = here.post("/data/import", data={"path": str(path), **more})
    assert answer.status_code == 303, answer.text
    address: str = answer.headers["location"]
    return address.partition("?")[0]


def test_an_import_in_three_steps(here: TestClient, photos: Path, own_workspace: Workspace) -> None:
    assert "A folder or file on this machine" in text_of(here, "/data/import")
    address = understood(here, f"  '{photos}' ", name="stripes")
    check = text_of(here, address)
    for fact in (f"Files {photos}", "Images 90", "Classes 3", "width 8 × 8", "Channels 1, grey", "middle 30"):
        assert fact in check
    assert 'name="name" value="stripes"' in here.get(address).text
    assert "Nothing has been written yet." in check
    assert not own_workspace.data.exists()
    assert here.post(address).headers["location"] == address
    wait_for(lambda: here.get(address).status_code == 303)
    assert here.get(address).headers["location"] == "/data/set?name=stripes"
    assert here.get(address, headers={"HX-Request": "true"}).headers["hx-redirect"] == "/data/set?name=stripes"
    assert load("stripes", own_workspace).fingerprint == load(photos).fingerprint


def test_asked_for_twice_it_is_imported_once(here: TestClient, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, go_on = [], threading.Event()

    def slowly(*arguments: object) -> None:
        calls.append(arguments)
        assert go_on.wait(10)

    monkeypatch.setattr(imports, "import_data", slowly)
    address = understood(here, photos)
    here.post(address)
    here.post(address)
    assert "Looking at everything …" in text_of(here, address)
    go_on.set()
    wait_for(lambda: here.get(address).status_code == 303)
    here.post(address)
    assert len(calls) == 1


def test_a_cancelled_import_leaves_nothing_and_can_be_tried_again(
    here: TestClient, photos: Path, own_workspace: Workspace, held_import: Held
) -> None:
    address = understood(here, photos)
    here.post(address)
    assert held_import.under_way.wait(10)
    here.post(f"{address}/cancel")
    held_import.go_on.set()
    wait_for(lambda: "The import was cancelled; nothing of it is left." in text_of(here, address))
    assert list(own_workspace.data.iterdir()) == []
    here.post(address)
    wait_for(lambda: here.get(address).status_code == 303)
    assert len(load("photos", own_workspace)) == 90


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"path": " "}, "there is no path yet"),
        ({"path": "/there/is/no/such"}, "there is no folder /there/is/no/such"),
        ({"path": "PHOTOS", "name": "two words"}, '"two words" cannot be the name of a data set'),
        ({"path": "PHOTOS", "name": "fashion-mnist"}, '"fashion-mnist" is the name of a built-in data set'),
        ({"path": "PHOTOS", "size": "8 by 8"}, '"8 by 8" is no size; give height and width in pixels, such as 64x64'),
        ({"path": "PHOTOS", "size": "0x8"}, "size = (0, 8) is no height and width"),
        ({"path": "PHOTOS/left"}, "holds no class folders, but 30 image files"),
    ],
)
def test_what_will_not_do_is_told_beside_what_was_typed(
    here: TestClient, photos: Path, typed: dict[str, str], told: str
) -> None:
    typed = {key: value.replace("PHOTOS", str(photos)) for key, value in typed.items()}
    answer = here.post("/data/import", data=typed)
    assert answer.status_code == 422
    assert told in seen(answer.text)
    for value in typed.values():
        assert f'value="{value}"' in answer.text
    assert here.post("/data/import", data=typed, headers={"HX-Request": "true"}).status_code == 200


def test_faults_of_the_files_are_told_before_the_import(here: TestClient, photos: Path) -> None:
    (photos / "left" / "bad.png").write_bytes(b"")
    Image.new("RGB", (9, 7)).save(photos / "right" / "other.png")
    address = understood(here, photos)
    check = text_of(here, address)
    assert "1 of 92 image files cannot be read." in check
    assert "left/bad.png is empty" in check
    assert "The images have 2 different sizes" in check
    assert 'name="size" value="8×8"' in here.get(address).text, "the most frequent one is proposed"
    assert "disabled" in here.get(address).text
    here.post(address)
    assert here.get(address).status_code == 200, "nothing was begun"
    (photos / "left" / "bad.png").unlink()
    mended = understood(here, photos, size="8x8")
    assert "Scaled to fit 8×8 and centred on white." in text_of(here, mended)
    assert "disabled" not in here.get(mended).text


def test_looking_at_very_many_files_says_how_far_it_has_come_and_can_be_cancelled(
    here: TestClient, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way, go_on = threading.Event(), threading.Event()
    preview_data = imports.preview_data

    def slowly(
        path: object, name: object, size: object, progress: Callable[[int, int], object], wanted: object
    ) -> object:
        def held_up(done: int, files: int) -> None:
            progress(done, files)
            if done == 40:
                under_way.set()
                assert go_on.wait(10)

        return preview_data(path, name, size, held_up, wanted)  # type: ignore[arg-type]

    monkeypatch.setattr(imports, "preview_data", slowly)
    monkeypatch.setattr(imports, "PATIENCE", 0.01)
    first = understood(here, photos)
    assert under_way.wait(10)
    assert "40 of 90 files or images looked at." in text_of(here, first)
    here.post(first)
    assert "40 of 90 files or images looked at." in text_of(here, first), "there is nothing to import yet"
    here.post(f"{first}/cancel")
    go_on.set()
    wait_for(lambda: "The import was cancelled" in text_of(here, first))
    second = understood(here, photos)
    wait_for(lambda: "What was understood" in text_of(here, second))
    assert "Import 90 images" in text_of(here, second)


def test_what_is_found_to_be_wrong_later_is_told_too(
    here: TestClient, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PATIENCE", 0.0)
    go_on = threading.Event()

    def slowly(*arguments: object) -> object:
        assert go_on.wait(10)
        raise InvalidData("there are too few of them")

    monkeypatch.setattr(imports, "preview_data", slowly)
    address = understood(here, photos)
    go_on.set()
    wait_for(lambda: "there are too few of them" in text_of(here, address))
    assert f'href="/data/import?change={address[-16:]}">Change' in here.get(address).text


def test_an_import_that_fails_says_why_in_its_place(here: TestClient, photos: Path, own_workspace: Workspace) -> None:
    address = understood(here, photos)
    import_data(photos, own_workspace)
    (photos / "left" / "0.png").unlink()
    here.post(address)
    wait_for(lambda: 'already has a data set "photos" with other content' in text_of(here, address))
    assert "Try again" in text_of(here, address)
    assert "has a data set named photos already" in text_of(here, understood(here, photos))


def test_a_folder_with_an_odd_name_gets_a_proper_one(here: TestClient, photos: Path) -> None:
    odd = photos.rename(photos.with_name("Fotos für Öl & co. (2)"))
    assert 'name="name" value="Fotos-fur-Ol-co.-2"' in here.get(understood(here, odd)).text


def test_what_was_typed_can_be_changed(here: TestClient, photos: Path) -> None:
    id = understood(here, photos, name="mine").rpartition("/")[2]
    html = here.get(f"/data/import?change={id}").text
    assert f'value="{photos}"' in html
    assert 'value="mine"' in html
    assert here.get("/data/import/0123456789abcdef").status_code == 404


def test_other_machines_cannot_name_folders_of_this_one(page: TestClient, here: TestClient, photos: Path) -> None:
    """The test client's own address is no loopback address."""
    assert page.post("/data/import", data={"path": str(photos)}).status_code == 403
    assert page.get("/data/folders").status_code == 403
    form = page.get("/data/import").text
    assert 'name="path"' not in form
    assert "A folder or files on your computer" in form, "but they can upload"


# Removing


def test_removing_asks_first(page: TestClient, imported: Dataset, own_workspace: Workspace) -> None:
    text = text_of(page, "/data/remove?name=photos")
    assert "Remove photos? The workspace's copy of 90 images in 3 classes will be deleted." in text
    assert "trained on it" not in text
    assert [info.name for info in sources.names(own_workspace)] == ["fashion-mnist", "mnist-10k", "photos"]
    assert page.post("/data/remove", data={"name": "photos"}).headers["location"] == "/data"
    assert [info.name for info in sources.names(own_workspace)] == ["fashion-mnist", "mnist-10k"]
    assert page.get(f"/data/image/{imported.fingerprint}/1").status_code == 404


def test_removing_says_what_depends_on_the_data_set(
    page: TestClient, imported: Dataset, draft_on: Callable[..., None]
) -> None:
    draft_on()
    page.post("/data/use", data={"name": "photos"})
    run = page.post("/train/start").headers["location"].rpartition("/")[2]
    text = text_of(page, "/data/remove?name=photos")
    assert f"1 run was trained on it: {run} ." in text
    assert "It is chosen for training" in text
    page.post("/data/remove", data={"name": "photos"})
    assert "The draft is trained on photos , which is none of these data sets." in text_of(page, "/data")


def test_the_built_in_one_cannot_be_removed(page: TestClient) -> None:
    assert "cannot be removed" in text_of(page, "/data/remove?name=fashion-mnist")
    assert "<form" not in page.get("/data/remove?name=fashion-mnist").text
    assert page.post("/data/remove", data={"name": "fashion-mnist"}).status_code == 422
    assert page.post("/data/remove", data={"name": "nothing"}).status_code == 404


def test_a_damaged_data_set_can_be_removed(page: TestClient, imported: Dataset, own_workspace: Workspace) -> None:
    (own_workspace.data / "photos" / "labels.npy").write_bytes(b"")
    assert "photos damaged Its files are not what was once written there." in text_of(page, "/data")
    assert page.get("/data/set?name=photos").status_code == 422
    assert "What is left of this data set" in text_of(page, "/data/remove?name=photos")
    page.post("/data/remove", data={"name": "photos"})
    assert not (own_workspace.data / "photos").exists()
