"""The trial before a training: which way of computing its network is fastest here, and is it right?

Each candidate has to give the outputs and gradients of plain float32, layer by layer, within stated limits, on real
images of the training; only then is its time worth anything. Candidates take turns at whole steps of the training's
own batch size, so that whatever else the machine does meets all alike, and the least time of each counts. One that is
hopeless (bfloat16 on a processor without instructions for it took 40 times as long) is given up after a few images.

What was decided is kept in the cache folder by network, batch and machine: the next run with the same ones takes the
same way without a trial, and to the same bits. Where other programs used the processors meanwhile, it is kept until a
trial on a quiet machine.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

import torch
from filelock import FileLock, Timeout
from torch import Tensor
from torch.nn import functional as F

from fittingroom.engine import kernels
from fittingroom.engine.busy import Busy
from fittingroom.engine.network import StackedNetwork
from fittingroom.engine.rewrites import Way, rewrite
from fittingroom.errors import WorkspaceUnusable
from fittingroom.spec.mistakes import many
from fittingroom.spec.train import Precision
from fittingroom.workspace import cache_folder, write_atomically

Share = tuple[int, int]
"""How much is done, and of how much."""
Batch = tuple[Tensor, Tensor]
"""images_NCHW (normalized, float32, channels last) and labels_N, on the device of the training."""

EDITION = 4
"""Of kernels and rewrites; counted up when they become faster or slower, so that earlier decisions are forgotten."""
WORTH = 1e12
"""Floating-point operations of a training from which on a trial pays: some seconds on a laptop."""
SECONDS = 1.2
"""For the steps of all candidates together, if a single step does not take longer."""
MOST_SECONDS = 8.0
"""For these steps, if a single one of each does not take longer."""
ROUNDS = (3, 15)
"""The least and the most steps of each candidate."""
PROBE = 8
"""Images that tell beforehand whether a candidate is hopeless."""
PROBES = (2, 8)
"""The least and the most times that a candidate takes the probe, in turns with the first candidate."""
HOPELESS = 8.0
"""Times the first candidate's time for the probe."""
DISTURBING = 0.15
"""A share of the processors; where other programs use more, a trial decides for the time being only."""
SECONDS_OF_A_LOOK = 0.2
"""At what else the machine does."""
SECONDS_FOR_OTHERS = 20.0
"""One trial at a time on a machine: so long one waits for that of another process."""
COMPARED = 64
"""Images whose outputs and gradients are compared."""
LIMITS = {"fp32": (1e-4, 1e-2), "bf16": (0.1, 0.3)}
"""Largest distance of outputs and of the whole gradient from those of plain float32, relative to their length.

In float32 a sum that is rounded otherwise may choose the other one of two nearly equal values of a window.
"""
WORTH_ANOTHER_WAY, WORTH_FEWER_BITS, WORTH_FEWER_THREADS = 0.97, 0.9, 0.9
"""A candidate has to take less than this share of the best one's time before it: giving up precision has to pay.

So has leaving cores idle; small networks are faster so, because threads wait for each other at every operation.
"""


@dataclass(frozen=True)
class Choice:
    """How a network is to be computed."""

    precision: str = "fp32"
    """``fp32``, or ``bf16``: products in bfloat16 with sums in float32, weights and their steps in float32."""
    way: Way = "pool first"


@dataclass(frozen=True)
class Timed:
    """What the trial found about one choice."""

    precision: str
    way: str
    milliseconds: float | None
    """The least time of a step forward and backward; None where it was not timed."""
    remark: str = ""
    """Why it was not trusted or not timed."""
    threads: int | None = None
    """CPU threads, where they are fewer than those of the others."""

    def __str__(self) -> str:
        took = f"{self.milliseconds:.1f} ms" if self.milliseconds is not None else self.remark
        fewer = f" with {many(self.threads, 'thread')}" if self.threads else ""
        return f"{self.precision} {self.way}{fewer} {took}"


