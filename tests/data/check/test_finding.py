"""How findings are worded."""

from __future__ import annotations

import pytest

from fittingroom.data.check.finding import share


@pytest.mark.parametrize(
    ("count", "n", "told"),
    [
        (24, 24, "24 of 24 (100 %)"),
        (1, 10_000_000, "1 of 10,000,000 (0.00001 %)"),
        (12, 60_000, "12 of 60,000 (0.02 %)"),
        (9_999, 10_000, "9,999 of 10,000 (99.99 %)"),
        (1, 3, "1 of 3 (33 %)"),
        (0, 0, "0 of 0"),
    ],
)
def test_shares_are_percentages_that_people_can_read(count: int, n: int, told: str) -> None:
    assert share(count, n) == told
