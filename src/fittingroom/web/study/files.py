"""Files of this machine that a study names: whether the browser that asks may name them."""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import Request

from fittingroom.spec.run import RunSpec
from fittingroom.web.drafts import Plain
from fittingroom.web.places import check_files
from fittingroom.web.settings import data_sources
from fittingroom.web.study.plan import Check


def files_within_reach(request: Request, known: Collection[RunSpec] = ()) -> Check:
    """A check of specs that raises InvalidInput; ``known``: those whose files have been allowed before."""

    def check(specs: Collection[RunSpec]) -> None:
        seen = {_named(spec.to_json()) for spec in known}
        for spec in specs:
            plain = spec.to_json()
            if _named(plain) not in seen:
                check_files(request, {}, plain)
                seen.add(_named(plain))

    return check


def _named(plain: Plain) -> tuple[frozenset[str], str]:
    """Its images, and the weights that it begins with."""
    return frozenset(data_sources(plain)), str(plain.get("start"))
