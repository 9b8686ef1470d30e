"""The conversation about a drawing: the newest one is asked about, however many came meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

from starlette.websockets import WebSocket

from fittingroom.errors import FittingRoomError
from fittingroom.queue.wire import Message
from fittingroom.web.draw import Drawing, answer_bytes, to_bytes
from fittingroom.web.inference import Away, Inference, Job

SECONDS_WHILE_MEASURING, SECONDS_WHILE_AWAY = 0.3, 2.0


class Conversation:
    """One page that draws. One drawing is with the network, the newest one waits, all between are left out."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._inference = Inference.of(socket)
        self._newest: Drawing | None = None
        self._came = asyncio.Event()
        self._likeness: tuple[str, Job] | None = None
        self._failed: Counter[str] = Counter()
        self._unmeasured: dict[str, str] = {}

    async def hold(self) -> None:
        """Until the page goes away; raises InvalidInput for what is no drawing."""
        listening = asyncio.create_task(self._listen())
        answering = asyncio.create_task(self._answer())
        try:
            done, _ = await asyncio.wait({listening, answering}, return_when=asyncio.FIRST_COMPLETED)
            (listening if listening in done else answering).result()
        finally:
            listening.cancel()
            answering.cancel()

    async def _listen(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            self._newest = Drawing.read(message.get("bytes") or b"")
            self._came.set()

    async def _answer(self) -> None:
        again: float | None = None
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._came.wait(), again)
            self._came.clear()
            drawing = self._newest
            assert drawing is not None
            try:
                question = drawing.question()
                answer = await self._inference.ask("drawing", question.words, question.arrays)
                again = self._see_to_likeness(answer)
                await self._socket.send_bytes(answer_bytes(drawing.id, answer))
            except FittingRoomError as error:
                again = SECONDS_WHILE_AWAY if isinstance(error, Away) else None
                await self._socket.send_bytes(to_bytes({"id": drawing.id, "models": [], "problem": str(error)}))

    def _see_to_likeness(self, answer: Message) -> float | None:
        """Begin what likeness is measured by, where it is wanted, and say how far it is; when to ask again."""
        measuring = False
        for model in answer.words["models"]:
            if model.get("likeness") != "wanted":
                continue
            run = model["run"]
            job = self._measuring(run)
            if run in self._unmeasured:
                model["likeness"] = {"problem": self._unmeasured[run]}
            else:
                measuring = True
                model["likeness"] = {"percent": job.percent if job else 0}
        return SECONDS_WHILE_MEASURING if measuring else None

    def _measuring(self, run: str) -> Job | None:
        """The job for a run's data, begun when no other one is at work: runs often share their data."""
        if self._likeness is not None:
            of, job = self._likeness
            if job.state == "running":
                return job if of == run else None
            if job.state == "failed":
                self._failed[of] += 1  # once may be the process that died
                if self._failed[of] > 1:
                    self._unmeasured[of] = job.problem
            self._likeness = None
        if run in self._unmeasured:
            return None
        job = self._inference.begin("likeness", {"run": run})
        self._likeness = run, job
        return job
