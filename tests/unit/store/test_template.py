"""Templates of the map: their SQL renders what a few lines of Python do (tests/cases/map/templates.json)."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosswalk.model.errors import UsageError
from crosswalk.store.sql import quoted
from crosswalk.store.template import Part, parse_template, template_columns, template_sql

CASES: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "cases" / "map" / "templates.json").read_text(encoding="utf-8")
)
DUCKDB = duckdb.connect()
COLUMNS = ["A", "B", "Größe", "a.b", 'q"q']
WORDS = st.text(st.sampled_from("ab'\"[]{}\\ \t\n\0\xa0\u2003ÄहX"), max_size=6)
PARTS = st.one_of(
    st.sampled_from([f"{{{name}}}" for name in COLUMNS]),
    st.text(st.sampled_from("ab' \\-§"), min_size=1, max_size=4),
    st.sampled_from(["{{", "}}", "[[", "]]", "{{part}}"]),
)
OPTIONAL = st.lists(PARTS, min_size=1, max_size=4).map(lambda parts: f"[ {''.join(parts)}]")
TEMPLATES = st.lists(st.one_of(PARTS, OPTIONAL), min_size=1, max_size=6).map("".join)


def rendered(template: str, row: dict[str, str | None]) -> str | None:
    """What the SQL of the template gives for one row."""
    columns = ", ".join(f"?::VARCHAR AS {quoted(name)}" for name in row) or "1 AS x"
    found = DUCKDB.execute(f"SELECT {template_sql(template, quoted)} FROM (SELECT {columns})", list(row.values())).fetchone()
    assert found is not None
    return found[0]


def reference(parts: tuple[Part, ...], row: dict[str, str | None]) -> str | None:
    """The rule in Python: blank columns make an optional part vanish; all columns blank make the text vanish."""
    cells = {part.text: (row[part.text] or "").replace("\0", "").strip() for part in parts if part.is_column}
    if cells and not any(cells.values()):
        return None
    empty = {part.optional for part in parts if part.optional and part.is_column and not cells[part.text]}
    return "".join(cells[part.text] if part.is_column else part.text for part in parts if part.optional not in empty)


@pytest.mark.parametrize("case", CASES["rendered"], ids=lambda case: case["why"])
def test_a_template_renders_what_its_words_promise(case: dict[str, Any]) -> None:
    """Each case says which rule it shows."""
    assert rendered(case["template"], case["row"]) == case["text"]


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["template"])
def test_a_template_nobody_can_read_is_refused(case: dict[str, Any]) -> None:
    """Open or stray brackets and braces are an error that says how to write them, never literal text."""
    with pytest.raises(UsageError, match=case["why"]) as refused:
        parse_template(case["template"])
    assert refused.value.remedy


@settings(deadline=None)
@given(template=TEMPLATES, cells=st.lists(st.none() | WORDS, min_size=len(COLUMNS), max_size=len(COLUMNS)))
def test_sql_and_python_render_the_same(template: str, cells: list[str | None]) -> None:
    """For any template and any cells, blank, quoted, with NUL or not Latin."""
    row = dict(zip(COLUMNS, cells, strict=True))
    assert rendered(template, row) == reference(parse_template(template), row)


@settings(deadline=None)
@given(template=TEMPLATES)
def test_every_column_of_a_template_is_named_once(template: str) -> None:
    """What a template reads is known before it runs; `key` is the record's own key and no column."""
    named = template_columns(template + "{key}")
    assert set(named) == {part.text for part in parse_template(template) if part.is_column}
    assert len(named) == len(set(named))
