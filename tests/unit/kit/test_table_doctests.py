"""The examples in the docstrings of this room hold."""

import doctest
import importlib

import pytest

MODULES = ("encoding", "header", "dialect", "delimited", "workbook", "export", "evidence", "keys", "naming")


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    """Every example gives what it says."""
    assert doctest.testmod(importlib.import_module(f"crosswalk.kit.tables.{name}")).failed == 0
