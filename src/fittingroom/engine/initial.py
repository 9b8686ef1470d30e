"""Initial weights, drawn from the run's seed and the names of layer and weight: nothing else changes them.

Distributions are those of ``keras.initializers`` (Keras 3): the same fans, normal distributions truncated at two
standard deviations, zero biases; scales start at one. ``dirac`` is torch's ``dirac_``, which Keras does not have.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fittingroom.engine.random import stream
from fittingroom.spec.layers import AnyLayer, Initializer

TRUNCATED_SPREAD = 0.87962566103423978
"""Standard deviation of a standard normal distribution that is cut at ±2."""
GAIN: dict[str, float] = {"glorot": 1.0, "he": 2.0, "lecun": 1.0}


def draw_initial_weights(layer: AnyLayer, module: nn.Module, seed: int) -> None:
    """Fill one layer's weights in place."""
    with torch.no_grad():
        for part, weight in module.named_parameters():
            if part.endswith("bias"):
                weight.zero_()
            elif weight.dim() >= 2:
                initializer: Initializer = getattr(layer, "initializer")  # noqa: B009 - every layer with weights has one
                depthwise = weight.dim() == 4 and weight.shape[1] == 1 and _groups(module, part) > 1
                groups = _groups(module, part) if depthwise else 1
                generator = stream(seed, f"weights/{layer.name}/{part}")
                weight.copy_(torch.from_numpy(draw(initializer, tuple(weight.shape), groups, generator)))


def _groups(module: nn.Module, part: str) -> int:
    owner = module.get_submodule(part.rpartition(".")[0])
    return owner.groups if isinstance(owner, nn.Conv2d) else 1


def fans(shape: tuple[int, ...], groups: int) -> tuple[int, int]:
    """Inputs and outputs of one unit as Keras counts them; ``shape`` is torch's (out, in / groups, height, width)."""
    window = math.prod(shape[2:])
    return shape[1] * groups * window, shape[0] // groups * window


def draw(
    initializer: Initializer, shape: tuple[int, ...], groups: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Initial values for a weight of torch's ``shape`` (out, in / groups, ...)."""
    if initializer == "orthogonal":
        return _orthogonal(shape, groups, generator)
    if initializer == "dirac":
        return _dirac(shape, groups, generator)
    family, distribution = initializer.split("_")
    fan_in, fan_out = fans(shape, groups)
    variance = GAIN[family] / ((fan_in + fan_out) / 2 if family == "glorot" else fan_in)
    if distribution == "uniform":
        limit = math.sqrt(3 * variance)
        return generator.uniform(-limit, limit, shape).astype(np.float32)
    return (_truncated_normal(shape, generator) * (math.sqrt(variance) / TRUNCATED_SPREAD)).astype(np.float32)


def _truncated_normal(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    """Standard normal values, each drawn again until it lies within ±2."""
    values = generator.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = generator.standard_normal(int(outside.sum()))
    return values


def _orthogonal(shape: tuple[int, ...], groups: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """Orthonormal rows, one for each output (or orthonormal columns, if there are fewer) (Saxe et al. 2014).

    In a depthwise convolution a row holds one output of every channel, as in Keras.
    """
    rows, columns = shape[0] // groups, math.prod(shape[1:]) * groups
    q, r = np.linalg.qr(generator.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diagonal(r))
    matrix: NDArray[np.float64] = q if rows >= columns else q.T
    return matrix.reshape(rows, groups, -1).swapaxes(0, 1).reshape(shape).astype(np.float32)


def _dirac(shape: tuple[int, ...], groups: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """As many outputs as there are inputs begin as their copies (Zagoruyko and Komodakis 2017); the others are random.

    The middle of a window of even size is the later pixel, and random values lie within ±1/√inputs, both as in torch.
    """
    limit = 1 / math.sqrt(math.prod(shape[1:]))
    weights = generator.uniform(-limit, limit, shape).astype(np.float32)
    rows, middle = shape[0] // groups, tuple(size // 2 for size in shape[2:])
    for output in range(shape[0]):
        source = output % rows
        if source < shape[1]:
            weights[output] = 0
            weights[(output, source, *middle)] = 1
    return weights
