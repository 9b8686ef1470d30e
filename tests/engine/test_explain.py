"""Looking inside a network, against torch's own layers with hooks and against convolution by SciPy."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch import nn

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.engine import explain, looking
from fittingroom.engine.classifier import Classifier, Preprocessing
from fittingroom.engine.desk import Desk
from fittingroom.engine.network import StackedNetwork
from fittingroom.errors import InvalidInput, NotFound
from fittingroom.queue.wire import Message
from fittingroom.spec.layers import AnyLayer, Shape
from fittingroom.workspace import Workspace

MEAN, SPREAD = 0.3, 0.25
LAYERS = (
    fr.Conv(6, 3, padding="same", activation="relu", name="edges"),
    fr.BatchNorm(),
    fr.MaxPool(2),
    fr.Conv(4, 3),
    fr.Activate("tanh"),
    fr.Flatten(),
    fr.Dropout(0.5),
    fr.Dense(7, activation="elu"),
    fr.Classify(),
)


def classifier(*layers: AnyLayer, shape: Shape = (1, 12, 12), seed: int = 4) -> Classifier:
    """Untrained, with running statistics that are not what they start as."""
    network = StackedNetwork(layers, shape, 3)
    network.draw_initial_weights(seed)
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.weights().items():
        if "running_var" in name:
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
        elif "running_mean" in name or "bias" in name:
            tensor.data.copy_(torch.randn(tensor.shape, generator=generator) / 4)
    channels = shape[0]
    told = Preprocessing(shape, ("a", "b", "c"), (MEAN,) * channels, (SPREAD,) * channels, 0.0)
    return Classifier(network.eval(), told, epoch=1)


def picture(shape: Shape = (1, 12, 12), seed: int = 2) -> np.ndarray:
    channels, height, width = shape
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def by_hand(trained: Classifier) -> nn.Sequential:
    """The network of ``LAYERS`` from torch's own layers, with its weights copied in; flattened channel first."""
    weights = {name: tensor.detach().clone() for name, tensor in trained.network.weights().items()}
    dense = weights["dense_1.weight"]
    weights["dense_1.weight"] = dense.reshape(7, 4, 4, 4).permute(0, 3, 1, 2).reshape(7, 64)
    layers = OrderedDict(
        edges=nn.Conv2d(1, 6, 3, padding=1), edges_relu=nn.ReLU(), batch_norm_1=nn.BatchNorm2d(6, eps=1e-3),
        max_pool_1=nn.MaxPool2d(2), conv_1=nn.Conv2d(6, 4, 3), activation_1=nn.Tanh(), flatten_1=nn.Flatten(),
        dropout_1=nn.Dropout(0.5), dense_1=nn.Linear(64, 7), dense_1_elu=nn.ELU(), classify_1=nn.Linear(7, 3),
    )  # fmt: skip
    network = nn.Sequential(layers)
    network.load_state_dict(weights | {"batch_norm_1.num_batches_tracked": torch.tensor(0)})
    return network.eval()


def test_every_layer_gives_what_torchs_own_layers_give() -> None:
    trained, image = classifier(*LAYERS), picture()
    network, seen = by_hand(trained), {}
    for name, module in network.named_children():
        module.register_forward_hook(lambda _, __, output, name=name: seen.update({name: output[0].numpy()}))
    with torch.inference_mode():
        normalized = (torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None] - MEAN) / SPREAD
        logits = network(normalized)
    seen |= {"edges": seen["edges_relu"], "dense_1": seen["dense_1_elu"]}
    look = explain.look(trained, image)
    assert list(look.outputs) == [layer.name for layer in trained.network.specs]
    assert {*look.outputs} < {*seen}
    for name, values in look.outputs.items():
        expected = seen[name]
        if name in {"flatten_1", "dropout_1"}:  # ours: height, width, channel
            expected = expected.reshape(4, 4, 4).transpose(1, 2, 0).ravel()
        np.testing.assert_allclose(values, expected, atol=2e-6, err_msg=name)
    np.testing.assert_allclose(look.probabilities_K, logits.softmax(1)[0], atol=1e-6)


