"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("QUARTERDECK_SHARED_DATA", Path(__file__).parents[1].parent / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data beside the checkout; without it the test is skipped."""
    if not SHARED.is_dir():
        pytest.skip("no public data: set QUARTERDECK_SHARED_DATA to the folder that holds it")
    return SHARED
