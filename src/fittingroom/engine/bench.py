"""A process that trains as long as it is told to, and says how many steps that were.

    python -m fittingroom.engine.bench WORKSPACE        (library.bench starts it, and talks to it by queue.wire)

Each way to train has a process of its own: what a plan puts in force (threads, how memory is given back, compiled
kernels) holds for a whole process, and so does the memory that it takes. It trains nothing that is kept, and ends when
the pipe closes.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from fittingroom.engine.busy import Busy
from fittingroom.engine.pace import WARM
from fittingroom.engine.plan import Wanted
from fittingroom.engine.prepare import prepare_run
from fittingroom.engine.timing import affordable_batch, by_epochs, step_seconds
from fittingroom.errors import FittingRoomError
from fittingroom.queue import wire
from fittingroom.queue.wire import Message, Words
from fittingroom.spec.run import from_plain
from fittingroom.workspace import Workspace


class Trainer:
    """One training that takes steps when asked, and says what they took."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._steps: Iterator[float] = iter(())
        self._images = 0

    def prepare(self, asked: Words) -> Words:
        """Prepare the run proper of a ``spec`` with so many ``threads``, and take the steps that warm it up."""
        began = time.perf_counter()
        wanted = Wanted(asked["threads"])
        run = prepare_run(by_epochs(from_plain(asked["spec"]).stages[-1]), self._workspace, wanted)
        training = run.training
        training.spec = replace(training.spec, batch_size=affordable_batch(training))
        self._images, self._steps = min(training.spec.batch_size, len(training.training)), step_seconds(training)
        for _ in range(WARM):
            next(self._steps)
        return {
            "plan": run.plan.to_json(),
            "how": f"{run.plan} ({run.plan.explanation})",
            "data": run.stage.data.name,
            "batch_size": self._images,
            "parameters": run.parameters,
            "prepare_seconds": time.perf_counter() - began,
        }

    def turn(self, asked: Words) -> Words:
        """Steps for so many ``seconds``, at least one; what the rest of the machine did meanwhile."""
        busy, taken = Busy(), [next(self._steps)]
        while sum(taken) < asked["seconds"]:
            taken.append(next(self._steps))
        others = busy.others()
        return {"steps": len(taken), "images_per_second": len(taken) * self._images / sum(taken), "others": others}

    def memory(self, asked: Words) -> Words:
        return {"peak_memory": peak_memory()}


def peak_memory() -> int:
    """The most bytes of memory that this process has had at once, as the system counts resident memory."""
    with contextlib.suppress(OSError):  # Linux; its getrusage would count what started this process as well
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # bytes on macOS


def serve(workspace: Workspace, incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Do what comes in, until nothing comes any more; what goes wrong for a user is an answer, too."""
    trainer = Trainer(workspace)
    answers = {"prepare": trainer.prepare, "turn": trainer.turn, "memory": trainer.memory}
    while (asked := wire.read(incoming)) is not None:
        answer: Any
        try:
            answer = answers[asked.words["ask"]](asked.words)
        except FittingRoomError as error:
            answer = {"error": str(error), "exit_status": error.exit_status}
        outgoing.write(wire.to_bytes(Message(answer)))
        outgoing.flush()


def main(arguments: list[str]) -> None:
    """What anything else prints goes to standard error, and does not get between the answers."""
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):  # whoever asked has gone
        serve(Workspace(Path(arguments[0])), sys.stdin.buffer, outgoing)


if __name__ == "__main__":
    main(sys.argv[1:])
