"""Other ways to compute the same network: which layers are computed together, and how.

``as written``   layer by layer
``pool first``   relu after the max pool that follows it instead of before; equal to the last bit
``compiled``     relu, max pool and dropout in one compiled pass, and with them a convolution over few channels whose
                 output is then never stored; equal up to rounding in float32, and to the last bit where no convolution
                 takes part. Needs Numba and a CPU.

Weights stay where they are, in the layers; only what ``forward`` goes through changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from fittingroom.engine.layers import Convolution, Dropout, MaxPool
from fittingroom.engine.network import StackedNetwork, Step
from fittingroom.spec import layers as spec

Way = Literal["as written", "pool first", "compiled"]


@dataclass(frozen=True, eq=False)
class PoolFirst:
    """A relu that has waited for the max pool behind it.

    Exactly equal, gradients too: relu never decreases, so it leaves each window's largest value the largest, and
    where none is above zero both orders pass no gradient. It saves relu three quarters of its work.
    """

    convolution: Convolution
    pool: MaxPool

    def __call__(self, images_NCHW: Tensor) -> Tensor:
        return F.relu(self.pool(self.convolution.convolve(images_NCHW)))


def rewrite(network: StackedNetwork, way: Way) -> tuple[str, ...]:
    """Let ``network`` compute in this way from now on; returns what was put together, as ``what: layers``."""
    steps: list[Step] = []
    done: dict[str, list[str]] = {}
    index = 0
    while index < len(network.layers):
        found = _found(network, index, way)
        if found is None:
            steps.append(network.layers[index])
            index += 1
            continue
        what, step, length = found
        steps.append(step)
        done.setdefault(what, []).append(" + ".join(network.names[index : index + length]))
        index += length
    network.steps = tuple(steps)
    return tuple(f"{what}: {', '.join(layers)}" for what, layers in done.items())


def _found(network: StackedNetwork, index: int, way: Way) -> tuple[str, Step, int] | None:
    """What can take the place of the layers from ``index`` on: its name, the step, and how many layers it takes."""
    if way == "as written" or index + 1 >= len(network.layers):
        return None
    pool, relu = network.layers[index + 1], network.layers[index]
    if not isinstance(pool, MaxPool) or not _is_relu(network.specs[index]):
        return None
    if way == "compiled":
        return _compiled(network, index, relu, pool)
    return _pool_first(network, index, relu, pool)


def _is_relu(layer: spec.Layer) -> bool:
    """Whether relu is the last that a layer does."""
    if isinstance(layer, spec.Activate):
        return layer.function == "relu"
    return isinstance(layer, spec.Conv | spec.DepthwiseConv) and layer.activation == "relu"


def _pool_first(network: StackedNetwork, index: int, relu: nn.Module, pool: MaxPool) -> tuple[str, Step, int] | None:
    """Pools that leave one pixel are left alone: torch may then choose another kernel for what follows, and round
    differently.
    """
    if not isinstance(relu, Convolution) or network.output_shapes[index + 1][1:] == (1, 1):
        return None
    return "relu after max pool", PoolFirst(relu, pool), 2


def _compiled(network: StackedNetwork, index: int, relu: nn.Module, pool: MaxPool) -> tuple[str, Step, int] | None:
    from fittingroom.engine.fused import LARGEST_WINDOW, FusedPool

    if pool.size != pool.step or pool.pad_first is not None or pool.size > LARGEST_WINDOW:
        return _pool_first(network, index, relu, pool)
    dropout = network.layers[index + 2] if index + 2 < len(network.layers) else None
    step = FusedPool(
        convolution=relu if isinstance(relu, Convolution) else None,
        pool=pool,
        dropout=dropout if isinstance(dropout, Dropout) else None,
        pooled_shape=network.output_shapes[index],
    )
    return "compiled", step, 3 if step.dropout else 2
