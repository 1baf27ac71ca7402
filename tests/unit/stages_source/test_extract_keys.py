"""A3: every row gets a key; copies are folded and counted, rows without a key get a stable one."""

import hashlib
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from source_world import Extracted, extract_table

HEADER = ["Id", "Name", "Changed"]


def digest(text: str) -> str:
    """What stands in a key for all its parts but the first."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:20]


CASES: list[tuple[str, dict[str, Any], list[list[str]], list[tuple[str, str, int | None]]]] = [
    (
        "a source key is trimmed",
        {"key": ("Id",), "key_kind": "source"},
        [[" A ", "x", ""], ["B", "y", ""]],
        [("A", "staged", None), ("B", "staged", None)],
    ),
    (
        "identical rows are folded into the first",
        {"key": ("Id",), "key_kind": "source"},
        [["A", "x", ""], ["B", "y", ""], ["A", "x", ""], ["A", "x", ""]],
        [("A", "staged", None), ("B", "staged", None), ("A", "folded", 1), ("A", "folded", 1)],
    ),
    (
        "of differing rows the last in the file stays",
        {"key": ("Id",), "key_kind": "source"},
        [["A", "x", ""], ["A", "y", ""]],
        [("A", "folded", 2), ("A", "staged", None)],
    ),
    (
        "of differing rows the newest stays, in the day order the column shows",
        {"key": ("Id",), "key_kind": "source", "modified": "Changed"},
        [["A", "x", "02/05/2024 10:00"], ["A", "y", "03/04/2024 10:00"], ["B", "z", "28/04/2024 10:00"]],
        [("A", "staged", None), ("A", "folded", 1), ("B", "staged", None)],
    ),
    (
        "a row that says when it changed is newer than one that does not",
        {"key": ("Id",), "key_kind": "source", "modified": "Changed"},
        [["A", "x", "2024-05-02T10:00:00Z"], ["A", "y", ""]],
        [("A", "staged", None), ("A", "folded", 1)],
    ),
    (
        "a business key is its first part and a digest of the others, whose values nobody sees; repetitions are numbered",
        {"key": ("Id", "Name", "Changed"), "key_kind": "business"},
        [["A", "x|y", "z"], ["A", "x", "y|z"], ["A#", "x|y", "z"], ["A", "x|y", "z"], ["", "x|y", "z"]],
        [
            (f"A|{digest('x||y|z')}", "staged", None),
            (f"A|{digest('x|y||z')}", "staged", None),
            (f"A##|{digest('x||y|z')}", "staged", None),
            (f"A|{digest('x||y|z')}#2", "staged", None),
            (f"|{digest('x||y|z')}", "staged", None),
        ],
    ),
]


@pytest.mark.parametrize(("name", "changes", "rows", "expected"), CASES, ids=[case[0] for case in CASES])
def test_keys(
    name: str, changes: dict[str, Any], rows: list[list[str]], expected: list[tuple[str, str, int | None]], tmp_path: Path
) -> None:
    """Key, state and what a row was folded into."""
    found = extract_table(tmp_path, [HEADER, *rows], **changes)
    assert [(row["_key"], row["_state"], row["_folded_into"]) for row in found.rows["things"]] == expected, name


def test_rows_without_a_key(tmp_path: Path) -> None:
    """They are keyed by their filled cells, by name, and numbered: an empty column or another order of columns changes nothing."""
    found = extract_table(tmp_path / "a", [HEADER, ["1", "x", ""], ["2", "y", ""], ["1", "x", ""]], key=(), key_kind="content")
    keys = [row["_key"] for row in found.rows["things"]]
    assert keys[0] == hashlib.sha1(b"Id=1\x1fName=x", usedforsecurity=False).hexdigest()
    assert keys[2] == f"{keys[0]}#2"
    other = extract_table(tmp_path / "b", [["Name", "New", "Id"], ["x", "", "1"]], key=(), key_kind="content")
    assert [row["_key"] for row in other.rows["things"]] == keys[:1]


def test_blank_source_keys(tmp_path: Path) -> None:
    """They fall to the content and are a finding; equal ones stay different records."""
    rows = [["", "x", ""], ["A", "y", ""], [" ", "x", ""], ["", "x", ""]]
    found = extract_table(tmp_path, [HEADER, *rows], key=("Id",), key_kind="source")
    assert len({row["_key"] for row in found.rows["things"]}) == 4
    assert {row["_state"] for row in found.rows["things"]} == {"staged"}
    (finding,) = found.extraction.findings
    assert (finding.code, finding.count) == ("blank_key", 3)
    assert finding.examples == ("things.csv:2", "things.csv:4", "things.csv:5")


def test_differing_copies_are_a_finding_without_values(tmp_path: Path) -> None:
    """It names the lines and the fields, never what they hold (law 8)."""
    rows = [["A", "Asha Rao", "2024-01-01"], ["A", "Asha Roy", "2024-01-02"]]
    found = extract_table(tmp_path, [HEADER, *rows], key=("Id",), key_kind="source", modified="Changed")
    (finding,) = found.extraction.findings
    assert (finding.code, finding.severity, finding.count) == ("duplicate_key_differs", "warning", 1)
    assert finding.examples == ("things.csv:2 and things.csv:3 (kept) differ in Name, Changed",)
    assert "Asha" not in finding.model_dump_json()


def test_cells_are_verbatim_and_damage_is_quarantined(tmp_path: Path) -> None:
    """Blanks, NULs, quotes and line ends arrive as they stand, with the line the row starts on; a short row is set apart."""
    cells = ["  lead", 'a "b"\r\nc', "\x00z"]
    write = tmp_path / "export" / "things.csv"
    found = extract_table(tmp_path, [HEADER, cells, ["only one"], ["B", "", " "]], key=(), key_kind="content")
    assert [[row[name] for name in HEADER] for row in found.rows["things"]] == [cells, ["B", "", " "]]
    assert [(row["_file"], row["_line"], row["_row"]) for row in found.rows["things"]] == [
        ("things.csv", 2, 1),
        ("things.csv", 5, 2),
    ]
    assert found.quarantine == [
        {"object": "things", "file": "things.csv", "line": 4, "reason": "1 cells where the header has 3", "raw": '"only one"'}
    ]
    assert write.is_file()


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["", "A", " A", "A#", "A#2", "A##2"]),
            st.sampled_from(["x", "y"]),
            st.sampled_from(["", "2024-01-01", "2024-01-02"]),
        )
    ),
    kind=st.sampled_from(["source", "business", "content"]),
)
@settings(max_examples=15, deadline=None)
def test_laws(rows: list[tuple[str, str, str]], kind: str) -> None:
    """Counts balance; staged keys are unique; a folded row stands behind a staged row of its key; reading twice gives the same."""
    changes: dict[str, Any] = {"key": () if kind == "content" else ("Id",), "key_kind": kind, "modified": "Changed"}
    table = [HEADER, *(list(row) for row in rows)]
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        found = extract_table(Path(first), table, **changes)
        again = extract_table(Path(second), table, **changes)
    _check_laws(found, kind)
    assert found.rows == again.rows
    assert found.extraction.objects == again.extraction.objects


def _check_laws(found: Extracted, kind: str) -> None:
    counted = found.extraction.objects[0]
    rows = {row["_row"]: row for row in found.rows["things"]}
    states = Counter(row["_state"] for row in rows.values())
    assert (counted.rows, counted.staged, counted.folded) == (len(rows) + counted.quarantined, states["staged"], states["folded"])
    assert sorted(rows) == list(range(1, len(rows) + 1))
    staged = [row["_key"] for row in rows.values() if row["_state"] == "staged"]
    assert len(set(staged)) == len(staged)
    assert None not in staged
    for row in rows.values():
        assert (row["_folded_into"] is None) == (row["_state"] == "staged")
        if row["_folded_into"]:
            target = rows[row["_folded_into"]]
            assert (target["_state"], target["_key"]) == ("staged", row["_key"])
            assert (target["Changed"], target["_row"]) >= (row["Changed"], 0)
    if kind != "source":
        assert not states["folded"]
