"""The execution plan: how this machine runs this network. Chosen before the first step, recorded with the run.

With the same plan, the same spec gives bit-identical weights. Everything in a plan either changes results by no
bit, or is recorded as a choice.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from fittingroom.engine.augment import Means, best_means
from fittingroom.engine.kernels import compiler
from fittingroom.engine.network import StackedNetwork
from fittingroom.engine.rewrites import rewrite
from fittingroom.engine.trial import WORTH, Batch, Decision, Share, Timed, decide, of_plan
from fittingroom.errors import InvalidInput
from fittingroom.spec.train import Device, TrainSpec

# Parameters of glibc's mallopt (malloc.h).
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


DECIDING = (
    "device",
    "processor",
    "threads",
    "precision",
    "layout",
    "instruction_set",
    "way",
    "kernels",
    "augmentation",
)
"""What of a plan, beside the versions of libraries, decides results to the last bit."""
BEFORE = {"way": "pool first", "kernels": None, "augmentation": "torch"}
"""What older plans do not tell."""


@dataclass(frozen=True)
class Plan:
    """What was chosen, and on what machine."""

    device: str
    """``cpu``, ``cuda`` or ``mps``."""
    processor: str
    threads: int
    """CPU threads within one operation."""
    precision: str
    """``fp32`` or ``bf16``; see ``trial.Choice``."""
    layout: str
    way: str
    """How the network is computed; see ``rewrites``."""
    rewrites: tuple[str, ...]
    """What is computed together, each as ``what: layers``."""
    kernels: str | None
    """What has compiled the kernels that are used; None where none are."""
    allocator: str
    instruction_set: str
    versions: dict[str, str]
    augmentation: Means = "torch"
    """What computes the pixels of augmented images."""
    why: str = ""
    """What the choice of precision and way rests on."""
    trial: tuple[Timed, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def differences(self, earlier: Mapping[str, Any]) -> list[str]:
        """What of an earlier plan (as JSON) could not be kept and may change results, in words."""
        now, earlier = self.to_json(), BEFORE | dict(earlier)
        pairs = {key: (earlier.get(key), now[key]) for key in DECIDING}
        then = earlier.get("versions", {})
        pairs |= {name: (then.get(name), version) for name, version in self.versions.items()}
        return [f"{key.replace('_', ' ')} {now}, was {before}" for key, (before, now) in pairs.items() if before != now]

    def __str__(self) -> str:
        where = f"{self.processor}, {self.threads} thread{'s' * (self.threads != 1)}"
        rewrites = f", {'; '.join(self.rewrites)}" if self.rewrites else ""
        return f"{where}, {self.precision}, {self.layout}{rewrites}"

    @property
    def explanation(self) -> str:
        """Why it was chosen, in a line."""
        tried = f" ({', '.join(map(str, self.trial))} a step)" if self.trial else ""
        return f"{self.why}{tried}"


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a plan."""

    threads: int | None = None
    """CPU threads; as far as this machine has them."""
    kept: Mapping[str, Any] | None = None
    """An earlier plan, as JSON, to be kept as far as it can be."""
    trial: bool = True
    """Whether a trial may be made; without it, what an earlier one has decided counts."""
    fewer: bool = False
    """Whether a trial may find that fewer threads are faster."""
    settled: bool = False
    """Whether what a disturbed trial has decided will do, so that all runs of a comparison take one way."""

    @classmethod
    def keeping(cls, plan: Mapping[str, Any] | None, threads: int | None = None) -> Self:
        """An earlier plan with its threads."""
        return cls((plan or {}).get("threads", threads), plan)


def planning(
    network: StackedNetwork,
    train: TrainSpec,
    batch: Callable[[], Batch],
    wanted: Wanted = Wanted(),
    operations: float = 0.0,
    *,
    augmented: bool = False,
) -> Generator[Share, None, Plan]:
    """Choose a plan, put it in force, and rewrite and move ``network`` accordingly, in place. Long work in steps.

    ``batch`` gives images of the training for a trial, of which there is one where the training takes enough
    floating-point ``operations``. ``augmented``: whether its images are.
    """
    device = choose_device(train.device)
    threads = _all_threads() if wanted.threads is None else min(wanted.threads, os.cpu_count() or 1)
    torch.set_num_threads(threads)
    allocator = reuse_freed_memory()
    exact = train.precision == "exact"
    layout = torch.contiguous_format if exact else torch.channels_last
    network.to(device=device, memory_format=layout)  # type: ignore[call-overload]
    if device == "cuda":
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
    machine: dict[str, Any] = {
        "device": device,
        "processor": processor_name(device),
        "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    }
    choice = of_plan(wanted.kept) if wanted.kept else None
    if choice and (train.precision == "auto" or train.precision == choice.precision):
        decision = Decision(choice, "kept from the plan before")
    else:
        key = machine | {"batch": train.batch_size}
        may = {"may_try": wanted.trial, "fewer": wanted.fewer, "settled": wanted.settled}
        decision = yield from decide(network, train.precision, batch, operations, key, **may)
    if decision.threads is not None:
        _take_fewer(decision.threads)
        machine["threads"] = decision.threads
    rewrites = rewrite(network, decision.choice.way)
    compiled = any(rewrite.startswith("compiled") for rewrite in rewrites)
    return Plan(
        **machine,
        precision=decision.choice.precision,
        layout="as torch has it" if exact else "channels last",
        way=decision.choice.way,
        rewrites=rewrites,
        kernels=compiler() if compiled else None,
        allocator=allocator,
        augmentation=_augmentation(device, wanted, pays=augmented and operations >= WORTH and not exact),
        why=decision.why,
        trial=decision.trial,
    )


_before_fewer: dict[int, int] = {}
"""Threads that a plan in this process has taken: how many torch had before."""


def _take_fewer(threads: int) -> None:
    _before_fewer[threads] = torch.get_num_threads()
    torch.set_num_threads(threads)


def _all_threads() -> int:
    """As many as torch has, or had before an earlier plan took fewer for a network of its own."""
    threads = torch.get_num_threads()
    return _before_fewer.pop(threads, threads)


def _augmentation(device: str, wanted: Wanted, *, pays: bool) -> Means:
    """What computes augmented pixels: as it was, or what is fastest where the training is long enough for that."""
    if wanted.kept:
        pays = wanted.kept.get("augmentation") == "compiled"
    return best_means(device) if pays and (wanted.kept or wanted.trial) else "torch"


def choose_device(wanted: Device) -> str:
    """The device to use; ``auto`` takes CUDA where there is one, else the CPU. Raises InvalidInput if not there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return "cuda" if there["cuda"] else "cpu"
    if not there[wanted]:
        available = ", ".join(name for name, found in there.items() if found)
        raise InvalidInput(f'train.device is "{wanted}", which this machine does not have; choose auto or {available}')
    return wanted


@cache
def reuse_freed_memory() -> str:
    """Let the C library keep large freed blocks, so that each step reuses memory instead of faulting it in anew.

    Measured on workload S: 1.1 to 1.4 times the speed. Only glibc has these switches; elsewhere nothing is done.
    """
    if not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
        return "default"
    mallopt = ctypes.CDLL(None).mallopt
    set_all = mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, 2**31 - 1) and mallopt(M_TOP_PAD, 2**26)
    return "reuse" if set_all else "default"


@cache
def processor_name(device: str) -> str:
    """The name of the processor or GPU, as well as the system tells it."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
