"""The network as the page edits it: edits, faults with their mends, text, and the drawing; without a server."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from starlette.requests import Request

from fittingroom.errors import InvalidInput, InvalidSpec, NotFound
from fittingroom.spec.layers import LAYER_KINDS
from fittingroom.web.drafts import Draft, draft_of, edit
from fittingroom.web.network import edits
from fittingroom.web.network.drawing import Drawing, draw
from fittingroom.web.network.edits import Plain
from fittingroom.web.network.kinds import KINDS
from fittingroom.web.network.reading import Images, Reading, read
from fittingroom.web.network.text import from_text, to_text
from fittingroom.workspace import Workspace

GREY = Images("grey", (1, 28, 28), 10)


def stack(*kinds: str, **settings: Any) -> list[Plain]:
    """New layers of these kinds; ``settings`` go to the first."""
    layers = edits.with_names([edits.new_layer(kind) for kind in kinds])
    layers[0] |= settings
    return layers


def names(layers: list[Plain]) -> list[str]:
    return [layer["name"] for layer in layers]


def told(reading: Reading) -> set[tuple[str, str]]:
    return {(row.name, fault.message) for row in reading.rows for fault in row.faults}


def offers(reading: Reading, key: str) -> list[str]:
    return [mend.label for row in reading.rows if row.key == key for mend in row.mends]


# Edits


def test_every_kind_of_layer_can_be_added_and_is_explained() -> None:
    assert KINDS.keys() == LAYER_KINDS.keys()
    for kind, about in KINDS.items():
        assert edits.new_layer(kind)["layer"] == kind
        assert about.says.endswith(".")


def test_names_stay_when_layers_come_between() -> None:
    layers = stack("conv", "conv", "classify")
    assert names(edits.insert(layers, "conv", 1)) == ["conv_1", "conv_3", "conv_2", "classify_1"]
    assert names(edits.duplicate(layers, "conv_1")) == ["conv_1", "conv_3", "conv_2", "classify_1"]
    assert names(edits.remove(layers, "conv_1")) == ["conv_2", "classify_1"]


def test_layers_move_as_far_as_the_network_goes() -> None:
    layers = stack("conv", "max_pool", "flatten")
    assert names(edits.move(layers, "conv_1", 1)) == ["max_pool_1", "conv_1", "flatten_1"]
    assert names(edits.move(layers, "conv_1", -1)) == names(layers)
    assert names(edits.move(layers, "conv_1", 99)) == ["max_pool_1", "flatten_1", "conv_1"]


def test_layers_of_the_same_name_go_by_their_position() -> None:
    layers = [{**layer, "name": "twin"} for layer in stack("conv", "conv")]
    assert edits.keys(layers) == ["0", "1"]
    assert edits.remove(layers, "1") == layers[:1]


def test_a_layer_that_is_gone_is_told() -> None:
    with pytest.raises(NotFound, match='there is no layer "conv_7" any more; did you mean "conv_1"'):
        edits.find(stack("conv"), "conv_7")


def test_a_new_name_goes_wherever_the_training_refers_to_the_layer() -> None:
    train = {"freeze_up_to": "conv_1", "reset": ["conv_1", "conv_2"]}
    spec = {"network": stack("conv", "conv"), "train": train, "phases": [{"train": dict(train)}]}
    new = edits.renamed(spec, "conv_1", "eyes")
    assert names(new["network"]) == ["eyes", "conv_2"]
    for stage in (new, *new["phases"]):
        assert stage["train"] == {"freeze_up_to": "eyes", "reset": ["eyes", "conv_2"]}
    assert spec["train"] == {"freeze_up_to": "conv_1", "reset": ["conv_1", "conv_2"]}
    assert names(edits.renamed(new, "eyes", "")["network"]) == ["conv_1", "conv_2"]
    with pytest.raises(InvalidInput, match='another layer "conv_2"'):
        edits.renamed(spec, "conv_1", "conv_2")


def test_changes_at_the_same_time_are_all_kept(own_workspace: Workspace) -> None:
    request = Request({"type": "http", "headers": [(b"cookie", b"fittingroom-draft=0123456789abcdef")]})

    def count(draft: Draft) -> None:
        number = draft.spec["seed"]
        time.sleep(0.002)
        draft.change({**draft.spec, "seed": number + 1})

    threads = [threading.Thread(target=edit, args=(request, own_workspace.create(), count)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert draft_of(request, own_workspace)[1].spec["seed"] == 12


# Faults and what is offered about them


def test_shapes_counts_and_shares() -> None:
    reading = read(stack("conv", "max_pool", "flatten", "classify", filters=8), GREY)
    shapes = [row.summary and row.summary.output_shape for row in reading.rows]
    assert shapes == [(8, 28, 28), (8, 14, 14), (1568,), (10,)]
    assert (reading.summary.parameters, reading.fault_count) == (80 + 15_690, 0)
    convolution, classifier = 9 * 8 * 28 * 28, 15_680
    assert reading.operations == 2 * (convolution + classifier)
    assert [reading.share(row) for row in reading.rows] == [
        convolution / (convolution + classifier), None, None, classifier / (convolution + classifier),
    ]  # fmt: skip


def test_frozen_parameters_and_running_statistics_are_told_apart() -> None:
    reading = read(stack("conv", "batch_norm", "flatten", "classify", filters=4), GREY, "conv_1")
    assert (reading.frozen, reading.statistics) == (40, 8)
    assert reading.summary.trainable_parameters == 8 + 31_370


def test_a_mistake_in_a_setting_is_told_at_its_layer_and_ends_what_is_known() -> None:
    layers = stack("conv", "conv", "max_pool", "flatten", "classify")
    layers[1]["kernel"], layers[2]["size"] = 0, "huge"
    reading = read(layers, GREY)
    assert told(reading) == {
        ("conv_2", "should be greater than or equal to 1, not 0"),
        ("max_pool_1", "should be a whole number, not 'huge'"),
    }
    assert reading.rows[1].wrong == {"kernel"}
    assert [bool(row.summary) for row in reading.rows] == [True, False, False, False, False]
    assert not reading.faults  # a part of a network need not end with classify
    assert offers(reading, "conv_2") == ["Set kernel to 3"]
    mended = reading.mend("conv_2", "reset-kernel")
    assert mended
    assert mended.layers[1]["kernel"] == 3


def test_a_missing_or_unknown_setting_can_be_mended() -> None:
    layers = stack("conv", "flatten", "classify", colour="red")
    del layers[0]["filters"]
    assert offers(read(layers, GREY), "conv_1") == ["Leave colour out", "Set filters to 32"]


def test_an_unknown_kind_of_layer_does_not_stop_the_page() -> None:
    reading = read([{"layer": "cnov", "name": "a"}, *stack("flatten", "classify")], GREY)
    assert told(reading) == {("a", 'there is no layer "cnov"')}


@pytest.mark.parametrize(
    ("layers", "key", "labels"),
    [
        (stack("conv", "dense", "classify"), "dense_1", ["Insert flatten before it"]),
        (stack("conv", "classify"), "classify_1", ["Insert flatten before it"]),
        (stack("flatten", "conv", "classify"), "conv_1", ["Move it before flatten_1", "Remove it"]),
        (stack("max_pool", "flatten", "dense", "global_pool", "classify"), "global_pool_1",
         ["Move it before flatten_1", "Remove it"]),
        (stack("max_pool", "flatten", "classify", size=40), "max_pool_1",
         ["Set padding to same", "Set size to 28", "Remove it"]),
        (stack("conv", "flatten", "classify", padding="valid", kernel=29), "conv_1",
         ["Set padding to same", "Set kernel to 28", "Remove it"]),
        (stack("classify", "flatten"), "classify_1", ["Move it to the end", "Remove it", "Insert flatten before it"]),
        (stack("flatten", "classify", "classify"), "classify_1", ["Remove it"]),
        (edits.with_setting(stack("flatten", "classify"), 1, "classes", 3), "classify_1",
         ["Take the number of classes from the data"]),
        ([{**layer, "name": "twin"} for layer in stack("flatten", "classify")], "1", ["Give it a name of its own"]),
    ],
)  # fmt: skip
def test_what_is_offered_about_a_layer_that_cannot_be(layers: list[Plain], key: str, labels: list[str]) -> None:
    assert offers(read(layers, GREY), key) == labels


@pytest.mark.parametrize(
    ("layers", "label", "after"),
    [
        ([], "Add flatten and classify at the end", ["flatten_1", "classify_1"]),
        (stack("conv"), "Add flatten and classify at the end", ["conv_1", "flatten_1", "classify_1"]),
        (stack("global_pool"), "Add classify at the end", ["global_pool_1", "classify_1"]),
    ],
)
def test_a_network_without_a_classifier_gets_one(layers: list[Plain], label: str, after: list[str]) -> None:
    reading = read(layers, GREY)
    assert [mend.label for mend in reading.mends] == [label]
    ended = reading.mend("", "end")
    assert ended
    assert names(list(ended.layers)) == after
    assert read(ended.layers, GREY).fault_count == 0


small = st.sampled_from([*KINDS, "max_pool", "dense", "flatten"])


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.lists(small, min_size=1, max_size=7), st.sampled_from([(1, 28, 28), (3, 5, 7), (2, 1, 1)]))
def test_every_mend_does_away_with_its_fault(kinds: list[str], shape: tuple[int, int, int]) -> None:
    images = Images("some", shape, 4)
    layers = [{**layer, "padding": "valid"} if "padding" in layer else layer for layer in stack(*kinds)]
    reading = read(layers, images)
    for row in reading.rows:
        assert bool(row.mends) == bool(row.faults)
        for mend in row.mends:
            after = read(mend.layers, images)
            others = {fault for fault in told(reading) if fault[0] == row.name} & told(after)
            assert len(others) < len(row.faults), (kinds, row.name, mend.label)


def test_without_images_settings_are_checked_and_shapes_are_not_known() -> None:
    layers = stack("conv", "dense", kernel=0)
    reading = read(layers, None)
    assert told(reading) == {("conv_1", "should be greater than or equal to 1, not 0")}
    assert all(row.summary is None for row in reading.rows)
    assert draw(reading) is None


# Text


def test_a_network_as_text_and_back() -> None:
    layers = stack(*KINDS)
    text = to_text(layers)
    assert text.count("[[network]]") == 13
    assert text.startswith('[[network]]\nlayer = "conv"\nname = "conv_1"\nfilters = 32\npadding = "same"\n')
    assert from_text(text) == layers


def test_a_whole_spec_gives_its_network() -> None:
    text = (
        'name = "x"\n[data]\nsource = "fashion-mnist"\n[[network]]\nlayer = "flatten"\n[[network]]\nlayer="classify"\n'
    )
    assert names(from_text(text)) == ["flatten_1", "classify_1"]


def test_mistakes_in_a_text_are_told_with_their_lines() -> None:
    text = """
