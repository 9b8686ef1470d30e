"""What answers the page: in which order, and what it says when something goes wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Generator

import numpy as np
import pytest

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.engine.desk import Desk
from fittingroom.engine.inference import Inference
from fittingroom.engine.score import classifier_of
from fittingroom.errors import InvalidInput
from fittingroom.queue import wire
from fittingroom.queue.stored import open_store
from fittingroom.queue.wire import Message
from fittingroom.workspace import Workspace


def echo(desk: Desk, asked: Message) -> Message:
    return Message({"said": asked.words["say"]})


def refuse(desk: Desk, asked: Message) -> Message:
    raise InvalidInput("not like this; say it otherwise")


def break_down(desk: Desk, asked: Message) -> Message:
    raise KeyError("a bug")


def count(desk: Desk, asked: Message) -> Generator[tuple[int, int], None, Message]:
    for done in range(asked.words["to"]):
        yield done + 1, asked.words["to"]
    return Message({"counted": asked.words["to"]})


@pytest.fixture
def converse(own_workspace: Workspace) -> Callable[..., list[dict[str, object]]]:
    """All that is told when these questions come in one after the other, before anything is answered."""

    def ask(*questions: dict[str, object]) -> list[dict[str, object]]:
        told: list[dict[str, object]] = []
        answers = {"echo": echo, "refuse": refuse, "break_down": break_down}
        with Desk.open(own_workspace) as desk:
            inference = Inference(desk, lambda message: told.append(dict(message.words)), answers, {"count": count})
            for question in questions:
                inference.inbox.put(Message(question))
            while inference.inbox.qsize() or inference.works:  # as ``run`` does, to its end
                if inference.inbox.qsize():
                    message = inference.inbox.get()
                    assert message is not None
                    inference.take(message)
                else:
                    inference.go_on(next(iter(inference.works)))
        return told

    return ask


def test_short_questions_are_answered_between_the_steps_of_long_work(converse: Callable[..., list]) -> None:
    told = converse(
        {"id": 1, "ask": "count", "to": 2}, {"id": 2, "ask": "count", "to": 1}, {"id": 3, "ask": "echo", "say": "now"}
    )
    assert told == [
        {"id": 3, "said": "now"},
        {"id": 1, "done": 1, "total": 2},
        {"id": 2, "done": 1, "total": 1},
        {"id": 1, "done": 2, "total": 2},
        {"id": 2, "counted": 1},
        {"id": 1, "counted": 2},
    ]


def test_cancelled_work_is_not_told_of_any_more(converse: Callable[..., list]) -> None:
    assert converse({"id": 1, "ask": "count", "to": 2}, {"id": 2, "ask": "cancel", "work": 1}) == []


def test_errors_are_told_and_the_next_question_is_answered(
    converse: Callable[..., list], capsys: pytest.CaptureFixture[str]
) -> None:
    told = converse({"id": 1, "ask": "refuse"}, {"id": 2, "ask": "break_down"}, {"id": 3, "ask": "echo", "say": "on"})
    assert told == [
        {"id": 1, "error": "not like this; say it otherwise", "kind": "InvalidInput"},
        {"id": 2, "error": "KeyError: 'a bug'", "kind": "unforeseen"},
        {"id": 3, "said": "on"},
    ]
    assert "a bug" in capsys.readouterr().err


def test_the_process_answers_as_the_classifier_does_and_ends_with_its_pipe(
    own_workspace: Workspace, stripes: Callable[..., Dataset]
) -> None:
    data = stripes()
    run = fr.fit(fr.Network([fr.Flatten(), fr.Classify()]), data, epochs=1)
    with open_store(own_workspace) as store:
        expected = classifier_of(store.run(run.id), own_workspace).probabilities(data.images[:5])
    command = [sys.executable, "-m", "fittingroom.engine.inference", str(own_workspace.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ready = wire.read(process.stdout)
        assert ready is not None
        assert ready.words == {"id": 0}
        question = {"ask": "probabilities", "id": 7, "run": run.id}
        process.stdin.write(wire.to_bytes(Message(question, {"images_NHWC": data.images[:5]})))
        process.stdin.flush()
        answer = wire.read(process.stdout)
        assert answer is not None
        assert answer.words == {"id": 7}
        np.testing.assert_allclose(answer.arrays["probabilities_NK"], expected, atol=1e-6)
        process.stdin.close()
        assert process.wait(20) == 0
