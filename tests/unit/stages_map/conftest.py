"""A fresh world for each test that asks for one."""

from collections.abc import Generator
from pathlib import Path

import pytest
from map_world import World, open_world


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """A workspace with nothing in it."""
    with open_world(tmp_path) as opened:
        yield opened
