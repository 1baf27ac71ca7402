"""The examples in the docstrings of the room are true."""

import doctest
import importlib
import pkgutil

import pytest

import crosswalk.transforms

MODULES = [module.name for module in pkgutil.iter_modules(crosswalk.transforms.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    """Every example of the module shows what the function answers."""
    module = importlib.import_module(f"crosswalk.transforms.{name}")
    assert doctest.testmod(module).failed == 0
