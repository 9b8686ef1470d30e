"""How long from a stroke to its probabilities on the screen: ``python benchmarks/drawing.py``.

Goal: 95 % of strokes within 50 ms, also while a training uses every core. A real Chromium draws on the real page of a
new workspace; the time runs from the last pointer event of a stroke, as the browser stamps it, to the frame in which
the probabilities of the drawing with that stroke are painted. Both are measured: the page alone, and beside a training.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Page, sync_playwright

FLAGS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
WATCH = """() => {
  const pad = document.querySelector("draw-pad"), at = new Map();
  window.times = [];
  pad.addEventListener("pointermove", (event) => at.set(Number(pad.dataset.drawn), event.timeStamp));
  new MutationObserver(() => {
    const shown = Number(pad.dataset.shown), began = at.get(shown);
    if (began === undefined) return;
    at.delete(shown);
    requestAnimationFrame(() => {
      const painted = new MessageChannel();
      painted.port1.onmessage = () => window.times.push([shown, performance.now() - began]);
      painted.port2.postMessage(0);
    });
  }).observe(pad, { attributeFilter: ["data-shown"] });
}"""
"""Notes when the pointer moved for each state of the drawing, and when the first frame with its answer is done."""


def command(workspace: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "fittingroom", *arguments, "--workspace", str(workspace)]


def train(workspace: Path, preset: str, epochs: int) -> str:
    asked = command(workspace, "train", preset, "--set", f"train.epochs={epochs}", "--json")
    told = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.splitlines()
    return str(json.loads(told[-1])["run"])


def start_training(page: Page, base: str) -> str:
    """Start a long training of a convolutional network in the page; returns its address when it has begun."""
    page.goto(f"{base}/train")
    page.get_by_role("button", name="cnn", exact=True).click()
    epochs = page.locator('[name="train.epochs"]')
    epochs.fill("1000")
    epochs.press("Tab")
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator("[data-part=chart-accuracy] canvas").wait_for(timeout=120_000)
    return page.url


def stroke(page: Page, box: Any, generator: random.Random) -> None:
    """A short stroke by mouse, at the pace of a hand."""
    x, y = (generator.uniform(0.2, 0.8) for _ in range(2))
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.down()
    for _ in range(4):
        x, y = (min(0.95, max(0.05, value + generator.uniform(-0.08, 0.08))) for value in (x, y))
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        time.sleep(0.016)
    page.mouse.up()
    page.wait_for_function(
        "() => { const p = document.querySelector('draw-pad'); return p.dataset.shown === p.dataset.drawn; }"
    )


def milliseconds(page: Page, strokes: int) -> list[float]:
    """For each stroke the time of the last of its events whose probabilities were painted."""
    generator, times = random.Random(0), []
    box = page.locator("[data-part=canvas]").bounding_box()
    for number in range(strokes):
        if number % 10 == 0:
            page.get_by_role("button", name="Clear").click()
        page.evaluate("() => { window.times.length = 0; }")
        stroke(page, box, generator)
        page.wait_for_function("() => window.times.length > 0")
        page.wait_for_timeout(30)
        times.append(float(page.evaluate("() => window.times.at(-1)[1]")))
    return times


def told(name: str, times: list[float]) -> str:
    cuts = statistics.quantiles(times, n=20)
    return (
        f"{name:28} p50 {statistics.median(times):6.1f} ms   p95 {cuts[18]:6.1f} ms   worst {max(times):6.1f} ms   "
        f"n = {len(times)}"
    )


def measure(page: Page, runs: list[str], strokes: int, name: str, base: str) -> None:
    page.goto(f"{base}/draw?{'&'.join(f'run={run}' for run in runs)}")
    page.wait_for_function(
        "() => { const pill = document.querySelector('[data-part=pill]').textContent;"
        " return !pill.includes('…') && !pill.includes('–'); }",
        timeout=120_000,
    )
    page.evaluate(WATCH)
    milliseconds(page, 5)
    print(told(name, milliseconds(page, strokes)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=int, default=200)
    parser.add_argument("--presets", nargs="+", default=["starter", "mlp"], help="the networks that look")
    options = parser.parse_args()
    chromium = next(path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name)))
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start, networks {', '.join(options.presets)}"
    )
    with tempfile.TemporaryDirectory() as temporary:
        workspace = Path(temporary) / "workspace"
        runs = [train(workspace, preset, 1) for preset in options.presets]
        server = subprocess.Popen(
            command(workspace, "web", "--no-browser", "--port", "0"), stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[-1]
            base = address.partition("/?")[0]
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split())
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.goto(address)
                measure(page, runs[:1], options.strokes, "idle, one network", base)
                measure(page, runs, options.strokes, f"idle, {len(runs)} networks", base)
                training = start_training(page, base)
                measure(page, runs[:1], options.strokes, "beside a training, one", base)
                measure(page, runs, options.strokes, f"beside a training, {len(runs)}", base)
                page.goto(training)
                assert page.get_by_role("button", name="Stop").is_visible(), "the training ended too early"
                browser.close()
        finally:
            server.terminate()
            server.wait()
            for process in psutil.process_iter(["cmdline"]):
                if str(workspace) in (process.info["cmdline"] or []):
                    process.kill()


if __name__ == "__main__":
    main()
