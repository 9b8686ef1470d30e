"""The network as one value: names that stay, shapes and counts at every edge, and all its faults at once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings, strategies as st

from fittingroom.spec.layers import (
    Activate,
    AnyLayer,
    BatchNorm,
    Classify,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalPool,
    MaxPool,
)
from fittingroom.spec.network import Network, named, summarize

GREY: tuple[int, ...] = (1, 28, 28)
SOURCE_B = [Conv(16, 2, padding="same"), Activate("relu"), MaxPool(2)]


def names(layers: Sequence[AnyLayer]) -> list[str | None]:
    return [layer.name for layer in layers]


def told(layers: Sequence[AnyLayer], classes: int = 10) -> list[str]:
    return [str(fault) for fault in summarize(layers, GREY, classes).faults]


def test_layers_are_named_by_kind_and_number() -> None:
    layers = [Conv(8), MaxPool(), Conv(8), MaxPool(), Flatten(), Classify()]
    assert names(named(layers)) == ["conv_1", "max_pool_1", "conv_2", "max_pool_2", "flatten_1", "classify_1"]


def test_numbers_go_past_the_names_already_given() -> None:
    assert names(named([Conv(8), Conv(8, name="conv_1"), Conv(8, name="eyes"), Conv(8)])) == [
        "conv_2",
        "conv_1",
        "eyes",
        "conv_3",
    ]
    assert names(named([Dense(8, name="conv_1"), Conv(8)])) == ["conv_1", "conv_2"]


def test_inserting_a_layer_renames_no_other() -> None:
    before = Network([Conv(8), Conv(16), Flatten(), Classify()]).layers
    after = Network([Conv(4), *before[:1], Conv(4), *before[1:]]).layers
    assert names(after) == ["conv_3", "conv_1", "conv_4", "conv_2", "flatten_1", "classify_1"]
    assert [layer for layer in after if layer in before] == list(before)


stacks = st.lists(
    st.builds(Conv, st.just(8), name=st.none() | st.sampled_from(["conv_1", "conv_2", "dense_1", "eyes"]))
    | st.builds(Dense, st.just(8), name=st.none() | st.sampled_from(["dense_2", "conv_3"])),
    max_size=8,
)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(stacks)
def test_naming_gives_every_layer_a_free_name_and_touches_no_other(stack: list[AnyLayer]) -> None:
    result = named(stack)
    given = [layer.name for layer in stack if layer.name is not None]
    made = [new.name for old, new in zip(stack, result, strict=True) if old.name is None]
    assert all(made)
    assert len({*made, *given}) == len(made) + len(set(given))
    assert all(new == old for old, new in zip(stack, result, strict=True) if old.name is not None)
    assert named(result) == result


def test_source_b_counts() -> None:
    """B's networks of one, two and three blocks (conv 16, kernel 2, same; relu; max pool 2), by hand.

    80 for the first convolution, 4·16·16 + 16 = 1,040 for each further one; the images are 14, 7 and 3 wide.
    """
    counts = [summarize([*SOURCE_B * blocks, Flatten(), Classify()], GREY, 10).parameters for blocks in (1, 2, 3)]
    assert counts == [
        80 + (16 * 14 * 14 + 1) * 10,
        80 + 1040 + (16 * 7 * 7 + 1) * 10,
        80 + 1040 + 1040 + (16 * 3 * 3 + 1) * 10,
    ]
    assert counts == [31_450, 8_970, 3_610]


def test_summary_tells_shapes_and_counts_at_every_edge() -> None:
    summary = Network([Conv(8), BatchNorm(), GlobalPool(), Dropout(0.5), Classify()]).summary(GREY, 4)
    assert [(row.name, row.input_shape, row.output_shape, row.parameters) for row in summary.layers] == [
        ("conv_1", (1, 28, 28), (8, 26, 26), 80),
        ("batch_norm_1", (8, 26, 26), (8, 26, 26), 32),
        ("global_pool_1", (8, 26, 26), (8,), 0),
        ("dropout_1", (8,), (8,), 0),
        ("classify_1", (8,), (4,), 36),
    ]
    assert (summary.parameters, summary.trainable_parameters) == (148, 132)
    assert summary.faults == ()
    assert summary.layers[-1].layer == Classify(classes=4, name="classify_1")


def test_a_dense_layer_on_an_image_in_the_words_of_the_contract() -> None:
    layers = [Conv(32, padding="same"), MaxPool(4), Dropout(0.1), Dense(30), Classify()]
    assert told(layers) == [
        "network[3]: layer 4, dense: needs a flat input but gets 32×7×7; insert flatten before it",
    ]


def test_faults_after_a_misplaced_dense_layer_are_found_too() -> None:
    assert told([Dense(30), Conv(8), Classify(classes=3), Flatten()]) == [
        "network[2]: layer 3, classify: stands before the end; move it to the end, or remove it",
        "network[2].classes: layer 3, classify: has 3 classes but the data has 10; leave classes out, or set it to 10",
        "network: ends with flatten, not with classify; add classify at the end",
        "network[0]: layer 1, dense: needs a flat input but gets 1×28×28; insert flatten before it",
        "network[1]: layer 2, conv: needs an image (channels×height×width) but gets a flat vector of 30; "
        "move it before the flatten or global_pool layer, or remove it",
    ]


def test_rows_end_where_shapes_are_no_longer_known() -> None:
    summary = summarize([Conv(8), Dense(30), Classify()], GREY, 10)
    assert names([row.layer for row in summary.layers]) == ["conv_1"]
    assert summary.parameters == 80
    assert [fault.path for fault in summary.faults] == ["network[1]"]
    summary = summarize([MaxPool(16), MaxPool(16), Conv(8), Flatten(), Classify()], GREY, 10)
    assert names([row.layer for row in summary.layers]) == ["max_pool_1"]
    assert len(summary.faults) == 1


def test_an_empty_network_has_one_fault() -> None:
    summary = Network([]).summary(GREY, 10)
    assert [str(fault) for fault in summary.faults] == ["network: has no layers; add at least flatten and classify"]
    assert (summary.layers, summary.parameters) == ((), 0)


def test_a_name_used_twice_is_a_fault_of_each() -> None:
    assert told([Dense(8, name="eyes"), Flatten(), Flatten(name="eyes"), Classify()])[:2] == [
        'network[0].name: layer 1, dense: the name "eyes" is used 2 times; give each layer a name of its own',
        'network[2].name: layer 3, flatten: the name "eyes" is used 2 times; give each layer a name of its own',
    ]


def test_the_number_of_classes_comes_from_the_data() -> None:
    assert told([Flatten(), Classify(classes=10)]) == []
    assert told([Flatten(), Classify()], classes=65_536) == []
    assert told([Flatten(), Classify(classes=9)]) == [
        "network[1].classes: layer 2, classify: has 9 classes but the data has 10; leave classes out, or set it to 10"
    ]


def test_a_network_too_large_for_any_machine_is_refused() -> None:
    layers = [Conv(4096, padding="same"), Flatten(), Dense(65_536), Classify()]
    weights = 4096 * 28 * 28 * 65_536 + 65_536
    total = 4096 * 10 + weights + 655_370
    assert told(layers) == [
        f"network: has {total:,} parameters, {weights:,} of them in dense_1; "
        "keep it below 500,000,000: pool before flatten, or use fewer filters or units"
    ]


def test_two_hundred_layers_are_no_trouble() -> None:
    summary = summarize([*[Conv(64, padding="same")] * 200, Flatten(), Classify()], GREY, 10)
    assert summary.parameters == 640 + 199 * (9 * 64 * 64 + 64) + (64 * 28 * 28 + 1) * 10
    assert summary.layers[199].name == "conv_200"


def test_networks_are_shown_in_notebooks() -> None:
    network = Network([Flatten(), Classify(name="answer")])
    assert "<td>2</td><td>answer</td><td>Classify(name=&#x27;answer&#x27;)</td>" in network._repr_html_()
    html = network.summary(GREY, 10)._repr_html_()
    assert "<td>answer</td><td>10</td><td>7,850</td>" in html
    assert html.endswith("<p>7,850 parameters</p>")


@pytest.mark.parametrize(
    "layers", [(Flatten(), Classify()), [Flatten(), Classify()], [{"layer": "flatten"}, Classify()]]
)
def test_layers_may_come_as_list_tuple_or_plain_data(layers: Sequence[AnyLayer]) -> None:
    assert Network(layers).layers == (Flatten(name="flatten_1"), Classify(name="classify_1"))  # type: ignore[arg-type]
