"""The shipped runs: they can run, count what the sources' networks count, and do what their comments say."""

from __future__ import annotations

import re

import pytest

from fittingroom.spec.augment import Mirror, Rotation, Shear, Shift
from fittingroom.spec.data import DataSpec
from fittingroom.spec.faults import faults, notes
from fittingroom.spec.layers import BatchNorm, Conv, Dense, Dropout, MaxPool
from fittingroom.spec.network import summarize
from fittingroom.spec.run import RunSpec, from_toml, load_run_spec, presets
from fittingroom.spec.train import Adadelta, Adam, Constant, EarlyStop, Exponential, Muon, OneCycle, Sgd
from tests.spec.conftest import FASHION_MNIST

ALL = [
    "b-augmented", "b-conv", "b-dense", "cnn", "cnn-bn", "cnn-bn-full", "linear", "mlp", "sprint-15s", "sprint-5m",
    "sprint-60s", "starter",
]  # fmt: skip


def comment(name: str) -> str:
    """The sentences at the top of a preset, on one line."""
    lines = presets()[name].splitlines()
    return " ".join(line.removeprefix("# ") for line in lines[: lines.index("format = 1")])


def filters(spec: RunSpec) -> list[int]:
    return [layer.filters for layer in spec.network if isinstance(layer, Conv)]


def test_these_are_the_presets() -> None:
    assert list(presets()) == ALL


@pytest.mark.parametrize("name", ALL)
def test_each_can_run_as_it_is(name: str) -> None:
    spec = load_run_spec(name)
    assert faults(spec, FASHION_MNIST) == []
    assert notes(spec, FASHION_MNIST) == []
    assert spec.name == name
    assert (spec.data.source, spec.data.validation, spec.format) == ("fashion-mnist", 5000, 1)


@pytest.mark.parametrize("name", ALL)
def test_each_says_what_it_is_and_survives_being_written(name: str) -> None:
    text = presets()[name]
    assert text.startswith("# ")
    assert all(len(line) <= 120 for line in text.splitlines())
    spec = load_run_spec(name)
    assert from_toml(spec.to_toml()) == spec


@pytest.mark.parametrize("name", [name for name in ALL if not name.startswith(("sprint", "starter"))])
def test_the_sources_networks_see_pixels_from_0_to_1_and_say_what_differs(name: str) -> None:
    assert load_run_spec(name).data == DataSpec("fashion-mnist", validation=5000, normalize="unit")
    assert "What differs" in comment(name)


def batch_normalized(a: int, b: int, c: int) -> int:
    """Parameters of source A's network with batch normalization, as Keras counts them: 4 for each channel of a norm."""
    convolutions = 9 * a + a + 9 * a * a + a + 9 * a * b + b + 9 * b * b + b + 9 * b * c + c + 9 * c * c + c
    norms = 4 * (1 + 2 * a + 2 * b + 2 * c + 30)
    return convolutions + norms + (7 * 7 * c + 1) * 30 + (30 + 1) * 10


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("linear", 784 * 10 + 10),
        ("mlp", 784 * 120 + 120 + 120 * 120 + 120 + 120 * 10 + 10),
        # three convolutions; the images are 28, 14, 7 and then 3 wide
        ("cnn", 9 * 32 + 32 + 2 * (9 * 32 * 32 + 32) + 3 * 3 * 32 * 30 + 30 + 30 * 10 + 10),
        ("cnn-bn-full", batch_normalized(196, 92, 48)),
        ("cnn-bn", batch_normalized(24, 12, 6)),
        ("b-conv", 4 * 16 + 16 + 2 * (4 * 16 * 16 + 16) + 3 * 3 * 16 * 10 + 10),
        ("b-dense", 784 * 512 + 512 + 512 * 128 + 128 + 128 * 10 + 10),
        (
            "b-augmented",
            # the images are 28, 14, 7 and then 3 wide
            (9 * 128 + 128)
            + (9 * 128 * 256 + 256)
            + (9 * 256 * 512 + 512)
            + (3 * 3 * 512 * 1024 + 1024)
            + 2 * (1024 * 1024 + 1024)
            + 1024 * 10
            + 10,
        ),
    ],
)
def test_counts_are_those_of_the_sources_networks(name: str, parameters: int) -> None:
    assert summarize(load_run_spec(name).network, (1, 28, 28), 10).parameters == parameters


