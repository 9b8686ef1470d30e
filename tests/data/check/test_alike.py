"""Every pair that is alike is found: against all correlations, computed the long way."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fittingroom.data.check import alike
from fittingroom.data.check.alike import alike_pairs
from fittingroom.data.check.parts import copy_groups


def images_in_families(n: int, shape: tuple[int, int, int], seed: int) -> NDArray[np.uint8]:
    """Smooth random images, a third of them variants of another one: more or less noise, light, contrast."""
    generator = np.random.default_rng(seed)
    height, width, channels = shape
    coarse = generator.uniform(20, 200, (n, 4, 4, channels))
    images = coarse.repeat(-(-height // 4), axis=1).repeat(-(-width // 4), axis=2)[:, :height, :width]
    images += generator.normal(0, 6, images.shape)
    for image in generator.choice(n, n // 3, replace=False):
        images[image] = images[generator.integers(n)] * generator.uniform(0.7, 1.1) + generator.uniform(-10, 10)
        images[image] += generator.normal(0, generator.uniform(0, 8), shape)
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)


def all_pairs(images: NDArray[np.uint8], chosen: NDArray[np.int64], least: float) -> set[tuple[int, int]]:
    """By NumPy's own correlations."""
    table = np.corrcoef(images[chosen].reshape(len(chosen), -1))
    one, other = np.nonzero(np.triu(table >= least, k=1))
    return set(zip(chosen[one].tolist(), chosen[other].tolist(), strict=True))


@pytest.mark.parametrize(
    ("n", "shape"), [(300, (12, 12, 1)), (150, (45, 70, 3)), (40, (33, 5, 1))], ids=["small", "large", "narrow"]
)
@pytest.mark.parametrize("least", [0.995, 0.9])
def test_no_pair_is_missed_and_none_invented(
    n: int, shape: tuple[int, int, int], least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alike, "TILE", 32)
    monkeypatch.setattr(alike, "BLOCK", 1 << 14)
    monkeypatch.setattr(alike, "SAMPLE", 24)
    monkeypatch.setattr(alike, "KEPT", 8)
    images = images_in_families(n, shape, seed=n)
    chosen = np.flatnonzero(np.arange(n) % 7 != 3)
    found = alike_pairs(images, chosen, least=least)
    wanted = all_pairs(images, chosen, least)
    assert len(wanted) >= 5
    assert {tuple(pair) for pair in found.pairs.tolist()} == wanted
    assert (np.diff(found.correlations) <= 0).all()
    assert found.compared == len(chosen)
    assert found.complete


def test_images_without_contrast_are_like_nothing() -> None:
    images = images_in_families(30, (8, 8, 1), seed=0)
    images[[3, 4, 5]] = 90
    found = alike_pairs(images, np.arange(30), least=-1.0)
    assert found.compared == 27
    assert not np.isin(found.pairs, [3, 4, 5]).any()


def test_a_sample_without_contrast_hides_no_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "SAMPLE", 2)
    images = images_in_families(30, (8, 8, 1), seed=0)
    images[[0, 29]] = 90
    images[20] = images[10] // 2
    assert (10, 20) in {tuple(pair) for pair in alike_pairs(images, np.arange(30)).pairs.tolist()}


def test_a_search_that_finds_too_many_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "MOST", 10)
    images = np.tile(images_in_families(1, (8, 8, 1), seed=0), (20, 1, 1, 1))
    found = alike_pairs(images, np.arange(20))
    assert len(found.pairs) == 10
    assert not found.complete


def test_no_images_and_one_image_have_no_pairs() -> None:
    images = images_in_families(3, (8, 8, 1), seed=0)
    for chosen in ([], [1]):
        assert not len(alike_pairs(images, np.array(chosen, np.int64)).pairs)


def test_groups_of_copies_are_named_by_their_first_image() -> None:
    hashes = np.array([[1, 2], [3, 4], [1, 2], [1, 3], [3, 4], [1, 2]], np.uint64)
    assert copy_groups(hashes).tolist() == [0, 1, 0, 3, 1, 0]
