"""Compiled steps give the numbers of the layers they take the place of, with any number of threads."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
from hypothesis import given, seed, settings, strategies as st
from torch import Tensor
from torch.nn import functional as F

from fittingroom.engine import kernels
from fittingroom.engine.network import StackedNetwork
from fittingroom.engine.rewrites import rewrite
from fittingroom.spec.layers import (
    Activate,
    AnyLayer,
    BatchNorm,
    Classify,
    Conv,
    DepthwiseConv,
    Dropout,
    Flatten,
    MaxPool,
)

needs_numba = pytest.mark.skipif(not kernels.available(), reason="Numba is not installed")
pytestmark = needs_numba


def passed(network: StackedNetwork, images_NCHW: Tensor, half: bool = False) -> tuple[Tensor, list[Tensor]]:
    """Outputs in training, and the gradient of every weight."""
    network.train()
    network.zero_grad()
    network.at(seed=3, epoch=2, step=7)
    labels = torch.arange(len(images_NCHW)) % network.classes
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        logits = network(images_NCHW)
    logits = logits.float() if half else logits
    F.cross_entropy(logits, labels).backward()
    return logits.detach(), [weight.grad for weight in network.parameters() if weight.grad is not None]


def both(layers: list[AnyLayer], shape: tuple[int, int, int], numbers: int) -> tuple[StackedNetwork, StackedNetwork]:
    """The same network as written and compiled."""
    written = StackedNetwork(layers, shape, 3)
    written.draw_initial_weights(numbers)
    written.to(memory_format=torch.channels_last)
    compiled = copy.deepcopy(written)
    assert rewrite(compiled, "compiled")[0].startswith("compiled: ")
    return written, compiled


def images_of(shape: tuple[int, int, int], count: int, numbers: int) -> Tensor:
    images = torch.randn(count, *shape, generator=torch.Generator().manual_seed(numbers))
    return images.contiguous(memory_format=torch.channels_last)


STACKS: dict[str, tuple[tuple[int, int, int], list[AnyLayer]]] = {
    "same, dropout, pixels left over": (
        (1, 11, 12),
        [Conv(16, 3, padding="same", activation="relu"), MaxPool(2), Dropout(0.5)],
    ),
    "valid, windows of 3, no bias": ((2, 12, 9), [Conv(9, 2, activation="relu", bias=False), MaxPool(3)]),
    "uneven padding": ((1, 8, 9), [Conv(9, 2, padding="same", activation="relu"), MaxPool(2), Dropout(0.1)]),
    "two blocks": (
        (1, 13, 10),
        [
            Conv(16, 3, padding="same", activation="relu"), MaxPool(2), Dropout(0.1),
            Conv(5, 3, padding="same", activation="relu"), MaxPool(2), Dropout(0.3),
        ],
    ),
    "pool, then batch normalization with relu": (
        (1, 12, 13),
        [Conv(16, 3, padding="same", bias=False), MaxPool(2), BatchNorm(), Activate("relu"), Dropout(0.2)],
    ),
    "batch normalization alone, and a pool alone": (
        (2, 9, 8),
        [Conv(9, 2, activation="relu"), BatchNorm(momentum=0.6), MaxPool(2), Activate("tanh")],
    ),
    "depthwise, and after batch normalization": (
        (3, 12, 12),
        [
            DepthwiseConv(3, padding="same", activation="relu"), MaxPool(2),
            Conv(4, 3, padding="same"), BatchNorm(), Activate("relu"), MaxPool(2),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STACKS)
def test_outputs_and_gradients(name: str) -> None:
    """Against torch in float64, layer by layer, with the same draws for dropout, at several random weights."""
    shape, layers = STACKS[name]
    for numbers in range(5):
        written, compiled = both([*layers, Flatten(), Classify()], shape, numbers)
        images = images_of(shape, 5, numbers)
        written.double()
        outputs, gradients = passed(written, images.double())
        found, weights = passed(compiled, images)
        torch.testing.assert_close(found.double(), outputs, atol=2e-5, rtol=2e-4)
        for right, found_there in zip(gradients, weights, strict=True):
            torch.testing.assert_close(found_there.double(), right, atol=2e-5, rtol=2e-3)
        for statistic, right in written.weights().items():
            torch.testing.assert_close(compiled.weights()[statistic].double(), right, atol=1e-6, rtol=1e-5)
        at_rest = written.eval()(images.double())
        torch.testing.assert_close(compiled.eval()(images).double(), at_rest, atol=2e-5, rtol=2e-4)


blocks_of_layers = st.sampled_from(
    [
        [Conv(16, 3, padding="same", activation="relu"), MaxPool(2)],
        [Conv(16, 3, padding="same", activation="relu"), MaxPool(2), Dropout(0.3)],
        [Conv(16, 3, padding="same", bias=False), MaxPool(2), BatchNorm(), Activate("relu")],
        [Conv(16, 3, padding="same"), BatchNorm(momentum=0.6), Activate("relu"), MaxPool(2), Dropout(0.5)],
        [Conv(16, 3, padding="same", activation="elu"), MaxPool(2), BatchNorm()],
        [Conv(16, 3, padding="same", activation="relu"), MaxPool(2, 1), Dropout(0.1)],
        [MaxPool(2), Activate("relu"), BatchNorm(), Activate("relu")],
    ]
)


def test_random_stacks() -> None:
    """Whole networks against torch in float64, layer by layer; windows that overlap stay as they are."""

    @seed(11)
    @settings(max_examples=60, database=None, deadline=None)
    @given(
        st.lists(blocks_of_layers, min_size=1, max_size=3), st.integers(8, 17), st.integers(8, 17), st.integers(0, 99)
    )
    def check(chosen: list[list[AnyLayer]], height: int, width: int, numbers: int) -> None:
        shape = (1, height, width)
        written = StackedNetwork([*(layer for block in chosen for layer in block), Flatten(), Classify()], shape, 3)
        written.draw_initial_weights(numbers)
        written.to(memory_format=torch.channels_last)
        compiled = copy.deepcopy(written)
        rewrite(compiled, "compiled")
        images = images_of(shape, 16, numbers)
        written.double()
        outputs, gradients = passed(written, images.double())
        found, weights = passed(compiled, images)
        assert float((found - outputs).norm() / outputs.norm()) < 1e-4
        right, given = (torch.cat([each.flatten().double() for each in of]) for of in (gradients, weights))
        assert float((given - right).norm() / right.norm()) < 1e-2  # nearly equal values of a window may change places

    check()


def test_without_a_convolution_in_the_kernel_every_bit_is_the_same() -> None:
    layers: list[AnyLayer] = [
        Conv(40, 3, padding="same"), Activate("relu"), MaxPool(2), Dropout(0.2),
        Conv(12, 3, padding="same", activation="relu"), MaxPool(3), Flatten(), Classify(),
    ]  # fmt: skip
    written, compiled = both(layers, (1, 15, 13), 5)
    images = images_of((1, 15, 13), 9, 5)
    outputs, gradients = passed(written, images)
    found, weights = passed(compiled, images)
    assert torch.equal(outputs, found)
    for right, found_there in zip(gradients, weights, strict=True):
        assert torch.equal(right, found_there)


def test_the_first_of_equal_values_gets_the_gradient_and_zeros_get_none() -> None:
    """Whole numbers make ties in most windows, and windows with nothing above zero; the edge belongs to no window."""
    layers: list[AnyLayer] = [Conv(16, 3, activation="relu"), MaxPool(2), Flatten(), Classify()]
    written, compiled = both(layers, (2, 11, 12), 1)
    for network in (written, compiled):
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for name, weight in network.named_parameters():
                if name.startswith("layers.0"):
                    weight.copy_(torch.randint(-1, 2, weight.shape, generator=generator))
    images = images_of((2, 11, 12), 6, 2).round()
    outputs, gradients = passed(written, images)
    found, weights = passed(compiled, images)
    torch.testing.assert_close(found, outputs)
    for right, found_there in zip(gradients, weights, strict=True):
        torch.testing.assert_close(found_there, right, atol=1e-6, rtol=1e-5)


def test_bfloat16_is_rounded_once_and_passes_the_same_gradients() -> None:
    """Against the same layers in float32 on the very bfloat16 values that the kernel reads."""
    from fittingroom.engine import blocks
    from fittingroom.engine.fused import _Pool

    of = blocks.Pooling(size=2, half=True)
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(6, 20, 7, 9, generator=generator).bfloat16().contiguous(memory_format=torch.channels_last)
    lots = torch.randint(-32768, 32768, (6 * 20 * 3 * 4,), generator=generator).to(torch.int16)
    values.requires_grad_()
    pooled = _Pool.apply(values, lots, 13107, of)
    outside = torch.randn(pooled.shape, generator=generator).bfloat16().contiguous(memory_format=torch.channels_last)
    pooled.backward(outside)
    wide = values.detach().float().requires_grad_()
    kept = (lots >= 13107 - 32768).view(6, 3, 4, 20).permute(0, 3, 1, 2) * (65536 / (65536 - 13107))
    right = F.relu(F.max_pool2d(wide, 2)) * kept
    right.backward(outside.float())
    assert pooled.dtype == torch.bfloat16
    assert torch.equal(pooled.float(), right.detach().bfloat16().float())
    assert torch.equal(values.grad.float(), wide.grad.bfloat16().float())


def test_bfloat16_networks_stay_near() -> None:
    layers: list[AnyLayer] = [
        Conv(16, 3, padding="same", activation="relu"), MaxPool(2), Dropout(0.1),
        Conv(16, 3, padding="same", activation="relu"), MaxPool(2), Flatten(), Classify(),
    ]  # fmt: skip
    written, compiled = both(layers, (1, 12, 12), 0)
    images = images_of((1, 12, 12), 32, 0)
    outputs, gradients = passed(written, images)
    found, weights = passed(compiled, images, half=True)
    assert float((found - outputs).norm() / outputs.norm()) < 0.02
    for right, found_there in zip(gradients, weights, strict=True):
        assert float((found_there - right).norm() / right.norm()) < 0.1


def test_what_is_not_a_number_stays_visible() -> None:
    layers: list[AnyLayer] = [Conv(16, 3, activation="relu"), MaxPool(2), Flatten(), Classify()]
    _, compiled = both(layers, (1, 8, 8), 0)
    images = images_of((1, 8, 8), 2, 0)
    images[1, 0, 3, 3] = -torch.nan  # all nine values of its neighbourhood, so some windows have it first, some last
    outputs = compiled.eval()(images)
    assert outputs[0].isfinite().all()
    assert outputs[1].isnan().any()


def test_normalization_far_from_zero_keeps_its_digits() -> None:
    """Values of 1,000 ± 0.01: squares in float32 would leave nothing of the spread."""
    from fittingroom.engine.fused_norm import FusedNorm

    norm = torch.nn.BatchNorm2d(4)
    values = 1000 + 0.01 * torch.randn(64, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    values = values.contiguous(memory_format=torch.channels_last)
    right = copy.deepcopy(norm).double()(values.double())
    found = FusedNorm(norm, relu=False)(values)
    assert (
        float((found - right).detach().abs().max()) < 0.02
    )  # 95,000 is taken off at last, which float32 holds to 0.008


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("shape", [(3, 1, 5, 7), (64, 20, 14, 14), (2, 1500, 1, 2)])
def test_normalization_and_its_gradient(shape: tuple[int, ...], half: bool) -> None:
    """Against torch in float64, of the very values that the kernel reads; several blocks, long rows, few pixels."""
    from fittingroom.engine.fused_norm import FusedNorm

    kind = torch.bfloat16 if half else torch.float32
    generator = torch.Generator().manual_seed(3)
    norm = torch.nn.BatchNorm2d(shape[1], momentum=0.4)
    with torch.no_grad():
        norm.weight.uniform_(-1, 2, generator=generator)
        norm.bias.uniform_(-1, 1, generator=generator)
    plain = copy.deepcopy(norm).double()
    values = torch.randn(shape, generator=generator).add(0.5).to(kind).contiguous(memory_format=torch.channels_last)
    outside = torch.randn(shape, generator=generator).to(kind).contiguous(memory_format=torch.channels_last)
    precise = values.double().requires_grad_()
    values.requires_grad_()
    right, found = F.relu(plain(precise)), FusedNorm(norm, relu=True)(values)
    right.backward(outside.double())
    found.backward(outside)
    close = {"atol": 0.04, "rtol": 0.01} if half else {"atol": 2e-5, "rtol": 1e-4}
    torch.testing.assert_close(found.double(), right, **close)
    torch.testing.assert_close(values.grad.double(), precise.grad, **close)
    sums = {"atol": 1e-3, "rtol": 1e-4}
    torch.testing.assert_close(norm.weight.grad.double(), plain.weight.grad, **sums)
    torch.testing.assert_close(norm.bias.grad.double(), plain.bias.grad, **sums)
    torch.testing.assert_close(norm.running_mean.double(), plain.running_mean, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(norm.running_var.double(), plain.running_var, atol=1e-6, rtol=1e-5)


def test_frozen_normalization_rests() -> None:
    layers: list[AnyLayer] = [Conv(16, 3, padding="same"), BatchNorm(), Activate("relu"), Flatten(), Classify()]
    _, compiled = both(layers, (1, 8, 8), 0)
    compiled.freeze_up_to("batch_norm_1")
    before = compiled.weights()["batch_norm_1.running_mean"].clone()
    passed(compiled, images_of((1, 8, 8), 4, 0))
    assert torch.equal(compiled.weights()["batch_norm_1.running_mean"], before)


def test_frozen_convolutions_get_no_gradient() -> None:
    layers: list[AnyLayer] = [Conv(16, 3, activation="relu"), MaxPool(2), Flatten(), Classify()]
    _, compiled = both(layers, (1, 8, 8), 0)
    compiled.freeze_up_to("conv_1")
    passed(compiled, images_of((1, 8, 8), 2, 0))
    convolution = compiled.layers[0]
    assert convolution.weight.grad is None
    assert compiled.layers[3].weight.grad is not None


THREADS = """
import hashlib, sys, torch
import fittingroom as fr
from fittingroom.engine.network import StackedNetwork
from fittingroom.engine.rewrites import rewrite
torch.set_num_threads(int(sys.argv[1]))
layers = [fr.Conv(16, 3, padding="same", activation="relu"), fr.MaxPool(2), fr.Dropout(0.2), fr.BatchNorm()]
layers += [fr.Activate("relu"), fr.Flatten()]
network = StackedNetwork([*layers, fr.Classify()], (1, 28, 28), 3)
network.draw_initial_weights(0)
network.to(memory_format=torch.channels_last)
rewrite(network, "compiled")
images = torch.rand(300, 1, 28, 28, generator=torch.Generator().manual_seed(0))
images = images.contiguous(memory_format=torch.channels_last)
step, norm = network.steps[:2]
network.train().at(1, 1, 1)
pooled = norm(step(images))
pooled.backward(torch.ones_like(pooled))
found = (pooled, step.convolution.weight.grad, norm.norm.weight.grad)
whole = b"".join(each.detach().contiguous().numpy().tobytes() for each in found)
print(hashlib.sha256(whole).hexdigest())
"""


def test_kernels_give_the_same_bits_with_any_number_of_threads() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", THREADS, threads], capture_output=True, text=True, check=True, timeout=120
        ).stdout
        for threads in ("1", "2", "3")
    }
    assert len(outputs) == 1


def test_without_openmp_threads_of_our_own_do_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    layers: list[AnyLayer] = [Conv(16, 3, activation="relu"), MaxPool(2), Flatten(), Classify()]
    _, compiled = both(layers, (1, 28, 28), 0)
    images = images_of((1, 28, 28), 300, 0)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        expected, gradients = passed(compiled, images)
        monkeypatch.setattr(kernels, "_openmp", lambda: None)
        found, weights = passed(compiled, images)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(expected, found)
    assert all(torch.equal(one, other) for one, other in zip(gradients, weights, strict=True))
