"""The plan says what was chosen, and devices that are not there are refused."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

import fittingroom as fr
from fittingroom.engine.network import StackedNetwork
from fittingroom.engine.plan import choose_device, planning
from fittingroom.engine.steps import finish
from fittingroom.engine.trial import Batch
from fittingroom.errors import InvalidInput


def no_batch() -> Batch:
    raise AssertionError("a trial was made of a training that is over before it")


def test_the_plan_is_what_was_done() -> None:
    layers = [fr.Conv(4, 3, activation="relu"), fr.MaxPool(2), fr.Conv(4, 2), fr.Flatten(), fr.Classify()]
    network = StackedNetwork(layers, (1, 9, 9), 3)
    plan = finish(planning(network, fr.TrainSpec(device="cpu"), no_batch))
    assert plan.rewrites == ("relu after max pool: conv_1 + max_pool_1",)
    assert (plan.device, plan.precision, plan.layout) == ("cpu", "fp32", "channels last")
    assert plan.threads == torch.get_num_threads()
    assert plan.versions["torch"] == torch.__version__
    assert json.loads(json.dumps(plan.to_json()))["processor"] == plan.processor
    assert "fp32" in str(plan)
    weight = network.weights()["conv_2.weight"]
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_auto_takes_cuda_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    with pytest.raises(
        InvalidInput, match=r'^train.device is "cuda", which this machine does not have; choose auto or cpu'
    ):
        choose_device("cuda")


@pytest.mark.parametrize(("before", "after"), [({}, "passive"), ({"OMP_WAIT_POLICY": "active"}, "active")])
def test_waiting_threads_sleep_unless_the_user_says_otherwise(before: dict[str, str], after: str) -> None:
    program = "import fittingroom.engine, os; print(os.environ['OMP_WAIT_POLICY'])"
    import os

    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"} | before
    output = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == after
