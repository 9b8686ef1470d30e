"""What all records have in common: bounds, names, messages, equality, copies, and the schema that forms will read."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable, Iterator, Mapping
from multiprocessing import get_context
from typing import Annotated, Any, Literal

import numpy as np
import pydantic
import pytest

from fittingroom.errors import InvalidSpec
from fittingroom.spec.augment import Mirror, Rotation
from fittingroom.spec.data import DataSpec
from fittingroom.spec.layers import LAYER_KINDS, BatchNorm, Classify, Conv, Dense, Dropout, Flatten, MaxPool, MeanPool
from fittingroom.spec.network import Network
from fittingroom.spec.record import param, record, validated
from fittingroom.spec.run import RunSpec
from fittingroom.spec.train import Adam, Cosine, EarlyStop, Sgd, TrainSpec


@record
class Tea:
    """Leaves in hot water."""

    minutes: float = param(gt=0, le=10, unit="minutes", help="How long.")
    sugar: int = param(default=0, ge=0, lt=5, unit="lumps", help="How sweet.")
    milk: bool = param(default=False, strict=True, help="Whether with milk.")
    kind: Literal["tea"] = param(default="tea", kw_only=True, help="Which drink.")


@record
class Coffee:
    """Beans in hot water."""

    roast: Literal["light", "dark"] = param(default="dark", help="How dark.")
    kind: Literal["coffee"] = param(default="coffee", kw_only=True, help="Which drink.")


Drink = Annotated[Tea | Coffee, param(discriminator="kind", help="One drink.")]


@record
class Table:
    """What is ordered at a table."""

    guest: str = param(min_length=1, max_length=10, help="Who.")
    drinks: tuple[Drink, ...] = param(default=(), help="What.")
    first: Drink | None = None


def message(make: Callable[[], object]) -> str:
    with pytest.raises(InvalidSpec) as caught:
        make()
    return str(caught.value)


def nan() -> float:
    return float("nan")


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: Tea(0), "minutes: should be greater than 0, not 0; use a number above 0"),
        (lambda: Tea(11), "minutes: should be less than or equal to 10, not 11; use 10 or less"),
        (lambda: Tea(nan()), "minutes: should be a finite number, not nan; give a finite number"),
        (lambda: Tea(-float("inf")), "minutes: should be a finite number, not -inf; give a finite number"),
        (lambda: Tea("3"), "minutes: should be a number, not '3'; write it without quotes"),
        (lambda: Tea("three"), "minutes: should be a number, not 'three'; give a number"),
        (lambda: Tea(True), "minutes: should be a number, not True; give a number"),
        (lambda: Tea(None), "minutes: should be a number, not None; give a number"),
        (lambda: Tea([3]), "minutes: should be a number, not [3]; give a number"),
        (lambda: Tea(3, -1), "sugar: should be greater than or equal to 0, not -1; use 0 or more"),
        (lambda: Tea(3, 5), "sugar: should be less than 5, not 5; use a number below 5"),
        (lambda: Tea(3, 2.0), "sugar: should be a whole number, not 2.0; give a whole number"),
        (lambda: Tea(3, "2"), "sugar: should be a whole number, not '2'; write it without quotes"),
        (lambda: Tea(3, True), "sugar: should be a whole number, not True; give a whole number"),
        (lambda: Tea(3, 10**5000), "sugar: should be less than 5, not an endless number; use a number below 5"),
        (lambda: Tea(3, milk=1), "milk: should be true or false, not 1; give true or false"),
        (lambda: Tea(3, milk="yes"), "milk: should be true or false, not 'yes'; give true or false"),
        (lambda: Tea(3, kind="coffee"), "kind: should be 'tea', not 'coffee'; write 'tea', or leave it out"),
        (lambda: Tea(), "minutes: is missing; add it"),
        (lambda: Tea(3, suger=1), 'suger: unknown key "suger"; did you mean "sugar"?'),
        (lambda: Tea(3, lemon=1), 'lemon: unknown key "lemon"; known are: kind, milk, minutes, sugar'),
        (lambda: Tea(3, minutes=4), "minutes: is given twice; give it once"),
        (lambda: Tea(3, 1, True, "tea"), "'tea' is one value too many; write it as name=value"),
        (lambda: Coffee("drak"), "roast: 'drak' is not one of its values; did you mean \"dark\"?"),
        (lambda: Coffee("DARK"), "roast: 'DARK' is not one of its values; did you mean \"dark\"?"),
        (lambda: Coffee(7), "roast: 7 is not one of its values; known are: dark, light"),
        (lambda: Table(""), "guest: should not be empty; write at least 1 character"),
        (lambda: Table("x" * 11), "guest: has 11 characters; shorten it to at most 10"),
        (lambda: Table(3), "guest: should be text, not 3; put it in quotes"),
        (lambda: Table(b"Ada"), "guest: should be text, not b'Ada'; put it in quotes"),
        (lambda: Table("\ud800"), "guest: should be text, not '\\ud800'; use characters that UTF-8 can write"),
        (lambda: Table("Ada", Tea(3)), "drinks: should be a list, not Tea(minutes=3.0); give a list"),
        (
            lambda: Table("Ada", {"kind": "tea"}),
            "drinks: should be a list, not {'kind': 'tea'}; "
            "give a list (in TOML, write [[drinks]] with double brackets)",
        ),
        (
            lambda: Table("Ada", ["tea"]),
            "drinks[0]: should be a table of settings, not 'tea'; write { kind = \"tea\" }",
        ),
        (lambda: Table("Ada", [None]), 'drinks[0]: should be a table of settings, not None; write { kind = "…" }'),
        (lambda: Table("Ada", [{}]), 'drinks[0]: does not say its kind (kind is missing); add kind = "…"'),
        (lambda: Table("Ada", [{"kind": "tee"}]), 'drinks[0]: there is no kind "tee"; did you mean "tea"?'),
        (lambda: Table("Ada", [{"kind": 3}]), "drinks[0]: there is no kind 3; known are: coffee, tea"),
        (lambda: Table("Ada", [Adam()]), "drinks[0]: Adam() does not belong here; known are: coffee, tea"),
        (
            lambda: Table("Ada", [Coffee(), {"kind": "tea", "minutes": 2, "suger": 1}]),
            'drinks[1].suger: unknown key "suger"; did you mean "sugar"?',
        ),
        (
            lambda: Table("Ada", [Coffee(), {"kind": "tea", "minutes": 99}]),
            "drinks[1].minutes: should be less than or equal to 10, not 99; use 10 or less",
        ),
        (lambda: Table("Ada", first={"kind": "tea"}), "first.minutes: is missing; add it"),
        (
            lambda: Table("Ada", first={"kind": "tea", 3: 4, "minutes": 1}),
            "first.3: a key should be text, not 3; put it in quotes",
        ),
    ],
)
def test_each_mistake_says_where_what_and_what_to_do(make: Callable[[], object], fault: str) -> None:
    title, _, told = message(make).partition(" cannot be made:\n  ")
    assert title in {"Tea", "Coffee", "Table"}
    assert told == fault


def test_a_class_in_place_of_a_record_is_recognized() -> None:
    assert message(lambda: Network([Flatten, Classify()])).endswith("; write Flatten(…), with parentheses")  # type: ignore[list-item]


def test_all_mistakes_are_told_at_once() -> None:
    assert message(lambda: Tea(-1, 9, milk="no", lemon=2)) == (
        "Tea cannot be made:\n"
        "  minutes: should be greater than 0, not -1; use a number above 0\n"
        "  sugar: should be less than 5, not 9; use a number below 5\n"
        "  milk: should be true or false, not 'no'; give true or false\n"
        '  lemon: unknown key "lemon"; known are: kind, milk, minutes, sugar'
    )


def test_long_values_are_cut() -> None:
    told = message(lambda: Table(["x" * 1000]))
    assert told == f"Table cannot be made:\n  guest: should be text, not ['{'x' * 57}…; put it in quotes"


@pytest.mark.parametrize("value", [[], None, 3, "tea", [("minutes", 3)]])
def test_plain_data_has_to_be_a_table(value: Any) -> None:
    assert message(lambda: validated(Tea, value, "the tea is cold")) == (
        f"the tea is cold:\n  should be a table of settings, not {value!r}; "
        "give a table with the keys minutes, sugar, milk, kind"
    )


def test_numbers_of_numpy_are_numbers() -> None:
    tea = Tea(np.float32(2.5), np.int64(3), milk=np.True_)
    assert tea == Tea(2.5, 3, milk=True)
    assert [type(value) for value in (tea.minutes, tea.sugar, tea.milk)] == [float, int, bool]
    assert Conv(np.array(32)).filters == 32
    assert DataSpec("x", np.int64(500)).validation == 500
    assert type(DataSpec("x", np.float64(0.25)).validation) is float
    assert TrainSpec(class_weights=np.array([1, 2.5])).class_weights == (1.0, 2.5)  # type: ignore[arg-type]
    assert message(lambda: Tea(3, np.array([1]))) == (  # type: ignore[arg-type]
        "Tea cannot be made:\n  sugar: should be a whole number, not array([1]); give a whole number"
    )


def test_repr_tells_what_differs_from_the_defaults() -> None:
    assert repr(Tea(3)) == "Tea(minutes=3.0)"
    assert repr(Tea(3, milk=True)) == "Tea(minutes=3.0, milk=True)"
    assert repr(Conv(32, activation="relu", name="eyes")) == "Conv(name='eyes', filters=32, activation='relu')"


@pytest.mark.parametrize(
    "value",
    [
        Conv(32, 3, activation="relu"),
        MaxPool(2, stride=1),
        Network([Conv(8, name="eyes"), Flatten(), Classify()]),
        TrainSpec(epochs=3, optimizer=Sgd(momentum=0.9), schedule=Cosine(warmup=1), class_weights=(1, 2)),
        TrainSpec(early_stop=EarlyStop("validation_accuracy", 7)),
        RunSpec(data=DataSpec("photos", 0.2), network=(Flatten(), Classify()), augment=(Mirror(),), name="Ödön"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_repr_can_be_pasted_back(value: object) -> None:
    kinds = [*LAYER_KINDS.values(), Network, TrainSpec, Sgd, Cosine, EarlyStop, RunSpec, DataSpec, Mirror]
    assert eval(repr(value), {kind.__name__: kind for kind in kinds}) == value


def test_equal_records_hash_alike_and_kinds_differ() -> None:
    assert Tea(3) == Tea(3.0, sugar=0)
    assert hash(Tea(3)) == hash(Tea(3.0, sugar=0))
    assert Tea(3) != Tea(4)
    assert MaxPool() != MeanPool()
    assert len({Dense(3), Dense(3), Dense(4)}) == 2


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Tea(3).sugar = 2  # type: ignore[misc]


def test_replace_makes_a_new_record_and_checks_it() -> None:
    assert dataclasses.replace(Tea(3), sugar=2) == Tea(3, 2)
    assert message(lambda: dataclasses.replace(Tea(3), sugar=9)) == (
        "Tea cannot be made:\n  sugar: should be less than 5, not 9; use a number below 5"
    )
    assert "suger" in message(lambda: dataclasses.replace(Tea(3), suger=9))  # type: ignore[call-arg]


def some_spec() -> RunSpec:
    return RunSpec(
        data=DataSpec("photos"),
        network=(Conv(8), BatchNorm(), Flatten(), Dropout(0.1), Classify()),
        augment=(Rotation(5),),
        train=TrainSpec(early_stop=EarlyStop()),
    )


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda spec: pickle.loads(pickle.dumps(spec))])
def test_copies_are_equal(copied: Callable[[RunSpec], RunSpec]) -> None:
    spec = some_spec()
    assert copied(spec) == spec
    assert hash(copied(spec)) == hash(spec)
    assert copied(spec).content_id == spec.content_id


def content_id(spec: RunSpec) -> str:
    return spec.content_id


def test_records_cross_to_a_fresh_process() -> None:
    with get_context("spawn").Pool(1) as pool:
        assert pool.apply(content_id, (some_spec(),)) == some_spec().content_id


SCHEMA = pydantic.TypeAdapter(RunSpec).json_schema()
NAMELESS_NUMBERS = {"fold", "seed", "split_seed", "format"}
OPEN_ABOVE = {"validation", "class_weights"}


def every_setting() -> Iterator[Any]:
    """Every setting of every record, as (where, its schema)."""
    for record_name, definition in [("RunSpec", SCHEMA), *SCHEMA["$defs"].items()]:
        for name, schema in definition["properties"].items():
            yield pytest.param(name, schema, id=f"{record_name}.{name}")


SETTINGS = list(every_setting())


def numbers_in(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The numbers that a setting may be: itself, one of several types, or items of a list."""
    if schema.get("type") in {"integer", "number"} and "const" not in schema:
        yield schema
    for inner in [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]:
        yield from numbers_in(inner)


