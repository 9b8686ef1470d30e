"""One tailer for a run, however many begin to watch it at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fittingroom.queue.stored import open_store
from fittingroom.web.live import Hub
from fittingroom.workspace import Workspace


def test_many_who_come_at_once_share_a_tailer_that_ends_with_the_last(
    own_workspace: Workspace, draft_on: Callable[..., None], page: Any, to_its_end: Callable[..., Any]
) -> None:
    draft_on()
    page.post("/train/start")
    with open_store(own_workspace) as store:
        run = store.runs(1)[0].id

        async def watch() -> int:
            hub, before = Hub(store), len(asyncio.all_tasks())
            gate = asyncio.Event()

            async def one() -> object:
                async with hub.watching(run) as tailer:
                    await gate.wait()
                    return tailer

            watchers = [asyncio.create_task(one()) for _ in range(20)]
            await asyncio.sleep(0.5)
            gate.set()
            assert len({id(tailer) for tailer in await asyncio.gather(*watchers)}) == 1
            await asyncio.sleep(0)
            return len(asyncio.all_tasks()) - before

        assert to_its_end(watch()) == 0
