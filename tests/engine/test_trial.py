"""The trial takes what is fastest among what is right, remembers it, and is asked only where it pays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from torch import Tensor

import fittingroom as fr
from fittingroom.engine import kernels, trial
from fittingroom.engine.network import StackedNetwork
from fittingroom.engine.plan import Plan, Wanted, planning
from fittingroom.engine.prepare import PreparedRun
from fittingroom.engine.steps import finish
from fittingroom.engine.trial import Batch, Choice, Decision, Timed, decide, of_plan

LAYERS = [fr.Conv(16, 3, padding="same", activation="relu"), fr.MaxPool(2), fr.Flatten(), fr.Classify()]
KEY = {"machine": "this one"}
needs_numba = pytest.mark.skipif(not kernels.available(), reason="Numba is not installed")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Decisions of these tests stay among themselves, and no other program of this machine has a part in them."""
    monkeypatch.setattr(trial.Busy, "others", lambda busy: 0.0)
    monkeypatch.setattr(trial, "cache_folder", lambda: tmp_path)
    return tmp_path / "plans"


@pytest.fixture
def network() -> StackedNetwork:
    made = StackedNetwork(LAYERS, (1, 12, 12), 3)
    made.draw_initial_weights(0)
    made.to(memory_format=torch.channels_last)
    return made


