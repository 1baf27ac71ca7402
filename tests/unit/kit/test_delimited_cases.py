"""A1: dialects are found, not assumed; damage costs the guilty row only and is said with its line and reason."""

import json
from pathlib import Path
from typing import Any

import pytest
from table_reading import read_bytes

CASES = Path(__file__).parents[2] / "cases" / "source"
DIALECTS: list[dict[str, Any]] = json.loads((CASES / "dialects.json").read_text("utf-8"))
DAMAGE: list[dict[str, Any]] = json.loads((CASES / "damage.json").read_text("utf-8"))


@pytest.mark.parametrize("case", DIALECTS, ids=lambda case: case["name"])
def test_dialect(case: dict[str, Any], tmp_path: Path) -> None:
    """Delimiter, line ends, header line, names and every cell with the line it starts on."""
    reading = read_bytes(tmp_path, case["text"].encode())
    found = reading.dialect
    assert (found.delimiter, found.line_end, found.header_line) == (case["delimiter"], case["line_end"], case["header_line"])
    assert list(found.names) == case["names"]
    assert reading.rows == case["rows"]
    assert reading.damaged == []


@pytest.mark.parametrize("case", DAMAGE, ids=lambda case: case["name"])
def test_damage(case: dict[str, Any], tmp_path: Path) -> None:
    """Good rows keep their lines, damaged ones are set apart with line, reason and text, blank lines are counted."""
    content = bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()
    reading = read_bytes(tmp_path, content)
    assert reading.rows == case["rows"]
    assert [[row.line, row.reason, row.raw] for row in reading.damaged] == case["damaged"]
    assert reading.blank == case["blank"]
