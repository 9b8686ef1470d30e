"""The page's side of the process that answers for it: a real process, also one that is killed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import psutil
import pytest

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.errors import NotFound
from fittingroom.web.inference import Away, Inference, Job
from fittingroom.workspace import Workspace


@asynccontextmanager
async def inference_of(workspace: Workspace) -> AsyncIterator[Inference]:
    inference = Inference(workspace.create())
    try:
        yield inference
    finally:
        await inference.close()


def own_children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "fittingroom.engine.inference" in child.cmdline()]


@pytest.fixture
def converse(own_workspace: Workspace, to_its_end: Callable[..., Any]) -> Callable[..., None]:
    """``converse(say)``: what is said to the process; nothing of it is left afterwards."""

    def start(say: Callable[[Inference], Awaitable[None]]) -> None:
        async def main() -> None:
            async with inference_of(own_workspace) as inference:
                await say(inference)

        to_its_end(main())
        assert own_children() == []

    return start


@pytest.fixture
def trained(own_workspace: Workspace, stripes: Callable[..., Dataset]) -> tuple[str, Dataset]:
    data = stripes()
    return fr.fit(fr.Network([fr.Flatten(), fr.Classify()]), data, epochs=1).id, data


def test_it_answers_many_at_once_and_again_after_it_was_killed(
    converse: Callable[..., None], trained: tuple[str, Dataset]
) -> None:
    run, data = trained

    async def say(inference: Inference) -> None:
        async def ask(image: int) -> np.ndarray:
            answer = await inference.ask("probabilities", {"run": run}, {"images_NHWC": data.images[image : image + 1]})
            return answer.arrays["probabilities_NK"][0]

        first = np.stack(await asyncio.gather(*(ask(image) for image in range(20))))
        np.testing.assert_allclose(first.sum(axis=1), 1, atol=1e-5)
        (process,) = own_children()
        process.send_signal(signal.SIGKILL)
        again = np.stack(await asyncio.gather(*(ask(image) for image in range(20))))
        np.testing.assert_array_equal(again, first)

    converse(say)


def test_what_is_wrong_is_told_as_the_engine_tells_it(converse: Callable[..., None]) -> None:
    async def say(inference: Inference) -> None:
        with pytest.raises(NotFound, match='there is no run "gone-1"'):
            await inference.ask("probabilities", {"run": "gone-1"}, {"images_NHWC": np.zeros((1, 8, 8, 1), np.uint8)})

    converse(say)


def test_a_process_that_cannot_start_is_told_with_its_log_and_not_tried_at_once(
    own_workspace: Workspace, converse: Callable[..., None]
) -> None:
    own_workspace.create().database.write_bytes(b"this is no database" * 100)

    async def say(inference: Inference) -> None:
        with pytest.raises(Away, match=r"ended while it was starting; its last words are in .*inference\.log"):
            await inference.ask("probabilities", {"run": "any"})
        assert "is not a database" in (own_workspace.logs / "inference.log").read_text(encoding="utf-8")
        with pytest.raises(Away, match=r"tried again in \d+ seconds"):
            await inference.ask("probabilities", {"run": "any"})

    converse(say)


def test_work_that_cannot_begin_fails_and_can_be_begun_again(
    own_workspace: Workspace, trained: tuple[str, Dataset], converse: Callable[..., None]
) -> None:
    run, _ = trained
    own_workspace.logs.write_text("a file where a folder should be")

    async def say(inference: Inference) -> None:
        job = inference.begin("robustness", {"run": run}, key="robustness")
        await settled(job)
        assert job.state == "failed"
        assert "cannot be started" in job.problem
        own_workspace.logs.unlink()
        again = inference.begin("robustness", {"run": run}, key="robustness")
        assert again is not job
        await settled(again)
        assert again.state == "done", again.problem

    converse(say)


async def settled(job: Job) -> None:
    """Until it has ended, at most a minute."""
    async with asyncio.timeout(60):
        while job.state == "running":
            await asyncio.sleep(0.02)
