"""Looking inside a network in a real browser: arrow keys through layers and channels, one picture all the way."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

SOON = 30_000
SPEC = """
format = 1
name = "small"
data = {{ source = {source}, validation = 12 }}
train = {{ epochs = 1 }}
network = [
  {{ layer = "conv", filters = 4, activation = "relu" }}, {{ layer = "max_pool" }}, {{ layer = "flatten" }},
  {{ layer = "dense", units = 6 }}, {{ layer = "classify" }},
]
"""


@pytest.fixture
def run(server: Any, tmp_path: Path) -> str:
    """A small network on photos with a stripe at the left or at the right."""
    generator = np.random.default_rng(1)
    for label, name in enumerate(["left", "right"]):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(40):
            pixels = generator.integers(0, 100, (8, 8), dtype=np.uint8)
            pixels[:, 5 * label + 1] += 120
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    (tmp_path / "small.toml").write_text(SPEC.format(source=repr(str(tmp_path / "photos"))))
    command = [sys.executable, "-m", "fittingroom", "train", str(tmp_path / "small.toml")]
    subprocess.run([*command, "--workspace", str(server.workspace)], check=True, capture_output=True)
    return "small-1"


def test_arrow_keys_step_through_layers_of_one_pinned_picture_and_a_drawing_is_taken_there(
    run: str, server: Any, page: Page
) -> None:
    title, pinned = page.locator("#layer-title"), page.locator("img.pinned")
    page.get_by_role("link", name="Look inside").click()
    expect(page.locator("#silence")).to_contain_text("measured on 12 validation images", timeout=SOON)
    page.get_by_role("button", name="Random image").click()
    page.wait_for_url(re.compile(r"layer=conv_1$"))
    expect(title).to_contain_text("conv_1")
    at = re.fullmatch(r".*/inside\?run=small-1&image=(\d+)&layer=conv_1", page.url)
    assert at is not None
    source, image = pinned.get_attribute("src"), at[1]

    page.keyboard.press("ArrowRight")
    expect(title).to_contain_text("max_pool_1")
    expect(page).to_have_url(re.compile(rf"run=small-1&image={image}&layer=max_pool_1$"))
    for _ in range(6):  # as fast as somebody who holds the key down; it stops at the end
        page.keyboard.press("ArrowRight")
    expect(title).to_contain_text("classify_1")
    expect(page).to_have_url(re.compile(rf"image={image}&layer=classify_1$"))
    page.go_back()
    expect(title).not_to_contain_text("classify_1")
    page.goto(f"{page.url.partition('&layer')[0]}&layer=conv_1")

    tile = page.locator("#channel-1")
    tile.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#channel-title")).to_have_text("Channel 1")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#channel-title")).to_have_text("Channel 3")
    expect(page.locator("#channel-3")).to_be_focused()
    page.reload()
    expect(page.locator("#channel-title")).to_have_text("Channel 3")
    assert pinned.get_attribute("src") == source
    drawn = "images => images.every(image => image.complete && image.naturalWidth > 0)"
    assert page.locator("inside-view img").evaluate_all(drawn)

    page.evaluate(
        """run => {
      const canvas = Object.assign(document.createElement("canvas"), { id: "seen", width: 8, height: 8 });
      const context = canvas.getContext("2d");
      context.fillStyle = "rgb(200 200 200)";
      context.fillRect(2, 0, 3, 8);
      const button = document.createElement("look-inside");
      button.setAttribute("run", run);
      button.setAttribute("canvas", "seen");
      document.querySelector("main").append(canvas, button);
    }""",
        run,
    )
    page.add_script_tag(url="/static/islands/look-inside.js", type="module")
    page.get_by_role("button", name="Look inside").click()
    page.wait_for_url(re.compile(r"/inside\?run=small-1&drawing=[0-9a-f]{16}$"))
    expect(page.get_by_text("It has the network's size: nothing was done to it.")).to_be_visible()
    expect(title).to_contain_text("conv_1")
    page.reload()
    expect(title).to_contain_text("conv_1")
