"""The import wizard in a real browser: choices that act at once, drops, and what happens in between."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from fittingroom.data.sources import load
from fittingroom.workspace import Workspace

SOON = 30_000
DROP = """async ([[name, content]]) => {
  await customElements.whenDefined("data-upload");
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name));
  for (const type of ["dragenter", "dragover", "drop"]) {
    const event = new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true });
    document.querySelector("data-upload .drop").dispatchEvent(event);
  }
}"""


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """Two classes of images 8 high and 16 or 12 wide."""
    generator = np.random.default_rng(3)
    for name in ("one", "two"):
        (tmp_path / "wide" / name).mkdir(parents=True)
        for number in range(10):
            pixels = generator.integers(0, 256, (8, 12 + 4 * (number % 2), 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "wide" / name / f"{number}.png")
    return tmp_path / "wide"


@pytest.fixture
def arrays() -> bytes:
    """An npz file."""
    file = io.BytesIO()
    images = np.random.default_rng(4).integers(0, 256, (12, 6, 6), dtype=np.uint8)
    np.savez(file, images=images, labels=np.arange(12) % 3)
    return file.getvalue()


def origin(server: Any) -> str:
    address: str = server.address
    return address.split("/?")[0]


def understood(page: Page) -> None:
    expect(page.get_by_role("heading", name="What was understood")).to_be_visible(timeout=SOON)


def test_choices_act_on_the_pictures_at_once_and_outlive_a_reload(page: Page, server: Any, wide: Path) -> None:
    page.goto(origin(server) + "/data/import")
    page.get_by_label("Path").fill(str(wide))
    page.get_by_label("Path").press("Enter")
    understood(page)
    sheet = page.locator("#exemplars")
    expect(page.get_by_label("Height × width")).to_have_value("8×12")
    expect(sheet).to_have_attribute(
        "href", "/data/import/" + page.url.split("/import/")[1].split("?")[0] + "/classes?size=8x12&fit=pad&channels="
    )
    for radio in ("Pad", "Crop", "Stretch"):
        expect(page.get_by_role("radio", name=radio)).to_be_visible()
    page.get_by_role("radio", name="Pad").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("Scaled to cover 8×12 and cut to its centre.")).to_be_visible()
    with page.expect_response("**/classes?size=6x6&fit=crop&channels=") as answered:
        page.get_by_label("Height × width").fill("6x6")
        page.get_by_label("Height × width").press("Tab")
    picture = Image.open(io.BytesIO(answered.value.body()))
    assert picture.size == (8 * 64, 2 * 64)
    page.get_by_label("Name").fill("small")
    page.get_by_label("Name").press("Enter")  # shows, and does not import
    expect(page.get_by_text("--name small --size 6x6 --fit crop")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Height × width")).to_have_value("6x6")
    expect(page.get_by_role("radio", name="Crop")).to_be_checked()
    assert not (server.workspace / "data").exists()
    page.get_by_label("Channels").select_option("grey")
    page.get_by_role("button", name="Import 20 images").dblclick()
    expect(page.get_by_role("heading", name="small", exact=True)).to_be_visible(timeout=SOON)
    assert load("small", Workspace(server.workspace)).shape == (1, 6, 6)


def test_typing_and_importing_at_once_imports_what_was_typed(page: Page, server: Any, wide: Path) -> None:
    """The field is left by clicking the button, so that the page changes under the click."""
    page.goto(origin(server) + "/data/import")
    page.get_by_label("Path").fill(str(wide))
    page.get_by_role("button", name="Look into it").click()
    understood(page)
    page.get_by_label("Height × width").fill("4x4")
    page.get_by_role("button", name="Import 20 images").click()
    expect(page.get_by_role("heading", name="wide", exact=True)).to_be_visible(timeout=SOON)
    assert load("wide", Workspace(server.workspace)).shape == (3, 4, 4)


def test_a_file_is_dropped_and_another_that_is_none_is_told(page: Page, server: Any, arrays: bytes) -> None:
    page.goto(origin(server) + "/data/import")
    wrong = base64.b64encode(b"hello").decode()
    page.evaluate(DROP, [["notes.docx", wrong]])
    expect(page.get_by_role("alert")).to_contain_text("There is nothing in it that can be read, but 1 other file.")
    page.evaluate(DROP, [["broken.npz", wrong]])
    expect(page.locator("[data-part=chosen]")).to_have_text("broken.npz: 1 file, 5 bytes")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("broken.npz is no npz file", timeout=SOON)
    page.get_by_role("button", name="Give it up").click()
    expect(page.get_by_role("heading", name="Upload a folder or files")).to_be_visible()
    page.evaluate(DROP, [["shapes.npz", base64.b64encode(arrays).decode()]])
    page.get_by_role("button", name="Upload").click()
    understood(page)
    page.get_by_role("button", name="Import 12 images").click()
    expect(page.get_by_role("heading", name="shapes", exact=True)).to_be_visible(timeout=SOON)
    assert len(load("shapes", Workspace(server.workspace))) == 12
    assert list((server.workspace / "uploads").rglob("*.npz")) == []


def test_a_new_start_of_the_server_loses_nothing_that_was_typed(page: Page, server: Any, wide: Path) -> None:
    page.goto(origin(server) + "/data/import")
    page.get_by_label("Path").fill(str(wide))
    page.get_by_role("button", name="Look into it").click()
    understood(page)
    page.get_by_label("Height × width").fill("5x5")
    page.get_by_label("Height × width").press("Tab")
    expect(page.get_by_text("--size 5x5")).to_be_visible()
    page.wait_for_load_state("networkidle")
    server.kill()
    server.start()
    page.goto(server.address)
    page.go_back()
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("the server was restarted since")
    expect(page.get_by_label("Path")).to_have_value(str(wide))
    page.get_by_role("button", name="Look into it").click()
    understood(page)
    expect(page.get_by_label("Height × width")).to_have_value("5x5")
