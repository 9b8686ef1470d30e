"""Every page that there is, found as a visitor finds them: by following links from the views of the rail."""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

from starlette.routing import Match, Route

from fittingroom.web import routes
from fittingroom.web.site import VIEWS
from tools.served import Visitor

ADDRESSES_OF_A_ROUTE = 3
"""So many are read for their links: one data set can be removed, another cannot."""


@dataclass(frozen=True)
class Page:
    """One page for each route: a run's page is the page of one run."""

    name: str
    """Of its route, as a file name: ``results-run-image-index``."""
    address: str


def every_page(visitor: Visitor) -> list[Page]:
    """The views of the rail first, in its order, then what their links lead to.

    Raises AssertionError when a view does not answer with a page.
    """
    views = [f"/{name}" for name, _ in VIEWS]
    found: dict[str, Page] = {}
    ready, seen, read = deque(views), set(views), Counter[str]()
    while ready:
        asked = ready.popleft()
        answer = visitor.get(asked)
        assert answer.is_page or asked not in views, f"{asked} answers with {answer.status}"
        route = route_of(answer.address)
        if not answer.is_page or not route or read[route] >= ADDRESSES_OF_A_ROUTE:
            continue
        read[route] += 1
        found.setdefault(route, Page(name_of(route), answer.address))
        links = Links.within(answer.address, answer.body.decode())
        ready.extend(link for link in links if link not in seen)
        seen.update(links)
    return list(found.values())


def route_of(address: str) -> str:
    """The route that answers, as it is written: ``/results/{run}``; empty for none, and for what is not a page."""
    scope = {"type": "http", "method": "GET", "path": urlsplit(address).path, "root_path": "", "headers": []}
    matching = (route for route in routes.ALL if isinstance(route, Route) and route.matches(scope)[0] == Match.FULL)
    return next((route.path for route in matching), "")


def name_of(route: str) -> str:
    """``/results/{run}/image/{index:int}`` → ``results-run-image-index``"""
    words = re.findall(r"\{(\w+)[^}]*\}|([^/{}]+)", route)
    return "-".join(parameter or word for parameter, word in words)


class Links(HTMLParser):
    """Where the links of a page lead, within this site and without the place within a page."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address, self.found = address, list[str]()

    @classmethod
    def within(cls, address: str, html: str) -> list[str]:
        parser = cls(address)
        parser.feed(html)
        return list(dict.fromkeys(parser.found))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        target = dict(attributes).get("href")
        if tag != "a" or not target:
            return
        there = urldefrag(urljoin(self.address, target)).url
        if there.startswith("/"):
            self.found.append(there)
