"""Drawing in a real browser: by mouse and by keyboard, with what the network says of it, over a reload."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

SOON = 60_000


@pytest.fixture
def trained(server: Any) -> str:
    """A network of one epoch, trained from the command line."""
    command = [sys.executable, "-m", "fittingroom", "train", "linear", "--set", "train.epochs=1", "--json"]
    command += ["--workspace", str(server.workspace)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return str(json.loads(told.splitlines()[-1])["run"])


def open_pad(page: Page) -> None:
    page.get_by_role("link", name="Draw", exact=True).click()
    settle(page)


def settle(page: Page) -> None:
    """Until the answer to the newest drawing is shown."""
    page.wait_for_function(
        """() => {
          const { drawn, shown } = document.querySelector("draw-pad")?.dataset ?? {};
          return drawn && drawn === shown;
        }""",
        timeout=SOON,
    )


def probabilities(page: Page) -> list[str]:
    return page.locator("[data-part=bars] .n").all_inner_texts()


def levels(page: Page) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What is on the pad, height × width, 0 to 255."""
    seen = page.evaluate(
        """() => {
          const canvas = document.querySelector("[data-part=canvas]");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return [...data.filter((value, place) => place % 4 === 0)];
        }"""
    )
    return np.array(seen, np.float64).reshape(280, 280)


def drawn(page: Page) -> int:
    """How many pixels of the pad are not background."""
    return int(np.count_nonzero(levels(page)))


def stroke(page: Page, *places: tuple[float, float]) -> None:
    box = page.locator("[data-part=canvas]").bounding_box()
    assert box is not None
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*at[0])
    page.mouse.down()
    for place in at[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()
    settle(page)


def test_probabilities_follow_the_strokes_which_a_reload_keeps_and_buttons_change(trained: str, page: Page) -> None:
    open_pad(page)
    blank = probabilities(page)
    assert drawn(page) == 0
    expect(page.locator("[data-part=pill]")).to_have_text("Nothing is drawn", timeout=SOON)
    page.get_by_label("Width").fill("4")
    stroke(page, (0.3, 0.2), (0.3, 0.8), (0.7, 0.8))
    one, first = probabilities(page), drawn(page)
    assert one != blank
    stroke(page, (0.7, 0.2), (0.7, 0.8))
    two, second = probabilities(page), drawn(page)
    assert two != one
    assert second > first > 0

    page.reload()
    settle(page)
    assert (probabilities(page), drawn(page)) == (two, second)
    assert page.get_by_label("Width").input_value() == "4"

    stroke(page, (0.2, 0.5), (0.8, 0.5))
    assert drawn(page) > second
    page.keyboard.press("Control+z")
    settle(page)
    assert (probabilities(page), drawn(page)) == (two, second)
    page.get_by_role("button", name="Redo").click()
    settle(page)
    assert drawn(page) > second
    page.get_by_role("button", name="Clear").click()
    settle(page)
    assert probabilities(page) == blank

    page.get_by_role("button", name="A validation image").click()
    expect(page.locator("[data-part=said]")).to_contain_text("Validation image", timeout=SOON)
    settle(page)
    assert drawn(page) > 0
    expect(page.locator("[data-part=measured]")).to_contain_text("of 5,000 validation images", timeout=SOON)

    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Intensity").fill("50")
    page.get_by_label("Width").fill("3")
    stroke(page, (0.2, 0.3), (0.5, 0.3), (0.2, 0.3))  # over itself: it stays at half
    once = levels(page)
    assert once.max() == 128
    assert ((once > 0) & (once < 120)).any()  # soft edges
    page.get_by_role("button", name="Centre").click()
    expect(page.locator("[data-part=said]")).to_have_text("Its centre of mass is in the middle.")
    moved = levels(page)
    assert moved.sum() == once.sum()
    for axis in (0, 1):
        assert moved.sum(1 - axis) @ np.arange(280) / moved.sum() == pytest.approx(139.5, abs=0.51)
    page.get_by_text("Erase").click()
    stroke(page, (0.5, 0.3), (0.5, 0.7))
    middle = levels(page)[:, 140]
    assert middle.max() == 0
    assert levels(page).max() == 128


def test_all_of_the_pad_works_by_keyboard(trained: str, page: Page) -> None:
    open_pad(page)
    pad = page.get_by_role("application", name="Pad to draw on")
    page.locator("#run-b").focus()
    page.keyboard.press("Tab")
    expect(pad).to_be_focused()
    page.keyboard.press("Space")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    settle(page)
    line = drawn(page)
    assert line > 5 * 10 * 10  # a line of six pixels of the network's, two pixels wide
    page.keyboard.press("ArrowDown")
    settle(page)
    assert drawn(page) == line  # the pen is up
    for _ in range(20):
        page.keyboard.press("Shift+ArrowRight")
    settle(page)
    assert drawn(page) < line  # part of it has left the pad
    for _ in range(20):
        page.keyboard.press("Control+z")
    settle(page)
    assert drawn(page) == line
