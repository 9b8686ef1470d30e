"""Compiled kernels for the CPU: made by Numba where it is installed (the extra ``fast``), run on torch's own threads.

A kernel is a C function ``void(int64 *arguments)``. Its work is cut into blocks. ``arguments[0]`` counts the blocks
that were taken, ``arguments[1]`` is how many there are, addresses of tensors and sizes follow. Every thread takes
blocks until none is left. What a block computes depends on nothing but the block, so a kernel gives the same numbers
to the last bit with any number of threads.

Machine code is kept in the cache folder, for each processor; what is not there yet takes about half a second.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fittingroom.workspace import cache_folder

SOURCES = ("intrinsics.py", "blocks.py", "norms.py", "warping.py")
"""The files with kernels and their parts."""
BLOCK_BYTES = 2**18
"""What a block reads and writes of the largest tensor, about: a share of a core's second-level cache."""


@cache
def available() -> bool:
    """Whether kernels can be compiled here; decided once in a process."""
    try:
        return util.find_spec("numba") is not None and _prepare_numba()
    except Exception:  # an installation that does not work, whatever it raises, is as good as none
        return False


def _prepare_numba() -> bool:
    """Load Numba, and tell it to keep its machine code in our cache folder; False where it is told not to compile."""
    import numba

    numba.config.CACHE_DIR = str(cache_folder() / "kernels" / _edition())
    return not numba.config.DISABLE_JIT


def _edition() -> str:
    """Of the kernels' sources together: Numba looks at one file only, and they take parts from each other."""
    whole = hashlib.sha256()
    for name in SOURCES:
        whole.update(Path(__file__).with_name(name).read_bytes())
    return whole.hexdigest()[:16]


def compiler() -> str | None:
    """What compiles kernels here, with its version; None where nothing does."""
    return f"numba {metadata.version('numba')}" if available() else None


def block_images(bytes_of_image: int) -> int:
    """How many images make a block."""
    return max(1, min(64, BLOCK_BYTES // max(1, bytes_of_image)))


def run(kernel: Any, images: int, block: int, *arguments: Tensor | int) -> None:
    """Let ``kernel`` (a Numba ``cfunc``) work through ``images`` in blocks of ``block``, on torch's threads.

    It finds ``[taken, blocks, images, block, *arguments]``, each tensor as its address; these have to be contiguous
    in the order that the kernel reads.
    """
    blocks = -(-images // block)
    values = [item.data_ptr() if isinstance(item, Tensor) else item for item in arguments]
    packed = (ctypes.c_int64 * (4 + len(values)))(0, blocks, images, block, *values)
    threads = min(torch.get_num_threads(), blocks)
    if threads <= 1:
        _caller(kernel.address)(packed)
    elif openmp := _openmp():
        openmp(ctypes.c_void_p(kernel.address), packed, threads, 0)
    else:
        call = _caller(kernel.address)
        for done in [_pool(threads).submit(call, packed) for _ in range(threads)]:
            done.result()


@cache
def _caller(address: int) -> Callable[[Any], None]:
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)


@cache
def _openmp() -> Callable[..., None] | None:
    """GNU OpenMP's start of a parallel region, in the library that torch has loaded; None where there is none.

    On the threads that torch uses anyway a region begins within microseconds, and no second pool wants the cores.
    """
    try:
        start: Any = ctypes.CDLL(None).GOMP_parallel
    except (AttributeError, OSError, TypeError):  # another OpenMP; Windows cannot even ask
        return None
    start.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
    start.restype = None
    found: Callable[..., None] = start
    return found


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="kernel")
