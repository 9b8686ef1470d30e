"""Pictures of every view: ``python -m tools.screenshots [--readme] [--out build/screenshots] [--only train-run]``.

Makes a workspace of its own with short trainings on Fashion-MNIST, renders every page that links lead to, wide and
narrow, light and dark, and puts all of them on contact sheets, ``wide.png`` and ``narrow.png``. With ``--readme`` it
writes the README's pictures into ``docs/images`` instead, with few colours, so that they are small.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Browser

from tools import furnish, pages
from tools.browser import SCHEMES, WIDTHS, Scheme, chromium, settle
from tools.pages import Page
from tools.served import Server, Visitor, served

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "build" / "screenshots"
README_PLACE = ROOT / "docs" / "images"
README = {
    "page-train.png": "train-run",
    "page-results.png": "results-run",
    "page-network.png": "network",
    "page-inside.png": "inside",
}
"""The four pictures of the README, each with the page that it shows."""
README_COLOURS = 256
RUNS: Sequence[tuple[str, dict[str, object]]] = (
    ("linear", {"train.epochs": 3}),
    ("starter", {"train.epochs": 1, "data.source": "shoes", "data.validation": 0.3, "name": "shoes"}),
    ("mlp", {"train.epochs": 14}),
    ("mlp", {"train.epochs": 14, "seed": 1, "name": "other seed"}),
    ("starter", {"train.epochs": 3}),
)
"""Short ones; the last is the newest, which most views begin with."""
STUDY = {
    "name": "dropout of the mlp",
    "question": "How much dropout does a perceptron bear?",
    "vary": {"network.*.rate": [0.0, 0.2, 0.5]},
}
THUMBNAIL = {"wide": 480, "narrow": 200}
COLUMNS = {"wide": 4, "narrow": 9}
CAPTION, GAP = 22, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readme", action="store_true", help="the README's pictures, into docs/images")
    parser.add_argument("--out", type=Path, default=PLACE, help="folder; pictures that were in it are removed")
    parser.add_argument("--only", nargs="*", default=[], metavar="PAGE", help="these pages, by their names")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        os.environ["FITTINGROOM_CACHE"] = f"{folder}/cache"
        with served(Path(folder) / "workspace") as server, Visitor.of(server.address) as visitor:
            if not given.readme:
                make_room(given.out)
                picture_each(furnish.empty(), browser, server, visitor, given)
            say("training some networks …")
            shoes = furnish.make_shoes(Path(folder) / "shoes")
            furnish.import_all(visitor, shoes)
            furnish.study(server, "mlp", {"train.epochs": 4}, **STUDY)
            for preset, settings in RUNS:
                furnish.train(server, preset, **settings)
            if given.readme:
                picture_readme(browser, server, visitor)
            else:
                found = chain(pages.every_page(visitor), states(server, visitor, shoes))
                picture_each(found, browser, server, visitor, given)
                for width in WIDTHS:
                    contact_sheet(sorted(given.out.glob(f"*-{width}-*.png")), width).save(given.out / f"{width}.png")
                say(f"pictures and contact sheets are in {given.out}")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def make_room(out: Path) -> None:
    """An empty folder for the pictures; only pictures are removed."""
    out.mkdir(parents=True, exist_ok=True)
    for picture in out.glob("*.png"):
        picture.unlink()


def picture_each(
    found: Iterable[Page], browser: Browser, server: Server, visitor: Visitor, given: argparse.Namespace
) -> None:
    """Pages in every width and scheme."""
    for each in found:
        if given.only and each.name not in given.only:
            continue
        say(each.name)
        for width in WIDTHS:
            for scheme in SCHEMES:
                path = given.out / f"{each.name}-{width}-{scheme}.png"
                picture(browser, server, visitor, each.address, path, width, scheme)


def states(server: Server, visitor: Visitor, shoes: Path) -> Iterator[Page]:
    """What no link leads to: a step of an import, drafts with faults, a training as it goes on."""
    yield furnish.import_step(visitor, shoes)
    yield from furnish.checked(visitor, furnish.make_copies(shoes.parent / "copies", shoes))
    yield from furnish.studies_in_the_making(visitor)
    yield from furnish.faulty(visitor)
    run = furnish.submit(server.workspace, "mlp", **{"train.epochs": 5000})
    furnish.wait_for(server.workspace, run, "running", epochs=8)
    yield Page("train-run-live", f"/train/{run}")
    visitor.post(f"/train/{run}/stop")
    furnish.wait_for(server.workspace, run, "stopped")


def picture(
    browser: Browser, server: Server, visitor: Visitor, address: str, path: Path, width: str,
    scheme: Scheme, *,
    whole: bool = True,
) -> None:  # fmt: skip
    """One page, all of it or what fits into the window."""
    across, down = WIDTHS[width]
    context = browser.new_context(viewport={"width": across, "height": down}, color_scheme=scheme)
    visitor.lend_cookies(context)
    tab = context.new_page()
    tab.goto(f"http://127.0.0.1:{server.port}{address}")
    settle(tab)
    if whole and (height := tab.evaluate("document.documentElement.scrollHeight")) > down:
        tab.set_viewport_size({"width": across, "height": height})  # a rail beside all of it, as people see it
        settle(tab)
    tab.screenshot(path=path)
    context.close()


def contact_sheet(pictures: Sequence[Path], width: str) -> Image.Image:
    """All of them side by side with their names, in rows; of long ones what two windows show."""
    across, down = WIDTHS[width]
    wide, columns = THUMBNAIL[width], COLUMNS[width]
    small = [thumbnail(path, wide, 2 * wide * down // across) for path in pictures]
    rows = [small[first : first + columns] for first in range(0, len(small), columns)]
    heights = [CAPTION + max(image.height for image in row) + GAP for row in rows]
    sheet = Image.new("RGB", (columns * (wide + GAP), sum(heights)), "#808080")
    draw, names = ImageDraw.Draw(sheet), iter(pictures)
    for number, row in enumerate(rows):
        top = sum(heights[:number])
        for column, image in enumerate(row):
            left = column * (wide + GAP) + GAP // 2
            draw.text((left, top + 5), next(names).stem, fill="white")
            sheet.paste(image, (left, top + CAPTION))
    return sheet


def thumbnail(path: Path, wide: int, most: int) -> Image.Image:
    with Image.open(path) as picture:
        high = picture.height * wide // picture.width
        return picture.convert("RGB").resize((wide, high)).crop((0, 0, wide, min(high, most)))


def picture_readme(browser: Browser, server: Server, visitor: Visitor) -> None:
    """Four views, as the window shows them."""
    found = {each.name: each.address for each in pages.every_page(visitor)}
    for name, page in README.items():
        path = README_PLACE / name
        picture(browser, server, visitor, found[page], path, "wide", "light", whole=False)
        with Image.open(path) as image:
            few = image.convert("RGB").quantize(README_COLOURS, kmeans=1, dither=Image.Dither.NONE)
        few.save(path, optimize=True)
        say(f"{path}: {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