def test_the_counts_in_figures() -> None:
    counts = {name: summarize(load_run_spec(name).network, (1, 28, 28), 10).parameters for name in ALL}
    assert (counts["linear"], counts["mlp"], counts["cnn"]) == (7_850, 109_930, 27_796)


def test_linear_is_what_its_comment_says() -> None:
    train = load_run_spec("linear").train
    assert "SGD 0.05 with momentum 0.95, batches of 1,024" in comment("linear")
    assert (train.optimizer, train.batch_size) == (Sgd(0.05, momentum=0.95), 1024)
    assert "the rate times 0.9875 at each epoch after the first 150" in comment("linear")
    assert train.schedule == Exponential(factor=0.9875, start_epoch=150)
    assert "300 epochs" in comment("linear")
    assert train.epochs == 300
    assert train.early_stop is not None


def test_mlp_is_what_its_comment_says() -> None:
    spec = load_run_spec("mlp")
    assert "two layers of 120 with relu and 20 % dropout" in comment("mlp")
    hidden = [layer for layer in spec.network if isinstance(layer, Dense)]
    assert [(layer.units, layer.activation) for layer in hidden] == [(120, "relu"), (120, "relu")]
    assert [layer.rate for layer in spec.network if isinstance(layer, Dropout)] == [0.2, 0.2]
    assert "batches of 1,024, pixels 0 to 1, 50 epochs, the rate times 0.98" in comment("mlp")
    assert (spec.train.batch_size, spec.train.epochs) == (1024, 50)
    assert spec.train.schedule == Exponential(factor=0.98, start_epoch=30)
    assert spec.train.optimizer == Sgd(0.05, momentum=0.95)
    assert "patience is 10" in comment("mlp")
    assert spec.train.early_stop == EarlyStop("validation_loss", 10)


def test_cnn_is_what_its_comment_says() -> None:
    spec = load_run_spec("cnn")
    assert "three blocks of 32 filters with 10 % dropout, then a layer of 30" in comment("cnn")
    assert filters(spec) == [32, 32, 32]
    assert [layer.rate for layer in spec.network if isinstance(layer, Dropout)] == [0.1, 0.1, 0.1]
    assert [layer.units for layer in spec.network if isinstance(layer, Dense)] == [30]
    assert "batches of 256, relu, early stopping on the validation loss with patience 10" in comment("cnn")
    assert spec.train.batch_size == 256
    assert spec.train.early_stop == EarlyStop("validation_loss", 10)
    assert "Adam at 0.001; at most 40 epochs" in comment("cnn")
    assert (spec.train.optimizer, spec.train.epochs) == (Adam(0.001), 40)


@pytest.mark.parametrize("name", ["cnn-bn", "cnn-bn-full"])
def test_the_batch_normalized_networks_are_one_network_in_two_widths(name: str) -> None:
    spec = load_run_spec(name)
    full = load_run_spec("cnn-bn-full")
    assert [layer.layer for layer in spec.network] == [layer.layer for layer in full.network]
    assert sum(isinstance(layer, BatchNorm) for layer in spec.network) == 8
    assert spec.augment == (Rotation(5), Shear(5))
    assert "rotation of 5 degrees, and shear, for which it names no angle: 5 degrees here" in comment(name)


