"""The augmentation records: kinds, bounds, identity values, and what a mistake says."""

from __future__ import annotations

import dataclasses
import tomllib
from typing import get_args

import pydantic
import pytest

from fittingroom.errors import InvalidSpec
from fittingroom.spec.augment import (
    AUGMENT_KINDS,
    AnyAugment,
    Augment,
    Erasing,
    Flip,
    Noise,
    Rotation,
    Shear,
    Shift,
    Warp,
    Zoom,
)
from fittingroom.spec.record import record, validated

ROW_4_OF_THE_MISSION = {
    "rotation",
    "shear",
    "shift",
    "zoom",
    "mirror",
    "upside_down",
    "brightness",
    "contrast",
    "intensity_shift",
    "noise",
    "erasing",
}
every_kind = pytest.mark.parametrize("kind", sorted(ROW_4_OF_THE_MISSION))


@record
class Recipe:
    """A holder of operations, as a run is."""

    augment: tuple[AnyAugment, ...] = ()


def recipe(toml: str) -> tuple[Augment, ...]:
    return validated(Recipe, tomllib.loads(toml), "the recipe has faults").augment


def properties(kind: str) -> dict[str, dict[str, object]]:
    schema = pydantic.TypeAdapter(AUGMENT_KINDS[kind]).json_schema()["properties"]
    return {name: field for name, field in schema.items() if name not in {"kind", "border"}}


def test_kinds_are_those_of_the_mission_and_of_the_union() -> None:
    assert set(AUGMENT_KINDS) == ROW_4_OF_THE_MISSION
    assert set(get_args(get_args(AnyAugment)[0])) == set(AUGMENT_KINDS.values())


@every_kind
def test_reads_from_toml_by_kind_alone(kind: str) -> None:
    (operation,) = recipe(f'[[augment]]\nkind = "{kind}"')
    assert type(operation) is AUGMENT_KINDS[kind]
    assert operation.kind == kind
    assert not operation.changes_nothing, "the default strength must do something"


@every_kind
def test_zero_strength_is_the_identity(kind: str) -> None:
    operation = AUGMENT_KINDS[kind]
    nothing = operation.identity()
    assert type(nothing) is operation
    assert getattr(nothing, operation.strength) == 0
    assert nothing.changes_nothing


@every_kind
def test_every_strength_has_help_unit_and_both_bounds(kind: str) -> None:
    assert AUGMENT_KINDS[kind].strength in properties(kind)
    for name, field in properties(kind).items():
        numbers = field if "type" in field else field["anyOf"][0]  # type: ignore[index]
        assert field["description"], name
        assert field["unit"], name
        assert {"minimum", "exclusiveMinimum"} & numbers.keys(), name  # type: ignore[attr-defined]
        assert "maximum" in numbers, name  # type: ignore[operator]


@every_kind
def test_negative_strength_is_refused(kind: str) -> None:
    strength = AUGMENT_KINDS[kind].strength
    with pytest.raises(
        InvalidSpec, match=rf"{strength}: should be greater than or equal to 0, not -0\.1; use 0 or more"
    ):
        AUGMENT_KINDS[kind](**{strength: -0.1})


def test_only_warps_have_a_border_and_it_is_zero() -> None:
    with_border = {
        kind for kind, cls in AUGMENT_KINDS.items() if "border" in {field.name for field in dataclasses.fields(cls)}
    }
    assert with_border == {"rotation", "shear", "shift", "zoom"}
    assert with_border == {kind for kind, cls in AUGMENT_KINDS.items() if issubclass(cls, Warp)}
    assert {kind for kind, cls in AUGMENT_KINDS.items() if issubclass(cls, Flip)} == {"mirror", "upside_down"}
    assert Rotation().border == "zero"


def test_strength_is_the_first_positional_argument() -> None:
    assert Rotation(5).degrees == 5
    assert Rotation(5, border="reflect") == Rotation(degrees=5, border="reflect")
    assert repr(Shift(0.1, 0.2)) == "Shift(fraction=0.1, vertical=0.2)"


def test_shift_is_the_same_both_ways_unless_vertical_is_given() -> None:
    assert Shift(0.1).fractions == (0.1, 0.1)
    assert Shift(0.1, vertical=0).fractions == (0.1, 0)
    assert not Shift(0, vertical=0.1).changes_nothing
    assert not Shift(0.1, vertical=0).changes_nothing
    assert Shift(0, vertical=0).changes_nothing


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('kind = "rotate"', 'augment[0]: there is no kind "rotate"; did you mean "rotation"?'),
        ("degrees = 5", 'augment[0]: does not say its kind (kind is missing); add kind = "…"'),
        ('kind = "shift"\nfracton = 0.1', 'augment[0].fracton: unknown key "fracton"; did you mean "fraction"?'),
        (
            'kind = "shift"\nborder = "neares"',
            "augment[0].border: 'neares' is not one of its values; did you mean \"nearest\"?",
        ),
        (
            'kind = "mirror"\nborder = "zero"',
            'augment[0].border: unknown key "border"; known are: kind, probability',
        ),
        (
            'kind = "rotation"\ndegrees = 181',
            "augment[0].degrees: should be less than or equal to 180, not 181; use 180 or less",
        ),
        (
            'kind = "rotation"\ndegrees = "10"',
            "augment[0].degrees: should be a number, not '10'; write it without quotes",
        ),
    ],
)
def test_mistakes_in_a_file_are_explained(toml: str, message: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        recipe(f"[[augment]]\n{toml}")
    assert str(caught.value) == f"the recipe has faults:\n  {message}"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Shear(61),
            "Shear cannot be made:\n  degrees: should be less than or equal to 60, not 61; use 60 or less",
        ),
        (
            lambda: Zoom(4.5),
            "Zoom cannot be made:\n  fraction: should be less than or equal to 4, not 4.5; use 4 or less",
        ),
        (
            lambda: Erasing(area=0),
            "Erasing cannot be made:\n  area: should be greater than 0, not 0; use a number above 0",
        ),
        (
            lambda: Noise(float("nan")),
            "Noise cannot be made:\n  deviation: should be a finite number, not nan; give a finite number",
        ),
    ],
)
def test_bounds_are_checked_in_code_too(make: object, message: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        make()  # type: ignore[operator]
    assert str(caught.value) == message


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Rotation().degrees = 3  # type: ignore[misc]