def batch() -> Batch:
    images = torch.rand(32, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    return images.contiguous(memory_format=torch.channels_last), torch.arange(32) % 3


def no_batch() -> Batch:
    raise AssertionError("a trial was made")


def timing(monkeypatch: pytest.MonkeyPatch, seconds: dict[tuple[str, str], float]) -> None:
    """Let candidates take this long, whatever they take."""
    measure: Callable[..., float] = trial._seconds

    def said(candidate: Any, given: Batch) -> float:
        measure(candidate, given)
        return seconds[candidate.choice.precision, candidate.choice.way] * len(given[0])

    monkeypatch.setattr(trial, "_seconds", said)


def decided(network: StackedNetwork, wish: Any = "auto", get: Callable[[], Batch] = batch, **given: Any) -> Decision:
    return finish(decide(network, wish, get, given.pop("operations", 1e13), KEY, **given))


@needs_numba
@pytest.mark.parametrize(
    ("wish", "seconds", "chosen"),
    [
        ("auto", (4, 3, 3, 1), Choice("bf16", "compiled")),
        ("auto", (4, 3, 3, 2.8), Choice("fp32", "compiled")),  # too little for half the bits
        ("auto", (4, 5, 3, 2.8), Choice("bf16", "compiled")),  # the bits are given up already
        ("auto", (4, 5, 5, 5), Choice("fp32", "pool first")),
        ("fp32", (4, 3, 1, 1), Choice("fp32", "compiled")),
        ("bf16", (1, 1, 4, 3), Choice("bf16", "compiled")),
    ],
)
def test_the_fastest_is_chosen_if_it_is_worth_it(
    network: StackedNetwork, monkeypatch: pytest.MonkeyPatch, wish: str, seconds: tuple[float, ...], chosen: Choice
) -> None:
    ways = [("fp32", "pool first"), ("fp32", "compiled"), ("bf16", "pool first"), ("bf16", "compiled")]
    timing(monkeypatch, dict(zip(ways, seconds, strict=True)))
    decision = decided(network, wish)
    assert decision.choice == chosen
    assert len(decision.trial) == (4 if wish == "auto" else 2)
    assert all(each.milliseconds for each in decision.trial)


def test_what_is_hopeless_is_given_up_after_a_few_images(
    network: StackedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "candidates", lambda *_: [Choice(), Choice("bf16")])
    timing(monkeypatch, {("fp32", "pool first"): 0.01, ("bf16", "pool first"): 0.4})
    seen: list[int] = []
    counted: Callable[..., float] = trial._seconds

    def count(candidate: Any, given: Batch) -> float:
        if candidate.choice.precision == "bf16":
            seen.append(len(given[0]))
        return counted(candidate, given)

    monkeypatch.setattr(trial, "_seconds", count)
    decision = decided(network)
    assert decision.choice == Choice()
    assert max(seen) == trial.PROBE
    assert decision.trial[1].milliseconds is None
    assert decision.trial[1].remark.startswith("given up after 8 images")


@pytest.mark.parametrize("wrong", ["outputs", "gradient"])
def test_what_gives_other_numbers_is_not_trusted_however_fast(
    network: StackedNetwork, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setattr(trial, "candidates", lambda *_: [Choice(), Choice("bf16")])
    timing(monkeypatch, {("fp32", "pool first"): 1, ("bf16", "pool first"): 0.1})

    class Off(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, values: Tensor) -> Tensor:
            return values * 1.5 if wrong == "outputs" else values.clone()

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            return gradient * 1.5 if wrong == "gradient" else gradient

    rewrite: Callable[..., tuple[str, ...]] = trial.rewrite

    rewritten: list[Any] = []

    def broken(given: StackedNetwork, way: Any) -> tuple[str, ...]:
        found = rewrite(given, way)
        rewritten.append(way)
        if len(rewritten) == 3:  # as written, in float32, and the one to be caught
            given.steps = (*given.steps, Off.apply)
        return found

    monkeypatch.setattr(trial, "rewrite", broken)
    decision = decided(network)
    assert f"its {wrong} differ by 0.5" in decision.trial[1].remark
    assert decision.trial[1].milliseconds is None


def test_where_nothing_can_be_trusted_it_is_plain(network: StackedNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "LIMITS", {"fp32": (0.0, 0.0), "bf16": (0.0, 0.0)})
    decision = decided(network, "bf16")
    assert decision.choice == Choice("fp32", "pool first")
    assert decision.why == "nothing else agrees with plain fp32"


def test_a_trial_leaves_the_network_as_it_was() -> None:
    layers = [fr.Conv(16, 3, padding="same"), fr.BatchNorm(), fr.Activate("relu"), fr.MaxPool(2), fr.Dropout(0.2)]
    network = StackedNetwork([*layers, fr.Flatten(), fr.Classify()], (1, 12, 12), 3)
    network.draw_initial_weights(0)
    before = {name: weight.clone() for name, weight in network.weights().items()}
    random = torch.random.get_rng_state()
    decided(network)
    assert all(torch.equal(weight, before[name]) for name, weight in network.weights().items())
    assert all(weight.grad is None for weight in network.parameters())
    assert torch.equal(torch.random.get_rng_state(), random)


def test_a_decision_is_made_once(network: StackedNetwork, own_cache: Path) -> None:
    first = decided(network)
    again = decided(network, get=no_batch)
    assert again.choice == first.choice
    assert again.trial == first.trial
    assert "earlier trial" in again.why
    other = StackedNetwork([*LAYERS[:2], fr.Dropout(0.5), *LAYERS[2:]], (1, 12, 12), 3)
    with pytest.raises(AssertionError, match="a trial was made"):
        decided(other, get=no_batch)
    assert len(list(own_cache.glob("*.json"))) == 1


@pytest.mark.parametrize("content", ["", "[]", '{"choice": {"precision": "fp8", "way": "pool first"}, "why": ""}'])
def test_a_record_that_cannot_be_read_is_made_anew(network: StackedNetwork, own_cache: Path, content: str) -> None:
    decided(network)
    (file,) = own_cache.glob("*.json")
    file.write_text(content)
    decided(network)
    assert json.loads(file.read_text())["trial"]


def test_a_cache_that_cannot_be_written_is_no_hindrance(
    network: StackedNetwork, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(trial, "cache_folder", lambda: tmp_path / "file")
    assert decided(network).trial


def test_two_processes_do_not_try_at_once(network: StackedNetwork, own_cache: Path) -> None:
    """One waits for the other's trial, and then takes what it has decided."""
    own_cache.mkdir()
    with FileLock(own_cache / "turn"):
        steps = decide(network, "auto", no_batch, 1e13, KEY)
        for _ in range(3):
            assert next(steps) == (0, 100)
        decided_there = Decision(Choice("bf16"), "decided in a trial of 1 s", ())
        content = trial._content(network, "auto", KEY)
        trial._keep(own_cache / f"{content}.json", decided_there)
    assert finish(steps).choice == Choice("bf16")


def test_where_it_does_not_pay_nothing_is_tried(network: StackedNetwork) -> None:
    for wish, choice in (("auto", Choice()), ("fp32", Choice()), ("bf16", Choice("bf16"))):
        assert decided(network, wish, no_batch, operations=1e9).choice == choice
    assert decided(network, "exact", no_batch).choice == Choice("fp32", "as written")
    assert decided(network, "auto", no_batch, may_try=False).choice == Choice()


def plan_of(network: StackedNetwork, wanted: Wanted, **train: Any) -> Plan:
    return finish(planning(network, fr.TrainSpec(**train), batch, wanted, 1e13))


@needs_numba
def test_an_earlier_plan_is_kept_unless_the_spec_says_otherwise(network: StackedNetwork) -> None:
    earlier = {"precision": "bf16", "way": "compiled", "threads": 1}
    plan = plan_of(network, Wanted.keeping(earlier))
    assert (plan.precision, plan.way, plan.trial) == ("bf16", "compiled", ())
    assert plan.kernels == kernels.compiler()
    assert plan_of(network, Wanted.keeping(earlier), precision="fp32").precision == "fp32"
    exact = plan_of(network, Wanted.keeping(earlier), precision="exact")
    assert (exact.way, exact.rewrites, exact.kernels, exact.layout) == ("as written", (), None, "as torch has it")


def test_a_plan_with_kernels_goes_on_without_them_and_says_so(
    network: StackedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "available", lambda: False)
    earlier = {"precision": "fp32", "way": "compiled", "kernels": "numba 0.68.1"}
    plan = plan_of(network, Wanted.keeping(earlier))
    assert plan.way == "pool first"
    assert {"way pool first, was compiled", "kernels None, was numba 0.68.1"} <= set(plan.differences(earlier))


def test_plans_from_before_the_trial_are_understood() -> None:
    assert of_plan({"precision": "fp32", "layout": "channels last"}) == Choice("fp32", "pool first")
    assert of_plan({}) is None
    assert of_plan({"precision": "int4"}) is None


def test_the_explanation_names_every_time() -> None:
    timed = (Timed("fp32", "pool first", 12.34), Timed("bf16", "pool first", None, "given up after 8 images, 90 ms"))
    plan = Plan(
        "cpu",
        "a processor",
        2,
        "fp32",
        "channels last",
        "pool first",
        (),
        None,
        "reuse",
        "AVX2",
        {},
        "torch",
        "tried",
        timed,
    )
    assert plan.explanation == "tried (fp32 pool first 12.3 ms, bf16 pool first given up after 8 images, 90 ms a step)"


@needs_numba
def test_augmentation_is_compiled_where_the_training_is_long_enough(network: StackedNetwork) -> None:
    def means(wanted: Wanted, operations: float, **train: Any) -> str:
        spec = fr.TrainSpec(**train)
        return finish(planning(network, spec, batch, wanted, operations, augmented=True)).augmentation

    assert means(Wanted(), 1e13) == "compiled"
    assert means(Wanted(), 1e9) == "torch"
    assert means(Wanted(), 1e13, precision="exact") == "torch"
    assert means(Wanted.keeping({"precision": "fp32", "augmentation": "compiled"}), 1e9) == "compiled"
    assert means(Wanted.keeping({"precision": "fp32"}), 1e13) == "torch"


@needs_numba
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_trains_as_its_plan_says(prepare: Callable[..., PreparedRun], precision: str) -> None:
    run = prepare(tuple(LAYERS), precision=precision)
    assert run.plan.precision == run.training.precision == precision


@pytest.mark.parametrize(("alone", "pays"), [(1.0, False), (0.95, False), (0.8, True), (3.0, False)])
def test_one_thread_is_taken_where_it_is_much_faster_than_all(
    network: StackedNetwork, monkeypatch: pytest.MonkeyPatch, own_cache: Path, alone: float, pays: bool
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        monkeypatch.setattr(trial, "candidates", lambda *_: [Choice()])
        monkeypatch.setattr(trial, "_seconds", lambda *_: 1e-3 * (alone if torch.get_num_threads() == 1 else 1.0))
        decision = decided(network, fewer=True)
        assert decision.threads == (1 if pays else None)
        assert [each.threads for each in decision.trial] == [None, 1]
        assert "with 1 thread" in str(decision.trial[1])
        assert torch.get_num_threads() == 2
        kept = decided(network, get=no_batch, fewer=True)
        assert (kept.threads, kept.trial) == (decision.threads, decision.trial)
        assert decided(network, fewer=False).threads is None  # who has asked for threads, gets them
    finally:
        torch.set_num_threads(before)


def test_a_plan_with_fewer_threads_leaves_the_next_one_all_of_them(
    network: StackedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        monkeypatch.setattr(trial, "_seconds", lambda *_: 1e-3 * torch.get_num_threads())
        spec = fr.TrainSpec(batch_size=32)
        first = finish(planning(network, spec, batch, Wanted(fewer=True), 1e13))
        assert (first.threads, torch.get_num_threads()) == (1, 1)
        asked = finish(planning(network, spec, batch, Wanted(2), 1e13))
        assert (asked.threads, torch.get_num_threads()) == (2, 2)
        again = finish(planning(network, spec, batch, Wanted(fewer=True), 1e13))
        assert again.threads == 1
        plain = finish(planning(network, spec, batch, Wanted(), 0.0))
        assert (plain.threads, torch.get_num_threads()) == (2, 2)
    finally:
        torch.set_num_threads(before)


def test_a_disturbed_trial_decides_until_a_quiet_one(
    network: StackedNetwork, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    used = [0.5]
    monkeypatch.setattr(trial.Busy, "others", lambda busy: used[0])
    first = decided(network)
    assert first.others == 0.5
    assert "other programs used 50 % of the processors meanwhile" in first.why
    assert decided(network, get=no_batch).choice == first.choice  # the machine is as busy as it was
    used[0] = 0.0
    assert decided(network, get=no_batch, settled=True).choice == first.choice  # another run of a comparison
    assert decided(network, get=no_batch, may_try=False).choice == first.choice
    quiet = decided(network)
    assert (quiet.others, "earlier" in quiet.why) == (0.0, False)
    used[0] = 0.5
    assert decided(network, get=no_batch).others == 0.0


def test_a_slow_moment_gives_nothing_up(network: StackedNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first probes of a candidate that is as fast as the others meet a machine that does something else."""
    monkeypatch.setattr(trial, "candidates", lambda *_: [Choice(), Choice("bf16")])
    slow = iter([1.0, 1.0, 1.0])

    def said(candidate: Any, given: Batch) -> float:
        return 0.5e-3 if candidate.choice.precision == "bf16" and next(slow, None) is None else 1e-3

    monkeypatch.setattr(trial, "_seconds", said)
    assert decided(network).choice == Choice("bf16")


def test_a_way_that_cannot_be_compiled_is_left_out(network: StackedNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "candidates", lambda *_: [Choice(), Choice("fp32", "compiled"), Choice("bf16")])
    monkeypatch.setattr(trial, "rewrite", lambda network, way: (way,))

    def said(candidate: Any, given: Batch) -> float:
        if candidate.choice.way == "compiled":
            raise TypeError("no such instruction")
        return 1e-3

    monkeypatch.setattr(trial, "_seconds", said)
    decision = decided(network)
    assert [each.remark for each in decision.trial] == ["", "cannot be computed here: TypeError", ""]


@pytest.mark.parametrize(
    "wrong",
    [
        {"trial": [{"precision": 1, "way": 2, "milliseconds": "abc"}]},
        {"why": "\x1b[31mred\n"},
        {"why": None},
        {"choice": {"precision": "fp32", "way": "as written"}},
        {"threads": 7},
        {"others": float("nan")},
    ],
)
def test_a_record_that_no_trial_has_left_is_made_anew(
    network: StackedNetwork, own_cache: Path, wrong: dict[str, Any]
) -> None:
    decided(network)
    (file,) = own_cache.glob("*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | wrong))
    assert "earlier" not in decided(network).why
    file.write_text("[" * 100_000)
    assert "earlier" not in decided(network).why
    assert "earlier" in decided(network, get=no_batch).why
