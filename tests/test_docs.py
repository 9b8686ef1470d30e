"""The docs name everything that there is, and say nothing that is not so."""

from __future__ import annotations

import dataclasses
import re
import runpy
import shlex
import tomllib
from pathlib import Path

import pytest
import typer.main

import fittingroom as fr
from fittingroom.cli.app import app
from fittingroom.spec.arms import arms
from fittingroom.spec.run import from_toml, presets
from fittingroom.spec.study import ArmSpec, Range, Search, Smaller, StudySpec, study_from_plain, study_presets

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
COMMAND = typer.main.get_command(app)


def commands(group: object = COMMAND, path: str = "fittingroom") -> list[str]:
    children = getattr(group, "commands", None)
    if children is None:
        return [path]
    alone = [path] if getattr(group, "invoke_without_command", False) else []
    return alone + [name for child, own in children.items() for name in commands(own, f"{path} {child}")]


def test_the_reference_of_the_spec_file_is_up_to_date() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "generate_reference.py"))["reference"]()
    page = (ROOT / "docs" / "reference" / "spec-file.md").read_text(encoding="utf-8")
    assert page == made, "run: python docs/generate_reference.py"


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_reference(command: str) -> None:
    assert f"`{command}" in (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(fr.__all__))
def test_every_public_name_is_in_the_reference(name: str) -> None:
    assert re.search(rf"`{name}\b", (ROOT / "docs" / "reference" / "library.md").read_text(encoding="utf-8"))


def test_commands_in_the_docs_exist() -> None:
    known = commands()
    for page in PAGES:
        for line in re.findall(
            r"^fittingroom .*$|`(fittingroom [^`]+)`", page.read_text(encoding="utf-8"), re.MULTILINE
        ):
            if line:
                words = [word for word in shlex.split(line.replace("\\|", "|"), comments=True) if word != "--help"]
                if len(words) > 1 and not words[1].startswith("-"):
                    assert any(words[: len(name.split())] == name.split() for name in known), f"{page.name}: {line}"


def test_spec_files_in_the_docs_are_valid() -> None:
    found = [
        block
        for page in PAGES
        for block in re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        if block.startswith(("format", "#"))
    ]
    assert len(found) >= 2
    for block in found:
        from_toml(block)


def test_links_within_the_docs_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_reference_of_studies_names_every_key_and_every_shipped_study() -> None:
    page = (ROOT / "docs" / "reference" / "studies.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([^`]+)`", " ".join(line.split("|")[1] for line in page.splitlines() if "|" in line)))
    for kind in (StudySpec, ArmSpec, Search, Range, Smaller):
        assert {field.name for field in dataclasses.fields(kind)} <= named
    assert {name for name in named if re.match("[ab]-", name)} == set(study_presets())


def test_studies_in_the_docs_have_arms() -> None:
    page = (ROOT / "docs" / "reference" / "studies.md").read_text(encoding="utf-8")
    whole, by_hand, search = (tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL))
    base = from_toml(presets()["mlp"]).to_json()
    linear = from_toml(presets()["linear"]).to_json()
    by_hand["arms"][-1]["base"] = linear
    made = [arms(study_from_plain({**each, "base": base})) for each in (whole, by_hand, search)]
    assert [len(found) for found in made] == [6, 3, 20]
