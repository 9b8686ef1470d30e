"""Buttons that are clicked twice, also while the first click is still being answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from fittingroom.errors import InvalidInput
from fittingroom.web.once import Answers

ToItsEnd = Callable[[Coroutine[Any, Any, Any]], Any]
KEY = ("/train/start", "a-key")


def test_two_clicks_at_once_do_the_work_once(to_its_end: ToItsEnd) -> None:
    done: list[int] = []

    async def make() -> Response:
        done.append(1)
        number = len(done)
        await asyncio.sleep(0)
        return RedirectResponse(f"/train/run-{number}")

    async def both() -> list[Response]:
        answers = Answers()
        return list(await asyncio.gather(*(answers.to(KEY, make) for _ in range(5)), answers.to(("/other", "b"), make)))

    *same, other = to_its_end(both())
    assert {answer.headers["location"] for answer in same} != {other.headers["location"]}
    assert len({id(answer) for answer in same}) == 1
    assert len(done) == 2


def test_a_browser_that_goes_away_in_the_middle_does_not_undo_the_work(to_its_end: ToItsEnd) -> None:
    gate = asyncio.Event()

    async def make() -> Response:
        await gate.wait()
        return RedirectResponse("/train/run-1")

    async def first_click_is_given_up() -> Response:
        answers = Answers()
        first = asyncio.create_task(answers.to(KEY, make))
        await asyncio.sleep(0)
        second = asyncio.create_task(answers.to(KEY, make))
        await asyncio.sleep(0)
        first.cancel()
        gate.set()
        return await second

    assert to_its_end(first_click_is_given_up()).headers["location"] == "/train/run-1"


def test_what_was_refused_can_be_sent_again(to_its_end: ToItsEnd) -> None:
    told = iter([PlainTextResponse("a fault"), RedirectResponse("/train/run-1")])

    async def refuse() -> Response:
        raise InvalidInput("no")

    async def make() -> Response:
        return next(told)

    async def again() -> list[str]:
        answers = Answers()
        with pytest.raises(InvalidInput):
            await answers.to(KEY, refuse)
        return [(await answers.to(KEY, make)).headers.get("location", "") for _ in range(3)]

    assert to_its_end(again()) == ["", "/train/run-1", "/train/run-1"]
