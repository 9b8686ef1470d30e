"""The fonts that come with matplotlib: the same on every machine that runs these tests."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pytest

FONTS = Path(matplotlib.__file__).parent / "mpl-data" / "fonts" / "ttf"


@pytest.fixture(scope="session")
def fonts() -> Path:
    return FONTS
