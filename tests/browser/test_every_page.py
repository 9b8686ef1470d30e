"""Every page that links lead to, and what a draft with faults looks like: for everybody, in both schemes and widths."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from fittingroom.web.site import VIEWS
from tools import furnish, pages
from tools.browser import SCHEMES, WIDTHS, complaints_of, settle
from tools.served import Server, Visitor

AXE = (Path(__file__).parent / "vendor" / "axe-core-4.10.3" / "axe.min.js").read_text(encoding="utf-8")
RUN_AXE = """
async () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations.flatMap((rule) => rule.nodes.map((node) =>
    `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary.replaceAll(/\\s+/g, " ")}`));
}"""
OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def furnish_it(server: Server, visitor: Visitor, shoes: Path) -> None:
    """An imported data set with a run and a study of its own, and a convolutional network that knows ten classes."""
    furnish.import_all(visitor, shoes)
    furnish.train(server, "linear", **{"train.epochs": 2, "data.source": "shoes", "data.validation": 0.3})
    furnish.train(server, "starter", **{"train.epochs": 1})
    small = {"train.epochs": 2, "data.source": "shoes", "data.validation": 0.3}
    vary = {"train.optimizer.learning_rate": [0.01, 0.1], "train.batch_size": [8, 16]}
    furnish.study(server, "linear", small, vary=vary, seeds=2, name="rates", target=0.5)


def wrong_with(tab: Page, each: pages.Page, origin: str) -> Iterator[str]:
    """What axe-core says of a page in every width and scheme, and whether it is wider than the window."""
    tab.goto(f"{origin}{each.address}")
    settle(tab)
    tab.evaluate(AXE)
    for width, (across, down) in WIDTHS.items():
        tab.set_viewport_size({"width": across, "height": down})
        for scheme in SCHEMES:
            tab.emulate_media(color_scheme=scheme)
            yield from (f"{each.name}, {width}, {scheme}: {what}" for what in tab.evaluate(RUN_AXE))
        if overhang := tab.evaluate(OVERHANG):
            yield f"{each.name}, {width}: scrolls {overhang} px sideways"


def test_no_page_breaks_a_rule_of_accessibility_or_scrolls_sideways(
    server: Server, chromium: Browser, tmp_path: Path
) -> None:
    origin, shoes = server.address.split("/?")[0], furnish.make_shoes(tmp_path / "shoes")
    context = chromium.new_context()
    complaints = complaints_of(context, server.port)
    with Visitor.of(server.address) as visitor:
        visitor.lend_cookies(context)
        tab = context.new_page()
        wrong = [line for each in furnish.empty() for line in wrong_with(tab, each, origin)]
        furnish_it(server, visitor, shoes)
        found = pages.every_page(visitor)
        views = {each.address.split("?")[0].split("/")[1] for each in found}
        assert views >= {name for name, _ in VIEWS}
        studies, steps = furnish.studies_in_the_making(visitor), furnish.import_states(visitor, shoes)
        copies = furnish.checked(visitor, furnish.make_copies(tmp_path / "copies", shoes))
        states = chain([furnish.import_step(visitor, shoes)], steps, copies, studies, furnish.faulty(visitor))
        wrong += [line for each in chain(found, states) for line in wrong_with(tab, each, origin)]
    context.close()
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    assert complaints == []
