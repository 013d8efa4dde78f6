"""Fixtures that many tests share."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the real sequences and PSFs."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real sequences (../shared/data) are not on this machine")
    return SHARED_DATA
