"""The view Runs: all that was trained, in a table to sort and filter; names, tags and notes; delete with undo."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fittingroom.errors import InvalidInput, NotFound
from fittingroom.queue import trash
from fittingroom.spec.run import LONGEST_NAME
from fittingroom.store import RunSummary, Store
from fittingroom.store.words import LONGEST_NOTE, tag_of
from fittingroom.web.runs_table import read
from fittingroom.web.runs_wish import COLUMNS, DIFFERS, Wish, is_renamed
from fittingroom.web.site import Site, off_loop


async def listing(request: Request) -> Response:
    """The runs that are wished for, with what the workspace takes on the disk."""
    return await _show(request, Wish.read(request.query_params), editing=request.query_params.get("edit", ""))


async def _show(
    request: Request,
    wish: Wish,
    *,
    editing: str = "",
    typed: FormData | None = None,
    problem: InvalidInput | None = None,
) -> Response:
    """The table; ``typed`` is what somebody wanted to say of a run, and ``problem`` why it cannot be kept."""
    site, query = Site.of(request), request.query_params

    def about() -> dict[str, Any]:
        deleted = site.store.trash.deleted()
        gone = {run.id for run in deleted}
        runs = site.store.runs()
        there = {run.id: run for run in runs}
        return {
            "table": read(wish, runs, site.store.specs()),
            "use": site.store.disk_use(),
            "deleted": len(deleted),
            "just_deleted": [run for run in dict.fromkeys(query.getlist("deleted")) if run in gone],
            "back_again": [run for run in dict.fromkeys(query.getlist("restored")) if run in there],
            "refused": [there[run] for run in dict.fromkeys(query.getlist("refused")) if run in there],
        }

    return site.page(
        request, "runs.html", status_of(problem), view="runs", wish=wish, columns=COLUMNS, differs=DIFFERS,
        is_renamed=is_renamed, editing=editing, typed=typed, problem=str(problem or ""), longest_name=LONGEST_NAME,
        longest_note=LONGEST_NOTE, **await off_loop(about),
    )  # fmt: skip


def status_of(problem: InvalidInput | None) -> int:
    return 200 if problem is None else 404 if isinstance(problem, NotFound) else 422


async def edit(request: Request) -> Response:
    """Rename a run, write its note, change its tags: only what was changed in the form, so that two tabs agree."""
    site, form = Site.of(request), await request.form()
    wish, run = _back(form), _said(form, "run")
    try:
        await off_loop(lambda: _change(run, form, site.store))
    except InvalidInput as error:
        answer = await _show(request, wish, editing=run, typed=form, problem=error)
        answer.headers["HX-Push-Url"] = wish.address(("edit", run), page=wish.page)
        return answer
    return RedirectResponse(f"{wish.address(page=wish.page)}#run-{run}", 303)


def _change(run: str, form: FormData, store: Store) -> None:
    name, note = _said(form, "name"), _said(form, "note")
    tags, before = _tags(_said(form, "tags")), _tags(_said(form, "tags-before"))
    store.labels.change(
        run,
        name=name if name != _said(form, "name-before") else None,
        note=note if _lines(note) != _lines(_said(form, "note-before")) else None,
        add=tags - before,
        remove=before - tags,
    )


def _tags(text: str) -> set[str]:
    return {tag_of(part) for part in text.split(",") if part.strip()}


def _lines(text: str) -> list[str]:
    """Browsers end lines in their own way."""
    return text.splitlines()


async def delete(request: Request) -> Response:
    """Move runs to the trash; those that are being trained stay, and are told."""
    site, form = Site.of(request), await request.form()
    wish, chosen = _back(form), _chosen(form)

    def work() -> tuple[list[str], list[str]]:
        refused = []
        for run in chosen:
            try:
                site.store.trash.delete(run)
            except NotFound:  # it is in the trash already, or gone for good: a second click, another tab
                continue
            except InvalidInput:
                refused.append(run)
        trash.purge(site.workspace)
        return [run for run in chosen if run not in refused], refused

    deleted, refused = await off_loop(work)
    told = [*(("deleted", run) for run in deleted), *(("refused", run) for run in refused)]
    return RedirectResponse(wish.address(*told, page=wish.page), 303)


async def restore(request: Request) -> Response:
    """Bring deleted runs back; one that is back already stays as it is."""
    site, form = Site.of(request), await request.form()
    wish, chosen = _back(form), _chosen(form)
    await off_loop(lambda: _restore(chosen, site.store))
    if _said(form, "from") == "trash":
        return RedirectResponse("/runs/deleted", 303)
    return RedirectResponse(wish.address(*(("restored", run) for run in chosen), page=wish.page), 303)


def _restore(chosen: Sequence[str], store: Store) -> None:
    for run in chosen:
        with suppress(InvalidInput):
            store.trash.restore(run)


async def deleted(request: Request) -> Response:
    """The runs that can be brought back."""
    site = Site.of(request)
    found: Sequence[RunSummary] = await off_loop(site.store.trash.deleted)
    use = await off_loop(site.store.disk_use)
    return site.page(
        request, "runs/deleted.html", view="runs", runs=found, use=use, days=trash.KEPT.days, is_renamed=is_renamed
    )


async def _to_the_table(request: Request) -> Response:
    """For an address that only forms send something to, and somebody opens."""
    return RedirectResponse("/runs", 303)


def _back(form: FormData) -> Wish:
    """The table that somebody came from, and goes back to."""
    return Wish.read(QueryParams(_said(form, "back")))


def _chosen(form: FormData) -> list[str]:
    return list(dict.fromkeys(str(run) for run in form.getlist("run")))


def _said(form: FormData, name: str) -> str:
    return str(form.get(name, ""))


ROUTES = [
    Route("/runs", listing),
    *(Route(f"/runs/{act}", _to_the_table) for act in ("edit", "delete", "restore")),
    Route("/runs/edit", edit, methods=["POST"]),
    Route("/runs/delete", delete, methods=["POST"]),
    Route("/runs/restore", restore, methods=["POST"]),
    Route("/runs/deleted", deleted),
]