def test_cnn_bn_full_is_what_its_comment_says() -> None:
    spec = load_run_spec("cnn-bn-full")
    assert filters(spec) == [196, 196, 92, 92, 48, 48]
    assert "196/92/48 filters" in comment("cnn-bn-full")
    assert "Adam at 0.02, batches of 256" in comment("cnn-bn-full")
    assert (spec.train.optimizer, spec.train.batch_size) == (Adam(0.02), 256)
    assert "up to 200 epochs, early stopping with patience 20" in comment("cnn-bn-full")
    assert (spec.train.epochs, spec.train.early_stop) == (200, EarlyStop("validation_loss", 20))
    assert "the learning rate is constant" in comment("cnn-bn-full")
    assert spec.train.schedule == Constant()
    assert "batch-norm momentum is 0.9" in comment("cnn-bn-full")
    assert {layer.momentum for layer in spec.network if isinstance(layer, BatchNorm)} == {0.9}


def test_cnn_bn_is_what_its_comment_says() -> None:
    spec = load_run_spec("cnn-bn")
    assert filters(spec) == [24, 24, 12, 12, 6, 6]
    assert "24/12/6 filters instead of 196/92/48" in comment("cnn-bn")
    assert "one-cycle with a peak of 0.005 for 10 epochs" in comment("cnn-bn")
    assert (spec.train.schedule, spec.train.optimizer, spec.train.epochs) == (OneCycle(), Adam(0.005), 10)


@pytest.mark.parametrize(
    ("name", "says", "seconds"),
    [
        ("sprint-15s", "for 15 seconds of training", 15),
        ("sprint-60s", "for a minute of training", 60),
        ("sprint-5m", "for five minutes of training", 300),
    ],
)
def test_sprints_are_what_their_comments_say(name: str, says: str, seconds: float) -> None:
    spec = load_run_spec(name)
    assert says in comment(name)
    assert spec.train.budget_seconds == seconds
    convolutions = [layer for layer in spec.network if isinstance(layer, Conv)]
    assert "A stem that sees 4×4 pixels and steps by 2" in comment(name)
    assert (convolutions[0].kernel, convolutions[0].stride) == (4, 2)
    assert "filters that begin by passing their inputs on, and Muon" in comment(name)
    assert {layer.initializer for layer in convolutions[1:]} == {"dirac"}
    assert isinstance(spec.train.optimizer, Muon)
    assert isinstance(spec.train.schedule, OneCycle), "it reaches its end whatever the machine gets done"
    assert all(width % 32 == 0 for width in filters(spec))
    assert not any(layer.bias for layer in convolutions), "batch normalization follows, which takes it away again"


@pytest.mark.parametrize("name", ["sprint-15s", "sprint-60s", "sprint-5m"])
def test_sprints_pool_before_they_normalize(name: str) -> None:
    layers = load_run_spec(name).network
    for place, layer in enumerate(layers):
        if isinstance(layer, MaxPool):
            assert isinstance(layers[place - 1], Conv)
            assert isinstance(layers[place + 1], BatchNorm)


@pytest.mark.parametrize("name", ["b-augmented", "b-conv", "b-dense"])
def test_the_second_sources_networks_are_trained_as_it_meant(name: str) -> None:
    train = load_run_spec(name).train
    assert re.search(r"Adadelta(?:, which it writes without a learning rate:)?(?: at)? 1\.0", comment(name))
    assert (train.optimizer, train.schedule, train.early_stop) == (Adadelta(1.0), Constant(), None)


def test_b_augmented_is_what_its_comment_says() -> None:
    spec = load_run_spec("b-augmented")
    assert "128, 256 and 512 filters, then three layers of 1,024 behind 70 % dropout" in comment("b-augmented")
    assert filters(spec) == [128, 256, 512]
    assert [layer.units for layer in spec.network if isinstance(layer, Dense)] == [1024] * 3
    assert [layer.rate for layer in spec.network if isinstance(layer, Dropout)] == [0.7] * 3
    assert "rotation 12, shear 7, shifts of 0.075 and mirrored images" in comment("b-augmented")
    assert set(spec.augment) == {
        Rotation(12, border="nearest"), Shear(7, border="nearest"), Shift(0.075, border="nearest"), Mirror(),
    }  # fmt: skip