@dataclass(frozen=True)
class Decision:
    """What is chosen, and why."""

    choice: Choice
    why: str
    trial: tuple[Timed, ...] = ()
    threads: int | None = None
    """CPU threads, where fewer are faster than all that it may have."""
    others: float = 0.0
    """The share of the processors that other programs used meanwhile, from 0 to 1."""


def candidates(device: str, wish: Precision) -> list[Choice]:
    """What may be tried unless ``exact`` is wished for, best known first."""
    ways: list[Way] = ["pool first"]
    if device == "cpu" and kernels.available():
        ways.append("compiled")
    precisions = ("fp32", "bf16") if wish == "auto" else (wish,)
    return [Choice(precision, way) for precision in precisions for way in ways]


def decide(
    network: StackedNetwork,
    wish: Precision,
    batch: Callable[[], Batch],
    operations: float,
    key: Mapping[str, Any],
    *,
    may_try: bool = True,
    fewer: bool = False,
    settled: bool = False,
) -> Generator[Share, None, Decision]:
    """Choose how ``network`` is computed in a training that takes so many floating-point operations.

    Long work in steps. ``key``: everything beside the network that the decision depends on, as JSON. ``fewer``: whether
    fewer threads than torch has now may be chosen. ``settled``: whether what a disturbed trial has decided will do.
    """
    device = str(next(network.parameters()).device.type)
    if wish == "exact":
        return Decision(Choice("fp32", "as written"), "exact was asked for")
    if device not in ("cpu", "cuda"):
        return Decision(_untried(wish), f"not tried on {device}")
    if operations < WORTH:
        return Decision(_untried(wish), "too short for a trial to pay")
    fewer = fewer and device == "cpu" and torch.get_num_threads() > 1
    file = cache_folder() / "plans" / f"{_content(network, wish, {**key, 'fewer': True} if fewer else key)}.json"
    known = _read(file)
    if known and (settled or not may_try or known.others <= DISTURBING or _is_busy()):
        return known
    if not may_try:
        return Decision(_untried(wish), "not tried yet")
    with ExitStack() as held:
        yield from _turn(held, file.parent)
        if (now_known := _read(file)) and now_known != known:  # by another process meanwhile
            return now_known
        decision = yield from _try(network, candidates(device, wish), batch(), fewer=fewer)
        if known and decision.others > DISTURBING:
            return known
        _keep(file, decision)
    return decision


def _is_busy() -> bool:
    """Whether other programs use the processors at this moment."""
    busy = Busy()
    time.sleep(SECONDS_OF_A_LOOK)
    return busy.others() > DISTURBING


def _turn(held: ExitStack, folder: Path) -> Generator[Share, None, None]:
    """Wait for the trial of another process; nobody waits where locks cannot be made."""
    until = time.monotonic() + SECONDS_FOR_OTHERS
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "turn", thread_local=False, fallback_to_soft=False)
        while time.monotonic() < until:
            with suppress(Timeout):
                lock.acquire(blocking=False)
                held.callback(lock.release)
                return
            yield 0, 100
            time.sleep(0.05)


def _untried(wish: Precision) -> Choice:
    return Choice("bf16" if wish == "bf16" else "fp32")


@dataclass
class _Candidate:
    choice: Choice
    network: StackedNetwork
    rewrites: tuple[str, ...]
    seconds: list[float] = field(default_factory=list)
    remark: str = ""

    def timed(self) -> Timed:
        least = min(self.seconds) * 1000 if self.seconds and not self.remark else None
        return Timed(self.choice.precision, self.choice.way, least, self.remark)


