"""What is being set up in the page: a spec in the making, with what was undone, kept for each browser.

A draft may have faults; that is why it is plain data and not a RunSpec. It is a file of the workspace, so a reload or
a restarted server loses nothing, and two tabs of one browser show the same.
"""

from __future__ import annotations

import copy
import json
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from fittingroom.errors import Fault, FittingRoomError, InvalidSpec
from fittingroom.spec.run import RunSpec, from_plain, from_toml, presets
from fittingroom.web.site import off_loop
from fittingroom.workspace import Workspace, write_atomically

COOKIE = "fittingroom-draft"
FIRST = "starter"
MOST_UNDO = 100
Plain = dict[str, Any]
_one_at_a_time = threading.Lock()


@dataclass
class Draft:
    """A spec as plain data, and the versions before and after it."""

    spec: Plain
    undo: list[Plain] = field(default_factory=list)
    redo: list[Plain] = field(default_factory=list)

    @classmethod
    def first(cls) -> Draft:
        return cls(plain_of(from_toml(presets()[FIRST], overrides=[f"name={FIRST}"])))

    def change(self, spec: Mapping[str, Any]) -> None:
        """The next version; what was undone is forgotten. Nothing happens where nothing has changed."""
        new = copy.deepcopy(dict(spec))
        if new == self.spec:
            return
        self.undo = [*self.undo, self.spec][-MOST_UNDO:]
        self.spec, self.redo = new, []

    def step_back(self) -> None:
        if self.undo:
            self.redo.append(self.spec)
            self.spec = self.undo.pop()

    def step_forward(self) -> None:
        if self.redo:
            self.undo.append(self.spec)
            self.spec = self.redo.pop()

    def at(self, path: str) -> Any:
        """What stands at a path, or None: ``train.epochs`` -> 5."""
        at: Any = self.spec
        for key in path.split("."):
            at = at.get(key) if isinstance(at, dict) else None
        return at

    def kind(self, path: str) -> str | None:
        """What kind of record stands at a path: ``train.optimizer`` -> ``adam``."""
        kind: str | None = self.at(f"{path}.name")
        return kind

    def read(self) -> tuple[RunSpec | None, tuple[Fault, ...]]:
        """The spec, or every fault that keeps it from being one; what depends on the data is not looked at."""
        try:
            return from_plain(self.spec, origin="this run"), ()
        except InvalidSpec as error:
            return None, error.faults


def plain_of(spec: RunSpec) -> Plain:
    """A spec as plain data with every default written out, for forms to show."""
    return spec.to_json()


def draft_of(request: Request, workspace: Workspace) -> tuple[str, Draft]:
    """The browser's draft and its name; a new one for a browser that has none, or whose file is damaged."""
    name = request.cookies.get(COOKIE, "")
    if not re.fullmatch(r"[0-9a-f]{16}", name):
        return secrets.token_hex(8), Draft.first()
    try:
        kept = json.loads((workspace.drafts / f"{name}.json").read_text(encoding="utf-8"))
        return name, Draft(kept["spec"], kept["undo"], kept["redo"])
    except (OSError, ValueError, KeyError, TypeError):
        return name, Draft.first()


def edit(request: Request, workspace: Workspace, change: Callable[[Draft], object]) -> tuple[str, Draft]:
    """Read the browser's draft, change it and write it in one go: of two requests at once, neither is lost.

    Nothing is written when ``change`` raises, or changes nothing. Reads and writes files.
    """
    with _one_at_a_time:
        name, draft = draft_of(request, workspace)
        before = content_of(draft)
        change(draft)
        if content_of(draft) != before:
            write(name, draft, workspace)
    return name, draft


class Edited(NamedTuple):
    """What came of a form that changes a draft."""

    name: str
    draft: Draft
    form: FormData
    problem: str
    """Why nothing has changed; empty where something has."""

    @property
    def pasted(self) -> str | None:
        """A text with mistakes, to be mended where it stands."""
        return str(self.form["text"]) if self.problem and "text" in self.form else None


async def edit_by_form(request: Request, workspace: Workspace, change: Callable[[Draft, FormData], object]) -> Edited:
    """Change the browser's draft as a form says; where that cannot be, nothing has changed."""
    form = await request.form()
    try:
        name, draft = await off_loop(lambda: edit(request, workspace, lambda draft: change(draft, form)))
        return Edited(name, draft, form, "")
    except FittingRoomError as error:
        name, draft = await off_loop(lambda: draft_of(request, workspace))
        return Edited(name, draft, form, str(error))


def keep(name: str, draft: Draft, workspace: Workspace, response: Response) -> Response:
    """Remember the draft, and which browser it belongs to."""
    write(name, draft, workspace)
    return remember(name, response)


def content_of(draft: Draft) -> bytes:
    return json.dumps({"spec": draft.spec, "undo": draft.undo, "redo": draft.redo}).encode()


def write(name: str, draft: Draft, workspace: Workspace) -> None:
    content = content_of(draft)
    write_atomically(workspace.drafts / f"{name}.json", lambda file: file.write(content))


def remember(name: str, response: Response) -> Response:
    """Tell the browser which draft is its own."""
    response.set_cookie(COOKIE, name, httponly=True, samesite="lax", max_age=365 * 24 * 3600)
    return response
