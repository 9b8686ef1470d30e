"""Messages through a real pipe."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest

from fittingroom.queue import wire
from fittingroom.queue.wire import Message


def test_what_goes_in_comes_out() -> None:
    arrays = {
        "floats": np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2],
        "bytes": np.frombuffer(b"abc", np.uint8),
        "none": np.empty((0, 5), np.int64),
        "one": np.array(2.5),
        "flags": np.array([True, False]),
    }
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as incoming, os.fdopen(writing, "wb") as outgoing:
        outgoing.write(wire.to_bytes(Message({"ask": "Grüße", "n": [1, None]}, arrays)) + wire.to_bytes(Message({})))
        outgoing.flush()
        first, second = wire.read(incoming), wire.read(incoming)
    assert first is not None
    assert first.words == {"ask": "Grüße", "n": [1, None]}
    assert list(first.arrays) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(first.arrays[name], array)
        assert first.arrays[name].dtype == array.dtype
    assert second is not None
    assert (second.words, second.arrays) == ({}, {})


@pytest.mark.parametrize("kept", [0, 5, 12, 20, -1])
def test_a_message_that_breaks_off_is_none(kept: int) -> None:
    whole = wire.to_bytes(Message({"ask": "something"}, {"some": np.arange(100)}))
    assert wire.read(io.BytesIO(whole[:kept])) is None
