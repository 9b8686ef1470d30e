"""The process that answers the page: one thread, so that a training beside it loses little and answers stay quick.

    python -m fittingroom.engine.inference WORKSPACE        (the page starts it, and talks to it by queue.wire)

What is asked is either answered at once, or is long work, done a step at a time: between two steps whatever is asked
meanwhile is answered first. It ends with the page: when the pipe closes.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch

from fittingroom.engine import drawing, looking, out_of_fold, robustness, variations, worst
from fittingroom.engine.desk import Desk
from fittingroom.engine.score import opening_test_set
from fittingroom.engine.timing import timing
from fittingroom.errors import FittingRoomError
from fittingroom.queue import wire
from fittingroom.queue.wire import Message
from fittingroom.workspace import Workspace

Answer = Callable[[Desk, Message], Message]
Steps = Generator[tuple[int, int], None, Message]
"""Long work: yields how much is done, and of how much; returns the answer."""
Work = Callable[[Desk, Message], Steps]


def probabilities(desk: Desk, asked: Message) -> Message:
    """Of every class, ``probabilities_NK``, for ``images_NHWC`` of the size of a run's network."""
    classifier = desk.classifier(asked.words["run"])
    return Message({}, {"probabilities_NK": classifier.probabilities(asked.arrays["images_NHWC"])})


def open_test(desk: Desk, asked: Message) -> Steps:
    """Score runs on their sealed test sets, in one opening that is counted."""
    runs = [(desk.run(run), desk.classifier(run), desk.data_of(run)) for run in asked.words["runs"]]
    scores = yield from opening_test_set(runs, desk.store, at_once=100)
    return Message({"openings": max(score.openings for score in scores)})


ANSWERS: Mapping[str, Answer] = {
    "augment": variations.variations,
    "augment extremes": variations.extremes,
    "drawing": drawing.drawing,
    "filters": looking.filters,
    "inside": looking.inside,
    "maps": looking.maps,
    "probabilities": probabilities,
}
"""What is answered at once: within some milliseconds."""
LONG: Mapping[str, Work] = {
    "augment worst": worst.worst,
    "channel_ranges": looking.channel_ranges,
    "likeness": drawing.prepare_likeness,
    "open_test": open_test,
    "out of fold": out_of_fold.answer,
    "robustness": robustness.answer,
    "timing": timing,
}
"""What takes longer, in steps of some milliseconds each."""


@dataclass
class Inference:
    """One conversation: what is asked comes in by a thread of its own, and is worked on in this one."""

    desk: Desk
    tell: Callable[[Message], None]
    answers: Mapping[str, Answer]
    long: Mapping[str, Work]

    def __post_init__(self) -> None:
        self.inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self.works: dict[int, Steps] = {}

    def run(self) -> None:
        """Until None comes in."""
        while True:
            try:
                message = self.inbox.get(block=not self.works)
            except queue.Empty:
                self.go_on(next(iter(self.works)))
                continue
            if message is None:
                return
            self.take(message)

    def take(self, asked: Message) -> None:
        """Answer, or put long work in hand."""
        what, id = asked.words["ask"], asked.words["id"]
        if what == "cancel":
            if (steps := self.works.pop(asked.words["work"], None)) is not None:
                steps.close()
        elif what in self.long:
            self.works[id] = self.long[what](self.desk, asked)
        else:
            self.attempt(id, lambda: self.answers[what](self.desk, asked))

    def go_on(self, id: int) -> None:
        """One step of the work that has waited longest."""
        steps = self.works.pop(id)

        def step() -> Message | None:
            try:
                done, total = next(steps)
            except StopIteration as end:
                answer: Message = end.value
                return answer
            self.works[id] = steps
            self.tell(Message({"id": id, "done": done, "total": total}))
            return None

        self.attempt(id, step)

    def attempt(self, id: int, do: Callable[[], Message | None]) -> None:
        """Tell what comes of it, also where it fails."""
        try:
            answer = do()
        except FittingRoomError as error:
            self.tell(Message({"id": id, "error": str(error), "kind": type(error).__name__}))
        except Exception as error:
            traceback.print_exception(error)
            self.tell(Message({"id": id, "error": f"{type(error).__name__}: {error}", "kind": "unforeseen"}))
        else:
            if answer is not None:
                self.tell(Message({**answer.words, "id": id}, answer.arrays))


def serve(workspace: Workspace, incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Answer what comes in, until nothing comes any more."""
    torch.set_num_threads(1)

    def tell(message: Message) -> None:
        outgoing.write(wire.to_bytes(message))
        outgoing.flush()

    with Desk.open(workspace) as desk:
        inference = Inference(desk, tell, ANSWERS, LONG)

        def listen() -> None:
            while (message := wire.read(incoming)) is not None:
                inference.inbox.put(message)
            inference.inbox.put(None)

        threading.Thread(target=listen, name="listen", daemon=True).start()
        tell(Message({"id": 0}))  # ready
        inference.run()


def main(arguments: list[str]) -> None:
    """What anything else prints goes to the log, and does not get between the answers."""
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        serve(Workspace(Path(arguments[0])), sys.stdin.buffer, outgoing)
    except (BrokenPipeError, KeyboardInterrupt):  # the page has gone
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
