"""Forms made from the records themselves: every parameter with its bounds, unit and one sentence of help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import pydantic

from fittingroom.spec.run import RunSpec

Kind = Literal["number", "choice", "switch", "text"]
OPTIMIZERS = {
    "sgd": "Sgd", "adam": "Adam", "adamw": "AdamW", "adadelta": "Adadelta", "rmsprop": "RmsProp", "muon": "Muon",
}  # fmt: skip
SCHEDULES = {
    "constant": "Constant", "step": "Step", "exponential": "Exponential", "cosine": "Cosine", "one_cycle": "OneCycle",
}  # fmt: skip
"""The records of a training's tables, by the names that specs have for them."""


@dataclass(frozen=True)
class Field:
    """One parameter as a form shows it."""

    path: str
    """Where in the spec: ``train.optimizer.learning_rate``."""
    label: str
    kind: Kind
    value: Any
    """None where it is left out."""
    help: str
    unit: str = ""
    options: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    whole: bool = False
    optional: bool = False

    @property
    def shown(self) -> str:
        """The value as it stands in the field."""
        if self.value is None:
            return ""
        return f"{self.value:g}" if isinstance(self.value, float) and abs(self.value) < 1e6 else str(self.value)


def fields(definition: str, values: Mapping[str, Any], prefix: str) -> Iterator[Field]:
    """The simple parameters of a record: ``fields("Adam", {...}, "train.optimizer")``; tables in it are left out."""
    schema = definitions()[definition]
    needed = schema.get("required", [])
    for name, own in schema["properties"].items():
        found = _field(f"{prefix}.{name}", name, own, values.get(name), optional=name not in needed)
        if found and "const" not in own:
            yield found


def fields_of(record: type, values: Mapping[str, Any]) -> Iterator[Field]:
    """The simple parameters of a record that is no part of a run's spec; tables and lists are left out."""
    for name, own in pydantic.TypeAdapter(record).json_schema()["properties"].items():
        if found := _field(name, name, own, values.get(name), optional=False):
            yield found


@cache
def definitions() -> dict[str, Any]:
    """Every record's JSON schema, by the name of its class."""
    schema = pydantic.TypeAdapter(RunSpec).json_schema()
    found: dict[str, Any] = {**schema["$defs"], "RunSpec": schema}
    return found


def _field(path: str, name: str, own: Mapping[str, Any], value: Any, *, optional: bool) -> Field | None:
    options = [option for option in own.get("anyOf", [own]) if option.get("type") != "null"]
    about: dict[str, Any] = {
        "path": path,
        "label": name.replace("_", " "),
        "value": own.get("default") if value is None else value,
        "help": own.get("description", ""),
        "unit": own.get("unit", ""),
        "optional": optional and own.get("default") is None,
    }
    words = [word for option in options for word in option.get("enum", [])]
    numbers = [option for option in options if option.get("type") in {"integer", "number"}]
    if words and not numbers:
        return Field(kind="choice", options=tuple(words), **about)
    if numbers and not words:
        first = numbers[0]
        return Field(
            kind="number",
            least=first.get("minimum", first.get("exclusiveMinimum")),
            most=first.get("maximum", first.get("exclusiveMaximum")),
            whole=all(number["type"] == "integer" for number in numbers),
            **about,
        )
    if any(option.get("type") == "boolean" for option in options):
        return Field(kind="switch", **about)
    if any(option.get("type") == "string" for option in options):
        return Field(kind="text", **about)
    return None