def test_a_layer_behind_the_dropout_is_told_without_dropout() -> None:
    look = explain.look(classifier(*LAYERS), picture())
    np.testing.assert_array_equal(look.outputs["dropout_1"], look.outputs["flatten_1"])


@pytest.mark.parametrize("channels", [1, 3])
def test_the_first_filters_make_the_first_channels(channels: int) -> None:
    shape = (channels, 12, 12)
    trained, image = classifier(fr.Conv(5, 3), fr.Flatten(), fr.Classify(), shape=shape), picture(shape)
    found = explain.first_filters(trained.network)
    assert found is not None
    assert (found.layer, found.are_outputs, found.weights_FHWC.shape) == ("conv_1", True, (5, 3, 3, channels))
    normalized = (image / 255 - MEAN) / SPREAD
    bias = trained.network.weights()["conv_1.bias"].numpy()
    made = explain.look(trained, image).outputs["conv_1"]
    for number, filter_HWC in enumerate(found.weights_FHWC):
        expected = sum(correlate2d(normalized[..., c], filter_HWC[..., c], "valid") for c in range(channels))
        np.testing.assert_allclose(made[number], expected + bias[number], atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_weights_of_a_unit_stand_where_they_meet_the_picture(channels: int) -> None:
    shape = (channels, 6, 9)
    trained, image = classifier(fr.Flatten(), fr.Classify(), shape=shape), picture(shape)
    found = explain.first_filters(trained.network)
    assert found is not None
    assert (found.layer, found.weights_FHWC.shape) == ("classify_1", (3, 6, 9, channels))
    sums = (found.weights_FHWC * ((image / 255 - MEAN) / SPREAD)).sum(axis=(1, 2, 3))
    expected = explain.look(trained, image).outputs["classify_1"]
    np.testing.assert_allclose(sums + trained.network.weights()["classify_1.bias"].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([fr.DepthwiseConv(3, depth_multiplier=2), fr.Flatten()], ("depthwise_conv_1", (2, 3, 3, 1), True)),
        ([fr.SeparableConv(5, 3), fr.Flatten()], ("separable_conv_1", (1, 3, 3, 1), False)),
        ([fr.Residual(4), fr.Flatten()], ("residual_1", (4, 3, 3, 1), False)),
        ([fr.MaxPool(2), fr.Dropout(0.1), fr.Flatten(), fr.Dense(2)], ("dense_1", (2, 6, 6, 1), True)),
        ([fr.GlobalPool(), fr.Dense(2)], None),
    ],
    ids=lambda value: value[0].layer if isinstance(value, list) else "",
)  # fmt: skip
def test_which_weights_come_first(layers: list[AnyLayer], expected: tuple[str, Shape, bool] | None) -> None:
    found = explain.first_filters(classifier(*layers, fr.Classify()).network)
    assert (found and (found.layer, found.weights_FHWC.shape, found.are_outputs)) == expected


def test_the_figures_of_a_channel() -> None:
    values = np.array([[[0, 0], [3, -1]], [[2, 2], [2, 2]]], np.float32)
    np.testing.assert_array_equal(explain.figures_of(values), [[-1, 3, 0.5, 0.5], [2, 2, 2, 0]])
    np.testing.assert_array_equal(explain.figures_of(np.array([0, 7], np.float32)), [[0, 0, 0, 1], [7, 7, 7, 0]])


def finished(steps: Generator[Any, None, Any]) -> tuple[list[tuple[int, int]], Any]:
    """All that long work yields, and what it comes to."""
    told = []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            return told, end.value