def _try(
    network: StackedNetwork, choices: Sequence[Choice], batch: Batch, *, fewer: bool
) -> Generator[Share, None, Decision]:
    """Compare outputs and gradients, then times."""
    images_NCHW, labels_N = batch
    began, busy = time.perf_counter(), Busy()
    few, probe = (images_NCHW[:COMPARED], labels_N[:COMPARED]), (images_NCHW[:PROBE], labels_N[:PROBE])
    plain = copy.deepcopy(network)
    rewrite(plain, "as written")
    tried: list[_Candidate] = []
    expected = _outputs_and_gradient(plain, Choice("fp32", "as written"), few)
    for choice in choices:
        computed = copy.deepcopy(network)
        candidate = _Candidate(choice, computed, rewrite(computed, choice.way))
        if any(each.choice.precision == choice.precision and each.rewrites == candidate.rewrites for each in tried):
            continue  # nothing in this network can be computed in that way
        tried.append(candidate)
        yield _share(began)
        candidate.remark = _refused(candidate, tried[0], probe)
        yield _share(began)
        candidate.remark = candidate.remark or _wrong(candidate, expected, few)
    running = [each for each in tried if not each.remark]
    if not running:
        told = tuple(each.timed() for each in tried)
        return Decision(Choice(), "nothing else agrees with plain fp32", told, others=busy.others())
    for each in running:
        each.seconds = []
    spent, least = time.perf_counter(), ROUNDS[0]
    for number in range(ROUNDS[1]):
        if number >= least and time.perf_counter() - spent > SECONDS:
            break
        for each in running:
            each.seconds.append(_seconds(each, batch))
            yield _share(began)
        if time.perf_counter() - spent > MOST_SECONDS:
            break
    if len(running[0].seconds) > 1:
        for each in running:
            each.seconds = each.seconds[1:]  # the first one faults memory in
    best = running[0]
    for each in running[1:]:
        same = each.choice.precision == best.choice.precision
        if min(each.seconds) < (WORTH_ANOTHER_WAY if same else WORTH_FEWER_BITS) * min(best.seconds):
            best = each
    timed, threads = [each.timed() for each in tried], None
    if fewer:
        alone, pays = _with_one_thread(best, batch)
        timed.append(alone)
        threads = 1 if pays else None
    took, others = time.perf_counter() - began, busy.others()
    why = f"the fastest of {len(timed)} ways in a trial of {took:.1f} s, each compared with plain fp32 first"
    if others > DISTURBING:
        why += f"; other programs used {100 * others:.0f} % of the processors meanwhile"
    return Decision(best.choice, why, tuple(timed), threads, others)


def _refused(candidate: _Candidate, first: _Candidate, probe: Batch) -> str:
    """Why a candidate is not to be tried with more than a few images; empty where it may be.

    The first candidate takes the same images in turns with it, so that a busy machine slows down both.
    """
    if candidate is first:
        return ""
    own, its = [], []
    for number in range(PROBES[1]):
        its.append(_seconds(first, probe))
        try:
            own.append(_seconds(candidate, probe))
        except Exception as error:  # whatever a compiler or a processor says: there are other ways
            return f"cannot be computed here: {type(error).__name__}"
        if number + 1 >= PROBES[0] and min(own) <= HOPELESS * min(its):
            return ""
    return f"given up after {PROBE} images, {min(own) * 1000:.0f} ms"


def _wrong(candidate: _Candidate, expected: tuple[Tensor, ...], few: Batch) -> str:
    """What is wrong with a candidate's numbers; empty where they agree."""
    found = _outputs_and_gradient(candidate.network, candidate.choice, few)
    return _difference(candidate.choice, expected, found)


def _with_one_thread(best: _Candidate, batch: Batch) -> tuple[Timed, bool]:
    """The best way with one thread, in turns with all, and whether that pays."""
    every = torch.get_num_threads()
    seconds: dict[int, list[float]] = {every: [], 1: []}
    began = time.perf_counter()
    try:
        for number in range(ROUNDS[1]):
            if number >= ROUNDS[0] and time.perf_counter() - began > SECONDS / 4:
                break
            for threads, taken in seconds.items():
                torch.set_num_threads(threads)
                taken.append(_seconds(best, batch))
            if min(seconds[1]) > 1.5 * min(seconds[every]):
                break  # that is clear
    finally:
        torch.set_num_threads(every)
    least = {threads: min(taken) for threads, taken in seconds.items()}
    timed = Timed(best.choice.precision, best.choice.way, 1000 * least[1], threads=1)
    return timed, least[1] < WORTH_FEWER_THREADS * least[every]


