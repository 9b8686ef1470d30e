"""The execution plan: how this machine runs this network. Chosen before the first step, recorded with the run.

With the same plan, the same spec gives bit-identical weights. Everything in a plan either changes results by no
bit, or is recorded as a choice.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fittingroom.engine.network import StackedNetwork
from fittingroom.errors import InvalidInput
from fittingroom.spec.train import Device

# Parameters of glibc's mallopt (malloc.h).
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


DECIDING = ("device", "processor", "threads", "precision", "layout", "instruction_set")
"""What of a plan, beside the versions of libraries, decides results to the last bit."""


@dataclass(frozen=True)
class Plan:
    """What was chosen, and on what machine."""

    device: str
    """``cpu``, ``cuda`` or ``mps``."""
    processor: str
    threads: int
    """CPU threads within one operation."""
    precision: str
    layout: str
    rewrites: tuple[str, ...]
    """Exact rewrites of the network, each as ``what: layers``."""
    allocator: str
    instruction_set: str
    versions: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def differences(self, earlier: Mapping[str, Any]) -> list[str]:
        """What of an earlier plan (as JSON) could not be kept and may change results, in words."""
        now = self.to_json()
        pairs = {key: (earlier.get(key), now[key]) for key in DECIDING}
        then = earlier.get("versions", {})
        pairs |= {name: (then.get(name), version) for name, version in self.versions.items()}
        return [f"{key.replace('_', ' ')} {now}, was {before}" for key, (before, now) in pairs.items() if before != now]

    def __str__(self) -> str:
        where = f"{self.processor}, {self.threads} thread{'s' * (self.threads != 1)}"
        rewrites = f", {'; '.join(self.rewrites)}" if self.rewrites else ""
        return f"{where}, {self.precision}, {self.layout}{rewrites}"


def prepare(network: StackedNetwork, device: Device, threads: int | None = None) -> Plan:
    """Choose a plan, put it in force, and rewrite and move ``network`` accordingly, in place.

    ``threads``: those of an earlier plan that is to be kept, as far as this machine has them.
    """
    chosen = choose_device(device)
    if threads is not None:
        torch.set_num_threads(min(threads, os.cpu_count() or 1))
    allocator = reuse_freed_memory()
    moved = network.pool_before_relu()
    network.to(device=chosen, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if chosen == "cuda":
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
    return Plan(
        device=chosen,
        processor=processor_name(chosen),
        threads=torch.get_num_threads(),
        precision="fp32",
        layout="channels last",
        rewrites=(f"relu after max pool: {', '.join(moved)}",) if moved else (),
        allocator=allocator,
        instruction_set=torch.backends.cpu.get_cpu_capability(),
        versions={"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    )


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