def test_a_channel_that_is_made_dead_by_hand_never_leaves_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = classifier(fr.Conv(4, 3, activation="relu"), fr.MaxPool(2), fr.BatchNorm(), fr.Flatten(), fr.Classify())
    weights = trained.network.weights()
    weights["conv_1.weight"].data[2] = 0
    weights["conv_1.bias"].data[2] = -1
    images = np.stack([picture(seed=seed) for seed in range(30)])
    chosen = np.array([3, 1, 4, 15, 9, 2, 6])
    monkeypatch.setattr(explain, "STEP_IMAGES", 3)
    told, found = finished(explain.ranges(trained, chosen, images))
    assert told == [(3, 7), (6, 7), (7, 7)]
    constant = {name: np.flatnonzero(low == high).tolist() for name, (low, high) in found.items()}
    assert {name: constant[name] for name in ("conv_1", "max_pool_1", "batch_norm_1", "classify_1")} == {
        "conv_1": [2], "max_pool_1": [2], "batch_norm_1": [2], "classify_1": [],
    }  # fmt: skip
    assert found["conv_1"][:, 2].tolist() == [0, 0]
    assert found["batch_norm_1"][0, 2] != 0
    alone = np.stack([explain.look(trained, images[index]).outputs["conv_1"] for index in chosen])
    np.testing.assert_allclose(found["conv_1"], [alone.min((0, 2, 3)), alone.max((0, 2, 3))], atol=1e-6)


@pytest.fixture
def desk(own_workspace: Workspace, stripes: Callable[..., Dataset]) -> Generator[Desk, None, None]:
    fr.fit(fr.Network([fr.Conv(3, 3), fr.Flatten(), fr.Classify()]), stripes(), epochs=1, name="small")
    with Desk.open(own_workspace) as desk:
        yield desk


def test_maps_are_given_a_part_at_a_time_and_reduced_by_means(desk: Desk, stripes: Callable[..., Dataset]) -> None:
    image = stripes().images[5]
    whole = explain.look(desk.classifier("small-1"), image).outputs["conv_1"]
    asked = {"run": "small-1", "layer": "conv_1", "first": 1, "count": 5}
    answer = looking.maps(desk, Message({**asked, "side": 6}, {"picture_HWC": image}))
    np.testing.assert_array_equal(answer.arrays["maps_CHW"], whole[1:])
    assert answer.words["largest"] == pytest.approx(np.abs(whole).max())
    reduced = looking.maps(desk, Message({**asked, "side": 3}, {"picture_HWC": image})).arrays["maps_CHW"]
    np.testing.assert_allclose(reduced, whole[1:].reshape(2, 3, 2, 3, 2).mean((2, 4)), atol=1e-6)
    with pytest.raises(NotFound, match=r'no layer "conv_9"; its layers are conv_1, flatten_1, classify_1'):
        looking.maps(desk, Message({**asked, "layer": "conv_9", "side": 6}, {"picture_HWC": image}))


def test_a_picture_of_another_form_is_fitted_and_that_is_told(desk: Desk) -> None:
    colours = np.zeros((20, 16, 3), np.uint8)
    colours[5:15, 4:12] = (250, 120, 20)
    answer = looking.inside(desk, Message({"run": "small-1"}, {"picture_HWC": colours}))
    assert answer.arrays["image_HWC"].shape == (8, 8, 1)
    assert [step.partition(" ")[0] for step in answer.words["steps"]] == ["colours", "resized"]


def test_an_image_file_is_inverted_as_for_a_prediction_but_a_drawing_is_taken_as_it_is() -> None:
    trained, bright = classifier(fr.Flatten(), fr.Classify()), np.full((12, 12, 1), 250, np.uint8)
    as_file, as_drawn = (explain.look(trained, bright, exact=exact).image for exact in (False, True))
    assert as_file.steps == ("inverted (bright background → dark)",)
    assert (as_file.pixels_HWC == 5).all()
    assert as_drawn.steps == ()
    assert (as_drawn.pixels_HWC == 250).all()


def test_channels_are_not_measured_with_weights_that_the_page_does_not_show(desk: Desk) -> None:
    asked = Message({"run": "small-1", "sha256": "of older weights"}, {"images_N": np.arange(5)})
    with pytest.raises(InvalidInput, match="newer weights than those on this page"):
        finished(looking.channel_ranges(desk, asked))


def test_memory_for_pictures_that_were_looked_at_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    trained, made = classifier(fr.Flatten(), fr.Classify()), []
    size = explain.look(trained, picture()).nbytes
    monkeypatch.setattr(looking, "REMEMBERED", 2 * size)
    looks = looking.Looks()
    for seed in (1, 2, 1, 3, 1, 2):
        looks.find(
            ("weights", str(seed)), lambda seed=seed: made.append(seed) or explain.look(trained, picture(seed=seed))
        )
    assert made == [1, 2, 3, 2]