def _share(began: float) -> Share:
    return min(99, int(100 * (time.perf_counter() - began) / (2 * SECONDS))), 100


def _seconds(candidate: _Candidate, batch: Batch) -> float:
    began = time.perf_counter()
    _backward(candidate.network, candidate.choice, batch)
    if batch[0].device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def _backward(network: StackedNetwork, choice: Choice, batch: Batch) -> Tensor:
    """One step forward and backward; returns the logits."""
    images_NCHW, labels_N = batch
    network.train()
    network.at(seed=0, epoch=1, step=1)
    with computing(choice.precision, images_NCHW.device.type):
        logits_NK: Tensor = network(images_NCHW).float()
    for weight in network.parameters():
        weight.grad = None
    F.cross_entropy(logits_NK, labels_N).backward()  # type: ignore[no-untyped-call]
    return logits_NK.detach()


def computing(precision: str, device: str) -> torch.autocast:
    """Where a forward pass belongs that is to be computed with this precision."""
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bf16")


def _outputs_and_gradient(network: StackedNetwork, choice: Choice, batch: Batch) -> tuple[Tensor, Tensor]:
    logits_NK = _backward(network, choice, batch)
    gradients = [weight.grad.flatten() for weight in network.parameters() if weight.grad is not None]
    return logits_NK, torch.cat(gradients) if gradients else logits_NK


def _difference(choice: Choice, expected: tuple[Tensor, ...], found: tuple[Tensor, ...]) -> str:
    """What is wrong with a candidate's numbers; empty where they agree."""
    parts = ("outputs", "gradient")
    for part, right, given, limit in zip(parts, expected, found, LIMITS[choice.precision], strict=True):
        distance = float((given - right).norm() / right.norm().clamp_min(1e-12))
        if not distance <= limit:
            return f"not trusted: its {part} differ by {distance:.2g} of their length from plain fp32"
    return ""


def _content(network: StackedNetwork, wish: Precision, key: Mapping[str, Any]) -> str:
    described = [EDITION, key, wish, kernels.compiler(), network.shape, network.classes, sorted(network.frozen)]
    text = json.dumps([*described, [repr(each) for each in network.specs]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _read(file: Path) -> Decision | None:
    """What an earlier trial decided; None where there was none, or its record is not one of ours."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        record = json.loads(file.read_text(encoding="utf-8"))
        choice, trial = Choice(**record["choice"]), tuple(Timed(**each) for each in record["trial"])
        known = Decision(choice, record["why"].replace("in a trial", "in an earlier trial"), trial,
                         record["threads"], record["others"])  # fmt: skip
        return known if _is_ours(known) else None
    return None


def _is_ours(known: Decision) -> bool:
    """Whether everything in a record is of the kind that a trial leaves there."""
    numbers = [known.others, *(each.milliseconds for each in known.trial if each.milliseconds is not None)]
    words = [known.why, *(word for each in known.trial for word in (each.precision, each.way, each.remark))]
    threads = [known.threads, *(each.threads for each in known.trial)]
    return (
        known.choice.precision in LIMITS
        and known.choice.way in get_args(Way)
        and known.choice.way != "as written"
        and all(isinstance(number, float) and math.isfinite(number) for number in numbers)
        and all(isinstance(word, str) and (word.isprintable() or not word) for word in words)
        and all(each is None or each == 1 for each in threads)
    )


def _keep(file: Path, decision: Decision) -> None:
    """For the next run; where the cache cannot be written, that one tries again."""
    with suppress(WorkspaceUnusable):
        text = json.dumps(asdict(decision), indent=1)
        write_atomically(file, lambda out: out.write(text.encode()))


def of_plan(plan: Mapping[str, Any]) -> Choice | None:
    """The choice that a stored plan tells of, as far as it can be kept here; None where it tells of none.

    Older plans have no ``way``.
    """
    precision, way = plan.get("precision"), plan.get("way", "pool first")
    if precision not in LIMITS or way not in get_args(Way):
        return None
    return Choice(precision, "pool first" if way == "compiled" and not kernels.available() else way)
