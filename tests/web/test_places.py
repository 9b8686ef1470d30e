"""Which folders of its machine the page lets a browser import from, and how they are chosen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from PIL import Image
from starlette.testclient import TestClient

from fittingroom.web.app import create_app
from fittingroom.workspace import Workspace

HOST, TOKEN = "127.0.0.1:8640", "a-token-of-forty-three-characters-or-so-long"
Browser = AbstractContextManager[TestClient]


@pytest.fixture
def root(tmp_path: Path, photos: Path) -> Path:
    """A data root with those photos in it, and a folder beside it that is none of a visitor's business."""
    root = tmp_path / "shared"
    root.mkdir()
    photos.rename(root / "photos")
    for name in ("a", "b"):
        (tmp_path / "private" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (4, 4), number).save(tmp_path / "private" / name / f"{number}.png")
    return root


@pytest.fixture
def browser(own_workspace: Workspace) -> Callable[..., Browser]:
    """``browser(address, root)``: one at that address of the network."""

    @contextmanager
    def at(address: str, root: Path | None) -> Iterator[TestClient]:
        app = create_app(own_workspace, hosts=[HOST], token=TOKEN, workers=False, data_root=root)
        with TestClient(app, base_url=f"http://{HOST}", follow_redirects=False, client=(address, 5000)) as client:
            client.get("/", params={"token": TOKEN})
            yield client

    return at


def links(html: str) -> dict[str, str]:
    """The folders that a page leads to: what it calls them, and their paths."""
    found = re.findall(r'<a href="(/data/folders\?at=[^"]+)">([^<]+)</a>', html)
    return {unescape(name): parse_qs(urlparse(unescape(address)).query)["at"][0] for address, name in found}


@pytest.mark.parametrize("path", ["photos", "photos/", "ROOT/photos", "./photos/../photos", "link"])
def test_a_visitor_imports_from_below_the_data_root(
    browser: Callable[..., Browser], root: Path, own_workspace: Workspace, path: str
) -> None:
    (root / "link").symlink_to(root / "photos")
    with browser("10.0.0.7", root) as page:
        answer = page.post("/data/import", data={"path": path.replace("ROOT", str(root))})
        assert answer.status_code == 303, answer.text
        assert "Import 90 images" in page.get(answer.headers["location"]).text
        assert page.post(answer.headers["location"]).status_code == 303


@pytest.mark.parametrize(
    "path",
    ["../private", "ROOT/../private", "PRIVATE", "out", "out/a", "/", "/etc", "~", "~root", "photos/../../private"],
)
def test_nothing_else_is_within_reach_and_none_of_it_is_told(
    browser: Callable[..., Browser], root: Path, path: str
) -> None:
    (root / "out").symlink_to(root.parent / "private")
    asked = path.replace("ROOT", str(root)).replace("PRIVATE", str(root.parent / "private"))
    with browser("10.0.0.7", root) as page:
        refused = page.post("/data/import", data={"path": asked})
        assert refused.status_code == 422
        chosen = page.get("/data/folders", params={"at": asked})
    told = f"only folders below {root} can be imported" if "~" not in path else f"there is no folder {root}/~"
    assert told in refused.text
    assert told in chosen.text
    assert "private" not in links(chosen.text)
    assert all(Path(folder).is_relative_to(root) for folder in links(chosen.text).values())


def test_links_in_a_folder_are_followed_before_they_are_trusted(browser: Callable[..., Browser], root: Path) -> None:
    """A class that is a link to a folder beside the root, an image that is, and one two links away."""
    with browser("10.0.0.7", root) as page:
        for place, target in (("photos/z", "private/a"), ("photos/left/z.png", "private/a/0.png")):
            link = root / place
            link.symlink_to(root.parent / target)
            refused = page.post("/data/import", data={"path": "photos"})
            assert f"{link} is a link that leads out of {root}" in refused.text
            link.unlink()
        (root / "inner").mkdir()
        (root / "inner" / "deep.png").symlink_to(root.parent / "private/a/0.png")
        (root / "photos" / "z").symlink_to(root / "inner")
        assert "is a link that leads out of" in page.post("/data/import", data={"path": "photos"}).text
        (root / "inner" / "deep.png").unlink()
        (root / "inner" / "round").symlink_to(root / "photos")  # links may go in a circle
        Image.new("L", (8, 8)).save(root / "inner" / "1.png")
        assert page.post("/data/import", data={"path": "photos"}).status_code == 303


