"""The safe subset of SQL in a map: values in, a value out, and nothing else (tests/cases/map/expressions.json)."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosswalk.model.errors import UsageError
from crosswalk.store.expression import DEEPEST, FUNCTIONS, expression_columns, expression_sql, renamed_expression
from crosswalk.store.sql import quoted

CASES: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "cases" / "map" / "expressions.json").read_text(encoding="utf-8")
)
DUCKDB = duckdb.connect()
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0."), min_size=1, max_size=12)


@pytest.mark.parametrize("case", CASES["allowed"], ids=lambda case: case["text"])
def test_an_expression_of_values_is_read_and_names_its_columns(case: dict[str, Any]) -> None:
    """Comparisons, CASE, casts to plain types and the listed functions pass; each column is named once."""
    assert sorted(expression_columns(case["text"], "here")) == sorted(case["columns"])


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["text"])
def test_everything_else_is_refused_and_the_place_is_named(case: dict[str, Any]) -> None:
    """Sub-queries, files, settings, aggregates, windows, stars, lambdas, records, parameters and odd casts do not pass."""
    with pytest.raises(UsageError, match=case["why"]) as refused:
        expression_sql(case["text"], quoted, "people.where")
    assert "people.where" in refused.value.message
    assert refused.value.remedy


@pytest.mark.parametrize("depth", [DEEPEST + 1, 50_000])
def test_an_endless_expression_is_refused_rather_than_crashing(depth: int) -> None:
    """Nesting beyond reason is a UsageError, not a parser out of stack."""
    with pytest.raises(UsageError, match="here"):
        expression_columns("(" * depth + "1" + ")" * depth, "here")


def test_long_chains_of_operators_are_still_read() -> None:
    """A condition with many ORs is something people write."""
    assert expression_columns(" OR ".join(f"\"A\" = '{n}'" for n in range(150)), "here") == ("A",)


def test_only_functions_duckdb_calls_pure_values_are_listed() -> None:
    """No listed function is a table function, an aggregate or volatile: none reads more than its arguments."""
    found = DUCKDB.execute("SELECT function_name, function_type, stability FROM duckdb_functions()").fetchall()
    kinds = {(kind, stability) for name, kind, stability in found if name in FUNCTIONS}
    assert kinds <= {("scalar", "CONSISTENT"), ("scalar", "CONSISTENT_WITHIN_QUERY"), ("macro", None)}


def test_no_table_or_aggregate_function_of_duckdb_passes() -> None:
    """Whatever DuckDB offers beyond values is refused by name, whatever the parser makes of it."""
    kinds = "('table', 'pragma', 'table_macro', 'aggregate')"
    found = DUCKDB.execute(f"SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN {kinds}").fetchall()
    names = {name for (name,) in found if re.fullmatch("[a-z_0-9]+", name)} - FUNCTIONS
    assert len(names) > 100
    assert [name for name in sorted(names) if not _is_refused(f"{name}('x')")] == []


def _is_refused(text: str) -> bool:
    try:
        expression_sql(text, quoted, "here")
    except UsageError:
        return True
    return False


@settings(deadline=None)
@given(name=NAMES, new=NAMES)
def test_a_column_of_any_name_survives_renaming(name: str, new: str) -> None:
    """Concepts become the headers that are really there, whatever characters those hold."""
    text = f"lower({quoted(name)}) = 'x''y' AND {quoted(name)} IS NOT NULL"
    renamed = renamed_expression(text, lambda column: {name: new}[column], "here")
    assert expression_columns(renamed, "here") == (new,)
    assert renamed_expression(renamed, lambda column: {new: name}[column], "here") == renamed_expression(text, str, "here")


@settings(deadline=None)
@given(name=NAMES, value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10))
def test_an_expression_means_in_duckdb_what_it_says(name: str, value: str) -> None:
    """A column is only ever a column and a literal only ever a literal, quotes and brackets inside them included."""
    literal = "'" + value.replace("'", "''") + "'"
    sql = expression_sql(f"{quoted(name)} = {literal} AND {quoted(name)} || 'x' = {literal} || 'x'", quoted, "here")
    rows = f"(SELECT unnest([?, ?]) AS {quoted(name)})"
    assert DUCKDB.execute(f"SELECT {quoted(name)} FROM {rows} WHERE {sql}", [value, value + "!"]).fetchall() == [(value,)]


@settings(deadline=None)
@given(noise=st.text(st.sampled_from("'\"()[]{};,-/*$?#:.@~ \nabAS01SELECTFROM"), max_size=30))
def test_noise_is_read_or_refused_but_never_crashes_or_leaks_a_query(noise: str) -> None:
    """Whatever a person types, the answer is an expression of our own writing or a UsageError."""
    try:
        sql = expression_sql(noise, lambda column: "c", "here")
    except UsageError:
        return
    assert not re.search(r"\b(select|from|read_\w+)\b", re.sub(r"'(?:[^']|'')*'", "", sql), re.IGNORECASE)
    assert ";" not in re.sub(r"'(?:[^']|'')*'", "", sql)