[[network]]
layer = "conv"
filters = 8

kernel = 0

[[network]]
layer = "dnse"

[[network]]
layer = "conv"
"""
    with pytest.raises(InvalidSpec) as caught:
        from_text(text)
    assert str(caught.value).splitlines() == [
        "Nothing was changed, because the text has mistakes:",
        "  line 6, network[0].kernel: should be greater than or equal to 1, not 0; use 1 or more",
        '  line 8, network[1]: there is no layer "dnse"; did you mean "dense"?',
        "  line 11, network[2].filters: is missing; add it",
    ]


def test_a_name_used_twice_is_told() -> None:
    with pytest.raises(InvalidSpec, match=r'line 6, network\[1\].name: "a" is used before'):
        from_text('[[network]]\nlayer = "flatten"\nname = "a"\n[[network]]\nlayer = "classify"\nname = "a"\n')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[network]\n", r"is not valid TOML: .* \(at line 1, column 10\)"),
        ("", r"has no \[\[network\]\] table"),
        ("network = 3", r"has no \[\[network\]\] table"),
        ("network = [1]", r"network\[0\]: should be a table of settings, not 1"),
    ],
)
def test_what_is_no_network_is_told(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        from_text(text)


# The drawing


def drawn(layers: list[Plain], images: Images = GREY) -> Drawing:
    drawing = draw(read(layers, images))
    assert drawing
    return drawing


def test_the_drawing_has_true_proportions() -> None:
    drawing = drawn(stack("conv", "max_pool", "flatten", "classify", filters=16), Images("photos", (3, 24, 48), 10))
    image, conv, pool, flat, classes = drawing.blocks
    assert conv.height == pytest.approx(image.height) == pytest.approx(2 * pool.height)
    assert conv.right / conv.height == pytest.approx(2 * 0.36)  # twice as wide as high, going back into the page
    assert pool.right == pytest.approx(conv.right / 2)
    assert pool.depth == conv.depth
    assert conv.depth / image.depth == pytest.approx((16 / 3) ** 0.5)
    assert flat.height / classes.height == pytest.approx((16 * 12 * 24 / 10) ** 0.5)
    assert [edge.shown for edge in drawing.edges] == ["3 × 24 × 48", "16 × 24 × 48", "16 × 12 × 24", "4608"]
    assert drawing.told == (
        "From an image of 3 × 24 × 48: conv_1 gives 16 × 24 × 48, max_pool_1 gives 16 × 12 × 24, "
        "flatten_1 gives 4608, classify_1 gives 10."
    )


@pytest.mark.parametrize("images", [GREY, Images("tiny", (512, 1, 1), 2), Images("large", (3, 1024, 700), 1000)])
def test_nothing_in_the_drawing_overlaps_or_sticks_out(images: Images) -> None:
    layers = stack("conv", "batch_norm", "residual", "global_pool", "dense", "dropout", "classify", filters=2048)
    drawing = drawn(layers, images)
    for block in drawing.blocks:
        assert block.top - block.up >= 0
        assert block.top + block.height <= drawing.labels - 12
        assert block.x + block.extent <= drawing.width
    for before, edge, after in zip(drawing.blocks, drawing.edges, drawing.blocks[1:], strict=False):
        assert before.x + before.extent + 6 * len(edge.shown) < after.x


def test_what_is_not_known_is_drawn_as_not_known() -> None:
    drawing = drawn(stack("flatten", "conv", "classify"))
    assert [block.style for block in drawing.blocks] == ["block", "bar", "unknown", "unknown"]
    assert [block.faulty for block in drawing.blocks] == [False, False, True, False]
    assert "conv_1 gives a shape that is not known" in drawing.told