@pytest.mark.parametrize(("name", "schema"), SETTINGS)
def test_the_schema_has_help_for_every_setting(name: str, schema: Mapping[str, Any]) -> None:
    help = schema["description"]
    assert len(help) > 8
    assert help.endswith("."), help


@pytest.mark.parametrize(("name", "schema"), SETTINGS)
def test_the_schema_has_unit_and_bounds_for_every_number(name: str, schema: Mapping[str, Any]) -> None:
    numbers = list(numbers_in(schema))
    assert ("unit" in schema) == (bool(numbers) and name not in NAMELESS_NUMBERS)
    for number in numbers:
        assert {"minimum", "exclusiveMinimum"} & number.keys()
        assert {"maximum", "exclusiveMaximum"} & number.keys() or name in OPEN_ABOVE


def test_the_schema_tells_kinds_apart_by_their_tags() -> None:
    assert SCHEMA["properties"]["network"]["items"]["discriminator"]["propertyName"] == "layer"
    assert SCHEMA["properties"]["augment"]["items"]["discriminator"]["propertyName"] == "kind"
    train = SCHEMA["$defs"]["TrainSpec"]["properties"]
    assert {train[name]["discriminator"]["propertyName"] for name in ("optimizer", "schedule")} == {"name"}
    assert SCHEMA["additionalProperties"] is False
    assert SCHEMA["required"] == ["data", "network"]
