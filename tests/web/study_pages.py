"""Pages of studies as tests read them."""

from __future__ import annotations

import html
import re
import tomllib
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.testclient import TestClient

from fittingroom.spec.study import StudySpec, study_from_plain
from fittingroom.store import Store


def text(answer: Any) -> str:
    """What people read, on one line."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", answer.text)))


def form_of(address: str) -> dict[str, list[str]]:
    """What a form at this address would send."""
    return parse_qs(urlsplit(address).query, keep_blank_values=True)


def spec_at(page: TestClient, address: str) -> StudySpec:
    """The study that the page offers as a text file."""
    path, _, query = address.partition("?")
    answer = page.get(f"{path}/study.toml?{query}")
    assert answer.status_code == 200, text(answer)
    assert "attachment" in answer.headers["content-disposition"]
    return study_from_plain(tomllib.loads(answer.text))


def assert_refused(page: TestClient, store: Store, address: str, said: str) -> None:
    """What is wrong is told, Start is out of reach, and nothing starts all the same."""
    answer = page.get(address)
    assert answer.status_code == 200
    assert said in text(answer)
    assert re.search(r'id="start"[^>]* disabled', answer.text)
    assert page.post("/studies/start", data=form_of(address)).status_code == 422
    assert store.runs() == []
    assert store.studies.studies() == []
