"""Transforms are found by name, and a wrong name is answered with the right ones."""

import ast
from pathlib import Path

import pytest

import crosswalk.transforms
from crosswalk.transforms.registry import TRANSFORMS, transform
from crosswalk.transforms.remedies import REMEDIES

ROOM = Path(crosswalk.transforms.__path__[0])


def test_a_near_miss_is_named() -> None:
    """Whoever mistypes a name is told the names that are near."""
    with pytest.raises(KeyError, match=r"phone\.e164"):
        transform("phone_e164")


def test_a_far_miss_lists_all() -> None:
    """Where nothing is near all names are given."""
    with pytest.raises(KeyError, match="blood_group"):
        transform("qqqq")


def test_specs_say_what_they_are() -> None:
    """Each transform carries its own name and a summary, and each finding a remedy."""
    assert all(name == spec.name and spec.summary for name, spec in TRANSFORMS.items())
    assert all(finding.remedy for spec in TRANSFORMS.values() for finding in spec.findings)


def test_no_remedy_is_left_over() -> None:
    """Every remedy belongs to a finding that some transform can raise."""
    assert {finding.code for spec in TRANSFORMS.values() for finding in spec.findings} == set(REMEDIES)


FORBIDDEN = {"os", "io", "pathlib", "socket", "time", "random", "subprocess", "requests", "aiohttp", "logging"}


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.stem)
def test_the_room_has_no_doors(path: Path) -> None:
    """No module of the room imports a file system, network, clock, log or another room of Crosswalk."""
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
        elif isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
    assert not {name for name in imported if name.partition(".")[0] in FORBIDDEN}
    assert not {name for name in imported if name.startswith("crosswalk.") and not name.startswith("crosswalk.transforms")}
