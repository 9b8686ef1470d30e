"""Writes docs/reference/spec-file.md from the records themselves: ``python docs/generate_reference.py``.

A test compares the file with what this gives, so the reference cannot drift from the code.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic

from fittingroom.spec.augment import AUGMENT_KINDS
from fittingroom.spec.data import DataSpec
from fittingroom.spec.layers import LAYER_KINDS
from fittingroom.spec.run import RunSpec, presets
from fittingroom.spec.start import Phase, Start
from fittingroom.spec.train import (
    Adadelta,
    Adam,
    AdamW,
    Constant,
    Cosine,
    CrossEntropy,
    EarlyStop,
    Exponential,
    Muon,
    OneCycle,
    RmsProp,
    Sgd,
    Step,
    TrainSpec,
)

PLACE = Path(__file__).parent / "reference" / "spec-file.md"
TAGS = {"layer", "kind"}
BOUNDS = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}"}


def reference() -> str:
    """The whole page."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield "# The spec file"
    yield ""
    yield "A run is one text file in TOML (or JSON with the same keys). `fittingroom train FILE` runs it,"
    yield "`fittingroom runs show RUN --toml` prints the file of any run, and"
    yield "`fittingroom presets NAME` prints a shipped one to start from. Mistakes are told all at once, with"
    yield "their place and what to do."
    yield ""
    yield "This page is written by `docs/generate_reference.py` from the code."
    yield ""
    yield "```toml"
    yield from presets()["starter"].rstrip().splitlines()
    yield "```"
    yield from _section("Top level", RunSpec, "##")
    yield from _section("[data]", DataSpec, "##")
    yield from ("", "## [[network]]", "")
    yield "One table for each layer, from the image on; `layer` says its kind. Every layer may have a `name` that stays"
    yield "when others are inserted (`conv_1` unless given)."
    for name, kind in LAYER_KINDS.items():
        yield from _section(f'layer = "{name}"', kind, "###")
    yield from ("", "## [[augment]]", "")
    yield "One table for each operation, applied in order to training images only; `kind` says which. The exact"
    yield "conventions are in [augmentation.md](augmentation.md)."
    for name, kind in AUGMENT_KINDS.items():
        yield from _section(f'kind = "{name}"', kind, "###")
    yield from _section("[start]", Start, "##")
    yield from _section("[[phases]]", Phase, "##")
    yield from _section("[train]", TrainSpec, "##")
    for title, kinds in {
        "optimizer": (Sgd, Adam, AdamW, Adadelta, RmsProp, Muon),
        "schedule": (Constant, Step, Exponential, Cosine, OneCycle),
        "loss": (CrossEntropy,),
    }.items():
        for kind in kinds:
            yield from _section(f'train.{title}: name = "{_schema(kind)["properties"]["name"]["const"]}"', kind, "###")
    yield from _section("train.early_stop", EarlyStop, "###")


def _schema(kind: type) -> dict[str, Any]:
    return pydantic.TypeAdapter(kind).json_schema()


def _section(title: str, kind: type, level: str) -> Iterator[str]:
    yield from ("", f"{level} {title}", "")
    yield inspect.cleandoc(kind.__doc__ or "").replace("``", "`")
    schema = _schema(kind)
    properties = {
        name: own
        for name, own in schema["properties"].items()
        if not (name in TAGS or (name == "name" and ("const" in own or level == "###")))
    }
    if not properties:
        return
    yield from ("", "| key | default | values | what it is |", "|---|---|---|---|")
    for name, own in properties.items():
        default = _default(own) if name not in schema.get("required", []) else "(needed)"
        yield f"| `{name}` | {default} | {_values(own)} | {own.get('description', '')} |"


def _default(own: dict[str, Any]) -> str:
    value = own.get("default")
    if isinstance(value, dict):
        return f"`{value['name']}`" if "name" in value else "see below"
    if isinstance(value, list):
        return "none" if not value else "see below"
    return "none" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _values(own: dict[str, Any]) -> str:
    options = own.get("anyOf", [own])
    told = []
    for option in options:
        if "enum" in option or "const" in option:
            told += [f"`{choice}`" for choice in option.get("enum", [option.get("const")])]
        elif option.get("type") in {"integer", "number"}:
            bounds = [text.format(f"{option[key]:g}") for key, text in BOUNDS.items() if option.get(key, 2**63) < 2**62]
            told.append(
                " ".join(["whole number" if option["type"] == "integer" else "number", ", ".join(bounds)]).strip()
            )
        elif option.get("type") == "boolean":
            told += ["`true`", "`false`"]
    unit = own.get("unit")
    return ", ".join(told) + (f" ({unit})" if unit else "")


if __name__ == "__main__":
    PLACE.write_text(reference(), encoding="utf-8")
    sys.stdout.write(f"wrote {PLACE}\n")
