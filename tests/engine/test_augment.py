"""Augmentation against a slow reference (NumPy and SciPy, one image at a time), and its promises."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
import torch

from fittingroom.engine.augment import Means, augment, best_means
from fittingroom.engine.random import stream
from fittingroom.spec.augment import (
    AUGMENT_KINDS,
    Augment,
    Brightness,
    Contrast,
    Erasing,
    IntensityShift,
    Mirror,
    Noise,
    Rotation,
    Shear,
    Shift,
    UpsideDown,
    Warp,
    Zoom,
)

SEED, EPOCH, STEP = 7, 3, 11
SCIPY_MODE = {"zero": "grid-constant", "nearest": "nearest", "reflect": "reflect"}
ROUNDING = 1e-4
"""float32 places in an image of 30 pixels are exact to some 1e-5 pixels, and so are values between 0 and 1."""

every_border = pytest.mark.parametrize("border", ["zero", "nearest", "reflect"])
every_kind = pytest.mark.parametrize("kind", sorted(AUGMENT_KINDS))


@pytest.fixture(autouse=True, params=["torch", "compiled"])
def means(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Means:
    """Everything here holds whatever computes the pixels."""
    means: Means = request.param
    if means == "compiled" and best_means() != means:
        pytest.skip("needs Numba")
    by_default = augment
    monkeypatch.setitem(globals(), "augment", lambda *given, **moment: by_default(*given, means, **moment))
    return means


def random_images(n: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((n, *shape), dtype=np.float32))


def augmented(images: torch.Tensor, *operations: Augment) -> torch.Tensor:
    return augment(images, operations, seed=SEED, epoch=EPOCH, step=STEP)


def draws_for(kind: str, before: int = 0) -> np.random.Generator:
    return stream(SEED, f"augment/{kind}/{before}", EPOCH, STEP)


# The reference: docs/reference/augmentation.md in plain loops, forward maps in float64, inverted numerically.


def forward_maps(operation: Augment, draws: np.random.Generator, n: int, height: int, width: int) -> np.ndarray:
    """Where (x, y, 1) of each image goes to; x to the right, y down, from the centre."""
    maps = np.tile(np.eye(3), (n, 1, 1))
    match operation:
        case Rotation():
            for m, degrees in zip(maps, draws.uniform(-operation.degrees, operation.degrees, n), strict=True):
                c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
                m[:2, :2] = [[c, s], [-s, c]]
        case Shear():
            for m, degrees in zip(maps, draws.uniform(-operation.degrees, operation.degrees, n), strict=True):
                m[0, 1] = -math.tan(math.radians(degrees))
        case Shift():
            vertical = operation.fraction if operation.vertical is None else operation.vertical
            for m, (right, down) in zip(maps, draws.uniform(-1, 1, (n, 2)), strict=True):
                m[:2, 2] = right * operation.fraction * width, down * vertical * height
        case Zoom():
            bound = math.log(1 + operation.fraction)
            for m, size in zip(maps, draws.uniform(-bound, bound, n), strict=True):
                m[0, 0] = m[1, 1] = math.exp(size)
        case Mirror():
            maps[draws.random(n) < operation.probability, 0, 0] = -1
        case UpsideDown():
            maps[draws.random(n) < operation.probability, 1, 1] = -1
    return maps


def reference(images: torch.Tensor, *operations: Augment) -> np.ndarray:
    """Geometric operations as one movement, with the border of its warps."""
    border = next(operation.border for operation in operations if isinstance(operation, Warp))
    n, channels, height, width = images.shape
    before: Counter[str] = Counter()
    whole = np.tile(np.eye(3), (n, 1, 1))
    for operation in operations:
        draws = stream(SEED, f"augment/{operation.kind}/{before[operation.kind]}", EPOCH, STEP)
        before[operation.kind] += 1
        whole = forward_maps(operation, draws, n, height, width) @ whole
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    out = np.empty(images.shape)
    for i in range(n):
        back = np.linalg.inv(whole[i])
        linear, offset = back[1::-1, 1::-1], back[1::-1, 2]  # SciPy counts rows first
        for channel in range(channels):
            out[i, channel] = scipy.ndimage.affine_transform(
                images[i, channel].numpy().astype(np.float64),
                linear,
                offset=centre + offset - linear @ centre,
                order=1,
                mode=SCIPY_MODE[border],
                cval=0,
            )
    return out


@every_border
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 17, 24), (2, 5, 4), (1, 1, 7)])
@pytest.mark.parametrize("kind", ["rotation", "shear", "shift", "zoom"])
def test_each_warp_at_full_strength_equals_the_reference(kind: str, shape: tuple[int, ...], border: str) -> None:
    strongest = {"rotation": 180, "shear": 60, "shift": 1, "zoom": 4}[kind]
    operation = AUGMENT_KINDS[kind](strongest, border=border)
    images = random_images(24, *shape)
    np.testing.assert_allclose(augmented(images, operation), reference(images, operation), atol=ROUNDING)


@every_border
@pytest.mark.parametrize("turned_round", [False, True])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 15, 22)])
def test_neighbours_are_one_movement_in_the_order_of_the_list(
    shape: tuple[int, ...], turned_round: bool, border: str
) -> None:
    warps = [
        Rotation(40, border=border),
        Shift(0.3, vertical=0.1, border=border),
        UpsideDown(),
        Zoom(0.5, border=border),
        Mirror(0.7),
        Shear(30, border=border),
        Rotation(20, border=border),
    ]
    operations = warps[::-1] if turned_round else warps
    images = random_images(24, *shape)
    np.testing.assert_allclose(augmented(images, *operations), reference(images, *operations), atol=ROUNDING)


def test_another_border_starts_a_new_movement() -> None:
    images = random_images(16, 1, 20, 20)
    first = [Mirror(), Shift(0.4, border="nearest"), UpsideDown()]
    between = torch.from_numpy(reference(images, *first)).float()
    expected = reference(between, Rotation(60, border="zero"))
    np.testing.assert_allclose(augmented(images, *first, Rotation(60, border="zero")), expected, atol=ROUNDING)


def test_an_operation_on_values_starts_a_new_movement() -> None:
    images = random_images(16, 2, 20, 20) * 0.4 + 0.3
    first, second, between = Shift(0.4, border="nearest"), Rotation(60, border="nearest"), Contrast(0.5)
    moved = torch.from_numpy(reference(images, first)).float()
    expected = reference(augmented(moved, between), second)
    np.testing.assert_allclose(augmented(images, first, between, second), expected, atol=ROUNDING)
    assert np.abs(augmented(images, first, second, between).numpy() - expected).max() > 0.01


def test_values_equal_the_reference() -> None:
    images = random_images(32, 3, 9, 13) * 0.5 + 0.25
    brightness, contrast, shift, noise = Brightness(0.3), Contrast(0.4), IntensityShift(0.2), Noise(0.1)
    expected = images.numpy().astype(np.float64)
    factors = draws_for("brightness").uniform(0.7, 1.3, 32)
    expected = np.stack([image * factor for image, factor in zip(expected, factors, strict=True)])
    factors = draws_for("contrast").uniform(0.6, 1.4, 32)
    expected = np.stack([i.mean() + (i - i.mean()) * factor for i, factor in zip(expected, factors, strict=True)])
    added = draws_for("intensity_shift").uniform(-0.2, 0.2, 32)
    expected = np.stack([image + number for image, number in zip(expected, added, strict=True)])
    expected += 0.1 * draws_for("noise").standard_normal(expected.shape, dtype=np.float32)
    assert expected.min() < 0
    assert expected.max() > 1
    actual = augmented(images, brightness, contrast, shift, noise)
    np.testing.assert_allclose(actual, expected.clip(0, 1), atol=1e-6)
    turned_round = augmented(images, noise, shift, contrast, brightness)
    assert np.abs(turned_round.numpy() - expected.clip(0, 1)).max() > 0.01, "the order of the list counts"


def test_erasing_equals_the_reference() -> None:
    images = random_images(200, 2, 21, 33)
    expected = images.numpy().copy()
    draws = draws_for("erasing").random((200, 5))
    for image, (hit, area, aspect, top, left) in zip(expected, draws, strict=True):
        if hit >= 0.6:
            continue
        proportion = 3 ** (2 * aspect - 1)
        high = int(min(math.sqrt(0.3 * area * proportion), 1) * 21)
        wide = int(min(math.sqrt(0.3 * area / proportion), 1) * 33)
        y, x = int(top * (21 - high + 1)), int(left * (33 - wide + 1))
        image[:, y : y + high, x : x + wide] = 0
    np.testing.assert_array_equal(augmented(images, Erasing(0.6, area=0.3)), expected)


# What is promised of every operation.


@every_kind
def test_identity_changes_nothing_bit_for_bit(kind: str) -> None:
    images = random_images(8, 3, 11, 14)
    before = images.clone()
    result = augmented(images, AUGMENT_KINDS[kind].identity())
    assert torch.equal(result, before)
    assert result.data_ptr() != images.data_ptr()


def test_no_operations_and_no_images_are_fine() -> None:
    images = random_images(4, 1, 6, 6)
    assert torch.equal(augmented(images), images)
    every = [operation() for operation in AUGMENT_KINDS.values()]
    assert augmented(images[:0], *every).shape == (0, 1, 6, 6)


@pytest.mark.parametrize("operations", [[Mirror()], [UpsideDown()], [Mirror(), UpsideDown()]], ids=str)
def test_flips_alone_move_whole_pixels(operations: list[Augment]) -> None:
    images = random_images(400, 2, 7, 10)
    axes = [3 if isinstance(operation, Mirror) else 2 for operation in operations]
    candidates = [images] + [images.flip(axis) for axis in axes] + [images.flip(axes)] * (len(axes) > 1)
    result = augmented(images, *operations)
    matches = torch.stack([(result == candidate).flatten(1).all(dim=1) for candidate in candidates])
    assert (matches.sum(dim=0) == 1).all()
    for share in matches.float().mean(dim=1):
        assert abs(share - 1 / len(candidates)) < 4 * math.sqrt(0.25 / 400)


@every_kind
def test_parameters_are_drawn_for_each_image(kind: str) -> None:
    images = random_images(1, 1, 16, 16).expand(64, 1, 16, 16)
    result = augmented(images, AUGMENT_KINDS[kind]())
    different = len({image.numpy().tobytes() for image in result})
    if kind in {"mirror", "upside_down"}:
        assert different == 2
    elif kind == "erasing":
        assert different > 15  # half of the images stay, and some rectangles are smaller than a pixel
    else:
        assert different == 64


@every_kind
def test_input_stays_and_memory_format_is_kept(kind: str) -> None:
    images = random_images(6, 3, 10, 12)
    before = images.clone()
    plain = augmented(images, AUGMENT_KINDS[kind]())
    assert torch.equal(images, before)
    assert plain.is_contiguous()
    last = augmented(images.contiguous(memory_format=torch.channels_last), AUGMENT_KINDS[kind]())
    assert last.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(last, plain)
    grey = torch.empty_strided((6, 1, 10, 12), (120, 1, 12, 1)).copy_(images[:, :1])  # channels last, one channel
    assert augmented(grey, AUGMENT_KINDS[kind]()).stride() == (120, 1, 12, 1)


def test_values_stay_between_zero_and_one() -> None:
    images = (random_images(64, 3, 12, 12) > 0.5).float()
    strong = [Contrast(1), Brightness(1), IntensityShift(1), Noise(1), Zoom(1, border="reflect")]
    result = augmented(images, *strong)
    assert result.min() == 0
    assert result.max() == 1
    assert not result.isnan().any()


@every_kind
def test_draws_depend_on_seed_epoch_and_step(kind: str) -> None:
    images, operations = random_images(16, 1, 16, 16), [AUGMENT_KINDS[kind]()]
    results = {
        augment(images, operations, seed=seed, epoch=epoch, step=step).numpy().tobytes()
        for seed, epoch, step in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 1, 0)]
    }
    assert len(results) == 6


@every_kind
def test_draws_do_not_depend_on_the_size_of_the_batch(kind: str) -> None:
    images, operation = random_images(40, 1, 12, 12), AUGMENT_KINDS[kind]()
    torch.testing.assert_close(augmented(images, operation)[:10], augmented(images[:10], operation))


def test_draws_do_not_depend_on_other_operations() -> None:
    flat = torch.full((32, 1, 6, 6), 0.5)
    alone = augmented(flat, Brightness())
    assert torch.equal(augmented(flat, Mirror(), UpsideDown(), Noise.identity(), Brightness()), alone)
    second = draws_for("brightness", 1).uniform(0.8, 1.2, 32)
    np.testing.assert_allclose(
        augmented(flat, Brightness.identity(), Brightness())[:, 0, 0, 0], 0.5 * second, rtol=1e-6
    )


PROGRAM = """
import hashlib, numpy, sys, torch
from fittingroom.engine.augment import augment
from fittingroom.spec.augment import AUGMENT_KINDS
images = torch.from_numpy(numpy.random.default_rng(0).random((64, 3, 28, 28), dtype=numpy.float32))
every = [operation() for operation in AUGMENT_KINDS.values()]
varied = augment(images, every, sys.argv[1], seed=7, epoch=3, step=11)
print(hashlib.sha256(varied.numpy().tobytes()).hexdigest())
"""


def test_another_process_gives_the_same_bits(means: Means) -> None:
    command, environment = [sys.executable, "-c", PROGRAM, means], dict(os.environ)
    if means == "compiled":  # with the machine code that this process has kept
        import numba

        environment["FITTINGROOM_CACHE"] = str(Path(numba.config.CACHE_DIR).parent)
    other = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env=environment)
    here = augmented(random_images(64, 3, 28, 28), *(operation() for operation in AUGMENT_KINDS.values()))
    assert other.stdout.strip() == hashlib.sha256(here.numpy().tobytes()).hexdigest()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_same_images() -> None:
    images = random_images(32, 3, 28, 28)
    every = [operation() for operation in AUGMENT_KINDS.values()]
    on_gpu = augmented(images.cuda(), *every)
    assert on_gpu.is_cuda
    torch.testing.assert_close(on_gpu.cpu(), augmented(images, *every), atol=ROUNDING, rtol=0)
