"""One self-contained HTML file: templates filled in, style sheets inside, no script, nothing fetched."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fittingroom.errors import InvalidInput, WorkspaceUnusable
from fittingroom.report import STATIC
from fittingroom.report.figures import style
from fittingroom.workspace import write_atomically


def render(template: str, **values: Any) -> str:
    """A report as HTML."""
    sheets = Markup(style() + (STATIC / "report.css").read_text(encoding="utf-8"))
    return _templates().get_template(template).render(style=sheets, **values)


def check_free(path: Path, *, replace: bool) -> None:
    """Raise InvalidInput where a report cannot be written to a file, or would take the place of one."""
    if path.is_dir():
        raise InvalidInput(f'"{path}" is a folder; name a file in it, such as {path / "report.html"}')
    if path.exists() and not replace:
        raise InvalidInput(
            f'"{path}" is there already; give another name, or replace it with --force (replace=True in Python)'
        )


def save(html: str, path: Path, *, replace: bool) -> Path:
    """Write a report to a file, whole or not at all; raises InvalidInput or WorkspaceUnusable."""
    check_free(path, replace=replace)
    try:
        write_atomically(path, lambda file: file.write(html.encode()))
    except WorkspaceUnusable as error:
        why = getattr(error.__cause__, "strerror", None) or "it cannot be written"
        raise InvalidInput(f"cannot write the report to {path}: {why}; choose another folder or name") from error
    return path


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("fittingroom.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
