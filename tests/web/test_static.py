"""Static files are kept by browsers for ever under addresses that change with them, and under no others."""

from __future__ import annotations

from starlette.testclient import TestClient

from fittingroom.report.figures import style
from fittingroom.web.site import static


def test_a_file_is_kept_for_ever_by_the_address_that_names_its_content(page: TestClient) -> None:
    answer = page.get(static("islands/chart.js"))
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_script_that_another_one_imports_by_its_name_is_asked_for_anew(page: TestClient) -> None:
    answer = page.get("/static/islands/chart.js")
    assert answer.headers["cache-control"] == "no-cache"
    again = page.get("/static/islands/chart.js", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_style_of_figures_is_served_as_reports_have_it(page: TestClient) -> None:
    answer = page.get(static("figures.css"))
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.text == style()
