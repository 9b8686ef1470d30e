"""Every page that links lead to, and what a draft with faults looks like: for everybody, in both schemes and widths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from fittingroom.web.site import VIEWS
from tools import furnish, pages
from tools.browser import SCHEMES, WIDTHS, complaints_of, settle
from tools.served import Server, Visitor, served

AXE = (Path(__file__).parent / "vendor" / "axe-core-4.10.3" / "axe.min.js").read_text(encoding="utf-8")
RUN_AXE = """
async () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations.flatMap((rule) => rule.nodes.map((node) =>
    `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary.replaceAll(/\\s+/g, " ")}`));
}"""
OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass(frozen=True)
class Furnished:
    """A page whose workspace holds finished runs, imported data and a visitor's draft."""

    server: Server
    visitor: Visitor
    shoes: Path


@pytest.fixture
def furnished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Furnished]:
    """Ten classes with their images and a small convolutional network on imported ones."""
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))
    with served(tmp_path / "workspace") as server, Visitor.of(server.address) as visitor:
        shoes = furnish.make_shoes(tmp_path / "shoes")
        furnish.import_all(visitor, shoes)
        small: dict[str, object] = {"train.epochs": 2, "data.source": "shoes", "data.validation": 0.3}
        furnish.train(server, "starter", **small)
        furnish.train(server, "linear", **{"train.epochs": 1})
        yield Furnished(server, visitor, shoes)


def test_no_page_breaks_a_rule_of_accessibility_or_scrolls_sideways(furnished: Furnished, chromium: Browser) -> None:
    visitor, origin = furnished.visitor, furnished.server.address.split("/?")[0]
    found = pages.every_page(visitor)
    assert {each.name.split("-")[0] for each in found} >= {name for name, _ in VIEWS}
    found.append(furnish.import_step(visitor, furnished.shoes))
    context = chromium.new_context()
    complaints = complaints_of(context, furnished.server.port)
    visitor.lend_cookies(context)
    page = context.new_page()
    wrong: list[str] = []
    for each in chain(found, furnish.faulty(visitor)):
        page.goto(f"{origin}{each.address}")
        settle(page)
        page.evaluate(AXE)
        for width, (across, down) in WIDTHS.items():
            page.set_viewport_size({"width": across, "height": down})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                wrong += [f"{each.name}, {width}, {scheme}: {what}" for what in page.evaluate(RUN_AXE)]
            if overhang := page.evaluate(OVERHANG):
                wrong.append(f"{each.name}, {width}: scrolls {overhang} px sideways")
    context.close()
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    assert complaints == []
