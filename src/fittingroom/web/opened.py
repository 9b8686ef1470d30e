"""The data set that a request names, as the draft of its browser divides it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from fittingroom.data import sources
from fittingroom.errors import NotFound, did_you_mean
from fittingroom.web.data_card import Card, card
from fittingroom.web.drafts import Draft, draft_of
from fittingroom.web.places import check_source
from fittingroom.web.shelf import Shelf
from fittingroom.web.site import Site


def opened(request: Request, name: str) -> Card:
    """Its card; raises NotFound, and InvalidInput for paths that the browser may not name."""
    _, draft = draft_of(request, Site.of(request).workspace)
    kind_of(request, name, draft)
    return card_of(name, draft, Shelf.of(request))


def card_of(name: str, draft: Draft, shelf: Shelf) -> Card:
    """A data set, divided as the draft says."""
    return card(shelf.open(name), wishes_of(draft), shelf)


def kind_of(request: Request, name: str, draft: Draft) -> str:
    """Of a data set that the page shows: one that has a name, or the draft's own source.

    Raises NotFound, and InvalidInput for paths that the browser may not name.
    """
    known: dict[str, str] = {info.name: info.kind for info in sources.names(Site.of(request).workspace)}
    if name not in known and name != chosen_in(draft):
        raise NotFound(f'there is no data set "{name}"; {did_you_mean(name, known)}')
    check_source(request, name)
    return known.get(name, "opened where it lies")


def wishes_of(draft: Draft) -> Mapping[str, Any]:
    """The draft's table ``[data]``, which may be anything while it is being written."""
    wishes = draft.spec.get("data")
    return wishes if isinstance(wishes, Mapping) else {}


def chosen_in(draft: Draft) -> str:
    """The source that the draft names."""
    return str(wishes_of(draft).get("source", ""))
