"""The process that answers for the page what takes torch: started when first needed, and again when it dies.

    answer = await Inference.of(request).ask("probabilities", {"run": run}, {"images_NHWC": images})
    job = Inference.of(request).begin("robustness", {"run": run}, key=("robustness", run, sha256))

A job goes on whoever watches: its page asks again and again how far it has come, and any tab may cancel it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import secrets
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from starlette.requests import HTTPConnection

from fittingroom import errors
from fittingroom.errors import FittingRoomError, NotFound
from fittingroom.queue import wire
from fittingroom.queue.wire import Arrays, Message, Words
from fittingroom.web.shelf import Recent
from fittingroom.workspace import Workspace

KEPT_JOBS = 50
SHORT_LIFE = 30.0
"""Seconds; a process that ends sooner would end again: it is tried ever more rarely."""
LEAST_PATIENCE, MOST_PATIENCE = 5.0, 60.0
State = Literal["running", "done", "failed", "cancelled"]
Hear = Callable[[Message], None]


class Away(FittingRoomError):
    """Nobody can answer just now."""


@dataclass(eq=False)
class Job:
    """Long work, and how far it has come."""

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    done: int = 0
    total: int = 0
    """0 while it is not known."""
    state: State = "running"
    result: Message | None = None
    """What came of it, when it is done."""
    problem: str = ""
    """Why it failed."""
    number: int = 0

    @property
    def percent(self) -> float:
        return 100 * self.done / self.total if self.total else 0.0


class Inference:
    """Speaks with the process. Lives on the event loop."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._process: Process | None = None
        self._hears: dict[int, Hear] = {}
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._began, self._patience = 0.0, 0.0
        self._jobs: Recent[Job] = Recent(KEPT_JOBS)
        self._running: set[asyncio.Task[None]] = set()

    @classmethod
    def of(cls, request: HTTPConnection) -> Inference:
        """The site's."""
        inference: Inference = request.app.state.inference
        return inference

    async def ask(self, what: str, words: Words, arrays: Arrays | None = None) -> Message:
        """The answer to what is answered at once; a process that dies over it is started again and asked once more.

        Raises what the engine raised for the user, or Away.
        """
        try:
            return await self._once(what, words, arrays)
        except Away:
            return await self._once(what, words, arrays)

    def begin(self, what: str, words: Words, arrays: Arrays | None = None, *, key: Hashable = None) -> Job:
        """Begin long work; with a ``key``, what was begun by it before and did not fail is given instead."""
        known = self._jobs.get(key) if key is not None else None
        if known is not None and known.state in {"running", "done"}:
            return known
        job = Job()
        self._jobs.put(job.id, job)
        if key is not None:
            self._jobs.put(key, job)
        task = asyncio.create_task(self._work(job, what, words, arrays))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return job

    def job(self, id: Hashable) -> Job:
        """A job by its id or key; raises NotFound, also after the server was restarted."""
        found = self._jobs.get(id)
        if found is None:
            raise NotFound("this is not known any more; begin it again")
        return found

    def known(self, key: Hashable) -> Job | None:
        """The job that was begun by a key, if there was one."""
        return self._jobs.get(key)

    async def cancel(self, job: Job) -> None:
        """End a job that goes on; nothing happens to any other."""
        if job.state != "running":
            return
        job.state = "cancelled"
        if (hear := self._hears.pop(job.number, None)) is not None:
            hear(Message({"error": "It was cancelled.", "kind": "Cancelled"}))
            with contextlib.suppress(Away):
                await self._send(Message({"ask": "cancel", "id": next(self._numbers), "work": job.number}))

    async def warm(self, after: float = 0.0) -> None:
        """Start the process before anybody asks, when the page itself is there."""
        await asyncio.sleep(after)
        with contextlib.suppress(Away):
            await self._ready()

    async def close(self) -> None:
        """End the process."""
        for task in self._running:
            task.cancel()
        if self._reading:
            self._reading.cancel()
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _work(self, job: Job, what: str, words: Words, arrays: Arrays | None) -> None:
        try:
            result = await self._once(what, words, arrays, job)
        except FittingRoomError as error:
            if job.state == "running":
                job.state, job.problem = "failed", str(error)
        except Exception:
            logging.getLogger(__name__).exception("%s failed", what)
            job.state, job.problem = "failed", "This failed for a reason that was not foreseen; the terminal says more."
        else:
            job.result, job.state = result, "done"

    async def _once(self, what: str, words: Words, arrays: Arrays | None, job: Job | None = None) -> Message:
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        def hear(message: Message) -> None:
            if "total" in message.words and job is not None:
                job.done, job.total = message.words["done"], message.words["total"]
            elif not answer.done():
                self._hears.pop(number, None)
                answer.set_result(message)

        await self._ready()
        number = next(self._numbers)
        if job is not None:
            if job.state != "running":  # cancelled meanwhile
                raise Away("It was cancelled.")
            job.number = number
        self._hears[number] = hear
        try:
            await self._send(Message({**words, "ask": what, "id": number}, arrays or {}))
            return _told(await answer)
        finally:
            self._hears.pop(number, None)

    async def _ready(self) -> None:
        """Have a process that answers; raises Away where none can be had."""
        async with self._starting:
            if self._process is not None and self._process.returncode is None:
                return
            age = time.monotonic() - self._began
            if age < self._patience:
                raise Away(
                    f"The process that computes this ends by itself; its last words are in {self._log}. It is tried "
                    f"again in {math.ceil(self._patience - age)} seconds."
                )
            self._patience = min(max(2 * self._patience, LEAST_PATIENCE), MOST_PATIENCE) if age < SHORT_LIFE else 0.0
            self._began = time.monotonic()
            try:
                self._process = await self._start()
            except OSError as error:
                raise Away(
                    f"The process that computes this cannot be started: {error}; mend that, and try again."
                ) from None
            try:
                await _next(self._process)  # it is ready
            except (asyncio.IncompleteReadError, ConnectionError):
                await self._process.wait()
                self._began = time.monotonic()  # however long it took to fail
                raise Away(
                    "The process that computes this has ended while it was starting; "
                    f"its last words are in {self._log}."
                ) from None
            self._reading = asyncio.create_task(self._read(self._process))

    async def _start(self) -> Process:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "fittingroom.engine.inference", str(self._workspace.root),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def _log(self) -> Path:
        return self._workspace.logs / "inference.log"

    async def _read(self, process: Process) -> None:
        """Hand every answer to whoever waits for it, until the process ends; then all who wait are told so."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                message = await _next(process)
                if (hear := self._hears.get(message.words["id"])) is not None:
                    hear(message)
        await process.wait()
        gone = Message({"error": "The process that computes this has ended; try again.", "kind": "Away"})
        for hear in [*self._hears.values()]:
            hear(gone)

    async def _send(self, message: Message) -> None:
        process = self._process
        if process is None or process.stdin is None or process.returncode is not None:
            raise Away("The process that computes this has ended; try again.")
        try:
            process.stdin.write(wire.to_bytes(message))
            await process.stdin.drain()
        except ConnectionError:
            raise Away("The process that computes this has ended; try again.") from None


async def _next(process: Process) -> Message:
    assert process.stdout is not None
    of_words, of_arrays = wire.HEAD.unpack(await process.stdout.readexactly(wire.HEAD.size))
    words = await process.stdout.readexactly(of_words)
    return wire.from_bytes(words, await process.stdout.readexactly(of_arrays))


def _told(message: Message) -> Message:
    """The answer, unless it tells of an error, which is raised here."""
    if "error" not in message.words:
        return message
    kind, text = message.words["kind"], message.words["error"]
    if kind in {"Away", "Cancelled"}:
        raise Away(text)
    told = getattr(errors, kind, None)
    if told is None or told is errors.InvalidSpec:
        raise FittingRoomError(f"This could not be computed, for a reason that was not foreseen: {text}")
    error: FittingRoomError = told(text)
    raise error
