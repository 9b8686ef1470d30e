"""What compiled kernels need and Numba does not have: addresses as pointers, and a count shared by all threads.

Needs Numba: import it only where ``kernels.available()``.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def take(_: Any, arguments: Any) -> Any:
    """The number of the next block: arguments[0], counted up for all threads at once."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, values[0])
        return builder.atomic_rmw("add", array.data, context.get_constant(types.int64, 1), "monotonic")

    return types.int64(arguments), generate


@intrinsic
def done(_: Any, arguments: Any) -> Any:
    """How many blocks were finished before this one: arguments[4], counted up for all threads at once.

    Whoever finishes last finds all that the others have written.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, values[0])
        place = builder.gep(array.data, [context.get_constant(types.intp, 4)])
        return builder.atomic_rmw("add", place, context.get_constant(types.int64, 1), "acq_rel")

    return types.int64(arguments), generate


@intrinsic
def at(_: Any, address: Any) -> Any:
    """An address as a pointer."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], ir.IntType(8).as_pointer())

    return types.voidptr(address), generate
