"""Other ways to compute the same network: which layers are computed together, and how.

``as written``   layer by layer
``pool first``   relu after the max pool that follows it instead of before; equal to the last bit
``compiled``     relu, max pool and dropout in one compiled pass, and with them a convolution over few channels whose
                 output is then never stored; batch normalization with its relu. Equal up to rounding in float32, and to
                 the last bit where neither takes part. Needs Numba and a CPU.

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


Found = tuple[str, Step, int]
"""What takes the place of layers: its name, the step, and how many layers it takes."""


def _found(network: StackedNetwork, index: int, way: Way) -> Found | None:
    """What can take the place of the layers from ``index`` on, if anything."""
    if way == "as written":
        return None
    if way == "compiled" and (found := _compiled(network, index)):
        return found
    return _pool_first(network, index)


def _pool_first(network: StackedNetwork, index: int) -> Found | None:
    """Pools that leave one pixel are left alone: torch may then choose another kernel for what follows, and round
    differently.
    """
    relu, pool = network.layers[index], _layer(network, index + 1)
    if not (isinstance(relu, Convolution) and _relu_of(network.specs[index]) and isinstance(pool, MaxPool)):
        return None
    if network.output_shapes[index + 1][1:] == (1, 1):
        return None
    return "relu after max pool", PoolFirst(relu, pool), 2


def _compiled(network: StackedNetwork, index: int) -> Found | None:
    """A pool with relu or convolution before it and dropout behind it, or batch normalization with relu."""
    from fittingroom.engine.fused import FusedPool, can_pool
    from fittingroom.engine.fused_norm import FusedNorm

    layer, given = network.layers[index], network.specs[index]
    pool = _layer(network, index + 1)
    if isinstance(layer, nn.BatchNorm2d):
        follows = index + 1 < len(network.specs) and _is_relu_alone(network.specs[index + 1])
        relu = follows and not can_pool(_layer(network, index + 2))
        return "compiled", FusedNorm(layer, relu), 2 if relu else 1
    if can_pool(layer):
        before, relu, pool, length = None, False, layer, 1
    elif can_pool(pool) and isinstance(layer, Convolution) and (_relu_of(given) or layer.activation is None):
        before, relu, length = layer, _relu_of(given), 2
    elif can_pool(pool) and _is_relu_alone(given):
        before, relu, length = None, True, 2
    else:
        return None
    assert isinstance(pool, MaxPool)
    dropout = _layer(network, index + length)
    step = FusedPool(before, relu, pool, dropout if isinstance(dropout, Dropout) else None)
    return "compiled", step, length + (step.dropout is not None)


def _layer(network: StackedNetwork, index: int) -> nn.Module | None:
    return network.layers[index] if index < len(network.layers) else None


def _is_relu_alone(layer: spec.Layer) -> bool:
    return isinstance(layer, spec.Activate) and layer.function == "relu"


def _relu_of(layer: spec.Layer) -> bool:
    """Whether a convolution ends with relu."""
    return isinstance(layer, spec.Conv | spec.DepthwiseConv) and layer.activation == "relu"
