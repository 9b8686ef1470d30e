"""What a form says, as settings of a spec by their paths: ``train.epochs=5``."""

from __future__ import annotations

import json
from collections.abc import Iterable

from starlette.datastructures import FormData

from fittingroom.errors import InvalidInput
from fittingroom.spec.run import TAGGED
from fittingroom.web.drafts import Draft, Plain

TABLES = ("data", "train", "start", *TAGGED, "train.early_stop")
OPTIONAL = ("train.early_stop",)
"""Tables that may be left out: a form says ``{}`` to have one, ``none`` to have none."""
DEEPEST = 10
LISTS = ("train.reset",)
"""What a form may say several times."""
TEXTS = ("name", "data.source", "start.source")
"""Text that may look like something else: a run that is called 2026."""


def setting(path: str, value: str) -> str:
    """One setting; an empty value leaves it out."""
    return f"{path}={value if value.strip() else 'none'}"


def settings_of(form: FormData, draft: Draft) -> list[str]:
    """Every setting of a form. A table that becomes another kind begins with its defaults, and so does a new one."""
    values = {path: str(value) for path, value in form.items()}
    if deep := next((path for path in values if path.count(".") > DEEPEST), None):
        raise InvalidInput(f'"{deep[:60]}…" leads too deep; no setting lies there')
    found, gone = [], []
    for table in TAGGED:
        if f"{table}.name" in values and values[f"{table}.name"] != draft.kind(table):
            found.append(f'{table}={{ name = "{values[f"{table}.name"]}" }}')
            gone.append(table)
    for table in OPTIONAL:
        if table in values and (values[table] == "none") == (draft.at(table) is not None):
            found.append(setting(table, values[table]))
            gone.append(table)
        values.pop(table, None)
    if "start.source" in values and values["start.source"] != draft.at("start.source"):
        found.append("start={}")  # which weights of another run there are is another question
        values.pop("start.weights", None)
    for path in LISTS:
        if path in values:
            found.append(f"{path}={json.dumps([str(each) for each in form.getlist(path) if str(each)])}")
            del values[path]
    return [*found, *(_quoted(path, value) for path, value in values.items() if not _within(path, gone))]


def _quoted(path: str, value: str) -> str:
    return (
        f"{path}={json.dumps(value, ensure_ascii=False)}" if path in TEXTS and value.strip() else setting(path, value)
    )


def _within(path: str, tables: Iterable[str]) -> bool:
    return any(path.startswith(f"{table}.") for table in tables)


def check_tables(draft: Draft) -> None:
    """Refuse what no form says: a value in place of a table or list would leave nothing that can be shown."""
    for path in TABLES:
        if not isinstance(draft.at(path) or {}, dict):
            raise InvalidInput(f'"{path}" is a table; set what is in it')
    if not isinstance(draft.at("phases") or [], list):
        raise InvalidInput('"phases" is a list; set what is in it')


def data_sources(spec: Plain) -> set[str]:
    """What a draft names its images by, those of its phases too."""
    stages = [spec, *(phase for phase in spec.get("phases") or () if isinstance(phase, dict))]
    tables = [stage.get("data") for stage in stages]
    return {str(table["source"]) for table in tables if isinstance(table, dict) and "source" in table}


def without_an_empty_start(spec: Plain) -> Plain:
    """A start from nothing is no start, and then nothing is taken over that could begin anew or be kept as it is."""
    start, train = spec.get("start"), spec.get("train")
    if not isinstance(start, dict) or start.get("source"):
        return spec
    kept = {key: value for key, value in spec.items() if key != "start"}
    if isinstance(train, dict) and not spec.get("phases"):
        kept["train"] = {key: value for key, value in train.items() if key not in {"reset", "freeze_up_to"}}
    return kept