def test_a_file_that_is_read_beside_another_is_checked_too(browser: Callable[..., Browser], root: Path) -> None:
    (root / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03")
    (root / "train-labels-idx1-ubyte").symlink_to(root.parent / "private/a/0.png")
    with browser("10.0.0.7", root) as page:
        refused = page.post("/data/import", data={"path": "train-images-idx3-ubyte"})
        assert f"{root}/train-labels-idx1-ubyte is a link that leads out of {root}" in refused.text


def test_a_link_that_comes_after_the_check_is_found_before_the_import(
    browser: Callable[..., Browser], root: Path, own_workspace: Workspace
) -> None:
    with browser("10.0.0.7", root) as page:
        address = page.post("/data/import", data={"path": "photos"}).headers["location"]
        (root / "photos" / "left" / "z.png").symlink_to(root.parent / "private/a/0.png")
        page.post(address)
        for _ in range(500):
            if "is a link that leads out of" in (told := page.get(address).text):
                break
        assert "is a link that leads out of" in told
        assert not own_workspace.data.exists()


def test_on_this_machine_every_folder_can_be_chosen_link_by_link(browser: Callable[..., Browser], root: Path) -> None:
    (root / ".hidden").mkdir()
    (root / "a & b <i>").mkdir()
    (root / "item10").mkdir()
    (root / "item2").mkdir()
    with browser("127.0.0.1", root) as page:
        above = page.get("/data/folders", params={"at": str(root.parent)})
        assert {"shared", "private"} <= links(above.text).keys()
        here = page.get("/data/folders", params={"at": links(above.text)["shared"]})
        names = [name for name, path in links(here.text).items() if Path(path).parent == root]
        assert names == ["a & b <i>", "item2", "item10", "photos"]
        assert links(here.text)["/"] == "/"
        photos = page.get("/data/folders", params={"at": links(here.text)["photos"]}).text
        assert f'name="path" value="{root}/photos"' in photos
        assert page.post("/data/import", data={"path": str(root.parent / "private")}).status_code == 303


def test_a_source_that_was_typed_under_train_is_looked_at_within_reach_only(
    browser: Callable[..., Browser], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path means one of the server's own folder, not one of the data root."""
    (root / "private").mkdir()
    monkeypatch.chdir(root.parent)
    with browser("10.0.0.7", root) as page:
        page.post("/train/from", data={"preset": "linear"})
        for path, told, status in (
            ("private", 200, 404), (str(root.parent / "private"), 200, 404), (str(root / "photos"), 303, 200),
        ):  # fmt: skip
            assert page.post("/train/set", data={"data.source": path}).status_code == told  # 200 says why not
            assert page.get("/data/set", params={"name": path}).status_code == status


@pytest.mark.parametrize("address", ["10.0.0.7", "127.0.0.1"])
@pytest.mark.parametrize("odd", ["nowhere/at/all", "a\0b", "x" * 300, "y/" * 3000, "'", "photos/left/0.png", "loop"])
def test_odd_paths_are_told_and_lead_back(browser: Callable[..., Browser], root: Path, address: str, odd: str) -> None:
    (root / "loop").symlink_to(root / "loop")
    with browser(address, root) as page:
        answer = page.get("/data/folders", params={"at": odd if address != "127.0.0.1" else f"{root}/{odd}"})
        assert answer.status_code == 200
        assert 'role="alert"' in answer.text
        assert links(answer.text)
        assert page.post("/data/import", data={"path": odd}).status_code == 422
